"""Estimates: the rule for every degenerate case, and what must never change one."""

from __future__ import annotations

from math import log, sqrt

import numpy as np
import pytest
from scipy import stats

from parrot_bench.scoring.estimates.measured import estimate, macro, measure
from parrot_bench.scoring.metrics.agreement import MatthewsCorrelation, WeightedKappa
from parrot_bench.scoring.metrics.discrimination import (
    AreaUnderGeneralisedRiskCoverage,
    AreaUnderROC,
)
from parrot_bench.scoring.metrics.label_sets import Accuracy, Jaccard, MeanCount, MicroF1
from parrot_bench.scoring.metrics.per_label import BalancedAccuracy, LabelPrecision, MacroF1
from parrot_bench.scoring.metrics.probability import (
    BrierScore,
    BrierSkill,
    ExpectedCalibrationError,
    LogLoss,
    null_band,
)
from parrot_bench.scoring.metrics.ranking import AveragePrecision

LABELS = ("a", "b", "c", "d")


@pytest.fixture
def accuracy(make):
    """Estimates of accuracy from who was right."""

    def of(right, languages, authors, copies=None, **options):
        design = make.design(languages, authors, copies)
        return estimate(Accuracy(), *make.hits(right), design, **options)

    return of


def wilson_by_hand(p, n, t):
    centre, half = p + t * t / (2 * n), t * sqrt(p * (1 - p) / n + t * t / (4 * n * n))
    return (centre - half) / (1 + t * t / n), (centre + half) / (1 + t * t / n)


def test_one_report_has_a_value_and_no_interval(accuracy):
    one = accuracy([True], ["bs"], ["x"])["bs"]
    assert (one.value, one.low, one.high, one.n, one.clusters) == (1.0, None, None, 1, 1)
    assert (one.method, one.estimand, one.correlation) == ("none", "", None)
    assert one.note == "one report: no interval"


def test_all_or_none_right_has_a_wilson_interval(accuracy):
    # At 26 of 26 the lower end is n / (n + z^2), and 1 minus it the upper end of 0 of 26; the
    # variance of independent reports is no estimate of its own, so z it is: .871.
    t = stats.norm.ppf(0.975)
    right = accuracy([True] * 26, ["nl"] * 26, ["x"] * 26)["nl"]
    assert (right.value, right.high) == (1.0, 1.0)
    assert right.low == pytest.approx(26 / (26 + t * t), abs=1e-9)
    # Wilson's own, .871 in the literature, has the normal quantile.
    assert right.low == pytest.approx(0.871, abs=0.015)
    wrong = accuracy([False] * 26, ["nl"] * 26, ["x"] * 26)["nl"]
    assert (wrong.value, wrong.low) == (0.0, 0.0)
    assert wrong.high == pytest.approx(1 - right.low)


def test_contributors_known_from_other_languages_widen_a_perfect_score(accuracy, make):
    languages, authors, right = make.clustered(0, {"de": [25] * 20}, 0.7, 0.3)
    languages, authors = [*languages, *["nl"] * 26], [*authors, *["x"] * 26]
    both = accuracy([*right, *[True] * 26], languages, authors)
    alone = accuracy([True] * 26, ["nl"] * 26, ["x"] * 26)["nl"]
    assert both["nl"].value == 1.0
    assert both["nl"].low < alone.low - 0.1
    assert (both["nl"].estimand, both["nl"].clusters) == ("B", 1)
    assert both["nl"].correlation == both["de"].correlation > 0.1


def test_a_proportion_has_the_pooled_correlation_wilson_interval(accuracy, make):
    sizes = {"de": [20, 41, 33, 28, 60, 15, 22], "pl": [12, 30]}
    languages, authors, right = make.clustered(3, sizes, 0.8, 0.15)
    design = make.design(languages, authors)
    measured = measure(Accuracy(), *make.hits(right), design)
    found = accuracy(right, languages, authors)
    rho, doubt = measured.correlation.value, measured.correlation.variance
    assert rho > 0.02
    for name, counts in sizes.items():
        n = sum(counts)
        p = right[np.array(languages) == name].mean()
        repeats = (sum(m * m for m in counts) - n) / n**2
        variance = p * (1 - p) * (1 / n + rho * repeats)
        # Satterthwaite: twice the squared variance over the variance of that variance.
        of_it = (p * (1 - p) * repeats) ** 2 * doubt
        degrees = 2 * variance**2 / of_it
        effective = n / (1 + rho * (sum(m * m for m in counts) / n - 1))
        assert p * (1 - p) / variance == pytest.approx(effective)
        low, high = wilson_by_hand(p, effective, stats.t.ppf(0.975, max(degrees, 3)))
        assert (found[name].low, found[name].high) == pytest.approx((low, high), abs=1e-6)
        assert (found[name].method, found[name].estimand) == ("Wilson", "B")
        assert (found[name].n, found[name].clusters) == (n, len(counts))


