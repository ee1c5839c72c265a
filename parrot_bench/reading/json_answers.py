"""Read labels in the JSON of an answer, whatever its keys and its shape."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from parrot_bench.reading.loose_json import Found, find_structures
from parrot_bench.reading.words import (
    UNSPACED,
    denial,
    is_none,
    key,
    keys,
    plain,
    squeezed,
    vote,
)
from parrot_bench.task.labels import Labels

UNREAD = "(unread)"
"""Stands among the labels of an answer for an entry that is too long to be a label."""
LONGEST_LABEL = 40
"""Characters of an unknown label; it is cut after them."""
MOST_WORDS = 5
"""Words of an unknown label; what has more may be text of the report."""
_WIDE = str.maketrans("\uff1a\uff0c\u3001\uff5b\uff5d\uff3b\uff3d\uff02", ':,,{}[]"')


_NAME_AND_VOTE = re.compile(r"([^:=(]{1,80}?)\s{0,2}[:=(]\s{0,2}([^:=()]{1,60})\)?")


class ValueReader(Protocol):
    """Reads the labels that one text means; None where that is not certain."""

    def value(self, text: str) -> Labels | None:
        """Labels of a text."""
        ...

    def mentions(self, text: str) -> bool:
        """Whether any label is named."""
        ...


def from_json(
    text: str, answer_key: str, reader: ValueReader, *, multi: bool, cut: bool
) -> tuple[bool, Labels | None]:
    """Labels in the structures of a text.

    The last object with the answer's key decides, but for one that holds a placeholder ("...").
    Without one, objects that hold labels under another word for the key, or under their only key,
    or as keys with truth values, or under "positive" beside "negative": of several the last one
    counts, or all of them where several labels are asked for. Then the last array of labels; an
    empty one only where the text names no label.

    Args:
        text: The answer.
        answer_key: The key that was asked for; case and separators never matter.
        reader: Reads single texts.
        multi: Whether several labels may be answered.
        cut: Whether the text was cut off.

    Returns:
        Whether there is an object with the key, or other JSON with labels; and the labels, None
        where what is there cannot be read.
    """
    found = find_structures(text.translate(_WIDE), cut=cut)
    own = key(answer_key)
    keyed = [value for each in found for value in _under(each.value, own)]
    for value in reversed(keyed):
        entries = _Entries(reader, own, keep_unknown=True)
        entries.add(value)
        if entries.blank and not (multi and value in ([], None)):
            continue
        return True, entries.labels(multi=multi)
    if keyed:
        return True, None
    objects = [each.value for each in found if isinstance(each.value, dict)]
    read = [labels for each in objects if (labels := _of(each, reader, own, multi)) is not None]
    if read:
        return True, _together(read) if multi else read[-1]
    found_none = multi and not reader.mentions(text)
    return _of_arrays(found, reader, own, multi=multi, found_none=found_none)


def _of_arrays(
    found: list[Found], reader: ValueReader, own: str, *, multi: bool, found_none: bool
) -> tuple[bool, Labels | None]:
    for each in reversed(found):
        if not isinstance(each.value, list):
            continue
        entries = _Entries(reader, own, keep_unknown=each.whole and multi)
        entries.add(each.value)
        empty = found_none and each.closed and each.value == []
        if entries.read or (empty and not entries.unread):
            return True, entries.labels(multi=multi)
    return False, None


def _of(value: dict[str, Any], reader: ValueReader, own: str, multi: bool) -> Labels | None:
    entries = _Entries(reader, own, keep_unknown=False)
    entries.add(value)
    said_none = multi and entries.nothing and not entries.unread
    return entries.labels(multi=multi) if entries.read or said_none else None


def _under(value: Any, own: str) -> Iterator[Any]:
    """What stands under the key, however deep; outermost first."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if key(name) == own:
                yield inner
            elif key(name) not in keys("no"):
                yield from _under(inner, own)
    elif isinstance(value, list):
        for inner in value:
            yield from _under(inner, own)


