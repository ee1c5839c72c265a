"""The keyword baseline and its lexicons, on sentences invented for these tests."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from parrot_bench.corpus import load_corpus
from parrot_bench.models.baselines.keyword import findings, modality_scores, region_scores
from parrot_bench.models.baselines.named import load_baseline
from parrot_bench.resources import data_path, read_table
from parrot_bench.running.runner import evaluate
from parrot_bench.task.item import Item
from parrot_bench.task.registry import get_task
from parrot_bench.vocabulary.icd10 import load_table
from parrot_bench.vocabulary.lexicon import MASK, compile_patterns, fold, lexicon, mask_modality
from parrot_bench.vocabulary.tables import vocabulary

LANGUAGES = set("af bs de el en es fr hr it ko nl pl sv tr zh".split())  # noqa: SIM905


def sentences(table):
    with (Path(__file__).parent / "data" / table).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return pytest.mark.parametrize(
        "row", rows, ids=lambda row: f"{row['language']}-{next(iter(list(row.values())[1:]))[:20]}"
    )


def stated(row, column="stated"):
    return {each.strip() for each in row[column].split(",") if each}


@sentences("finding_sentences.csv")
def test_findings_are_coded_where_stated_and_not_where_negated(row):
    codes = {code[:3] for code in findings(fold(row["sentence"]), row["language"])}
    assert stated(row) <= codes
    assert not stated(row, "not_stated") & codes


@sentences("region_sentences.csv")
def test_regions_are_those_of_the_words_and_not_of_words_that_begin_alike(row):
    regions = set(region_scores(fold(row["sentence"]), row["language"]))
    assert stated(row) <= regions
    assert not stated(row, "not_stated") & regions


@sentences("modality_sentences.csv")
def test_modalities_are_not_seen_in_words_that_mean_something_else(row):
    modalities = set(modality_scores(fold(row["sentence"]), row["language"]))
    assert stated(row) <= modalities
    assert not stated(row, "not_stated") & modalities


@sentences("masked_sentences.csv")
def test_masking_hides_every_word_that_names_a_modality_and_leaves_its_signs(row):
    assert mask_modality(row["text"], row["language"]) == row["masked"]


@pytest.mark.parametrize(
    ("language", "text", "codes"),
    [
        ("en", "Lungs clear. No pleural effusion or pneumothorax.", ("Z00",)),
        ("en", "Examination unremarkable.", ("Z00",)),
        ("pl", "Nerki bez zmian.", ("Z00",)),
        ("de", "Ohne Befund.", ("Z00",)),
        ("it", "Fegato regolare.", ("Z00",)),
        ("it", "Margini non regolari.", ()),
        ("ko", "이상 소견 없음.", ("Z00",)),
        ("zh", "未見異常。", ("Z00",)),
        ("tr", "Pnömotoraks izlenmedi.", ("Z00",)),
        ("en", "Osteoma of the frontal bone.", ()),
        ("de", "Osteom des Stirnbeins.", ()),
    ],
)
def test_normal_is_coded_only_where_the_text_says_so(language, text, codes):
    assert findings(fold(text), language) == codes


def test_a_text_without_evidence_is_answered_with_nothing():
    corpus = load_corpus("mini")
    text = "Osteoma."
    for name in ("modality", "region", "icd_coding"):
        task = get_task(name)
        item = Item("1", text, ("XR",), "en", "c1", "en")
        (answer,) = load_baseline("keyword").predict(task, task.labels(corpus), [item])
        assert (answer.labels, answer.status) == ((), "empty"), name


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_language_has_words_of_normality(language):
    assert lexicon("normal_words", "")[language][""].pattern


@pytest.mark.parametrize(
    ("language", "text", "modality"),
    [
        ("de", "CT Thorax nativ. Voraufnahme: Röntgen vom Vortag.", "CT"),
        ("fr", "IRM du genou gauche, séquences T1 et T2.", "MR"),
        ("pl", "Badanie USG jamy brzusznej.", "US"),
        ("sv", "DT buk med kontrast.", "CT"),
        ("el", "ΑΞΟΝΙΚΗ ΤΟΜΟΓΡΑΦΙΑ ΘΩΡΑΚΟΣ", "CT"),
        ("tr", "AKCİĞER GRAFİSİ PA", "XR"),
        ("zh", "胸部CT平扫", "CT"),
        ("ko", "흉부 CT 조영증강", "CT"),
        ("es", "Mamografía bilateral, BI-RADS 2", "MG"),
    ],
)
def test_modalities_by_name(language, text, modality):
    scores = modality_scores(fold(text), language)
    assert max(scores, key=lambda each: scores[each]) == modality


@pytest.mark.parametrize(
    ("language", "text", "region"),
    [
        ("de", "Pleuraerguss beidseits, Mediastinum mittelständig.", "chest"),
        ("it", "Menisco mediale e rotula regolari.", "lower limb"),
        ("zh", "肝脏及胆囊未见异常", "abdomen"),
        ("hr", "Bubrezi i jetra urednog prikaza.", "abdomen"),
    ],
)
def test_regions_by_organ(language, text, region):
    scores = region_scores(fold(text), language)
    assert max(scores, key=lambda each: scores[each]) == region


@pytest.mark.parametrize(
    ("language", "text", "masked"),
    [
        ("de", "CT-Thorax und MRT des Kopfes", f"{MASK}-Thorax und {MASK} des Kopfes"),
        ("en", "X-ray: octopus, CT.", f"{MASK}: octopus, {MASK}."),
        ("tr", "İki yönlü AKCİĞER GRAFİSİ", f"İki yönlü AKCİĞER {MASK}"),
        ("zh", "颅脑MRI平扫", f"颅脑{MASK}平扫"),
        ("fi", "TT-tutkimus", "TT-tutkimus"),
    ],
)
def test_masking_hides_the_words_and_nothing_else(language, text, masked):
    assert mask_modality(text, language) == masked


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("ct", "ct thorax", True),
        ("ct", "actual", False),
        ("thorax*", "thoraxaufnahme", True),
        ("*aufnahme", "thoraxaufnahme", True),
        ("*rax*", "thoraxaufnahme", True),
        ("bi rads", "bi-rads 2", True),
        ("*肝*囊肿*", "肝内多发囊肿", True),
        ("fracture ... radius", "fracture of the distal radius", True),
        ("fracture ... radius", "fracture. the joint and the distal radius", False),
        ("θώρακος", "θωρακος", True),
        ("akcığer", "akciğer", True),
        ("x (thorax*)", "x-thoraxfoto", True),
        ("x (thorax*)", "3 x 4 cm", False),
        ("(!spin) echo (!planar)", "echo abdomen", True),
        ("(!spin) echo (!planar)", "spin-echo", False),
        ("(!spin) echo (!planar)", "echo-planar", False),
        ("stem* (!not)", "stems not", False),
        ("(old) infarct*", "old infarction", True),
        ("(old) infarct*", "bold infarction", False),
        ("*röntgen*", "lungröntgenbild", True),
        ("간", "간 실질", True),
        ("간", "추간판", False),
        ("*脑*", "頭部大腦", True),
    ],
)
def test_patterns(pattern, text, found):
    assert bool(compile_patterns([pattern]).search(fold(text))) is found


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [("ko", "CT에서", True), ("zh", "胸部CT平扫", True), ("ko", "fracture", False)],
)
def test_a_latin_word_ends_where_chinese_or_korean_begins(language, text, found):
    assert bool(compile_patterns(["ct"], language).search(fold(text))) is found


@pytest.mark.parametrize(
    ("table", "column", "known"),
    [
        ("modality_words", "modality", {*vocabulary("modalities").ids, ""}),
        ("modality_words", "kind", {"name", "cue", "mask"}),
        ("region_words", "region", set(vocabulary("regions").ids)),
        ("finding_words", "code", set(load_table().codes())),
        ("negation_words", "position", {"before", "after"}),
        ("normal_words", "language", LANGUAGES),
    ],
)
def test_lexicon_tables_are_sound(table, column, known):
    rows = list(read_table(data_path("vocabulary", f"{table}.csv")))
    assert {row["language"] for row in rows} == LANGUAGES
    assert {row[column] for row in rows} <= known
    assert all(row["pattern"].strip("* .") for row in rows)
    assert len({tuple(row.values()) for row in rows}) == len(rows)


def test_a_modality_is_missing_only_where_a_word_is_no_evidence_of_one():
    rows = read_table(data_path("vocabulary", "modality_words.csv"))
    assert all((row["modality"] == "") == (row["kind"] == "mask") for row in rows)


def test_simplified_characters_are_left_alone():
    rows = list(read_table(data_path("vocabulary", "hanzi.csv")))
    assert not {row["traditional"] for row in rows} & {row["simplified"] for row in rows}
    assert len({row["traditional"] for row in rows}) == len(rows)


def test_the_real_records_are_answered_as_well_as_promised(sample, tmp_path):
    corpus = load_corpus(sample)
    tasks = [get_task(name) for name in ("modality", "region", "icd_coding")]
    results = evaluate(load_baseline("keyword"), tasks, corpus, out=tmp_path).results
    normal = evaluate(load_baseline("always-z00"), tasks, corpus, out=tmp_path).results

    def pooled(frame, metric):
        row = frame[(frame["slice"] == "pooled") & (frame["metric"] == metric)]
        return float(row["value"].iloc[0])

    assert pooled(results, "accuracy") >= 0.80
    languages = results[results["slice_kind"] == "language"]
    large = languages[(languages["metric"] == "accuracy") & (languages["n"] >= 8)]
    assert len(large) >= 4
    assert large["value"].min() >= 0.5
    assert pooled(results, "micro_f1") >= 0.60
    assert pooled(results, "category_micro_f1") > pooled(normal, "category_micro_f1")