def test_reports_of_few_contributors_are_taken_as_independent_and_it_is_said(accuracy):
    found = accuracy([True] * 12 + [False] * 8, ["nl"] * 20, ["x"] * 20)
    low, high = wilson_by_hand(0.6, 20, stats.norm.ppf(0.975))
    for name in ("nl", "macro", "pooled"):
        assert (found[name].low, found[name].high) == pytest.approx((low, high), abs=1e-9)
        assert (found[name].estimand, found[name].correlation) == ("A", None)
        assert "too few contributors" in found[name].note


def test_one_report_of_each_contributor_speaks_of_new_contributors(accuracy):
    names = [f"c{i}" for i in range(20)]
    found = accuracy([True] * 12 + [False] * 8, ["nl"] * 20, names)["nl"]
    low, high = wilson_by_hand(0.6, 20, stats.norm.ppf(0.975))
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)
    assert (found.estimand, found.correlation, found.note) == ("B", None, "")


def test_macro_is_the_mean_of_the_large_languages(accuracy):
    # de 10 of 20, fr 20 of 20, bs 0 of 1.
    right = [True] * 10 + [False] * 10 + [True] * 20 + [False]
    languages = ["de"] * 20 + ["fr"] * 20 + ["bs"]
    found = accuracy(right, languages, [f"c{i}" for i in range(41)])
    assert found["macro"].value == pytest.approx(0.75)
    assert found["macro"].n == 40
    assert found["macro"].note.startswith("mean of 2 languages; fewer than 10 reports, left out: b")
    assert found["pooled"].value == pytest.approx(30 / 41)
    assert found["pooled"].n == 41
    assert found["bs"].value == 0


def test_variances_of_macro_and_pooled_by_hand(make):
    # Independent reports. de 15 of 20, fr 24 of 40.
    right = [True] * 15 + [False] * 5 + [True] * 24 + [False] * 16
    design = make.design(["de"] * 20 + ["fr"] * 40, [f"c{i}" for i in range(60)])
    found = measure(Accuracy(), *make.hits(right), design)
    of_de, of_fr = 0.75 * 0.25 / 20, 0.6 * 0.4 / 40
    assert found.uncertainty(macro(found))[0] == pytest.approx((of_de + of_fr) / 4)
    # Languages are strata: 20 and 40 of 60, whatever they differ by.
    expected = (20 / 60) ** 2 * of_de + (40 / 60) ** 2 * of_fr
    assert found.uncertainty(found.pooled)[0] == pytest.approx(expected, rel=1e-6)


def test_a_perfect_language_keeps_its_doubt_in_the_mean(make):
    # de 20 of 20 counts as 21 of 22; fr 15 of 30. Reports are independent.
    right = [True] * 20 + [True] * 15 + [False] * 15
    design = make.design(["de"] * 20 + ["fr"] * 30, [f"c{i}" for i in range(50)])
    found = measure(Accuracy(), *make.hits(right), design)
    expected = (21 / 22 * (1 / 22) / 20 + 0.25 / 30) / 4
    assert found.uncertainty(macro(found))[0] == pytest.approx(expected)
    assert macro(found).value == 0.75


