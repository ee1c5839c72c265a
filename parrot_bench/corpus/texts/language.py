"""Which language a text is in: by its script where that says it, else by langdetect."""

from __future__ import annotations

import re

CONFUSED = (frozenset({"hr", "bs", "sr", "sl"}), frozenset({"nl", "af"}), frozenset({"no", "da"}))
"""Languages that the detector cannot tell apart in short texts; within a group it has no say."""
SURE = 0.9
"""Probability from which the detector's word counts."""
FEWEST_LETTERS = 50
"""With fewer letters the detector's word counts only where it agrees with a label."""
_KANA = re.compile("[\u3040-\u30ff]")
_SCRIPTS = (
    # Reports in Korean and Chinese are full of English terms: a syllable is worth many letters.
    ("ko", re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]"), 0.15),
    ("zh", re.compile("[\u3400-\u9fff\uf900-\ufaff]"), 0.15),
    ("el", re.compile("[\u0370-\u03ff\u1f00-\u1fff]"), 0.5),
)


def detect(text: str) -> tuple[str, float]:
    """Most probable language of a text and its probability; ("und", 0) for no letters."""
    found = probabilities(text)
    return max(found.items(), key=lambda each: each[1], default=("und", 0.0))


def probabilities(text: str) -> dict[str, float]:
    """Languages that a text may be in, with their probabilities.

    Hangul is Korean, Greek letters are Greek, and Chinese characters without kana are Chinese,
    where enough of the letters are of that script. All else is asked of langdetect, seeded; what
    it says of variants, such as zh-cn and zh-tw, is summed.
    """
    if not text.isascii():
        written = _by_script(text)
        if written:
            return {written: 1.0}
    from langdetect import DetectorFactory, LangDetectException, detect_langs

    DetectorFactory.seed = 0
    found: dict[str, float] = {}
    try:
        for each in detect_langs(text):
            base = str(each.lang).split("-")[0]
            found[base] = found.get(base, 0.0) + float(each.prob)
    except LangDetectException:
        return {}
    return found


def _by_script(text: str) -> str | None:
    letters = _letters(text)
    for language, script, least in _SCRIPTS:
        own = len(script.findall(text))
        if own and own >= least * letters:
            japanese = language == "zh" and len(_KANA.findall(text)) > 0.1 * own
            return None if japanese else language
    return None


def _letters(text: str) -> int:
    return sum(map(str.isalpha, text))


def same_language(detected: str, label: str) -> bool:
    """Whether a detected language is that of a label, as far as the detector can tell."""
    return detected == label or any({detected, label} <= group for group in CONFUSED)


def other_language(text: str, label: str) -> str | None:
    """Language of a text that surely is not in the language of its label; None for any other."""
    detected, chance = detect(text)
    if same_language(detected, label) or not _is_sure(text, chance):
        return None
    return detected


def untranslated_language(translation: str, label: str) -> str | None:
    """Language of a translation that is not in English; None for one that may be.

    Args:
        translation: What should be English.
        label: ISO 639-1 code of the report's language. Where the translation reads like that, less
            is asked of the detector.
    """
    detected, chance = detect(translation)
    if detected in ("en", "und") or label == "en":
        return None
    agrees = same_language(detected, label) and chance > 0.5
    return detected if agrees or _is_sure(translation, chance) else None


def _is_sure(text: str, chance: float) -> bool:
    """Whether the detector's word counts on its own; a script needs no length."""
    return chance >= SURE and (_letters(text) >= FEWEST_LETTERS or _by_script(text) is not None)
