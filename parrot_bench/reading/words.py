"""Words that answers are read by: what leads to an answer, denies, joins, declines, says none.

They stand in `data/vocabulary/answer_words.csv` and `refusal_phrases.csv`, by language.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache

from parrot_bench.resources import data_path, read_table
from parrot_bench.vocabulary.lexicon import simplified

LETTER = "[^\\W_\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]"
"""A letter or digit of a script whose words have spaces between them."""
UNSPACED = re.compile("[\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
_HANGUL = re.compile("[\uac00-\ud7a3]")
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[\W_]+(?=\d)")
_BETWEEN = re.compile(r"[\s\-_/]+")
_QUOTES = str.maketrans("\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u300c\u300d", '\'\'\'\'"""""')


def plain(text: str) -> str:
    """Text as it is compared, case kept.

    NFKC, without diacritics, quotes straight, every i dotted, Chinese in simplified characters.
    """
    text = unicodedata.normalize("NFKC", text).translate(_QUOTES)
    if text.isascii():
        return text
    bare = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    return simplified(unicodedata.normalize("NFC", bare).replace("\u0131", "i"))


def squeezed(text: str) -> str:
    """Text with single spaces in its lines, and at most one empty line after another."""
    lines = [" ".join(line.split()) for line in text.splitlines()]
    kept = [line for at, line in enumerate(lines) if line or (at and lines[at - 1])]
    return "\n".join(kept)


@lru_cache(maxsize=10_000)
def key(text: str) -> str:
    """What is left to compare a name by: letters and digits, in one case; "PET-CT" is "petct"."""
    folded = plain(text).casefold()
    # "1 2" is not "12".
    parted = _BETWEEN_DIGITS.sub("\0", folded.replace("\0", " "))
    return "".join(c for c in parted if c.isalnum() or c == "\0") or folded.strip()


@cache
def _table() -> tuple[dict[str, str], ...]:
    return tuple(read_table(data_path("vocabulary", "answer_words.csv")))


@cache
def words(kind: str, language: str = "") -> tuple[str, ...]:
    """Words of a kind in a language and in English, or in all languages.

    Args:
        kind: "answer", "final", "is", "none", "yes", "no", "denial", "lacking", "without",
            "contrast", "only", "flag", "evidence", "idiom", "part", "and", "or", "particle",
            "report", "beside" with a label, or an answer key.
        language: ISO 639-1 code; empty for all languages.
    """
    rows = [row for row in _table() if row["kind"] == kind]
    chosen = [row for row in rows if not language or row["language"] in (language, "en")]
    return tuple(dict.fromkeys(row["form"] for row in chosen))


@cache
def keys(kind: str) -> frozenset[str]:
    """Words of a kind in all languages, as `key` has them."""
    return frozenset(map(key, words(kind)))


def either(forms: Iterable[str], *, as_written: bool = False) -> str:
    """Regular expression of any of some forms, longer ones first, to match `plain` text.

    White space, hyphens, underscores and slashes inside a form stand for one another. Forms of
    spaced scripts are whole words. A Korean word begins where no other letter of Korean precedes,
    and ends there or before a particle. A form of no letters never matches.

    Args:
        forms: Words, in any script.
        as_written: Whether forms in capitals match only in capitals, as US does and us does not.
    """
    groups: dict[tuple[bool, str, str], list[str]] = {}
    for form in sorted(set(map(plain, forms)), key=len, reverse=True):
        parts = [re.escape(part) for part in _BETWEEN.split(form) if part]
        if parts:
            exactly = as_written and _in_capitals(form)
            group = groups.setdefault((exactly, *_edges(form)), [])
            group.append(r"[\s\-_/]{0,3}".join(parts))
    # Forms share their edges, for thousands of lookarounds take seconds to compile.
    made = [
        f"{before}(?{'' if exactly else 'i'}:{'|'.join(cores)}){after}"
        for (exactly, before, after), cores in sorted(groups.items())
    ]
    return "|".join(made) or "(?!)"


@cache
def _particles() -> str:
    return "|".join(sorted(map(re.escape, words("particle")), key=len, reverse=True))


def _edges(form: str) -> tuple[str, str]:
    """What must not stand before a form, and what after it."""
    if _HANGUL.search(form):
        before = "(?<![\uac00-\ud7a3])" if _HANGUL.match(form) else f"(?<!{LETTER})"
        return before, f"(?=(?:{_particles()})?(?![\uac00-\ud7a3]))"
    before = "" if UNSPACED.match(form) else f"(?<!{LETTER})"
    return before, "" if UNSPACED.match(form[-1]) else f"(?!{LETTER})"


def _in_capitals(form: str) -> bool:
    letters = [c for c in form if c.isalpha()]
    return bool(letters) and all(c.isupper() for c in letters)


@cache
def denial(language: str) -> re.Pattern[str]:
    """Finds what denies in a language, or in any if that is empty: not, instead, excluded."""
    return re.compile(_parts_or_words(words("denial", language)))


def is_none(text: str) -> bool:
    """Whether a text says, in any language, that there is no label."""
    return key(text) in keys("none")


@cache
def without(language: str) -> re.Pattern[str]:
    r"""Finds what takes out the label behind it, \0, but not contrast: "without the \0"."""
    contrast = _parts_or_words(words("contrast"))
    return re.compile(
        rf"(?:{_parts_or_words(words('without', language))})(?!\W{{0,3}}(?:{contrast}))"
        rf"(?:\W{{1,3}}\w{{1,20}}){{0,2}}\W{{0,4}}\0"
    )


