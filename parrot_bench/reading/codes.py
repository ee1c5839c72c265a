"""Read ICD-10 codes in what a model wrote.

A code stays as it was written, but for white space and marks around it: "i25.1" and "I251" are
what the measures of validity see, and scoring brings them to normal form. Nothing is repaired, and
what has the form of a code is a label whether or not it exists. Of a range both ends are read, and
nothing between them: that was not written.

Running text holds much that is spelled like a code: vertebrae (T12), vitamins (B12), isotopes
(F18). There, a token without a dot is a code only in capitals, and only if ICD-10-CM has it. At
the head of a line it may be any, but one that is spelled like a vertebra must exist there too. In
JSON and in a list of nothing but codes everything of the form is a code. L4, S1 or T2 never are: a
code has three characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

from parrot_bench.reading.named_labels import BULLET, MOST_PROSE
from parrot_bench.reading.words import denial, either, is_none, lacking, plain, without, words
from parrot_bench.task.labels import Labels
from parrot_bench.vocabulary.icd10 import load_table, normalise_code

_TOKEN = re.compile(
    r"(?<![A-Za-z0-9.])[A-Za-z](?:[0-9][0-9ABab]|[Aa][0-9])"
    "(?:[.\u2024\u00b7][0-9A-Za-z]{1,4}|[0-9A-Za-z]{1,4})?"
    r"(?![A-Za-z0-9])(?![-\u2013][A-Za-z]{2})"
)
_VERTEBRA = re.compile(r"[CTLS]\d\d")
_LONGEST = 12
"""Characters of a code as written; what is longer is brought to normal form."""
_SEGMENT = re.compile(r"([,;|()\[\]\n\u3001\u3002]|\.(?=\s|\Z))")
_LED = re.compile(r"[\s|*\"'(\[]*")
_ENDED = re.compile(r"[\s|*\"')\].,;]*\Z")
_BEFORE_END = re.compile(r"[(\[:=|\u2192>\u2013\u2014-]\s*\Z")
_POINTS = " \t:=-\u2013\u2014*_"


@dataclass(frozen=True)
class CodeReader:
    """Reads codes, in answers about texts of a language."""

    _denial: re.Pattern[str]
    _description: re.Pattern[str]
    _is: re.Pattern[str]
    _name: re.Pattern[str]
    _filler: re.Pattern[str]
    _lacking: re.Pattern[str]
    _without: re.Pattern[str]

    def value(self, text: str) -> Labels | None:
        """Codes in one text of a JSON answer; None where there is none for certain."""
        if normalise_code(text):
            return (_written(text),)
        plain_text = self._without_names(text)
        if normalise_code(plain_text):
            return (_written(plain_text),)
        return self._pure(plain_text) or self._line(plain_text, led=True) or None

    def listed(self, text: str) -> Labels | None:
        """Codes of a list: nothing but codes, or lines with bullets, or that begin or end with one.

        Other lines are commentary and not read.

        Returns:
            The codes, none of them where it says so; None where it is no such list, or denies one.
        """
        if is_none(text):
            return ()
        text = self._without_names(text)
        pure = (_written(text),) if normalise_code(text) else self._pure(text)
        if pure:
            return pure
        found: list[str] = []
        for line in text.splitlines():
            entry = BULLET.sub("", line, count=1)
            if not self._is_entry(entry, bullet=entry != line):
                continue
            codes = self._line(entry, led=True)
            if codes is None:
                return None
            found += codes
        return once(found) or None

    def prose(self, text: str) -> Labels | None:
        """Codes in a few sentences; None where one is denied, or the text is long."""
        if len(text) > MOST_PROSE:
            return None
        return self._line(self._without_names(text), led=False) or None

    def mentions(self, text: str) -> bool:
        """Whether a text holds a code."""
        return _TOKEN.search(text) is not None

    def _without_names(self, text: str) -> str:
        return self._name.sub(" ", unicodedata.normalize("NFKC", text))

    def _pure(self, text: str) -> Labels | None:
        """Codes of a text that holds nothing else but separators, numbering and joining words."""
        lines = [BULLET.sub("", line, count=1) for line in text.splitlines()]
        bare = "\n".join(lines)
        rest = self._filler.sub(" ", _TOKEN.sub(" ", bare))
        if any(c.isalnum() for c in rest):
            return None
        return once([_written(match[0]) for match in _TOKEN.finditer(bare)]) or None

    def _line(self, text: str, *, led: bool) -> Labels | None:
        """Codes of running text; None where one of them is denied."""
        found: list[str] = []
        parts = _SEGMENT.split(text)
        described = ""
        for at, segment in enumerate(parts[::2]):
            tokens = list(_tokens(segment, led=led and at == 0))
            if tokens:
                leads = _LED.fullmatch(segment, 0, tokens[0].start()) is not None
                rest = segment[tokens[-1].end() :]
                found += [_written(token[0]) for token in tokens]
                denied = self._denies(rest, found[-1]) or (not leads and self._denied(segment))
                denied |= self._without.search(_TOKEN.sub("\0", plain(segment))) is not None
                # What stands before a bracket belongs to the code inside: "no effusion (J90)".
                denied |= at > 0 and parts[2 * at - 1] in "([" and self._denied(described)
            else:
                denied = bool(found) and self._denies(segment, found[-1])
                before = "".join(parts[max(0, 2 * at - _LOOK_BACK) : 2 * at])
                denied = denied and not self._qualifies(segment, found[-1], before)
            if denied:
                return None
            described = "" if tokens else segment
        return once(found)

    def _denied(self, text: str) -> bool:
        """Whether a text denies anywhere, but in the words of classifications."""
        return self._denial.search(self._description.sub(" ", plain(text))) is not None

    def _denies(self, text: str, code: str) -> bool:
        """Whether what stands behind a code denies it at once: "is not supported"."""
        text = self._is.sub("", plain(text).lstrip(_POINTS), count=1).lstrip(_POINTS)
        if self._lacking.match(text):
            return True
        begins = self._denial.match(text) and not self._description.match(text)
        return bool(begins) and not _describes(code, text)

    def _qualifies(self, text: str, code: str, said: str) -> bool:
        """Whether what a part behind a code denies is another condition.

        "No hemorrhage" is behind the code of an infarction that was named: its word stands in
        descriptions of ICD-10-CM, but not in the code's own, of which another word was said.
        """
        begins = self._denial.match(plain(text).strip(_POINTS))
        table = load_table()
        nearest = table.nearest(code) if normalise_code(code) else None
        if begins is None or nearest is None:
            return False
        denied = _stems(plain(text).strip(_POINTS)[begins.end() :])[:1]
        own = _stems(table.description(nearest))
        return bool(
            denied
            and denied[0] in _conditions()
            and denied[0] not in own
            and set(own) & set(_stems(said))
        )

    def _is_entry(self, line: str, *, bullet: bool) -> bool:
        tokens = list(_TOKEN.finditer(line))
        if not tokens:
            return False
        first, last = tokens[0], tokens[-1]
        if _LED.fullmatch(line, 0, first.start()):
            return True
        ends = _ENDED.match(line, last.end()) is not None
        return bullet or (ends and _BEFORE_END.search(line, 0, last.start()) is not None)


def _tokens(segment: str, *, led: bool) -> Iterator[re.Match[str]]:
    """Codes in a part of a line; `led` says that one at its very head may be any."""
    for match in _TOKEN.finditer(segment):
        token = match[0]
        if not token.isalnum():
            yield match  # there is a dot in it
            continue
        head = led and _LED.fullmatch(segment, 0, match.start()) is not None
        anything = head and not _VERTEBRA.fullmatch(token.upper())
        if anything or (token.isupper() and load_table().exists(token)):
            yield match


def _describes(code: str, text: str) -> bool:
    """Whether words behind a code stand like this in its description in ICD-10-CM."""
    table = load_table()
    nearest = table.nearest(code) if normalise_code(code) else None
    if nearest is None:
        return False
    wanted = re.findall(r"\w+", table.description(nearest).casefold())
    given = re.findall(r"\w+", text[:100].casefold())[:2]
    return len(given) == 2 and given in [wanted[at : at + 2] for at in range(len(wanted))]


_STEM = 5
_LOOK_BACK = 10
"""Parts of a line, marks between them included, in which a condition was named."""
_LONG = re.compile(r"[^\W\d_]{6,}")


def _stems(text: str) -> list[str]:
    """Beginnings of the longer words of a text."""
    return [word[:_STEM] for word in _LONG.findall(text[:1000].casefold())]


@cache
def _conditions() -> frozenset[str]:
    """Beginnings of words of descriptions in ICD-10-CM, but not of those for evidence."""
    table = load_table()
    every = {stem for code in table.codes() for stem in _stems(table.description(code))}
    evidence = {stem for form in words("evidence") for stem in _stems(form)}
    return frozenset(every - evidence)


def _written(code: str) -> str:
    """A code as it was written; in normal form where marks make it long."""
    bare = code.strip("\"'`*()[]- \t\n\u2022")
    return bare if 0 < len(bare) <= _LONGEST else normalise_code(code) or bare[:_LONGEST]


def once(codes: Iterable[str]) -> Labels:
    """Codes in order, each once whatever its spelling."""
    first: dict[str, str] = {}
    for code in codes:
        first.setdefault(normalise_code(code) or code, code)
    return tuple(first.values())


@lru_cache(maxsize=64)
def code_reader(answer_key: str, language: str) -> CodeReader:
    """The reader of codes.

    Args:
        answer_key: Key of the JSON answer; its words, such as "ICD-10-CM:", may stand before codes.
        language: ISO 639-1 code, or empty where it is not known.
    """
    names = either({answer_key, *words(answer_key), *words("codes")})
    return CodeReader(
        denial(language),
        re.compile(either(words("description"))),
        re.compile(rf"\A(?:{either(words('is'))})"),
        re.compile(rf"(?:{names})\s*(?:[:=]|(?=[A-Z]\d))"),
        re.compile(rf"{either(words('and', language))}"),
        lacking(language),
        without(language),
    )
