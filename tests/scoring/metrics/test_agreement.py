"""Confusion metrics against scikit-learn and hand-worked cases."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as reference

from parrot_bench.scoring.metrics.agreement import MatthewsCorrelation, WeightedKappa

LABELS = ("a", "b", "c", "d")


@pytest.mark.parametrize("seed", range(3))
def test_confusion_metrics_agree_with_scikit_learn(draw, value, seed):
    gold, said = draw.single(seed)
    y, p = [g[0] for g in gold], [s[0] for s in said]
    assert value(MatthewsCorrelation(LABELS), gold, said) == pytest.approx(
        reference.matthews_corrcoef(y, p)
    )
    for weights in ("linear", "quadratic", "none"):
        assert value(WeightedKappa(LABELS, weights), gold, said) == pytest.approx(
            reference.cohen_kappa_score(
                y, p, labels=LABELS, weights=None if weights == "none" else weights
            )
        )


@pytest.mark.parametrize("answer", [(), ("elsewhere",), ("a", "b")])
def test_an_answer_that_is_no_label_is_a_class_of_its_own(value, answer):
    gold = [("a",), ("b",), ("a",), ("b",)]
    said = [("a",), ("b",), answer, ("b",)]
    y, p = ["a", "b", "a", "b"], ["a", "b", "none", "b"]
    assert value(MatthewsCorrelation(LABELS), gold, said) == pytest.approx(
        reference.matthews_corrcoef(y, p)
    )
    assert value(WeightedKappa(LABELS), gold, said) == pytest.approx(
        reference.cohen_kappa_score(y, p)
    )


def test_an_answer_that_is_no_label_is_as_far_as_the_scale_is_long(value):
    # Three labels. Observed: a against nothing, distance 2; c against c, 0. Sum 2.
    # Expected from the margins (gold a 1, c 1; predicted nothing 1, c 1; n 2):
    # (a, nothing 2 + a, c 2 + c, nothing 2 + c, c 0) / 2 = 3. Kappa 1 - 2/3.
    gold, said = [("a",), ("c",)], [(), ("c",)]
    assert value(WeightedKappa(LABELS[:3], "linear"), gold, said) == pytest.approx(1 / 3)
    # Squared, 4 / ((4 + 4 + 4) / 2): the same.
    assert value(WeightedKappa(LABELS[:3], "quadratic"), gold, said) == pytest.approx(1 / 3)


def test_weights_by_hand(value):
    # Pairs (a, b), (a, a), (c, c), (c, c). Observed linear 1, quadratic 1.
    # Gold a 2, c 2; predicted a 1, b 1, c 2; n 4. Expected linear: (a: 0 + 1 + 2 * 2 = 5, twice;
    # c: 2 + 1 + 0 = 3, twice) / 4 = 4; quadratic: (a: 0 + 1 + 8 = 9; c: 4 + 1 = 5) * 2 / 4 = 7.
    gold, said = [("a",), ("a",), ("c",), ("c",)], [("b",), ("a",), ("c",), ("c",)]
    assert value(WeightedKappa(LABELS[:3], "linear"), gold, said) == pytest.approx(1 - 1 / 4)
    assert value(WeightedKappa(LABELS[:3], "quadratic"), gold, said) == pytest.approx(1 - 1 / 7)


def test_complete_disagreement_of_two_labels_is_minus_one(value):
    gold, said = [("a",), ("b",)], [("b",), ("a",)]
    assert value(MatthewsCorrelation(("a", "b")), gold, said) == pytest.approx(-1)
    assert value(WeightedKappa(("a", "b")), gold, said) == pytest.approx(-1)


def test_a_single_class_is_zero_correlation_and_no_kappa(value):
    same = [("a",)] * 4
    assert value(MatthewsCorrelation(LABELS), same, same) == 0
    assert np.isnan(value(WeightedKappa(LABELS), same, same))
    assert np.isnan(value(WeightedKappa(("a",), "linear"), same, same))
    assert value(WeightedKappa(LABELS), same, [("a",), ("b",), ("a",), ("b",)]) == 0


@pytest.mark.parametrize("metric", [MatthewsCorrelation(LABELS), WeightedKappa(LABELS)])
@pytest.mark.parametrize("gold", [("z",), (), ("a", "b")])
def test_gold_that_is_not_one_of_the_labels_is_refused(metric, gold):
    with pytest.raises(ValueError, match=r"Gold of report 1 is .* exactly one of the 4 labels"):
        metric.contributions([("a",), gold], [("a",), ("a",)])


def test_unknown_weights_are_refused():
    with pytest.raises(ValueError, match="'linear', 'quadratic' or 'none', not 'cubic'"):
        WeightedKappa(LABELS, "cubic")
