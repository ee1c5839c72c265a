"""Second readings: the strict parser's, and a threshold tuned on other contributors."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from parrot_bench.corpus import load_corpus
from parrot_bench.exploring.tables import tables
from parrot_bench.models.base import ModelInfo
from parrot_bench.running.runner import evaluate
from parrot_bench.running.second_readings import other_readings, strict, tuned
from parrot_bench.running.sheets import Sheet, text_of
from parrot_bench.task.item import Item, Prediction
from parrot_bench.task.labels import Label, LabelSpace
from parrot_bench.task.registry import get_task

SPACE = LabelSpace([Label("chest", ""), Label("head", "")])


class Model:
    def __init__(self, answer=None, **changed):
        self.info = ModelInfo("scores", "scores", "rule", **changed)
        self.answer = answer

    def obstacle(self, task, labels):
        return None

    def predict(self, task, labels, items):
        for item in items:
            yield self.answer(item)


def sheet_of(golds, task="region", cluster=-1):
    """One item an author, with the gold labels given."""
    items = [
        Item(str(i), f"text {i}", gold, "de", f"c{i}", "de", cluster=cluster)
        for i, gold in enumerate(golds)
    ]
    return Sheet(get_task(task), SPACE, "original", tuple(items), {})


def scored(scores):
    return [
        Prediction(str(i), ("chest",), dict(zip(("chest", "head"), each, strict=True)))
        for i, each in enumerate(scores)
    ]


def test_the_threshold_of_one_author_comes_from_the_others():
    # Others of item 0: gold labels score 0.9, 0.8 and 0.8, the wrong one 0.2. All of 0.8 and more
    # has micro-F1 1, so the threshold is half way to 0.2: 0.5. Item 0 has 0.6 and 0.4.
    golds = [("chest",), ("chest", "head"), ("head",)]
    answers = scored([(0.6, 0.4), (0.9, 0.8), (0.2, 0.8)])
    decided = tuned(sheet_of(golds), answers)
    assert decided[0].labels == ("chest",)
    assert decided[0].scores == {}
    # Others of item 1: right 0.8 and 0.6, wrong 0.4 and 0.2: threshold 0.5.
    assert decided[1].labels == ("chest", "head")


def test_an_answer_holds_at_least_the_likeliest_label():
    golds = [("chest",), ("chest",), ("chest",)]
    decided = tuned(sheet_of(golds), scored([(0.1, 0.05), (0.9, 0.2), (0.8, 0.1)]))
    assert decided[0].labels == ("chest",)


def test_the_threshold_is_the_best_of_all():
    draw = np.random.default_rng(0)
    golds = [(("chest",), ("head",), ("chest", "head"))[k] for k in draw.integers(0, 3, 40)]
    scores = np.round(draw.random((40, 2)), 2)
    decided = tuned(sheet_of(golds), scored(scores.tolist()))
    from parrot_bench.running.second_readings import _best_threshold, _table

    sheet = sheet_of(golds)
    table = _table(sheet, sheet.items, scored(scores.tolist()))
    inside = np.ones(40, dtype=bool)

    def micro_f1(threshold):
        right = given = 0
        for gold, row in zip(golds, scores, strict=True):
            said = {n for n, s in zip(("chest", "head"), row, strict=True) if s >= threshold}
            right, given = right + len(said & set(gold)), given + len(said)
        return 2 * right / (given + sum(map(len, golds)))

    best = max(micro_f1(each) for each in scores.ravel())
    assert micro_f1(_best_threshold(table, inside)) == pytest.approx(best)
    assert all(each.labels for each in decided)


def test_gold_of_an_author_never_reaches_the_answers_to_that_author():
    golds = [("chest",), ("head",), ("chest",), ("head",), ("chest",)]
    answers = scored([(0.5, 0.6), (0.3, 0.7), (0.6, 0.5), (0.1, 0.9), (0.4, 0.4)])
    before = tuned(sheet_of(golds), answers)
    for own in (("head",), ("chest", "head")):
        after = tuned(sheet_of([own, *golds[1:]]), answers)
        assert after[0] == before[0]


def test_near_copies_are_of_one_fold():
    golds = [("chest",)] * 4
    assert tuned(sheet_of(golds, cluster=7), scored([(0.5, 0.5)] * 4)) is None


def test_gold_codes_are_compared_at_the_level_of_the_headline():
    labels = LabelSpace([Label("J90", ""), Label("I10", "")])
    items = [Item(str(i), "t", ("J90.1",), "de", f"c{i}", "de") for i in range(3)]
    sheet = Sheet(get_task("icd_coding"), labels, "original", tuple(items), {})
    answers = [Prediction(str(i), ("I10",), {"J90": 0.6, "I10": 0.5}) for i in range(3)]
    assert [each.labels for each in tuned(sheet, answers)] == [("J90",)] * 3


def test_what_has_no_scores_is_not_tuned():
    assert tuned(sheet_of([("chest",)] * 2), [Prediction(str(i), ("chest",)) for i in "01"]) is None


@pytest.mark.parametrize(
    ("labels", "read", "status", "expected"),
    [
        (("CT",), ("CT",), "ok", ("ok", ("CT",))),
        (("CT",), (), "ok", ("unparsable", ())),
        ((), (), "ok", ("ok", ())),
        ((), (), "refused", ("refused", ())),
        ((), None, "empty", ("empty", ())),
    ],
)
def test_the_strict_reading_of_an_answer(labels, read, status, expected):
    found = strict(Prediction("1", labels, status=status, strict=read))
    assert (found.status, found.labels) == expected


def test_second_readings_stand_in_results_predictions_and_tables(tmp_path):
    corpus = load_corpus("mini")

    def answer(item):
        loose = item.language == "pl"
        scores = {"chest": 0.7, "head": 0.6}
        return Prediction(
            item.report_id, item.gold, scores, strict=() if loose else item.gold, raw="{}"
        )

    run = evaluate(Model(answer), "region", corpus, out=tmp_path)
    texts = ["original", "original-strict", "original-tuned"]
    assert list(dict.fromkeys(run.results.text)) == texts
    assert list(dict.fromkeys(run.predictions.text)) == texts
    (table,) = tables(run)
    names = [row.name for row in table.rows][-6:]
    assert names == [
        f"{average}{reading}"
        for reading, average in itertools.product(
            ("", ", strict parser", ", tuned on the data"), ("macro", "pooled")
        )
    ]
    assert any("gold labels of other contributors" in note for note in table.notes)
    f1 = run.results[run.results.metric == "micro_f1"].set_index(["text", "slice"])["value"]
    assert (f1["original", "pl"], f1["original-strict", "pl"]) == (1, 0)
    assert f1["original-strict", "de"] == 1


def test_a_model_that_learnt_from_the_data_is_not_tuned_once_more():
    sheet = sheet_of([("chest",)] * 3)
    answers = scored([(0.5, 0.4)] * 3)
    assert len(other_readings(Model(), [(sheet, answers)])) == 1
    assert other_readings(Model(trained_on_data=True), [(sheet, answers)]) == []


def test_the_text_of_a_variant():
    assert text_of("original-masked-tuned") == ("original-masked", "-tuned")
    assert text_of("translation") == ("translation", "")