def test_biases_of_languages_add_up_in_the_mean(draw, make):
    # Kappa is curved. Half the jackknife's bias, found in a loop, is squared in the mean; two
    # languages of the same answers have it twice, and errors that do not.
    gold, said = draw.single(1, 24)
    metric = WeightedKappa(LABELS, "quadratic")
    rows = metric.contributions(gold, said)
    left = [float(metric.value(rows.sum(axis=0) - row)) for row in rows]
    bias = 23 * (np.mean(left) - float(metric.value(rows.sum(axis=0)))) / 2
    design = make.design(["de"] * 24 + ["fr"] * 24, [f"c{i}" for i in range(48)])
    found = measure(metric, gold * 2, said * 2, design)
    errors = sum(found.uncertainty(figure)[0] for figure in found.languages.values()) / 4
    assert abs(bias) > 1e-3
    assert found.uncertainty(macro(found))[0] == pytest.approx(errors + bias**2, rel=1e-6)


def test_macro_is_null_with_the_reason(accuracy):
    small = accuracy([True] * 9, ["bs"] * 9, ["x"] * 9)["macro"]
    assert (small.value, small.low, small.note) == (None, None, "no language has 10 reports")
    right, languages = [True] * 30, ["de"] * 15 + ["fr"] * 15
    names = [f"c{i}" for i in range(30)]
    partial = accuracy(right, languages, names, asked={"de": 15, "fr": 16})["macro"]
    assert (partial.value, partial.note) == (None, "not every report was answered in fr")
    absent = accuracy(right, languages, names, asked={"de": 15, "fr": 15, "pl": 40})["macro"]
    assert (absent.value, absent.note) == (None, "not every report was answered in pl")
    # A small language is not waited for.
    done = accuracy(right, languages, names, asked={"de": 15, "fr": 15, "bs": 9})["macro"]
    assert done.value == 1.0
    assert "left out: bs" in done.note


def test_macro_is_null_where_a_language_is_undefined(make):
    # Nothing is predicted in fr: no precision.
    gold = [("a",)] * 24
    said = [("a",)] * 12 + [()] * 12
    design = make.design(["de"] * 12 + ["fr"] * 12, ["x"] * 24)
    found = estimate(LabelPrecision("a"), gold, said, design)
    assert (found["fr"].value, found["fr"].note) == (None, "undefined here")
    assert (found["macro"].value, found["macro"].note) == (None, "undefined for fr")
    assert found["pooled"].value == 1.0


def test_classes_without_gold_are_left_out_and_it_is_said(make):
    gold, said = [("a",)] * 6 + [("b",)] * 6, [("a",)] * 6 + [("c",)] * 6
    found = estimate(MacroF1(LABELS), gold, said, make.design(["hr"] * 12, ["x"] * 12))["hr"]
    # F1 of a 1, of b 0; nothing of c, though it was predicted.
    assert found.value == pytest.approx(0.5)
    assert found.note.startswith("over the 2 of 4 labels with gold")
    assert 0 < found.low < 0.5 < found.high < 1


def test_a_perfect_score_over_labels_is_no_certainty(make):
    gold = [("a",)] * 20 + [("b",)] * 3
    design = make.design(["hr"] * 23, ["x"] * 23)
    for metric in (MacroF1(LABELS), BalancedAccuracy(LABELS), MicroF1(), Jaccard()):
        found = estimate(metric, gold, gold, design)["hr"]
        assert (found.value, found.high) == (1.0, 1.0)
        assert 0.5 < found.low < 0.95


def test_another_language_is_felt_through_the_correlation_alone(accuracy, make):
    languages, authors, right = make.clustered(1, {"de": [20] * 6, "fr": [30] * 2}, 0.7, 0)
    names = [f"c{i}" for i in range(len(right))]
    both = accuracy(right, languages, names)
    alone = accuracy(right[:120], languages[:120], names[:120])
    assert both["de"] == alone["de"]
    assert accuracy(right, languages, authors)["de"].value == alone["de"].value


@pytest.mark.parametrize(
    "metric",
    [
        AreaUnderROC("a"),
        AreaUnderGeneralisedRiskCoverage(),
        BrierScore(LABELS),
        LogLoss(LABELS),
        AveragePrecision(),
    ],
)
def test_rankings_and_probabilities_have_estimates(draw, make, metric):
    kind = "rankings" if metric.reads == "ranking" else "probabilities"
    gold, said = getattr(draw, kind)(1, 120)
    languages = ["de", "fr"] * 60
    authors = [f"{each}{i % 5}" for i, each in enumerate(languages)]
    found = estimate(metric, gold, said, make.design(languages, authors))
    rows = [i for i, each in enumerate(languages) if each == "fr"]
    dense = metric.contributions([gold[i] for i in rows], [said[i] for i in rows])
    assert found["fr"].value == pytest.approx(float(metric.value(dense.sum(axis=0))), abs=1e-8)
    for each in found.values():
        assert metric.bounds[0] <= each.low < each.value < each.high <= metric.bounds[1]
        assert (each.method, each.estimand) == ("Wilson on the jackknife variance", "B")
        assert each.high - each.low < (metric.bounds[1] - metric.bounds[0]) / 2


