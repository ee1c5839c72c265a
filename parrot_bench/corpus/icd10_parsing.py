"""Read what people write in a field for ICD-10 codes."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from parrot_bench.corpus.icd10 import load_table, normalise_code

LONGEST_RANGE = 20
"""A range of more codes is not meant as a list."""
_SEPARATOR = re.compile(r"[,;/\\|\n\r\t+&]|\s(?:and|und|et|y|e|i|en|och|oraz|or)\s", re.IGNORECASE)
_SHAPE = (
    r"[A-Za-z][\s.]?[0-9Aa][\s.]?[0-9ABab](?:\s?\.\s?[0-9A-Za-z]{1,4}|[0-9]{1,2}[0-9A-Za-z]{0,2})?"
)
_DECIMAL_COMMA = re.compile(r"\b([A-Za-z]\d[0-9A-Za-z]),(\d{1,4})\b")
_RANGE = re.compile(rf"\s*({_SHAPE})\.?\s*[-\u2013\u2014]\s*({_SHAPE})\.?\s*")
_LEADING = re.compile(rf"[\s.(\[]*({_SHAPE})(?:\.?-)?[.*\u2020!#)\]]*(?![0-9A-Za-z])")


@dataclass(frozen=True, slots=True)
class ParsedCodes:
    """What a field of codes says.

    Attributes:
        codes: Codes in normal form, each once, in the order of the field.
        invalid: Pieces that cannot be read as a code.
        written: Every code as it was written, repeated ones included.
    """

    codes: tuple[str, ...]
    invalid: tuple[str, ...]
    written: tuple[str, ...]


@lru_cache(maxsize=10_000)
def parse_codes(text: str) -> ParsedCodes:
    """Codes in a field that people filled in.

    Understands any case, missing and stray dots, spaces inside codes, commas, semicolons, slashes,
    line ends and small words between them, dagger and asterisk marks, "S82.-", a description after
    a code, and ranges. A range is a list of the codes from one end to the other where both exist
    at the same depth of one category and the list is not longer than 20; otherwise it is its two
    ends. Nothing is guessed: a letter O for a zero is not repaired.

    Args:
        text: The field.

    Returns:
        The codes, and the pieces that are none. It never raises.
    """
    found: list[str] = []
    invalid: list[str] = []
    written: list[str] = []
    plain = _DECIMAL_COMMA.sub(r"\1.\2", unicodedata.normalize("NFKC", text))
    for piece in _SEPARATOR.split(plain):
        if not piece.strip(" .-\u2013\u2014_"):
            continue
        read = _codes(piece)
        found += [code for code, _ in read]
        written += [token.strip() for _, token in read]
        if not read:
            invalid.append(piece.strip())
    return ParsedCodes(tuple(dict.fromkeys(found)), tuple(dict.fromkeys(invalid)), tuple(written))


def _codes(piece: str) -> list[tuple[str, str]]:
    """Codes of one piece with what was written: one, several with spaces, a range, or described."""
    words = [(normalise_code(word), word) for word in piece.split()]
    if all(code for code, _ in words):
        return [(code, word) for code, word in words if code]
    whole = normalise_code(piece)
    if whole:
        return [(whole, piece)]
    ends = _RANGE.fullmatch(piece)
    if ends:
        first, last = normalise_code(ends[1]), normalise_code(ends[2])
        if first and last:
            return [(code, code) for code in _range(first, last)]
    leading = _LEADING.match(piece)
    code = normalise_code(leading[1]) if leading else None
    return [(code, leading[1])] if leading and code else []


def _range(first: str, last: str) -> list[str]:
    table = load_table()
    if first[:3] == last[:3] and len(first) == len(last) and first < last:
        line = [
            code
            for code in table.codes_of(first[:3])
            if len(code) == len(first) and first <= code <= last
        ]
        if len(line) <= LONGEST_RANGE and table.exists(first) and table.exists(last):
            return line
    return [first, last]
