"""Read what people write in a field for ICD-10 codes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from parrot_bench.vocabulary.icd10 import load_table, normalise_code

LONGEST_RANGE = 20
"""A range of more codes or categories is not meant as a list."""
_DASH = "[-\u2013\u2014]"
_DOTLESS = r"[0-9][0-9A-Za-z]{0,3}|[A-Za-z][0-9Xx]{0,2}[0-9A-Za-z]?"
# No space before a second letter: "u A41" is the code A41 behind a word, not UA4.1.
_SHAPE = rf"[A-Za-z](?:[\s.]?[0-9]|[Aa])[\s.]?[0-9ABab](?:\s?\.\s?[0-9A-Za-z]{{1,4}}|{_DOTLESS})?"
_ENTRY_END = re.compile("[;|\\\\\n\r\t\u3002]")
# The words are letters of chapters too: "M47.8, I 63.9" has no "and". A code must follow them.
_SEPARATOR = re.compile(
    r"[,/+&\u3001\u2022]|(?<=[*\u2020])(?=[A-Z]\d)"
    rf"|(?:^|\s)(?:and|und|et|y|e|i|en|och|oraz|or)(?=\s+{_SHAPE}(?![0-9A-Z]))",
    re.IGNORECASE,
)
_ORDINAL = re.compile(r"\A\s*(?:\d{1,2}[.)]\s*|[-\u2022*]\s+)(?=[A-Za-z]\d)")
_BLANK = " .-\u2013\u2014_"
_DECIMAL_COMMA = re.compile(r"\b([A-Za-z]\d[0-9A-Za-z]),(\d{1,4})\b")
_QUOTE = re.compile("[\u2018-\u201e\u00ab\u00bb\u2039\u203a\u300c-\u300f]")
_RANGE = re.compile(rf"\s*({_SHAPE})\.?\s*{_DASH}\s*({_SHAPE})\.?\s*")
_LIST = re.compile(rf"\s*{_SHAPE}(?:\s+{_SHAPE})+\s*")
_LEADING = re.compile(rf"[\s.(\[]*({_SHAPE})(?:\.?-)?[.*\u2020!#)\]]*(?![0-9A-Za-z])")
_MENTION = re.compile(r"\b[A-Za-z][0-9Aa][0-9ABab](?:\.[0-9A-Za-z]{1,4})?\b")
_IN_TEXT = re.compile(r"\b[A-Z]\d[0-9A-Z]\.[0-9A-Z]{1,4}\b")
_RUN = re.compile("[A-Za-z0-9.\u00b7]{6,60}")
_NEXT_CODE = re.compile(r"(?<=...)(?=[A-Za-z]\d[0-9ABab])")
_SHORT_END = re.compile(rf"{_DASH}(?:\d|[A-Za-z]\b)")
_LETTERS_AND_DIGITS = re.compile(r"[^\W\d_]\d|\d[^\W\d_]|^\W*\d")


@dataclass(frozen=True, slots=True)
class ParsedCodes:
    """What a field of codes says.

    Attributes:
        codes: Codes in normal form, each once, in the order of the field.
        invalid: Pieces that cannot be read as a code, and descriptions that name a further code.
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
    a code, numbered and bulleted lists, and ranges. A description may go on behind a comma, up to a
    semicolon or a line end. A range is a list of the codes from one end to the other where both
    are categories, or exist at the same depth of one category, and the list is not longer than 20;
    any other range is reported. Codes that nothing stands between are taken apart where that gives
    codes of ICD-10-CM and the whole is none.

    Nothing is guessed: a letter O for a zero is not repaired, and a description that names a
    further code of ICD-10-CM is reported, for it may be a code of the report ("J90 with R91.1") or
    a remark ("J90 instead of R91.1").

    Args:
        text: The field.

    Returns:
        The codes, and the pieces that are none. It never raises.
    """
    found: list[str] = []
    invalid: list[str] = []
    written: list[str] = []
    plain = _QUOTE.sub(" ", unicodedata.normalize("NFKC", text))
    plain = _DECIMAL_COMMA.sub(r"\1.\2", plain)
    for entry in _ENTRY_END.split(plain):
        for codes, rest in _pieces(entry):
            found += [code for code, _ in codes]
            written += [token.strip() for _, token in codes]
            if rest and (not codes or _names_a_code(rest)):
                invalid.append(rest)
    return ParsedCodes(tuple(dict.fromkeys(found)), tuple(dict.fromkeys(invalid)), tuple(written))


def holds_code(text: str) -> bool:
    """Whether a report holds an ICD-10 code: four characters or more, with the dot, that exist."""
    exists = load_table().exists
    return any(exists(match[0]) for match in _IN_TEXT.finditer(text))


def _pieces(entry: str) -> Iterator[tuple[list[tuple[str, str]], str]]:
    """Codes of each piece with what was written, and the rest of it, less what only describes."""
    described = False
    for piece in _SEPARATOR.split(entry):
        if not piece.strip(_BLANK):
            continue
        codes, rest = _codes(piece)
        if codes:
            described = any(letter.isalpha() for letter in rest)
        elif described and not _LETTERS_AND_DIGITS.search(piece):
            continue
        yield codes, rest.strip()


def _codes(piece: str) -> tuple[list[tuple[str, str]], str]:
    """Codes of one piece, one, several with spaces, a range, or described; and the rest of it."""
    piece = _ORDINAL.sub("", piece)
    listed = _LIST.fullmatch(piece)
    for tokens in (piece.split(), [piece], re.findall(_SHAPE, piece) if listed else []):
        read = [pair for token in tokens for pair in _run_together(token)]
        if read and all(code for code, _ in read):
            return [(code, token) for code, token in read if code], ""
    ends = _RANGE.fullmatch(piece)
    if ends:
        first, last = normalise_code(ends[1]), normalise_code(ends[2])
        if first and last:
            line = _range(first, last)
            return [(code, code) for code in line], "" if line else piece
    leading = _LEADING.match(piece)
    code = normalise_code(leading[1]) if leading else None
    return ([(code, leading[1])], piece[leading.end() :]) if leading and code else ([], piece)


def _run_together(token: str) -> list[tuple[str | None, str]]:
    """Codes of a token: one as a rule, several of ICD-10-CM where nothing stands between them."""
    code = normalise_code(token)
    exists = load_table().exists
    if (code and exists(code)) or not _RUN.fullmatch(token):
        return [(code, token)]
    for cut in (match.start() for match in _NEXT_CODE.finditer(token)):
        first = normalise_code(token[:cut])
        if first and exists(first):
            others = _run_together(token[cut:])
            if all(other and exists(other) for other, _ in others):
                return [(first, token[:cut]), *others]
    return [(code, token)]


def _names_a_code(description: str) -> bool:
    """Whether a description holds a code of the release, or begins with the end of a range."""
    table = load_table()
    found = _MENTION.findall(description)
    return any(map(table.exists, found)) or _SHORT_END.match(description) is not None


def _range(first: str, last: str) -> list[str]:
    """Codes from one end to the other; none where that is no list, or too long for one."""
    table = load_table()
    line: list[str] = []
    if table.exists(first) and table.exists(last) and len(first) == len(last):
        if len(first) == 3:
            names = table.categories
            line = list(names[names.index(first) : names.index(last) + 1])
        elif first[:3] == last[:3]:
            same = [code for code in table.codes_of(first[:3]) if len(code) == len(first)]
            line = [code for code in same if first <= code <= last]
    return line if len(line) <= LONGEST_RANGE else []
