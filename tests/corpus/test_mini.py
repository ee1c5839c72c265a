"""The bundled corpus is what its README says."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

import pytest

from parrot_bench.corpus import load_corpus
from parrot_bench.corpus.texts.language import detect, other_language, untranslated_language
from parrot_bench.vocabulary.icd10 import load_table
from parrot_bench.vocabulary.tables import headline_region, headline_regions

LANGUAGES = "af bs de el es fr hr it ko nl pl sv tr zh".split()  # noqa: SIM905


@pytest.fixture(scope="module")
def corpus():
    return load_corpus("mini")


@pytest.fixture(scope="module")
def reports(corpus):
    return list(corpus.reports())


def test_nothing_is_left_out_or_unmapped(corpus):
    assert corpus.findings == ()
    assert corpus.fired["E08"] > 5


def test_ten_reports_by_three_contributors_in_every_language(reports):
    counts = Counter(report.language for report in reports)
    assert sorted(counts) == LANGUAGES
    assert min(counts.values()) >= 10
    authors = defaultdict(set)
    for report in reports:
        authors[report.language].add(report.author)
    assert min(len(each) for each in authors.values()) >= 3


def test_every_modality_of_parrot_and_every_headline_region_is_there(reports):
    assert {report.modality for report in reports} == {
        *("CT", "MR", "XR", "US", "MG", "XA", "OP", "ES", "PT/CT")
    }
    covered = {headline_region(region) for report in reports for region in report.regions}
    assert covered == set(headline_regions())


def test_every_code_exists_and_there_are_one_to_eight_a_report(reports):
    table = load_table()
    assert all(table.exists(code) for report in reports for code in report.icd)
    assert {len(report.icd) for report in reports} == set(range(1, 9))


def test_no_code_stands_beside_one_that_says_it_already(reports):
    """Notes "Excludes1" of the tabular list, for the pairs that these reports invite."""
    beside = {"N13.2": "N20", "N13.3": "N20", "K80.0": "K81", "M51.1": "M54.1", "I60": "I67.1"}
    assert [
        (report.id, code, other)
        for report in reports
        for code in report.icd
        for start, other in beside.items()
        if code.startswith(start) and any(each.startswith(other) for each in report.icd)
    ] == []


def test_chinese_has_the_punctuation_of_chinese(reports):
    ascii_marks = re.compile(r"(?<!\d)[,:;()\"]|[,:;()\"](?!\d)")
    chinese = [report for report in reports if report.language == "zh"]
    assert [each.id for each in chinese if ascii_marks.search(each.text)] == []
    assert all("\uff0c" in each.text for each in chinese if len(each.text) > 20)


def test_normal_and_abnormal_short_and_long(reports):
    normal = sum(any(code.startswith("Z00") for code in report.icd) for report in reports)
    assert 10 <= normal <= 40
    lengths = sorted(len(report.text) for report in reports)
    assert lengths[0] < 60
    assert lengths[-1] > 1200


def test_no_two_reports_are_near_copies(reports):
    assert len({report.cluster for report in reports}) == len(reports)


def test_texts_are_in_their_language_and_translations_in_english(reports):
    assert [each.id for each in reports if other_language(each.text, each.language)] == []
    assert [r.id for r in reports if untranslated_language(r.translation, r.language)] == []
    assert all(detect(report.translation)[0] == "en" for report in reports)


def test_a_text_in_the_place_of_its_translation_is_found_in_every_report(reports):
    assert [r.id for r in reports if not untranslated_language(r.text, r.language)] == []
