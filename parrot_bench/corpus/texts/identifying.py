"""Names of persons and dates in texts (E10): found by titles, labels and the forms of dates.

The words stand in `data/vocabulary`, `name_words.csv` and `month_words.csv`, for the fourteen
languages of PARROT and English. All of them are looked for in every text: reports quote, and
translations keep, what was written in another language.
"""

from __future__ import annotations

import re
from functools import cache

from parrot_bench.resources import data_path, read_table
from parrot_bench.vocabulary.lexicon import fold

_DAY = r"(?:[12]\d|3[01]|0?[1-9])"
_MONTH = r"(?:1[0-2]|0?[1-9])"
_YEAR = r"(?:19|20|21)\d\d"
# No date begins inside a number, a list of fractions or behind a letter: "L3/4", "1.3.2 cm".
_FREE = r"(?<![\w.,/-])"
_UNIT = r"(?!\s?(?:[mc]m\b|ml\b|cc\b|%|x\b|×|hu\b|years?\b|weeks?\b))"
_NUMERIC = (
    rf"{_DAY}(?P<a>[./-]|\.\s){_MONTH}(?P=a){_YEAR}(?!\d)",
    rf"{_MONTH}(?P<b>[./-]){_DAY}(?P=b){_YEAR}(?!\d)",
    rf"{_YEAR}(?P<c>[./-]|\.\s){_MONTH}(?P=c){_DAY}(?!\d)",
    rf"{_DAY}/{_MONTH}/\d\d(?![\d/-]|[.,]\d){_UNIT}",
    rf"{_MONTH}/{_DAY}/\d\d(?![\d/-]|[.,]\d){_UNIT}",
    rf"(?:[012]\d|3[01])\.(?:0\d|1[0-2])\.\d\d(?![\d/-]|[.,]\d){_UNIT}",
    rf"{_MONTH}\.?/(?:19[5-9]|20[0-4])\d(?![\d/-])",
    rf"(?:0[1-9]|1[0-2])\.(?:19[5-9]|20[0-4])\d(?!\d){_UNIT}",
    rf"{_YEAR}\s?[年년]\s?{_MONTH}\s?[月월]",
    rf"{_MONTH}\s?[月월]\s?{_DAY}\s?[日일]",
)
_NUMERIC_DATE = re.compile(rf"(?=\d){_FREE}(?:{'|'.join(_NUMERIC)})", re.IGNORECASE)
_A_YEAR = re.compile(rf"(?<!\d){_YEAR}(?!\d)")
_WORD = re.compile(r"[^\W\d_]+")
_ORDINAL = "(?:st|nd|rd|th|er|e|\u03b7|\u00ba|\u00aa|\\.)?"
_OF = "(?:\\s*(?:de|del|of|van|\u03c4\u03bf\u03c5)\\s+)?"
_NAME = r"[^\W\d_][\w'\u2019-]*"
_EAST_ASIAN = re.compile("[\u4e00-\u9fff\uac00-\ud7a3]")
_EAST_ASIAN_NAME = rf"{_EAST_ASIAN.pattern}(?:[ \t]?{_EAST_ASIAN.pattern}){{1,3}}(?!\w)"


def names_and_dates(text: str) -> list[str]:
    """Which of "name" and "date" a text may hold (E10).

    A name is what follows a title ("Dr. C. Smith") or a label with a colon ("Radiologist: Jan
    Kowalski"), or stands before a degree ("Ana Horvat, dr. med."). A date has a day and a month or
    a month and a year; a year alone is none.
    """
    found = {"name": has_name(text), "date": has_date(text)}
    return [kind for kind, there in found.items() if there]


def has_date(text: str) -> bool:
    """Whether a text holds a written-out date."""
    if _NUMERIC_DATE.search(text):
        return True
    folded = fold(text)
    # Hardly any text names a month, and to look for four hundred forms of dates takes long.
    known = _month_words() if _A_YEAR.search(folded) else _month_words("day")
    if "\u6708" not in folded and known.isdisjoint(_WORD.findall(folded)):
        return False
    return any(pattern.search(folded) for pattern in _month_patterns())


