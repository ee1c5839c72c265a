"""Metrics of label sets, single labels and rankings against scikit-learn and hand-worked cases."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as reference
from sklearn.preprocessing import MultiLabelBinarizer

from parrot_bench.scoring.metrics.label_sets import (
    Accuracy,
    ExampleF1,
    Jaccard,
    MeanCount,
    MicroF1,
    MicroPrecision,
    MicroRecall,
    Share,
)
from parrot_bench.scoring.metrics.per_label import (
    BalancedAccuracy,
    LabelF1,
    LabelPrecision,
    LabelRecall,
    MacroF1,
)
from parrot_bench.scoring.metrics.ranking import AveragePrecision, RecallAt, RPrecision

LABELS = ("a", "b", "c", "d")


@pytest.mark.parametrize("seed", range(3))
def test_set_metrics_agree_with_scikit_learn(draw, value, seed):
    gold, said = draw.sets(seed)
    binarizer = MultiLabelBinarizer(classes=LABELS)
    y, p = binarizer.fit_transform(gold), binarizer.transform(said)
    expected = {
        MicroF1(): reference.f1_score(y, p, average="micro"),
        MicroPrecision(): reference.precision_score(y, p, average="micro"),
        MicroRecall(): reference.recall_score(y, p, average="micro"),
        MacroF1(LABELS): reference.f1_score(y, p, average="macro"),
        ExampleF1(): reference.f1_score(y, p, average="samples", zero_division=0),
        Jaccard(): reference.jaccard_score(y, p, average="samples"),
        Accuracy(): reference.accuracy_score(y, p),
        LabelF1("b"): reference.f1_score(y, p, average=None)[1],
        LabelPrecision("b"): reference.precision_score(y, p, average=None)[1],
        LabelRecall("b"): reference.recall_score(y, p, average=None)[1],
    }
    for metric, figure in expected.items():
        assert value(metric, gold, said) == pytest.approx(figure, abs=1e-12), metric


@pytest.mark.parametrize("seed", range(3))
def test_single_label_metrics_agree_with_scikit_learn(draw, value, seed):
    gold, said = draw.single(seed, slips=[("e",)])
    y, p = [g[0] for g in gold], [s[0] for s in said]
    assert value(Accuracy(), gold, said) == pytest.approx(reference.accuracy_score(y, p))
    assert value(BalancedAccuracy(LABELS), gold, said) == pytest.approx(
        reference.recall_score(y, p, average="macro", labels=LABELS)
    )
    for labels in (LABELS, (*LABELS, "e"), (*LABELS, "e", "never")):
        assert value(MacroF1(labels), gold, said) == pytest.approx(
            reference.f1_score(y, p, average="macro", labels=labels, zero_division=np.nan)
        )


def test_a_label_outside_the_gold_vocabulary_is_a_false_positive(value):
    # tp 1, predicted 2, gold 1: 2 * 1 / 3
    assert value(MicroF1(), [("a",)], [("a", "elsewhere")]) == pytest.approx(2 / 3)


@pytest.mark.parametrize("metric", [ExampleF1(), Jaccard()])
def test_two_empty_sets_agree_and_an_empty_one_agrees_with_no_other(value, metric):
    assert value(metric, [()], [()]) == 1
    assert value(metric, [("a",)], [()]) == value(metric, [()], [("a",)]) == 0


def test_counts_give_the_count_preserving_f1(value):
    # Node counts: gold x 2, y 1; predicted x 1, z 1. TP = min(2,1) = 1; 2 * 1 / (2 + 3).
    assert value(MicroF1(), [("x", "x", "y")], [("x", "z")]) == pytest.approx(0.4)
    # Gold x 3, y 1; predicted x 2, y 2. TP = 2 + 1 = 3; 2 * 3 / (4 + 4).
    assert value(MicroF1(), [("x", "x", "x", "y")], [("x", "x", "y", "y")]) == 0.75


def test_macro_f1_counts_a_label_that_is_predicted_and_never_gold_as_zero(value):
    # a: tp 1 of 1 and 1: F1 1. b: never predicted: 0. c: predicted, never gold: 0.
    # d: neither gold nor predicted: left out.
    assert value(MacroF1(LABELS), [("a",), ("b",)], [("a",), ("c",)]) == pytest.approx(1 / 3)
    assert value(MacroF1(("c", "d")), [("a",)], [("c",)]) == 0
    assert np.isnan(value(MacroF1(("c", "d")), [("a",)], [("b",)]))


def test_balanced_accuracy_leaves_out_labels_without_gold(value):
    # Recall of a: 1 of 2; of b: 1 of 1; c has no gold.
    said = [("a",), ("c",), ("b",)]
    assert value(BalancedAccuracy(LABELS), [("a",), ("a",), ("b",)], said) == 0.75
    assert np.isnan(value(BalancedAccuracy(("c",)), [("a",)], [("c",)]))


@pytest.mark.parametrize("kind", [MacroF1, BalancedAccuracy])
def test_label_means_are_fixed_to_the_labels_that_have_gold(kind):
    gold = [("d", "x"), ("b",), ("b", "d")]
    assert kind(LABELS).fixed_for(gold) == kind(("b", "d"))
    assert kind(LABELS).fixed_for([("x",)]) == kind(LABELS)
    assert kind(LABELS).fixed_for([]) == kind(LABELS)


def test_a_resample_without_gold_of_a_label_keeps_the_label(value):
    gold, said = [("a",), ("a",), ("b",)], [("a",), ("b",), ("b",)]
    metric = MacroF1(LABELS).fixed_for(gold)
    # The first two reports alone. a: tp 1, predicted 1, gold 2: 2/3. b: predicted, no gold: 0.
    rows = metric.contributions(gold, said)
    assert metric.value(rows[:2].sum(axis=0)) == pytest.approx(1 / 3)


def test_one_label_that_never_occurs_has_no_value(value):
    for metric in (LabelF1("z"), LabelPrecision("z"), LabelRecall("z")):
        assert np.isnan(value(metric, [("a",)], [("b",)]))
    # z is predicted once and never gold.
    assert value(LabelF1("z"), [("a",)], [("z",)]) == 0
    assert np.isnan(value(LabelRecall("z"), [("a",)], [("z",)]))


def test_ranked_metrics_by_hand(value):
    gold, ranking = [("a", "d")], [("a", "b", "c", "d")]
    assert value(AveragePrecision(), gold, ranking) == pytest.approx((1 / 1 + 2 / 4) / 2)
    assert value(RPrecision(), gold, ranking) == pytest.approx(1 / 2)
    assert value(RecallAt(3), gold, ranking) == pytest.approx(1 / 2)
    assert value(RecallAt(4), gold, ranking) == pytest.approx(1.0)


def test_average_precision_agrees_with_scikit_learn_when_all_labels_are_ranked(value):
    generator = np.random.default_rng(5)
    scores = generator.random(4)
    ranking = tuple(LABELS[i] for i in np.argsort(-scores))
    target = np.array([1, 0, 0, 1])
    assert value(AveragePrecision(), [("a", "d")], [ranking]) == pytest.approx(
        reference.average_precision_score(target, scores)
    )


def test_shares_of_all_kinds_sum_to_one(value):
    said = [("x", "y"), ("x",), ()]
    gold = [()] * 3
    assert value(Share("x"), gold, said) == pytest.approx(2 / 3)
    assert value(Share("x"), gold, said) + value(Share("y"), gold, said) == pytest.approx(1)
    assert np.isnan(value(Share("x"), [()], [()]))


def test_mean_count_counts_predicted_labels(value):
    assert value(MeanCount(), [("a",)] * 2, [("a", "b", "c"), ()]) == 1.5


@pytest.mark.parametrize("labels", [(), ("a", "a")])
def test_a_label_set_without_labels_or_with_one_twice_is_refused(labels):
    with pytest.raises(ValueError, match="at least one label and no label twice"):
        MacroF1(labels).contributions([("a",)], [("a",)])
