"""Read labels that have names, such as modalities and regions, in what a model wrote."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from parrot_bench.reading.words import (
    UNSPACED,
    denial,
    either,
    is_none,
    joining,
    key,
    lacking,
    only,
    plain,
    without,
    without_idioms,
    words,
)
from parrot_bench.task.labels import Label, Labels

MOST_PROSE = 400
"""Characters of running text in which the mention of a label is taken for the answer."""
MOST_VALUE = 100
"""The same for one text of a JSON answer."""
BULLET = re.compile(
    r"\A\s*(?:[-*\u2022\u25e6\u2023\u00b7\u2013\u2014+]\s+|[\u2022\u25cf]|\(?\d{1,2}[.)](?!\d)\s*)"
)
MARKUP = re.compile(r"\*\*|__|`|^[ \t]{0,8}(?:#+|>)|~~", re.MULTILINE)
_EDGES = " \t\n\r.,;:!?\"'\u00ab\u00bb()[]{}<>*_|\\\u3002"
_SEPARATOR = re.compile(r"[,;|&+\n\u3001]")
_HEAD_END = re.compile(r"\s*[:=\u2192]\s*|\s+[-\u2013\u2014]+>?\s+|\s*[(\[]|\s*\|\s*")
_SENTENCE = re.compile(r"[.!?\u3002\n;]+(?=\s|\Z)|[\u3002\n;]")
_POINTS = " \t:=-\u2013\u2014|([*_"
_ARTICLE = re.compile(r"(?i:an?|the)\s+")


@dataclass(frozen=True)
class NameReader:
    """Reads label identifiers and names, those of one language before those of others.

    Nothing is guessed: a name that means several labels is not read, unless the language decides;
    a sentence that denies something names no label.
    """

    _exact: dict[str, str]
    _known: dict[str, str]
    _defined: dict[str, str]
    _spoken: dict[str, str]
    _mention: re.Pattern[str]
    _denial: re.Pattern[str]
    _and: re.Pattern[str]
    _or: re.Pattern[str]
    _short: frozenset[str]
    _lacking: re.Pattern[str]
    _without: re.Pattern[str]
    _language: str
    _only: re.Pattern[str]
    _beside: tuple[tuple[re.Pattern[str], str], ...]

    def value(self, text: str) -> Labels | None:
        """Labels that one text of a JSON answer means; None where it means none for certain.

        The text is a name, or names with separators, or a few words with the name of exactly one
        label, such as "low-dose CT of the chest".
        """
        whole = self._line(text)
        if whole or len(text) > MOST_VALUE:
            return whole or None
        named = self._mentioned(text)
        return named if named is not None and len(named) == 1 else None

    def listed(self, text: str) -> Labels | None:
        """Labels of a text that is a list: on a line, on lines of their own, or behind bullets.

        Behind bullets, and in a line "name: explanation", a name may be explained. Lines without
        bullets among those with them are not read. A first line that is all names counts where the
        rest mentions no other label.

        Returns:
            The labels, none of them where it says so; None where it is no such list.
        """
        lines = [line for line in text.splitlines() if line.strip(_EDGES)]
        entries = [line for line in lines if BULLET.match(line)]
        if entries:
            return self._bullets(entries)
        read = [self._line(line) for line in lines]
        if read and all(each is not None for each in read):
            return _once(label for each in read for label in each or ())
        first = next(iter(read), None)
        if first is None or len(text) > MOST_PROSE * 4:
            return None
        others = {label for _, _, label in self._mentions("\n".join(lines[1:]))}
        return first if others <= set(first) else None

    def prose(self, text: str) -> Labels | None:
        """Labels that a few sentences mention; None where one of them denies, or there are many."""
        return self._mentioned(text) if len(text) <= MOST_PROSE else None

    def mentions(self, text: str) -> bool:
        """Whether a text names any label."""
        return bool(self._mentions(text))

    def _bullets(self, entries: list[str]) -> Labels | None:
        found: list[str] = []
        nothing = False
        bare = [BULLET.sub("", entry, count=1) for entry in entries]
        read_beside = self._of_company("\n".join(bare)) if any(map(self._line, bare)) else {}
        for entry in bare:
            read = self._line(entry, explained=True)
            if read is None and self._denied(entry):
                return None
            if read is None and (beside := read_beside.get(entry.strip(_EDGES))):
                read = (beside,)
            found += read or ()
            nothing |= read == ()
        return _once(found) if found or nothing else None

    def _denied(self, text: str) -> bool:
        """Whether a text that names a label says that it is not meant."""
        mentions = self._mentions(text)
        if not mentions:
            return False
        behind = plain(text)[mentions[0][1] :]
        return bool(self._denial.search(plain(text)) or self._lacks(behind))

    def _lacks(self, behind: str) -> bool:
        """Whether what stands behind a label says at once that it is not there."""
        return self._lacking.match(plain(behind).lstrip(_POINTS)) is not None

    def _of_company(self, text: str) -> dict[str, str]:
        """Words that mean a label only beside others, as written, with it: "Brust" of the chest."""
        return {
            match[0]: label for form, label in self._beside for match in form.finditer(plain(text))
        }

    def _line(self, line: str, *, explained: bool = False) -> Labels | None:
        """Labels of a line that holds nothing else; () where it says that there is none."""
        if label := self._match(line):
            return (label,)
        if is_none(line):
            return ()
        pieces = [each for each in _SEPARATOR.split(line) if each.strip(_EDGES)]
        whole = self._pieces(pieces) if len(pieces) > 1 else self._pieces_of(line)
        return whole or (self._head(line, explained) if explained or len(pieces) == 1 else None)

    def _pieces(self, pieces: list[str]) -> Labels | None:
        found: list[str] = []
        for piece in pieces:
            label = self._match(piece)
            named = (label,) if label else self._pieces_of(piece) or self._head(piece)
            if not named:
                return None
            found += named
        return _once(found)

    def _pieces_of(self, text: str) -> Labels | None:
        """Labels between slashes and words for "and", where all are labels."""
        parts = [part for part in self._and.split(plain(text)) if part.strip(_EDGES)]
        found = [self._match(part) for part in parts]
        if len(parts) < 2 and "/" in text:
            found = [self._match(part) for part in text.split("/")]
        return _once(each for each in found if each) if found and all(found) else None

    def _head(self, text: str, explained: bool = False) -> Labels | None:
        """The label before an explanation that denies nothing.

        It may name other labels only if `explained`, behind a bullet.
        """
        text = text.lstrip(_EDGES)
        end = _HEAD_END.search(text)
        label = self._match(text[: end.start()]) if end else None
        if end is None or label is None or self._denial.search(plain(text[end.start() :])):
            return None
        if self._lacks(text[end.start() :]):
            return None
        others = {other for _, _, other in self._mentions(text[end.start() :])} - {label}
        return None if others and not explained else (label,)

    def _match(self, text: str) -> str | None:
        """The label that a text is a name of."""
        bare = text.strip(_EDGES)
        exact = self._exact.get(text.strip()) or self._exact.get(bare)
        if exact or not bare or len(bare) > MOST_PROSE:
            return exact
        if _SEPARATOR.search(bare):
            return self._defined.get(key(bare))
        found = self._known.get(key(bare)) or self._defined.get(key(bare))
        if found is None and (article := _ARTICLE.match(bare)):
            found = self._known.get(key(bare[article.end() :]))
        return found

    def _mentions(self, text: str) -> list[tuple[int, int, str]]:
        """Where labels are named in a text, `plain` as it is compared."""
        found = []
        for match in self._mention.finditer(without_idioms(plain(text), self._language)):
            label = self._spoken.get(key(match[0]))
            if label:
                found.append((match.start(), match.end(), label))
        return found

    def _company(self, text: str) -> list[tuple[int, int, str]]:
        """Where words stand that mean a label beside others."""
        return [
            (match.start(), match.end(), label)
            for form, label in self._beside
            for match in form.finditer(text)
        ]

    def _without_others(
        self, mentions: list[tuple[int, int, str]], rest: str
    ) -> tuple[list[tuple[int, int, str]], str]:
        """Of "only A, B is excluded" what names A."""
        only = self._only.search(rest)
        others = rest[only.end() :] if only else ""
        if only is None or "\0" not in others or not self._denial.search(others):
            return mentions, rest
        return mentions[: rest.count("\0", 0, only.end())], rest[: only.end()]

    def _takes_out(self, rest: str) -> bool:
        r"""Whether a sentence denies or doubts; \0 stands in it for labels."""
        if self._denial.search(rest) or self._or.search(rest) or self._without.search(rest):
            return True
        return any(map(self._lacks, rest.split("\0")[1:]))

    def _mentioned(self, text: str) -> Labels | None:
        named: list[str] = []
        for sentence in _SENTENCE.split(plain(text)):
            mentions = self._mentions(sentence)
            if mentions:
                mentions = sorted([*mentions, *self._company(sentence)])
            rest = sentence
            for start, end, _ in reversed(mentions):
                rest = f"{rest[:start]} \0 {rest[end:]}"
            if any(sentence[start - 1 : start] in self._short for start, _, _ in mentions):
                return None  # part of a compound, as 腹部 is of 胸腹部
            mentions, rest = self._without_others(mentions, rest)
            if mentions and self._takes_out(rest):
                return None
            named += [label for _, _, label in mentions]
        return _once(named) or None


def _once(labels: Iterable[str]) -> Labels:
    return tuple(dict.fromkeys(labels))


@lru_cache(maxsize=64)
def name_reader(labels: tuple[Label, ...], language: str) -> NameReader:
    """The reader of some labels, in answers about texts of a language.

    Args:
        labels: The labels, with their names.
        language: ISO 639-1 code, or empty where it is not known: then a name is read only if it
            means the same label in all languages.
    """
    exact = {label.id: label.id for label in labels}
    ids = _of_one((label.id, label.id) for label in labels)
    lines = _of_one(
        (text, label.id)
        for label in labels
        if label.definition
        for text in (label.definition, f"{label.id}: {label.definition}")
    )
    named = [(code, name, label.id) for label in labels for code, name in label.names]
    own = _of_one((name, label) for code, name, label in named if code == language)
    english = _of_one((name, label) for code, name, label in named if code == "en")
    every = _of_one((name, label) for _, name, label in named)
    nearest = (english, own, ids) if language else (ids,)
    spoken = {
        k: v for table in ((() if language else (every,)) + nearest) for k, v in table.items()
    }
    known = {k: v for table in (every, *nearest) for k, v in table.items()}
    forms = {name for code, name, _ in named if not language or code in (language, "en")}
    heard = {*exact, *forms}
    return NameReader(
        exact,
        known,
        lines,
        spoken,
        # One letter of Chinese or Korean is as a rule part of another word.
        re.compile(
            either((each for each in heard if not _too_short(each)), as_written=True),
        ),
        denial(language),
        joining(language),
        re.compile(f"\0\\s*(?:/|{either(words('or', language))})\\s*\0"),
        frozenset(plain(each) for each in heard if _too_short(each)),
        lacking(language),
        without(language),
        language,
        only(language),
        tuple(
            (re.compile(either(company)), label.id)
            for label in labels
            if (company := words(f"beside {label.id}", language))
        ),
    )


def _too_short(form: str) -> bool:
    return len(form) == 1 and UNSPACED.match(form) is not None


def _of_one(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Keys that belong to one label only, with it."""
    owners: defaultdict[str, set[str]] = defaultdict(set)
    for text, label in pairs:
        owners[key(text)].add(label)
    return {text: next(iter(own)) for text, own in owners.items() if len(own) == 1}