def has_name(text: str) -> bool:
    """Whether a text holds what may be the name of a person."""
    titled, labelled, degree, person = _name_patterns()
    if any(_is_titled(match) for match in titled.finditer(text)):
        return True
    behind = [match["name"] for match in labelled.finditer(text)]
    before = [
        person.search(text[max(match.start() - 60, 0) : match.start()])
        for match in degree.finditer(text)
    ]
    return any(map(_is_person, [*behind, *(match["name"] for match in before if match)]))


@cache
def _month_words(*needs: str) -> frozenset[str]:
    """Folded forms of the table, those with such needs or all."""
    return frozenset(
        fold(row["form"])
        for row in read_table(data_path("vocabulary", "month_words.csv"))
        if not needs or row["needs"] in needs
    )


@cache
def _month_patterns() -> tuple[re.Pattern[str], ...]:
    """Dates with a month in letters, in folded text."""
    alone, full = _any_of(_month_words("day")), _any_of(_month_words("day", "year"))
    every = _any_of(_month_words())
    return (
        re.compile(rf"{_FREE}{_DAY}{_ORDINAL}\s*{_OF}{alone}(?!\w)"),
        re.compile(rf"{_FREE}{_DAY}{_ORDINAL}[\s-]*{_OF}{every}\.?,?[\s-]*{_OF}{_YEAR}(?!\d)"),
        re.compile(rf"(?<!\w){alone}\s+{_DAY}{_ORDINAL}(?![\w/-]|[.,]\d)"),
        re.compile(rf"(?<!\w){every}\.?\s+{_DAY}{_ORDINAL},?\s+{_YEAR}(?!\d)"),
        re.compile(rf"(?<!\w){full},?\s*{_OF}{_YEAR}(?!\d)"),
        re.compile(rf"(?<!\d){_YEAR}(?:\s+{alone}(?!\w)|\s*\u5e74\s*{full})"),
    )


def _any_of(words: frozenset[str]) -> str:
    ordered = sorted(words, key=lambda each: (-len(each), each))
    return f"(?:{'|'.join(map(re.escape, ordered))})"


@cache
def _name_patterns() -> tuple[re.Pattern[str], ...]:
    """Titles with the word that follows, labels with a name, degrees behind a name, a last name."""
    words: dict[str, list[str]] = {}
    for row in read_table(data_path("vocabulary", "name_words.csv")):
        words.setdefault(row["kind"], []).append(_word(row))
    titles, degrees, labels, after, particles = (
        f"(?:{'|'.join(sorted(words[kind], key=len, reverse=True))})"
        for kind in ("title", "degree", "label", "after", "particle")
    )
    person = rf"{_NAME}\.?(?:[ \t]+{_NAME}\.?){{1,3}}"
    return (
        re.compile(
            # Croatian "i dr." is "and others".
            rf"(?<![\w.])(?<!\si\s)(?P<title>{titles}(?:[ \t,]*(?:{titles}|{degrees})(?!\w))*)"
            rf"(?P<gap>[ \t]*)(?:{particles}[ \t]+)*(?!{titles})(?P<name>{_NAME})"
        ),
        re.compile(rf"(?<!\w){labels}[ \t]*[:\uff1a][ \t]*(?P<name>{_EAST_ASIAN_NAME}|{person})"),
        re.compile(rf",[ \t]*{after}(?!\w)"),
        re.compile(rf"(?<!\w)(?P<name>{person})\Z"),
    )


def _word(row: dict[str, str]) -> str:
    """Expression of one row of the table."""
    form = re.escape(row["form"])
    if row["case"] == "exact upper":
        form = form.upper()
    elif row["case"] == "exact capital":
        form = form.capitalize()
    else:
        form = f"(?i:{form})"
    dot = {"required": r"\.", "optional": r"(?:\.|(?!\w))", "none": r"(?![\w.])", "": ""}
    return form + dot[row["dot"]]


def _is_titled(match: re.Match[str]) -> bool:
    """Whether a word behind a title is a name: upper case, and the title not an abbreviation."""
    title, gap, name = match["title"], match["gap"], match["name"]
    if not name[0].isupper() or (not gap and not title.endswith(".")):
        return False
    # "DR Thorax" is digital radiography, "PR interval" one of the heart: capitals need their dot.
    return not (title.isupper() and not title.endswith("."))


def _is_person(name: str) -> bool:
    """Whether words are written as a name is: every one with a capital, not all in capitals."""
    if _EAST_ASIAN.match(name):
        return True
    return all(each[0].isupper() for each in name.split()) and not name.isupper()
