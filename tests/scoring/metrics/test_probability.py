"""Metrics of probabilities against scikit-learn, scipy and hand-worked cases."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as reference

from parrot_bench.scoring.metrics.discrimination import AreaUnderGeneralisedRiskCoverage
from parrot_bench.scoring.metrics.probability import (
    BrierScore,
    BrierSkill,
    ExpectedCalibrationError,
    LogLoss,
    null_band,
    top_label,
)

LABELS = ("a", "b", "c", "d")
LOSSES = [BrierScore(LABELS), BrierSkill(LABELS), LogLoss(LABELS)]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("ties", [True, False])
def test_losses_agree_with_scikit_learn(draw, value, seed, ties):
    # With ties some gold labels have probability 0, so that the clipping is seen too.
    gold, said = draw.probabilities(seed, ties=ties)
    y, table = [g[0] for g in gold], np.array([list(each.values()) for each in said])
    shares = np.mean([[g == label for label in LABELS] for g in y], axis=0)
    base = np.tile(shares, (len(y), 1))

    def brier(each):
        return reference.brier_score_loss(y, each, labels=LABELS, scale_by_half=False)

    assert value(BrierScore(LABELS), gold, said) == pytest.approx(brier(table))
    assert value(LogLoss(LABELS), gold, said) == pytest.approx(
        reference.log_loss(y, table, labels=LABELS)
    )
    assert value(BrierSkill(LABELS), gold, said) == pytest.approx(1 - brier(table) / brier(base))


def test_brier_score_of_two_labels_is_twice_the_binary_one(value):
    gold, said = [("yes",), ("no",)], [{"yes": 0.8, "no": 0.2}, {"yes": 0.6, "no": 0.4}]
    # Binary: (0.2^2 + 0.6^2) / 2 = 0.2
    assert value(BrierScore(("no", "yes")), gold, said) == pytest.approx(0.4)
    assert reference.brier_score_loss([1, 0], [0.8, 0.6]) == pytest.approx(0.2)


def test_skill_of_the_base_rates_is_zero_and_of_certainty_one(value):
    gold = [("a",), ("a",), ("a",), ("b",)]
    base = [{"a": 0.75, "b": 0.25}] * 4
    sure = [{"a": float(g == ("a",)), "b": float(g == ("b",))} for g in gold]
    assert value(BrierSkill(("a", "b")), gold, base) == pytest.approx(0, abs=1e-15)
    assert value(BrierSkill(("a", "b")), gold, sure) == 1
    assert np.isnan(value(BrierSkill(("a", "b")), gold[:3], base[:3]))


def test_log_loss_of_the_impossible_is_the_clip(value):
    said = [{"a": 0.0, "b": 1.0}]
    assert value(LogLoss(("a", "b")), [("a",)], said) == pytest.approx(52 * math.log(2))


def test_calibration_error_by_hand(value):
    # Bins of width 0.5. First, up to 0.5 included: 0.5 right. Second: 0.6 right, 0.8 wrong,
    # 1.0 right. Gaps: |1 - 0.5| = 0.5 and |2 - 2.4| = 0.4, over 4 reports.
    gold = [("a",)] * 4
    said = [
        {"a": 0.5, "b": 0.3, "c": 0.2},
        {"a": 0.6, "b": 0.4},
        {"a": 0.2, "b": 0.8},
        {"a": 1.0},
    ]
    assert value(ExpectedCalibrationError(2), gold, said) == pytest.approx(0.9 / 4)


@pytest.mark.parametrize("bins", [1, 7, 10])
def test_calibration_error_is_its_definition(draw, value, bins):
    gold, said = draw.probabilities(4, n=300)
    confidence, right = (np.asarray(each) for each in top_label(gold, said))
    expected = 0.0
    for b in range(bins):
        # Tenths against bins of tenths: a confidence of k/10 is the upper end of bin k.
        inside = np.array([math.ceil(round(p * bins, 9)) - 1 == b for p in confidence])
        if inside.any():
            expected += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    assert value(ExpectedCalibrationError(bins), gold, said) == pytest.approx(expected)


def test_the_top_label_of_a_tie_is_the_first_of_the_alphabet():
    confidence, right = top_label([("a",), ("b",)], [{"b": 0.5, "a": 0.5}] * 2)
    assert confidence.tolist() == [0.5, 0.5]
    assert right.tolist() == [True, False]


def test_null_band_of_one_bin_is_that_of_the_binomial():
    # 20 reports of confidence 0.5: |right - 10| / 20, right binomial. Least d with
    # P(|right - 10| <= d) >= 0.975 is 5 (0.9882; for 4 it is 0.9586), and 0 has 0.176.
    high = next(d for d in range(11) if stats.binom(20, 0.5).cdf([9 - d, 10 + d]) @ [-1, 1] > 0.975)
    assert high == 5
    assert null_band(np.full(20, 0.5), draws=20_000, seed=3) == (0.0, 0.25)


def test_null_band_holds_calibrated_models_as_often_as_it_says():
    generator = np.random.default_rng(8)
    inside = []
    for seed in range(200):
        p = generator.uniform(0.5, 1, size=100)
        right = generator.random(100) < p
        bins = np.ceil(p * 10)
        error = sum(abs((right - p)[bins == b].sum()) for b in range(1, 11)) / 100
        low, high = null_band(p, draws=200, seed=seed)
        inside.append(low <= error <= high)
    assert 0.90 <= np.mean(inside) <= 0.99


def test_null_band_depends_on_neither_order_nor_portions(monkeypatch):
    p = np.random.default_rng(1).uniform(0.3, 1, size=50)
    first = null_band(p, draws=100)
    assert null_band(p[::-1], draws=100) == first
    monkeypatch.setattr("parrot_bench.scoring.metrics.probability.CELLS", 333)
    assert null_band(p, draws=100) == first


def test_a_sure_model_that_is_calibrated_has_no_error():
    assert null_band(np.array([0.0, 1.0, 1.0])) == (0.0, 0.0)


BAD = {
    "nan": ({"a": math.nan, "b": 0.5, "c": 0.5, "d": 0.0}, "nan.*between 0 and 1"),
    "above": ({"a": 1.5, "b": -0.5, "c": 0.0, "d": 0.0}, "1.5.*between 0 and 1"),
    "below": ({"a": -0.5, "b": 0.5, "c": 0.5, "d": 0.5}, "-0.5.*between 0 and 1"),
    "infinite": ({"a": math.inf, "b": 0.0, "c": 0.0, "d": 0.0}, "inf.*between 0 and 1"),
    "sum": ({"a": 0.5, "b": 0.2, "c": 0.0, "d": 0.0}, "report 1 sum to 0.7 instead of 1"),
    "missing": ({"a": 1.0, "b": 0.0, "c": 0.0}, "no probability for label 'd'"),
}
FINE = {"a": 0.4, "b": 0.3, "c": 0.2, "d": 0.1}


@pytest.mark.parametrize("metric", LOSSES)
@pytest.mark.parametrize("kind", BAD)
def test_losses_refuse_what_is_no_probability(metric, kind):
    said, message = BAD[kind]
    with pytest.raises(ValueError, match=message):
        metric.contributions([("a",), ("b",)], [FINE, said])


@pytest.mark.parametrize("metric", LOSSES)
def test_losses_refuse_gold_outside_the_labels(metric):
    for gold in (("z",), (), ("a", "b")):
        with pytest.raises(ValueError, match=r"Gold of report 1 is .* exactly one of the 4 labels"):
            metric.contributions([("a",), gold], [FINE, FINE])


def test_rounded_probabilities_are_taken(value):
    said = [{"a": 0.334, "b": 0.333, "c": 0.332, "d": 0.0}]
    assert value(LogLoss(LABELS), [("a",)], said) == pytest.approx(-math.log(0.334))


@pytest.mark.parametrize("metric", [ExpectedCalibrationError(), AreaUnderGeneralisedRiskCoverage()])
@pytest.mark.parametrize(
    ("gold", "said", "message"),
    [
        (("a",), {}, "Report 1 has no probabilities"),
        (("a",), {"a": 1.0, "b": math.nan}, "Report 1 has a score that is not a finite number"),
        (("a",), {"a": math.inf}, "Report 1 has a score that is not a finite number"),
        ((), {"a": 1.0}, "must be exactly one label"),
        (("a", "b"), {"a": 1.0}, "must be exactly one label"),
    ],
)
def test_confidence_metrics_refuse_what_has_no_confidence(metric, gold, said, message):
    with pytest.raises(ValueError, match=message):
        metric.contributions([("a",), gold], [FINE, said])


def test_calibration_needs_probabilities_and_bins():
    for said in ({"a": 1.2, "b": 0.1}, {"a": 0.9, "b": -0.1}):
        with pytest.raises(ValueError, match="between 0 and 1"):
            ExpectedCalibrationError().contributions([("a",)], [said])
    with pytest.raises(ValueError, match="at least one bin, not 0"):
        ExpectedCalibrationError(0).contributions([("a",)], [FINE])
    with pytest.raises(ValueError, match="at least one report"):
        null_band(np.array([]))
    with pytest.raises(ValueError, match="between 0 and 1"):
        null_band(np.array([0.5, np.nan]))