@cache
def lacking(language: str) -> re.Pattern[str]:
    """Matches what says at once of something that it is not there: "absent", "no" at an end."""
    alone = either((*words("no", language), "0"))
    ends = either(words("lacking", language))
    return re.compile(rf"(?:{ends})|(?:{alone})(?=\s*(?:[^\w\s]|\Z|\n))")


@cache
def joining(language: str) -> re.Pattern[str]:
    """Finds the words for "and" between labels."""
    forms = words("and", language)
    spaced = either(form for form in forms if not UNSPACED.match(form))
    # Of Korean and Chinese they are written without a space before them, or around them.
    joined = "|".join(form for form in forms if UNSPACED.match(form)) or "(?!)"
    return re.compile(rf"\s(?:{spaced})\s|\s*(?:{joined})(?:\s+|(?=[\u3400-\u9fff]))")


@cache
def only(language: str) -> re.Pattern[str]:
    r"""Finds a label, \0, that a word behind it says is the only one."""
    return re.compile(f"\0 ?(?:{'|'.join(words('only', language)) or '(?!)'})")


@cache
def _idioms(language: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    return re.compile(either(words("idiom", language))), re.compile(either(words("part", language)))


def without_idioms(text: str, language: str) -> str:
    """A text with blanks for idioms, and for "head" in "head of the pancreas" and its kin."""
    idiom, part = _idioms(language)
    text = idiom.sub(lambda match: " " * len(match[0]), text)
    return part.sub(_blank_first_word, text)


def _blank_first_word(match: re.Match[str]) -> str:
    rest = match[0].split(maxsplit=1)[-1]
    return " " * (len(match[0]) - len(rest)) + rest


@cache
def _not_so() -> re.Pattern[str]:
    so = either(words("yes"))
    return re.compile(
        rf"(?:{_parts_or_words(words('denial'))})(?:\W{{1,3}}(?:{so}))?|(?:{either(words('lacking'))}).{{0,40}}"
    )


def vote(text: str) -> bool | None:
    """Whether a short text says yes or no, in any language; None where it says something else.

    A number between 0 and 1 is a probability.
    """
    word = text.strip()
    if len(word) > MOST_VOTE:
        return None
    if key(word) in keys("yes"):
        return True
    if key(word) in keys("no") or is_none(word) or _not_so().fullmatch(plain(word)):
        return False
    if _PROBABILITY.fullmatch(word):
        return float(word) >= 0.5
    return None


MOST_VOTE = 60
"""Characters of a text that says yes or no."""
_PROBABILITY = re.compile(r"0|1|[01]?\.\d{1,9}", re.ASCII)
_TICKS = "\u2713\u2714\u2705\u2611"
_CROSSES = "\u2717\u2718\u2716\u274c\u2610\u2b1c"
_STRUCK = re.compile(r"(?<!~)~~(?!~)[^~\n]{1,200}~~(?!~)")
_BOX = re.compile(
    r"^([ \t]{0,8}(?:[-*+\u2022]|\d{1,2}[.)])?[ \t]{0,4})\[([ xX\u2713\u2714])\][ \t]+(?=\S)",
    re.MULTILINE,
)
_BOX_BEHIND = re.compile(r"(?<=\S)[ \t]{1,4}\[([ xX\u2713\u2714])\](?=[ \t]{0,8}$)", re.MULTILINE)
_MARK = re.compile(f"[{_TICKS}{_CROSSES}]\ufe0f?")


def ticked(text: str) -> str:
    """A text without what is struck out, or crossed or not ticked where it is a list of boxes."""
    text = _STRUCK.sub(" ", text)
    text = _BOX.sub(lambda box: f"{box[1]}{_of_box(box[2])} ", text)
    if any(box[1] != " " for box in _BOX_BEHIND.finditer(text)):
        text = _BOX_BEHIND.sub(lambda box: f" {_of_box(box[1])}", text)
    if not _MARK.search(text):
        return text
    lines = (part for line in text.split("\n") for part in _marked(line))
    return "\n".join(kept for line in lines if (kept := _unmarked(line)) is not None)


def _of_box(inside: str) -> str:
    return _CROSSES[4] if inside == " " else _TICKS[0]


def _marked(line: str) -> list[str]:
    """A line, or its parts with a mark each before or behind them."""
    marks = list(_MARK.finditer(line))
    if len(marks) < 2 or _in_structure(line):
        return [line]
    ends = [match.end() for match in marks]
    if not line[ends[-1] :].strip(" .|"):
        starts = [0, *ends[:-1]]
    else:
        starts = [0, *(match.start() for match in marks[1:])]
    return [line[start:end] for start, end in zip(starts, [*starts[1:], len(line)], strict=True)]


def _unmarked(line: str) -> str | None:
    """A line without its ticks; None where it has a cross."""
    if _in_structure(line):
        return line
    if any(match[0][0] in _CROSSES for match in _MARK.finditer(line)):
        return None
    return _MARK.sub("", line)


def _in_structure(line: str) -> bool:
    return "{" in line or '"' in line


_MOST_READ = 3000
"""Characters at the beginning of an answer in which a refusal is looked for."""


@cache
def _refusals() -> re.Pattern[str]:
    rows = read_table(data_path("vocabulary", "refusal_phrases.csv"))
    return re.compile(_parts_or_words(row["phrase"] for row in rows), re.IGNORECASE)


def _parts_or_words(forms: Iterable[str]) -> str:
    """Korean and Chinese forms anywhere, for they inflect and run on; others as whole words."""
    every = list(map(plain, forms))
    parts = [re.escape(form) for form in every if UNSPACED.search(form)]
    return "|".join([*parts, either(form for form in every if not UNSPACED.search(form))])


def refuses(text: str) -> bool:
    """Whether an answer begins, in any language, by declining to answer."""
    return _refusals().search(plain(text[:_MOST_READ])) is not None
