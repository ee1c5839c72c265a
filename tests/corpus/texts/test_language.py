"""Which language a text is in, and what the check of a corpus makes of it."""

from __future__ import annotations

import pytest

from parrot_bench.corpus import load_corpus
from parrot_bench.corpus.quality import check_corpus
from parrot_bench.corpus.texts.language import (
    detect,
    other_language,
    same_language,
    untranslated_language,
)

CHINESE = "两肺纹理增多，两上肺见散在小叶中心型肺气肿。纵隔内未见明显肿大淋巴结。主动脉壁见钙化。"
KOREAN = "L-spine MRI: L4-5 disc의 중심성 탈출(central protrusion)과 양측 lateral recess 협착."
GREEK = "Αξονική τομογραφία θώρακος: δεν παρατηρείται πλευριτική συλλογή."
BOSNIAN = (
    "Rtg pluća i srca: na plućima bez svježih infiltrativnih promjena. Srce u granicama normale."
)
DUTCH = (
    "CT hersenen blanco: geen bloeding, geen massa-effect, normale ventrikels. Geen afwijkingen."
)
AFRIKAANS = (
    "Borskas X-straal: geen verdigting in die longe nie. Die hart is van normale grootte nie."
)
ENGLISH = "Chest radiograph: no pathological findings in the lung fields, costophrenic angles free."


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (CHINESE, "zh"),
        ("骨盆正位片：未见明显骨质异常。", "zh"),
        (KOREAN, "ko"),
        (GREEK, "el"),
        (ENGLISH, "en"),
        ("胸部CTでは、両側の肺に結節はありません。", "ja"),
        ("12.4 / 3", "und"),
    ],
)
def test_a_script_or_the_detector_says_the_language(text, language):
    assert detect(text)[0] == language


def test_variants_of_a_language_are_summed(monkeypatch):
    class Guess:
        def __init__(self, lang, prob):
            self.lang, self.prob = lang, prob

    guesses = [Guess("en-gb", 0.5), Guess("fr", 0.1), Guess("en-us", 0.4)]
    monkeypatch.setattr("langdetect.detect_langs", lambda text: guesses)
    language, chance = detect("any text")
    assert (language, chance) == ("en", pytest.approx(0.9))


@pytest.mark.parametrize(
    ("text", "label"),
    [
        (CHINESE, "zh"),
        (KOREAN, "ko"),
        (GREEK, "el"),
        (BOSNIAN, "bs"),
        (DUTCH, "nl"),
        (AFRIKAANS, "af"),
        (DUTCH, "af"),
    ],
)
def test_an_untranslated_text_is_found_and_its_own_label_is_right(text, label):
    assert untranslated_language(text, label)
    assert other_language(text, label) is None
    assert other_language(text, "tr")
    assert untranslated_language(ENGLISH, label) is None


def test_less_is_asked_of_the_detector_where_it_agrees_with_the_label(monkeypatch):
    monkeypatch.setattr(
        "parrot_bench.corpus.texts.language.probabilities", lambda text: {"pl": 0.857, "en": 0.143}
    )
    assert untranslated_language(BOSNIAN, "pl") == "pl"
    assert untranslated_language(BOSNIAN, "de") is None


def test_few_letters_say_nothing_against_english_or_a_label(monkeypatch):
    monkeypatch.setattr(
        "parrot_bench.corpus.texts.language.probabilities", lambda text: {"da": 1.0}
    )
    assert untranslated_language("Left ankle: sprain.", "el") is None
    assert other_language("Left ankle: sprain.", "el") is None
    assert untranslated_language("Left ankle: sprain. " * 4, "el") == "da"


def test_confused_languages_count_as_one():
    assert same_language("hr", "bs")
    assert not same_language("hr", "pl")


def test_every_original_of_the_sample_is_found_where_its_translation_should_be(sample):
    reports = list(load_corpus(sample).reports())
    assert [r.id for r in reports if not untranslated_language(r.text, r.language)] == []
    assert [r.id for r in reports if other_language(r.text, r.language)] == []
    assert [r.id for r in reports if untranslated_language(r.translation, r.language)] == []


def test_the_three_polish_translations_are_all_that_are_not_english(sample):
    text = (sample.parent / "translations.txt").read_text(encoding="utf-8")
    lines = [line.replace("\\n", "\n") for line in text.split("\n")[:-1]]
    assert [i for i, e in enumerate(lines) if untranslated_language(e, "pl")] == [1489, 1535, 1626]


def test_the_check_reports_both(row, write):
    path = write(
        [
            row("1", language="Chinese", report=CHINESE, translation=CHINESE),
            row("2", language="Polish", report=KOREAN, translation=ENGLISH),
        ]
    )
    found = {(each.id, each.kind) for each in check_corpus(load_corpus(path, view="raw")).findings}
    assert {("1", "untranslated"), ("2", "language")} <= found