def test_a_figure_without_bounds_has_a_student_interval(draw, make):
    gold, said = draw.probabilities(2, 60)
    found = estimate(BrierSkill(LABELS), gold, said, make.design(["de"] * 60, ["x"] * 60))["de"]
    assert found.method == "Student's t on the jackknife variance"
    assert found.high - found.value == pytest.approx(found.value - found.low)
    # Mean count: sqrt(s^2 / n) times t with 59 degrees, s^2 between its two definitions.
    gold, said = draw.sets(2, 60)
    counts = np.array([len(each) for each in said])
    found = estimate(MeanCount(), gold, said, make.design(["de"] * 60, ["x"] * 60))["de"]
    variance = counts.var() * (1 / 60 + 1 / 59) / 2
    half = stats.t.ppf(0.975, 59) * sqrt(variance)
    assert (found.low, found.high) == pytest.approx(
        (counts.mean() - half, counts.mean() + half), rel=1e-6
    )


def test_the_calibration_error_has_a_null_band_instead_of_an_interval(draw, make):
    gold, said = draw.probabilities(3, 620)
    languages = ["de"] * 320 + ["fr"] * 300
    found = estimate(
        ExpectedCalibrationError(), gold, said, make.design(languages, ["x"] * 320 + ["y"] * 300)
    )
    top = np.array([max(each.values()) for each in said[:320]])
    low, high = null_band(top)
    assert found["de"].value is not None
    for name in ("de", "fr", "pooled"):
        assert (found[name].low, found[name].high, found[name].method) == (None, None, "none")
    assert f"a calibrated model shows {low:.3f} to {high:.3f}" in found["de"].note
    few = estimate(
        ExpectedCalibrationError(), gold[:299], said[:299], make.design(["de"] * 299, ["x"] * 299)
    )
    for name in ("de", "pooled"):
        assert few[name].value is None
        assert few[name].note.endswith("fewer than 300 reports")
    assert few["macro"].note == "undefined for de"


def test_a_figure_at_its_bound_is_not_beyond_it(make):
    # Wrong with certainty: the greatest log loss, which is no whole number of steps.
    metric = LogLoss(("a", "b"))
    said = [{"a": 0.0, "b": 1.0}] * 26
    found = estimate(metric, [("a",)] * 26, said, make.design(["de"] * 26, ["x"] * 26))["de"]
    assert found.value == found.high == pytest.approx(-log(np.finfo(float).eps), abs=1e-11)


def test_bad_input_is_refused(make):
    design = make.design(["de"] * 2, ["x"] * 2)
    two = [("a",)] * 2
    even = dict.fromkeys(LABELS, 0.25)
    with pytest.raises(ValueError, match="must be a number between 0 and 1"):
        estimate(BrierScore(LABELS), two, [even, even | {"a": float("nan")}], design)
    with pytest.raises(ValueError, match="Report 0 has a score that is not a finite number"):
        estimate(
            AreaUnderGeneralisedRiskCoverage(), two, [even | {"a": float("nan")}, even], design
        )
    with pytest.raises(ValueError, match="exactly one of the 4 labels"):
        estimate(MatthewsCorrelation(LABELS), [("a",), ("z",)], two, design)
    with pytest.raises(ValueError, match="2 gold answers and 1 predictions for 2 reports"):
        estimate(Accuracy(), two, two[:1], design)
    with pytest.raises(ValueError, match="3 gold answers and 3 predictions for 2 reports"):
        estimate(Accuracy(), [*two, ("a",)], [*two, ("a",)], design)
    with pytest.raises(ValueError, match="No report is selected"):
        estimate(Accuracy(), [], [], make.design([], []))
