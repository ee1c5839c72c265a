"""Metrics against scikit-learn, hand-worked cases and the properties that sums must have."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference
from sklearn.preprocessing import MultiLabelBinarizer

from parrot_bench.scoring.metrics import (
    Accuracy,
    ExampleF1,
    Jaccard,
    MeanCount,
    MicroF1,
    MicroPrecision,
    MicroRecall,
    Share,
)
from parrot_bench.scoring.per_label import BalancedAccuracy, MacroF1, MatthewsCorrelation
from parrot_bench.scoring.ranking import AveragePrecision, RecallAt, RPrecision

LABELS = ("a", "b", "c", "d")


def value(metric, gold, predicted):
    return float(metric.value(metric.contributions(gold, predicted).sum(axis=0)))


def random_sets(seed, n=60):
    generator = np.random.default_rng(seed)

    def draw():
        return tuple(label for label in LABELS if generator.random() < 0.4) or ("a",)

    return [draw() for _ in range(n)], [draw() for _ in range(n)]


def random_single(seed, n=80):
    generator = np.random.default_rng(seed)
    gold = [(str(generator.choice(LABELS)),) for _ in range(n)]
    said = [g if generator.random() < 0.6 else (str(generator.choice(LABELS)),) for g in gold]
    return gold, said


@pytest.mark.parametrize("seed", range(3))
def test_set_metrics_agree_with_scikit_learn(seed):
    gold, said = random_sets(seed)
    binarizer = MultiLabelBinarizer(classes=LABELS)
    y, p = binarizer.fit_transform(gold), binarizer.transform(said)
    expected = {
        MicroF1(): reference.f1_score(y, p, average="micro"),
        MicroPrecision(): reference.precision_score(y, p, average="micro"),
        MicroRecall(): reference.recall_score(y, p, average="micro"),
        MacroF1(LABELS): reference.f1_score(y, p, average="macro"),
        ExampleF1(): reference.f1_score(y, p, average="samples"),
        Jaccard(): reference.jaccard_score(y, p, average="samples"),
        Accuracy(): reference.accuracy_score(y, p),
    }
    for metric, figure in expected.items():
        assert value(metric, gold, said) == pytest.approx(figure, abs=1e-12), metric


@pytest.mark.parametrize("seed", range(3))
def test_single_label_metrics_agree_with_scikit_learn(seed):
    gold, said = random_single(seed)
    y, p = [g[0] for g in gold], [s[0] for s in said]
    assert value(Accuracy(), gold, said) == pytest.approx(reference.accuracy_score(y, p))
    assert value(BalancedAccuracy(LABELS), gold, said) == pytest.approx(
        reference.balanced_accuracy_score(y, p)
    )
    assert value(MacroF1(LABELS), gold, said) == pytest.approx(
        reference.f1_score(y, p, average="macro", labels=LABELS, zero_division=0)
    )
    assert value(MatthewsCorrelation(LABELS), gold, said) == pytest.approx(
        reference.matthews_corrcoef(y, p)
    )


def test_an_answer_that_is_missing_counts_as_wrong_in_the_correlation():
    gold = [("a",), ("b",), ("a",), ("b",)]
    said = [("a",), ("b",), (), ("b",)]
    expected = reference.matthews_corrcoef(["a", "b", "a", "b"], ["a", "b", "none", "b"])
    assert value(MatthewsCorrelation(LABELS), gold, said) == pytest.approx(expected)


def test_a_label_outside_the_gold_vocabulary_is_a_false_positive():
    # tp 1, predicted 2, gold 1: 2 * 1 / 3
    assert value(MicroF1(), [("a",)], [("a", "elsewhere")]) == pytest.approx(2 / 3)


def test_counts_give_the_count_preserving_f1():
    # Node counts: gold x 2, y 1; predicted x 1, z 1. TP = min(2,1) = 1; 2 * 1 / (2 + 3).
    assert value(MicroF1(), [("x", "x", "y")], [("x", "z")]) == pytest.approx(0.4)


def test_macro_f1_is_the_mean_of_f1s_over_the_labels_with_gold():
    # a: tp 1 of 1 and 1: F1 1. b: never predicted: 0. c and d have no gold and are not counted.
    assert value(MacroF1(LABELS), [("a",), ("b",)], [("a",), ("c",)]) == 0.5
    assert np.isnan(value(MacroF1(("c", "d")), [("a",)], [("c",)]))


def test_ranked_metrics_by_hand():
    gold, ranking = [("a", "d")], [("a", "b", "c", "d")]
    assert value(AveragePrecision(), gold, ranking) == pytest.approx((1 / 1 + 2 / 4) / 2)
    assert value(RPrecision(), gold, ranking) == pytest.approx(1 / 2)
    assert value(RecallAt(3), gold, ranking) == pytest.approx(1 / 2)
    assert value(RecallAt(4), gold, ranking) == pytest.approx(1.0)


def test_average_precision_agrees_with_scikit_learn_when_all_labels_are_ranked():
    generator = np.random.default_rng(5)
    scores = generator.random(4)
    ranking = tuple(LABELS[i] for i in np.argsort(-scores))
    target = np.array([1, 0, 0, 1])
    assert value(AveragePrecision(), [("a", "d")], [ranking]) == pytest.approx(
        reference.average_precision_score(target, scores)
    )


def test_shares_of_all_kinds_sum_to_one():
    said = [("x", "y"), ("x",), ()]
    gold = [()] * 3
    assert value(Share("x"), gold, said) == pytest.approx(2 / 3)
    assert value(Share("x"), gold, said) + value(Share("y"), gold, said) == pytest.approx(1)
    assert np.isnan(value(Share("x"), [()], [()]))


def test_mean_count_counts_predicted_labels():
    assert value(MeanCount(), [("a",)] * 2, [("a", "b", "c"), ()]) == 1.5


ALL = [
    Accuracy(),
    ExampleF1(),
    Jaccard(),
    MicroF1(),
    MicroPrecision(),
    MicroRecall(),
    MacroF1(LABELS),
    BalancedAccuracy(LABELS),
    MatthewsCorrelation(LABELS),
    AveragePrecision(),
    RPrecision(),
    RecallAt(2),
    Share("a"),
]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_order_splits_and_copies_change_no_metric(seed):
    gold, said = random_sets(seed, n=20)
    order = np.random.default_rng(seed).permutation(20)
    for metric in ALL:
        rows = metric.contributions(gold, said)
        figure = float(metric.value(rows.sum(axis=0)))
        shuffled = value(metric, [gold[i] for i in order], [said[i] for i in order])
        halves = metric.contributions(gold[:7], said[:7]).sum(axis=0) + metric.contributions(
            gold[7:], said[7:]
        ).sum(axis=0)
        assert shuffled == pytest.approx(figure, abs=1e-12, nan_ok=True)
        assert float(metric.value(halves)) == pytest.approx(figure, abs=1e-12, nan_ok=True)
        assert value(metric, gold * 2, said * 2) == pytest.approx(figure, abs=1e-12, nan_ok=True)
        low, high = metric.bounds
        assert np.isnan(figure) or low <= figure <= high


def test_values_are_vectorised_over_leading_axes():
    gold, said = random_sets(1)
    for metric in ALL:
        rows = metric.contributions(gold, said)
        sums = np.stack([rows.sum(axis=0), rows[:30].sum(axis=0)])
        both = metric.value(sums)
        assert both.shape == (2,)
        assert both[1] == pytest.approx(float(metric.value(rows[:30].sum(axis=0))), nan_ok=True)
