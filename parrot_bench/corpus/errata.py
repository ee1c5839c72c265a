"""Known defects of the published data, each with a rule, an effect and a count.

The table stands in `data/errata`. Every rule here looks at one report; those that compare reports
(E02, E04) are in `duplicates.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from parrot_bench.corpus.texts.identifying import names_and_dates
from parrot_bench.resources import data_path, read_table

_SWAPPED = range(2144, 2196)
_PAIR_DISTANCE = 26
_CUT_OFF = "2234"
_CONTROLS = [*range(9), *range(14, 32)]
_CHARACTERS: dict[int, str | None] = {
    **dict.fromkeys((*_CONTROLS, 0xAD, *range(0x200B, 0x2010), 0x2060, 0xFEFF), None),
    **dict.fromkeys((0x0B, 0x0C, 0x85), "\n"),
    **dict.fromkeys((0xA0, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000), " "),
    **dict.fromkeys(range(0xE000, 0xF900), "\u2022"),
}
_ODD = re.compile(f"[{''.join(re.escape(chr(each)) for each in _CHARACTERS)}]")
_FORM_HEAD = re.compile(r"^\s*(?::\s*\n|in [A-Z][a-z]+:\s*\n)")
_RX_TOKEN = re.compile(r"\w*RX\w*")
_MARKDOWN = re.compile(r"\*\*[^*\n]+\*\*")
_ENGLISH_MARK = re.compile(r"^\s*(?:\w\)\s*)?ENG:\s*")
_WORD = re.compile(r"[^\W\d_]+")
_ENGLISH = frozenset(
    ("the", "of", "and", "is", "are", "with", "from", "this", "without", "there", "which")
)
_DUTCH = frozenset(
    ("het", "een", "niet", "van", "zijn", "wordt", "deze", "er", "zien", "naar", "links", "geen")
)
_AFRIKAANS = frozenset(
    ("die", "nie", "vir", "word", "is", "hierdie", "daar", "dit", "sien", "na", "n", "van")
)


@dataclass(frozen=True, slots=True)
class Erratum:
    """One known defect: see `data/errata/errata.csv` for the columns."""

    id: str
    what: str
    rule: str
    effect: str
    published_rows: int | None


@cache
def errata() -> dict[str, Erratum]:
    """All errata by identifier."""
    rows = read_table(data_path("errata", "errata.csv"))
    return {
        row["id"]: Erratum(
            row["id"],
            row["what"],
            row["rule"],
            row["effect"],
            int(row["published_rows"]) if row["published_rows"] else None,
        )
        for row in rows
    }


@cache
def _rx_repairs() -> dict[tuple[str, str], str]:
    rows = read_table(data_path("errata", "rx_damage.csv"))
    return {(row["language"], row["damaged"]): row["repaired"] for row in rows}


def true_language(number: str, language: str, text: str) -> str:
    """Language of a report whose label is one of the swapped ones (E01); else the label itself.

    Args:
        number: Published number of the row.
        language: ISO 639-1 code of its label.
        text: The report.
    """
    if language not in ("af", "nl") or not number.isdigit() or int(number) not in _SWAPPED:
        return language
    words = set(_WORD.findall(text.casefold()))
    afrikaans, dutch = len(words & (_AFRIKAANS - _DUTCH)), len(words & (_DUTCH - _AFRIKAANS))
    if afrikaans == dutch:
        return language
    return "af" if afrikaans > dutch else "nl"


def twin(number: str) -> str | None:
    """Number of the Dutch twin of an Afrikaans row (E02); None where it has none."""
    if number.isdigit() and int(number) in _SWAPPED[:_PAIR_DISTANCE]:
        return str(int(number) + _PAIR_DISTANCE)
    return None


def repair_rx(text: str, language: str) -> tuple[str, list[str]]:
    """Undo the blind replacement of 'dt' by 'RX' where that is certain (E03).

    Args:
        text: A text or translation.
        language: ISO 639-1 code of that text.

    Returns:
        The repaired text, and the tokens with RX that are left as they are. "RX" alone is the usual
        word for a radiograph in many languages.
    """
    if "RX" not in text:
        return text, []
    doubtful: list[str] = []

    def mend(match: re.Match[str]) -> str:
        word = match[0]
        table = _rx_repairs()
        certain = table.get((language, word)) or table.get(("*", word))
        if certain:
            return certain
        at = word.find("RX")
        while at > 0 and word[at - 1].islower():
            word = f"{word[:at]}dt{word[at + 2 :]}"
            at = word.find("RX")
        if "RX" in word:
            doubtful.append(word)
        return word

    return _RX_TOKEN.sub(mend, text), doubtful


def without_line_marks(text: str) -> str:
    """Text with U+2028 and U+2029 as newlines (E05)."""
    return text if text.isascii() else text.replace("\u2028", "\n").replace("\u2029", "\n")


def without_odd_characters(text: str) -> str:
    """Text with bullets, newlines, plain spaces or nothing for odd characters (E06)."""
    return text.translate(_CHARACTERS) if _ODD.search(text) else text


def without_form(text: str) -> str:
    """Text without the remains of a form and white space around it (E09)."""
    return _FORM_HEAD.sub("", text).strip()


def _is_foreign(text: str) -> bool:
    """Whether eight words or more are plainly not English."""
    if text.isascii():
        return False
    words = _WORD.findall(text.casefold())
    if len(words) < 8:
        return False
    english = sum(word in _ENGLISH for word in words) / len(words)
    foreign = sum(not word.isascii() for word in words) / len(words)
    return english < 0.05 and foreign > 0.1


def english_part(translation: str) -> str:
    """The English of a translation that is, or begins, in another language (E07).

    Returns:
        The translation itself where it is English, what follows the foreign lines it begins
        with, or nothing where all of it is foreign.
    """
    if translation.isascii() or _is_foreign(translation):
        return "" if _is_foreign(translation) else translation
    lines = translation.split("\n")
    first = next((i for i, line in enumerate(lines) if not _is_foreign(line)), len(lines))
    if not first:
        return translation
    return _ENGLISH_MARK.sub("", "\n".join(lines[first:]))


def flags(number: str, text: str, translation: str) -> set[str]:
    """Errata of one report that are only pointed out, but for E12: E10, E11, E13."""
    fired = set()
    if names_and_dates(text) or names_and_dates(translation):
        fired.add("E10")
    if _MARKDOWN.search(translation):
        fired.add("E11")
    if number == _CUT_OFF and translation.strip()[-1:] not in (".", "!", "?", ")", ""):
        fired.add("E13")
    return fired
