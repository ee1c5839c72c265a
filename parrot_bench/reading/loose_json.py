"""Read JSON as language models write it: inside prose, broken in the usual ways, or cut off.

Understood besides JSON: single and typographic quotes, bare words, Python's True, False and None,
missing and trailing commas, comments, `{a, b}` as a list, a closing bracket that is missing or of
the other kind, and a text that ends inside.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

DEEPEST = 8
"""Brackets nested deeper than this are no answer."""
STEPS_PER_CHARACTER = 8
"""Tokens that may be read for each character of a text, so that no text takes long."""
_GAP = re.compile(r"(?:\s|//[^\n]*|/\*[^*]*\*/|,|;)*+")
_QUOTED = {
    '"': re.compile(r'"((?:[^"\\]|\\.)*+)("?)', re.DOTALL),
    "\u201c": re.compile(r'[\u201c\u201d\u201e]((?:[^"\u201c\u201d\\]|\\.)*+)(["\u201c\u201d]?)'),
    # An apostrophe ends a string only where something of the structure follows.
    "'": re.compile(
        r"['\u2018\u2019]((?:[^'\u2019\\\n]|\\.|['\u2019](?!\s*[,:\]}\n]|\s*\Z))*+)(['\u2019]?)"
    ),
}
_OPENING = {"\u201d": "\u201c", "\u201e": "\u201c", "\u2018": "'", "\u2019": "'"}
_BARE = re.compile(r"[^\s\"\u201c-\u201e{}\[\],:;=][^\"\u201c-\u201e{}\[\],:;=\n]{0,200}+")
_COLON = re.compile(r"\s*(?:[:=]|=>)\s*")
_START = re.compile(r"[{\[]")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_WRITTEN = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_CONSTANTS = {
    "true": True,
    "True": True,
    "false": False,
    "False": False,
    "null": None,
    "None": None,
}


@dataclass(frozen=True, slots=True)
class Found:
    """A structure in a text.

    Attributes:
        value: Lists, dictionaries, texts, truth values and None; numbers stay texts.
        closed: Whether its closing bracket is there.
        whole: Whether nothing but white space stands around it.
    """

    value: Any
    closed: bool
    whole: bool


def find_structures(text: str, *, cut: bool = False) -> list[Found]:
    """Outermost objects and arrays of a text, in order.

    Args:
        text: Any text.
        cut: Whether it was cut off: then a string that it ends in may be half a string, and is
            left out.

    Returns:
        What can be read. It never raises, and takes time linear in the length of the text.
    """
    reader = _Reader(text, cut, STEPS_PER_CHARACTER * (len(text) + 100))
    found = []
    at = 0
    while match := _START.search(text, at):
        start = match.start()
        try:
            value = reader.value(start, DEEPEST)
        except _NoStructureError:
            at = start + 1
            continue
        except _NoTimeError:
            break
        at = reader.at
        whole = not text[:start].strip() and not text[at:].strip()
        found.append(Found(value, reader.closed, whole))
    return found


class _NoStructureError(Exception):
    """What follows a bracket is no structure."""


class _NoTimeError(Exception):
    """The text is made to take long."""


class _Reader:
    """Reads one value after another.

    Attributes:
        at: Where the value read last ends.
        closed: Whether all of its brackets were closed.
    """

    def __init__(self, text: str, cut: bool, steps: int) -> None:
        self.text = text
        self.cut = cut
        self.steps = steps
        self.at = 0
        self.closed = True

    def value(self, start: int, depth: int) -> Any:
        """The structure that begins at a bracket."""
        self.at = start
        self.closed = True
        return self._structure(depth)

    def _structure(self, depth: int) -> Any:
        if depth == 0:
            raise _NoStructureError
        opening = self.text[self.at]
        self.at += 1
        values: list[Any] = []
        pairs: dict[str, Any] = {}
        while True:
            self._skip_gap()
            if self.at >= len(self.text):
                self.closed = False
                break
            if self.text[self.at] in "]}":
                if opening == "{" and self.text[self.at] == "]" and self._closes_later("}"):
                    self.at += 1
                    continue
                # `["a", "b"}` lacks its own bracket; the one that is there closes what is around.
                if opening == "{" or self.text[self.at] == "]" or depth == DEEPEST:
                    self.at += 1
                break
            item, complete = self._item(depth)
            if self.cut and not self.closed and opening == "[" and isinstance(item, dict):
                continue  # half an entry
            colon = _COLON.match(self.text, self.at)
            if colon and isinstance(item, str):
                if opening == "[":
                    raise _NoStructureError
                self._pair(pairs, item, colon.end(), depth)
            elif complete:
                values.append(item)
        if pairs and values:
            raise _NoStructureError
        return pairs if pairs or (opening == "{" and not values) else values

    def _pair(self, pairs: dict[str, Any], key: str, start: int, depth: int) -> None:
        self.at = start
        if start >= len(self.text) or self.text[start] in "]},":
            return
        item, complete = self._item(depth)
        if complete:
            pairs[key] = item

    def _item(self, depth: int) -> tuple[Any, bool]:
        """A value, and whether it is all there."""
        character = self.text[self.at]
        if character in "{[":
            inner = self._structure(depth - 1)
            return inner, self.closed or bool(inner)
        quoted = _QUOTED.get(_OPENING.get(character, character))
        match = quoted.match(self.text, self.at) if quoted else _BARE.match(self.text, self.at)
        if match is None:
            raise _NoStructureError
        self._spend(match.end() - self.at)
        self.at = match.end()
        ended = bool(match[2]) if quoted else self.at < len(self.text)
        if not quoted:
            word = match[0].strip()
            return _CONSTANTS.get(word, word), ended or not self.cut
        if not ended:
            self.closed = False
        return _ESCAPE.sub(_unescaped, match[1]), ended or not self.cut

    def _skip_gap(self) -> None:
        match = _GAP.match(self.text, self.at)
        if match:
            self._spend(match.end() - self.at + 1)
            self.at = match.end()

    def _spend(self, steps: int) -> None:
        self.steps -= steps
        if self.steps < 0:
            raise _NoTimeError

    def _closes_later(self, bracket: str) -> bool:
        self._spend(60)
        return bracket in self.text[self.at + 1 : self.at + 60]


def _unescaped(match: re.Match[str]) -> str:
    written = match[1]
    if len(written) > 1:
        character = chr(int(written[1:], 16))
        return character if character.isprintable() else "\ufffd"
    return _WRITTEN.get(written, written)