@dataclass
class _Entries:
    """Entries of an answer, gathered from whatever holds them.

    Attributes:
        reader: Reads single texts.
        own: The answer's key.
        keep_unknown: Whether a short text that is no label stays as one.
        read: Labels so far, known and unknown.
        unread: How many entries could not be read.
        nothing: How many said that there is no label.
        blank: Whether there was no entry with a letter or digit.
    """

    reader: ValueReader
    own: str
    keep_unknown: bool
    read: list[str] = field(default_factory=list)
    unread: int = 0
    nothing: int = 0
    blank: bool = True

    def labels(self, *, multi: bool) -> Labels | None:
        """The labels; None where there are none that can be read."""
        found = _together([tuple(self.read)])
        if not multi:
            return found if len(found) == 1 and not self.unread else None
        if self.unread and not found:
            return None
        return (*found, UNREAD) if self.unread else found

    def add(self, value: Any) -> None:
        """Add a text, or whatever holds texts."""
        if isinstance(value, list):
            for each in value:
                self.add(self._cells(each) if isinstance(each, list) else each)
        elif isinstance(value, dict):
            self._add_object(value)
        elif isinstance(value, bool):
            self._add_text(str(value).lower())
        elif value is not None:
            self._add_text(str(value))

    def _cells(self, row: list[Any]) -> list[Any]:
        """Of a row such as ["J90", "Pleural effusion"] the labels, where it has any."""
        known = [each for each in row if isinstance(each, str) and self.reader.value(each)]
        return known or row

    def _add_object(self, value: dict[str, Any]) -> None:
        names = {key(name): inner for name, inner in value.items()}
        spoken = [name for name in names if name == self.own or name in _spoken(self.own)]
        if spoken and self._flagged_no(value, spoken):
            self._no_label()
        elif spoken:
            # {"code": ..., "class": ...}: the nearest word for the key, not the first one.
            nearest = [name for name in spoken if name in keys(self.own)] or spoken
            self.add(names[nearest[0]])
        elif self._are_votes(value):
            chosen = [name for name, each in value.items() if _said(each)]
            for name in chosen:
                self._add_text(name)
            if not chosen:
                self._no_label()
        elif value and all(self.reader.value(name) for name in value):
            if any(each is None or _said(each) is False for each in value.values()):
                self._unread()
            else:
                self.add(list(value))
        elif len(value) == 1 and not any(map(_denies, value)):
            self.add(next(iter(value.values())))
        else:
            self._add_groups(value)

    def _add_groups(self, value: dict[str, Any]) -> None:
        """Labels under headings of the model's own, such as {"primary": ..., "secondary": ...}."""
        if self._flagged_no(value, []):
            self._no_label()
            return
        value = {name: each for name, each in value.items() if _said({name: each}) is None}
        inner = _Entries(self.reader, self.own, keep_unknown=False)
        meant = {name: each for name, each in value.items() if not _is_no(name)}
        for each in meant.values():
            inner.add(each)
        denied = any(map(_denies, meant))
        if inner.read and not inner.unread and not denied:
            self.blank = False
            self.read += inner.read
        elif (value and not meant) or (len(meant) < len(value) and not denied and not inner.unread):
            self._no_label()
        else:
            self._unread()

    def _are_votes(self, value: dict[str, Any]) -> bool:
        said = [_said(each) for each in value.values()]
        return bool(said) and None not in said and all(map(self.reader.value, value))

    def _flagged_no(self, value: dict[str, Any], spoken: list[str]) -> bool:
        """Whether another key says that the label is not meant, as in "present": false.

        That some key says no does not: "primary": false.
        """
        return (
            _said({name: each for name, each in value.items() if key(name) not in spoken}) is False
        )

    def _add_text(self, text: str) -> None:
        if not any(c.isalnum() for c in text):
            return
        self.blank = False
        text = squeezed(text)
        known = self.reader.value(text)
        if known:
            self.read += known
        elif is_none(text) or self._is_denied(text):
            self.nothing += 1
        elif self.keep_unknown and _like_a_label(text) and not self.reader.mentions(text):
            self.read.append(" ".join(text.split())[:LONGEST_LABEL].strip())
        else:
            self.unread += 1

    def _is_denied(self, text: str) -> bool:
        """Whether a text names a label and says no: "head: no", "head (not covered)"."""
        parts = _NAME_AND_VOTE.fullmatch(text)
        return bool(parts and vote(parts[2]) is False and self.reader.value(parts[1]))

    def _no_label(self) -> None:
        self.blank = False
        self.nothing += 1

    def _unread(self) -> None:
        self.blank = False
        self.unread += 1


def _spoken(own: str) -> frozenset[str]:
    return keys(own) | keys("answer") | keys("final")


def _said(value: Any) -> bool | None:
    """What a value says of a label: yes or no, or an object with a key that is a flag.

    A flag is "present" or "negated", and not "primary", which says no of something else.
    """
    if isinstance(value, str | bool):
        return vote(str(value))
    if not isinstance(value, dict):
        return None
    said = None
    for name, each in value.items():
        found = vote(str(each)) if isinstance(each, str | bool) else None
        if found is not None and key(name) in keys("yes") | keys("flag"):
            said = found and said is not False
        elif found is not None and _is_no(name):
            said = not found and said is not False
    return said


def _is_no(name: str) -> bool:
    """Whether what stands under a key is said not to be so: "negative", "not covered"."""
    return key(name) in keys("no") | keys("lacking") or (
        vote(name) is False and not denial("").fullmatch(plain(name)) and not is_none(name)
    )


def _denies(name: str) -> bool:
    return _is_no(name) or denial("").search(plain(name)) is not None


def _like_a_label(text: str) -> bool:
    # A Chinese or Korean sentence has few spaces; two of its characters count as a word.
    unspaced = len(UNSPACED.findall(text))
    return len(text.split()) + unspaced / 2 <= MOST_WORDS + 1 and len(text.split()) <= MOST_WORDS


def _together(read: list[Labels]) -> Labels:
    return tuple(dict.fromkeys(label for each in read for label in each))
