"""Lexicons: words that name a modality, a region or a finding, in every language of PARROT.

The tables stand in `data/vocabulary`; its README explains the patterns. Matching is blind to case,
to Greek accents, to the dotted and dotless i of Turkish and to traditional Chinese characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from functools import cache

from parrot_bench.resources import data_path, read_table

MASK = "___"
"""What stands for a masked word."""
_CJK = re.compile("[\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
_UNSPACED = ("ko", "zh")
"""Languages that write Latin words without a space before their own letters."""
_PIECES = re.compile(r"\((!?)([^)]*)\)|([^()]+)")
_GREEK = re.compile("[\u0370-\u03ff\u1f00-\u1fff]")


@cache
def _simplified() -> dict[int, str]:
    rows = read_table(data_path("vocabulary", "hanzi.csv"))
    return str.maketrans({row["traditional"]: row["simplified"] for row in rows})


def simplified(text: str) -> str:
    """Text with traditional Chinese characters replaced by simplified ones."""
    return text.translate(_simplified())


def fold(text: str) -> str:
    """Text as patterns see it.

    NFC, casefolded, without Greek accents, every i dotted, Chinese in simplified characters.
    """
    folded = unicodedata.normalize("NFC", text).casefold()
    if folded.isascii():
        return folded
    folded = folded.replace("i\u0307", "i").replace("\u0131", "i")
    if _GREEK.search(folded):
        folded = "".join(
            c for c in unicodedata.normalize("NFD", folded) if c not in "\u0301\u0308\u0313\u0342"
        )
    if _CJK.search(folded):
        folded = simplified(folded)
    return unicodedata.normalize("NFC", folded)


def pattern_regex(pattern: str, language: str = "") -> str:
    """Regular expression of one pattern.

    `word` is a whole word, `stem*` begins one, `*end` ends one and `*part*` stands anywhere;
    an asterisk inside stands for up to eight letters, a space is any white space or a hyphen, and
    ` ... ` is a gap of up to three words. Words in brackets, before or after the others, are looked
    at and not taken: `x (thorax)` is an x in front of a thorax, `(!spin) echo` an echo that does
    not follow spin. Before the others they are literal. In Chinese and Korean a Latin word ends
    where other letters begin.
    """
    letter = _letter(language)
    regex, seen = "", False
    for negated, context, words in _PIECES.findall(fold(pattern)):
        sign = "!" if negated else "="
        if words.strip():
            regex, seen = regex + _words_regex(words, letter), True
        elif context and seen:
            regex += rf"(?{sign}[\s-]+{_words_regex(context, letter)})"
        elif context:
            literal = r"[\s-]".join(map(re.escape, context.split()))
            regex += rf"(?<{sign}(?<!{letter}){literal}[\s-])"
    return regex


def _letter(language: str) -> str:
    return r"[a-z0-9]" if language in _UNSPACED else r"\w"


def _words_regex(words: str, letter: str) -> str:
    pieces: list[str] = []
    for word in words.split():
        if word == "...":
            pieces.append(r"(?:[\s-]+[^\s.;:]+){0,3}?[\s-]+")
            continue
        parts = word.strip("*").split("*")
        core = r"\w{0,8}?".join(re.escape(part) for part in parts)
        edge, letters = letter, f"{letter}*"
        if _CJK.search(core):
            # No space ends a Chinese word or a Korean stem, so the letters around are not taken.
            edge, letters = r"\w", ""
        if pieces and not pieces[-1].endswith(r"[\s-]+"):
            pieces.append(r"[\s-]+")
        left = f"(?<!{edge})" if parts[0][:1].isalnum() else ""
        right = f"(?!{edge})" if parts[-1][-1:].isalnum() else ""
        if word.startswith("*"):
            left = letters
        if word.endswith("*"):
            right = f"{letters}+" if letters else ""
        pieces.append(f"{left}{core}{right}")
    return "".join(pieces)


def compile_patterns(patterns: Iterable[str], language: str = "") -> re.Pattern[str]:
    """One expression that finds any of the patterns in folded text, longer ones first."""
    ordered = sorted(set(patterns), key=lambda each: (-len(each), each))
    each_alone = [pattern_regex(each, language) for each in ordered]
    # To look once for the start of a word, instead of once a pattern, halves the time to compile.
    start = f"(?<!{_letter(language)})"
    words = [each.removeprefix(start) for each in each_alone if each.startswith(start)]
    others = [each for each in each_alone if not each.startswith(start)]
    return re.compile("|".join([f"{start}(?:{'|'.join(words)})"] * bool(words) + others))


Lexicon = dict[str, dict[str, re.Pattern[str]]]


@cache
def lexicon(table: str, label: str, kind: str = "") -> Lexicon:
    """Expressions of a table by language and label.

    Args:
        table: Name of a table in `data/vocabulary`, such as "region_words".
        label: Column that holds the label, such as "region".
        kind: Where the table has a column "kind", the only one to take.
    """
    patterns: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for row in read_table(data_path("vocabulary", f"{table}.csv")):
        if not kind or row["kind"] == kind:
            patterns[row["language"]][row[label] if label else ""].append(row["pattern"])
    return {
        language: {each: compile_patterns(found, language) for each, found in labels.items()}
        for language, labels in patterns.items()
    }


@cache
def modality_names(language: str) -> re.Pattern[str] | None:
    """Expression of every word that gives a modality away in a language; None without a lexicon.

    Those are the names of one modality and, of kind "mask", words such as scan that several share.
    """
    patterns = [
        row["pattern"]
        for row in read_table(data_path("vocabulary", "modality_words.csv"))
        if row["language"] == language and row["kind"] in ("name", "mask")
    ]
    return compile_patterns(patterns, language) if patterns else None


def names_own_modality(modality: str, text: str, language: str) -> bool:
    """Whether a text states its own modality outright (E12)."""
    own = lexicon("modality_words", "modality", "name").get(language, {}).get(modality)
    return own is not None and own.search(fold(text)) is not None


def mask_modality(text: str, language: str) -> str:
    """The text with every word that names a modality replaced by a mark.

    Args:
        text: A report.
        language: ISO 639-1 code of the text. Without a lexicon for it the text is unchanged.
    """
    names = modality_names(language)
    if names is None:
        return text
    text = unicodedata.normalize("NFC", text)
    folded, positions = _fold_with_positions(text)
    parts, end = [], 0
    for match in names.finditer(folded):
        start, stop = positions[match.start()], positions[match.end() - 1] + 1
        if start >= end:
            parts += [text[end:start], MASK]
            end = stop
    return "".join([*parts, text[end:]])


def _fold_with_positions(text: str) -> tuple[str, range | list[int]]:
    """Folded text, and for each of its characters the position it came from."""
    folded = fold(text)
    if len(folded) == len(text):
        return folded, range(len(text))
    pieces, positions = [], []
    for at, character in enumerate(text):
        piece = fold(character)
        if character == "\u0307":
            continue
        pieces.append(piece)
        positions += [at] * len(piece)
    return "".join(pieces), positions
