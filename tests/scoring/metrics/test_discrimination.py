"""Rank metrics against scikit-learn and hand-worked cases."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics as reference

from parrot_bench.scoring.metrics.discrimination import (
    AreaUnderGeneralisedRiskCoverage,
    AreaUnderROC,
    TruePositiveRateAt,
)
from parrot_bench.scoring.metrics.probability import top_label


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("ties", [True, False])
def test_curves_agree_with_scikit_learn(draw, value, seed, ties):
    gold, said = draw.probabilities(seed, ties=ties)
    y, scores = [g == ("b",) for g in gold], [each["b"] for each in said]
    assert value(AreaUnderROC("b"), gold, said) == pytest.approx(reference.roc_auc_score(y, scores))
    fpr, tpr, _ = reference.roc_curve(y, scores, drop_intermediate=False)
    for bound in (0, 0.05, 0.1, 0.25, 0.5, 1):
        assert value(TruePositiveRateAt("b", bound), gold, said) == pytest.approx(
            tpr[fpr <= bound].max()
        )


def test_true_positive_rate_by_hand(value):
    # From the top: 0.9 positive; 0.8 one of each; 0.7 positive; 0.6 negative.
    # Thresholds: 0.9 finds 1/3 at 0; 0.8 finds 2/3 at 1/2; 0.7 all at 1/2.
    gold = [("p",), ("p",), ("n",), ("p",), ("n",)]
    said = [{"p": s} for s in (0.9, 0.8, 0.8, 0.7, 0.6)]
    assert value(TruePositiveRateAt("p", 0.49), gold, said) == pytest.approx(1 / 3)
    assert value(TruePositiveRateAt("p", 0.5), gold, said) == 1
    # Pairs won: 0.9 both; 0.8 half and one; 0.7 one. 4.5 of 6.
    assert value(AreaUnderROC("p"), gold, said) == 0.75


def test_no_threshold_within_the_bound_finds_nothing(value):
    gold, said = [("p",), ("n",)], [{"p": 0.2}, {"p": 0.9}]
    assert value(TruePositiveRateAt("p", 0.5), gold, said) == 0


def test_curves_of_one_class_have_no_value(value):
    for metric in (AreaUnderROC("p"), TruePositiveRateAt("p", 0.1)):
        assert np.isnan(value(metric, [("p",)] * 2, [{"p": 0.2}, {"p": 0.3}]))
        assert np.isnan(value(metric, [("n",)] * 2, [{"p": 0.2}, {"p": 0.3}]))
        assert np.isnan(value(metric, [], []))


def test_scores_need_not_be_probabilities(value):
    gold, said = [("p",), ("n",)], [{"p": -0.5}, {"p": -7.25}]
    assert value(AreaUnderROC("p"), gold, said) == 1


def test_risk_coverage_by_hand(value):
    # Right, wrong, right, wrong from the most confident down. Wrong and kept, of 4: 0, 0, 1, 1, 2.
    # Means of neighbours times 1/4: (0 + 0.5 + 1 + 1.5) / 4 / 4 = 0.1875.
    gold = [("a",)] * 4
    said = [{"a": 0.9}, {"b": 0.8}, {"a": 0.7}, {"b": 0.6}]
    assert value(AreaUnderGeneralisedRiskCoverage(), gold, said) == pytest.approx(0.1875)
    # All of one confidence: a straight line from 0 to 2/4.
    level = [{"a": 0.9}, {"b": 0.9}, {"a": 0.9}, {"b": 0.9}]
    assert value(AreaUnderGeneralisedRiskCoverage(), gold, level) == pytest.approx(0.25)
    assert value(AreaUnderGeneralisedRiskCoverage(), gold, [{"b": 0.9}] * 4) == 0.5
    assert value(AreaUnderGeneralisedRiskCoverage(), gold, [{"a": 0.9}] * 4) == 0
    assert np.isnan(value(AreaUnderGeneralisedRiskCoverage(), [], []))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("ties", [True, False])
def test_risk_coverage_is_the_function_of_auroc_and_accuracy_of_the_paper(draw, value, seed, ties):
    gold, said = draw.probabilities(seed, ties=ties)
    confidence, right = top_label(gold, said)
    area, accuracy = reference.roc_auc_score(right, confidence), right.mean()
    expected = (1 - area) * accuracy * (1 - accuracy) + (1 - accuracy) ** 2 / 2
    assert value(AreaUnderGeneralisedRiskCoverage(), gold, said) == pytest.approx(expected)


def test_resamples_are_one_product_of_weights_and_sparse_rows(draw):
    gold, said = draw.probabilities(2)
    generator = np.random.default_rng(0)
    weights = generator.multinomial(len(gold), np.full(len(gold), 1 / len(gold)), size=20)
    rows = AreaUnderROC("a").contributions(gold, said)
    assert rows.format == "csr"
    assert rows.nnz == len(gold)
    y, scores = np.array([g == ("a",) for g in gold]), np.array([each["a"] for each in said])
    assert AreaUnderROC("a").value(weights.astype(float) @ rows) == pytest.approx(
        [reference.roc_auc_score(y, scores, sample_weight=each) for each in weights]
    )


@pytest.mark.parametrize("metric", [AreaUnderROC("p"), TruePositiveRateAt("p", 0.1)])
def test_scores_that_are_missing_or_no_numbers_are_refused(metric):
    for score in (math.nan, math.inf, -math.inf):
        with pytest.raises(ValueError, match=r"Report 1 has the score .*must be finite"):
            metric.contributions([("p",), ("n",)], [{"p": 0.5}, {"p": score}])
    with pytest.raises(ValueError, match="Report 1 has no score for label 'p'"):
        metric.contributions([("p",), ("n",)], [{"p": 0.5}, {"n": 0.5}])


@pytest.mark.parametrize("bound", [-0.1, 1.1, math.nan])
def test_a_rate_outside_zero_and_one_is_refused(bound):
    with pytest.raises(ValueError, match="between 0 and 1"):
        TruePositiveRateAt("p", bound)
