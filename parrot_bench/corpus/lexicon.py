"""Lexicons: words that name a modality, a region or a finding, in every language of PARROT.

The tables stand in `data/vocabulary`; its README explains the patterns. Matching is blind to case,
to Greek accents and to the dotted and dotless i of Turkish.
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
_GREEK = re.compile("[\u0370-\u03ff\u1f00-\u1fff]")


def fold(text: str) -> str:
    """Text as patterns see it: NFC, casefolded, without Greek accents, every i dotted."""
    folded = unicodedata.normalize("NFC", text).casefold()
    if folded.isascii():
        return folded
    folded = folded.replace("i\u0307", "i").replace("\u0131", "i")
    if _GREEK.search(folded):
        folded = "".join(
            c for c in unicodedata.normalize("NFD", folded) if c not in "\u0301\u0308\u0313\u0342"
        )
    return unicodedata.normalize("NFC", folded)


def pattern_regex(pattern: str) -> str:
    """Regular expression of one pattern.

    `word` is a whole word, `stem*` begins one, `*end` ends one and `*part*` stands anywhere;
    an asterisk inside stands for up to eight letters, a space is any white space or a hyphen, and
    ` ... ` is a gap of up to three words.
    """
    words: list[str] = []
    for word in fold(pattern).split():
        if word == "...":
            words.append(r"(?:[\s-]+[^\s.;:]+){0,3}?[\s-]+")
            continue
        parts = word.strip("*").split("*")
        core = r"\w{0,8}?".join(re.escape(part) for part in parts)
        # Between Chinese or Korean letters there is no end of a word to look for.
        anywhere = bool(_CJK.search(core)) or (word[0] == word[-1] == "*" and core.isascii())
        letters = r"[a-z0-9]*" if anywhere else r"\w*"
        if _CJK.search(core):
            letters = ""
        before = letters if word.startswith("*") else ""
        after = letters if word.endswith("*") else ""
        if words and not words[-1].endswith(r"[\s-]+"):
            words.append(r"[\s-]+")
        left = "" if anywhere or not parts[0][:1].isalnum() else r"(?<!\w)"
        right = "" if anywhere or not parts[-1][-1:].isalnum() else r"(?!\w)"
        words.append(f"{left}{before}{core}{after}{right}")
    return "".join(words)


def compile_patterns(patterns: Iterable[str]) -> re.Pattern[str]:
    """One expression that finds any of the patterns in folded text, longer ones first."""
    ordered = sorted(set(patterns), key=lambda each: (-len(each), each))
    return re.compile("|".join(pattern_regex(each) for each in ordered))


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
        language: {each: compile_patterns(found) for each, found in labels.items()}
        for language, labels in patterns.items()
    }


@cache
def modality_names(language: str) -> re.Pattern[str] | None:
    """Expression of every word that names a modality in a language; None without a lexicon."""
    named = lexicon("modality_words", "modality", "name").get(language)
    if not named:
        return None
    longest_first = sorted((each.pattern for each in named.values()), key=len, reverse=True)
    return re.compile("|".join(longest_first))


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
