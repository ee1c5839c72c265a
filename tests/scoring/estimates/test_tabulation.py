"""Distinct rows, counted: every sum must be that of the dense rows."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from parrot_bench.scoring.estimates import tabulation
from parrot_bench.scoring.estimates.tabulation import STEP, make_pairs
from parrot_bench.scoring.metrics.agreement import MatthewsCorrelation
from parrot_bench.scoring.metrics.discrimination import AreaUnderROC, TruePositiveRateAt
from parrot_bench.scoring.metrics.label_sets import Accuracy, Jaccard, MicroF1
from parrot_bench.scoring.metrics.per_label import MacroF1
from parrot_bench.scoring.metrics.probability import BrierScore, LogLoss

LABELS = ("a", "b", "c", "d")
DENSE = {
    "accuracy": (Accuracy(), "sets"),
    "jaccard": (Jaccard(), "sets"),
    "micro_f1": (MicroF1(), "sets"),
    "macro_f1": (MacroF1(LABELS), "sets"),
    "mcc": (MatthewsCorrelation(LABELS), "single"),
    "brier": (BrierScore(LABELS), "probabilities"),
    "log_loss": (LogLoss(LABELS), "probabilities"),
}
RANK = {"auroc": AreaUnderROC("a"), "tpr": TruePositiveRateAt("a", 0.2)}


def table_of(metric, gold, said, order=None):
    order = np.arange(len(gold)) if order is None else order
    pairs = make_pairs(gold, said, order, distinct=metric.reads != "probabilities")
    return pairs.table(metric, slice(0, len(gold)))


def test_each_distinct_row_stands_once():
    # Right, wrong and empty answers of 1,000 reports: contributions (1, 1) and (0, 1).
    gold = [("a",)] * 1000
    said = [("a",)] * 600 + [("b",)] * 300 + [()] * 100
    pairs = make_pairs(gold, said, np.arange(1000))
    assert len(pairs.gold) == 3
    table = pairs.table(Accuracy(), slice(0, 1000))
    assert table.width == 2
    assert table.rows.tolist() == [[0, 1], [1, 1]]
    assert table.counts.tolist() == [400, 600]
    assert table.value() == 0.6


@pytest.mark.parametrize("name", DENSE)
def test_sums_are_those_of_the_dense_rows(draw, name):
    metric, kind = DENSE[name]
    gold, said = getattr(draw, kind)(4)
    table = table_of(metric, gold, said)
    dense = table.metric.contributions(gold, said)
    assert table.sums(table.counts) == pytest.approx(dense.sum(axis=0), abs=1e-7)
    assert table.rows[table.code] == pytest.approx(dense, abs=STEP)
    weights = np.random.default_rng(0).integers(0, 4, len(gold)).astype(float)
    by_row = np.bincount(table.code, weights=weights, minlength=table.width)
    assert table.sums(by_row) == pytest.approx(weights @ dense, abs=1e-7)
    assert table.value() == pytest.approx(float(metric.value(dense.sum(axis=0))), abs=1e-8)


def test_rows_are_whole_numbers_of_steps_and_so_their_sums_are_exact(draw):
    gold, said = draw.probabilities(1, 500, ties=False)
    generator = np.random.default_rng(0)
    tables = [
        table_of(LogLoss(LABELS), gold, said, generator.permutation(len(gold))) for _ in range(5)
    ]
    steps = tables[0].rows / STEP
    assert (steps == np.rint(steps)).all()
    assert len({each.value() for each in tables}) == 1
    # The dense rows are no such numbers: their sums depend on the order.
    rows = LogLoss(LABELS).contributions(gold, said)[:, 0]
    assert len({rows[generator.permutation(len(rows))].cumsum()[-1] for _ in range(20)}) > 1


@pytest.mark.parametrize("name", [*DENSE, *RANK])
def test_sums_of_groups_are_those_of_their_reports(draw, name):
    metric, kind = DENSE[name] if name in DENSE else (RANK[name], "probabilities")
    gold, said = getattr(draw, kind)(2)
    table = table_of(metric, gold, said)
    group = np.random.default_rng(1).integers(0, 5, len(gold))
    group[group == 3] = 2  # a group without reports
    dense = table.metric.contributions(gold, said)
    dense = dense if isinstance(dense, np.ndarray) else dense.toarray()
    expected = np.array([dense[group == each].sum(axis=0) for each in range(6)])
    assert table.per_group(group, 6) == pytest.approx(expected, abs=1e-7)


def test_rank_metrics_need_no_rows_but_the_identity(draw):
    gold, said = draw.probabilities(3)
    table = table_of(AreaUnderROC("a"), gold, said)
    scores = [each["a"] for each in said]
    assert table.rows is None
    assert table.width == 2 * len(set(scores))
    assert table.counts.sum() == len(gold)
    assert table.value() == pytest.approx(roc_auc_score([g == ("a",) for g in gold], scores))


@pytest.mark.parametrize("chunk", [1, 7, 2_000_000])
@pytest.mark.parametrize("name", ["micro_f1", "macro_f1", "auroc"])
def test_a_change_is_that_of_adding_part_of_a_report(draw, monkeypatch, name, chunk):
    metric, kind = DENSE[name] if name in DENSE else (RANK[name], "probabilities")
    gold, said = getattr(draw, kind)(5, 30)
    table = table_of(metric, gold, said)
    monkeypatch.setattr(tabulation, "CHUNK", chunk)
    rows = table.metric.contributions(gold, said)
    rows = rows if isinstance(rows, np.ndarray) else rows.toarray()
    total = rows.sum(axis=0)
    for step in (-1.0, 0.25):
        expected = [float(table.metric.value(total + step * row)) for row in rows]
        assert table.change(step)[table.code] == pytest.approx(expected, abs=1e-8, nan_ok=True)


def test_a_slice_fixes_the_labels_of_its_own_gold():
    gold, said = [("a",), ("a",), ("b",), ("c",)], [("a",), ("b",), ("b",), ("c",)]
    pairs = make_pairs(gold, said, np.arange(4))
    # The first two reports know gold a only: F1 = 2 / (1 + 2).
    assert pairs.table(MacroF1(LABELS), slice(0, 2)).value() == pytest.approx(2 / 3)
    # All: a 2/3, b 2/3, c 1; nothing of d.
    assert pairs.table(MacroF1(LABELS), slice(0, 4)).value() == pytest.approx(7 / 9)


def test_lengths_that_differ_are_refused():
    with pytest.raises(ValueError, match="2 gold answers and 1 predictions for 2 reports"):
        make_pairs([("a",)] * 2, [("a",)], np.arange(2))
    with pytest.raises(ValueError, match="2 gold answers and 2 predictions for 3 reports"):
        make_pairs([("a",)] * 2, [("a",)] * 2, np.arange(3))


def test_a_negative_weight_is_refused():
    pairs = make_pairs([("a",), ("b",)], [("a",), ("a",)], np.arange(2))
    table = pairs.table(Accuracy(), slice(0, 2))
    with pytest.raises(ValueError, match="negative"):
        table.sums(np.array([1.0, -1.0]))
