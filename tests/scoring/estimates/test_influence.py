"""Influence of single reports: analytic derivatives, a jackknife in a loop, DeLong."""

from __future__ import annotations

import numpy as np
import pytest

from parrot_bench.scoring.estimates.influence import influence
from parrot_bench.scoring.estimates.tabulation import make_pairs
from parrot_bench.scoring.metrics.agreement import MatthewsCorrelation, WeightedKappa
from parrot_bench.scoring.metrics.discrimination import (
    AreaUnderGeneralisedRiskCoverage,
    AreaUnderROC,
)
from parrot_bench.scoring.metrics.label_sets import Accuracy, Jaccard, MicroF1
from parrot_bench.scoring.metrics.per_label import BalancedAccuracy, LabelF1, MacroF1
from parrot_bench.scoring.metrics.probability import BrierSkill, LogLoss

LABELS = ("a", "b", "c", "d")


def of(metric, gold, said):
    pairs = make_pairs(gold, said, np.arange(len(gold)), distinct=metric.reads != "probabilities")
    return influence(pairs.table(metric, slice(0, len(gold))))


def test_accuracy_moves_by_how_far_a_report_is_from_it(draw):
    gold, said = draw.single(0)
    right = np.array([g == s for g, s in zip(gold, said, strict=True)])
    p, n = right.mean(), len(gold)
    found = of(Accuracy(), gold, said)
    assert found.value == pytest.approx(p)
    assert found.slope == pytest.approx((right - p) / n, rel=1e-6)
    assert found.within == pytest.approx(p * (1 - p) / n, rel=1e-12)


def test_micro_f1_has_the_slope_of_its_linearisation(draw):
    gold, said = draw.sets(1)
    both = np.array([len(set(g) & set(p)) for g, p in zip(gold, said, strict=True)])
    sizes = np.array([len(p) + len(g) for g, p in zip(gold, said, strict=True)])
    f1 = 2 * both.sum() / sizes.sum()
    expected = (2 * both - f1 * sizes) / sizes.sum()
    assert of(MicroF1(), gold, said).slope == pytest.approx(expected, rel=1e-5, abs=1e-9)


def test_balanced_accuracy_moves_by_the_recall_of_the_reports_own_label(draw):
    gold, said = draw.single(2)
    y, p = np.array([g[0] for g in gold]), np.array([s[0] for s in said])
    expected = np.zeros(len(y))
    for label in LABELS:
        own = y == label
        recall = (p[own] == label).mean()
        expected[own] = ((p[own] == label) - recall) / (len(LABELS) * own.sum())
    found = of(BalancedAccuracy(LABELS), gold, said)
    assert found.slope == pytest.approx(expected, rel=1e-4, abs=1e-7)


@pytest.mark.parametrize(
    ("metric", "kind"),
    [
        (MicroF1(), "sets"),
        (Jaccard(), "sets"),
        (MatthewsCorrelation(LABELS), "single"),
        (WeightedKappa(LABELS, "quadratic"), "single"),
        (LogLoss(LABELS), "probabilities"),
        (BrierSkill(LABELS), "probabilities"),
        (AreaUnderROC("a"), "probabilities"),
        (AreaUnderGeneralisedRiskCoverage(), "probabilities"),
    ],
)
def test_variance_and_bias_are_those_of_a_jackknife_in_a_loop(draw, metric, kind):
    gold, said = getattr(draw, kind)(3, 40)
    n = len(gold)
    rows = metric.contributions(gold, said)
    rows = rows if isinstance(rows, np.ndarray) else rows.toarray()
    total = rows.sum(axis=0)
    left = np.array([float(metric.value(total - row)) for row in rows])
    jackknife = (n - 1) / n * ((left - left.mean()) ** 2).sum()
    bias = (n - 1) * (left.mean() - float(metric.value(total)))
    # A derivative of another kind: one-sided, by a millionth of a report.
    slope = np.array([float(metric.value(total + 1e-6 * row)) for row in rows])
    slope = (slope - float(metric.value(total))) / 1e-6
    linear = ((slope - slope.mean()) ** 2).sum()
    found = of(metric, gold, said)
    if metric.gradient(total) is not None:
        # Metrics that know their slopes have the first variance alone, without bias.
        assert found.within == pytest.approx(linear * n / (n - 1), rel=1e-3)
        return
    assert found.within == pytest.approx((linear + max(linear, jackknife)) / 2, rel=1e-3)
    assert found.bias == pytest.approx(bias, abs=1e-6)
    assert found.slope.sum() == pytest.approx(0, abs=1e-9)


def test_the_variance_of_a_mean_lies_between_the_textbook_ones(draw):
    gold, said = draw.sets(6)
    pairs = zip(map(set, gold), map(set, said), strict=True)
    each = np.array([len(g & p) / len(g | p) for g, p in pairs])
    n = len(each)
    expected = each.var() * (1 / n + 1 / (n - 1)) / 2
    assert of(Jaccard(), gold, said).within == pytest.approx(expected, rel=1e-6)


def test_the_variance_of_an_area_is_that_of_delong():
    generator = np.random.default_rng(8)
    positive, negative = generator.normal(1.2, 1, 220), generator.normal(0, 1, 260)
    won = (positive[:, None] > negative).astype(float)
    # DeLong, DeLong and Clarke-Pearson 1988: variances of the two sets of placement values.
    delong = won.mean(axis=1).var(ddof=1) / 220 + won.mean(axis=0).var(ddof=1) / 260
    gold = [("p",)] * 220 + [("n",)] * 260
    said = [{"p": float(each)} for each in np.r_[positive, negative]]
    found = of(AreaUnderROC("p"), gold, said)
    assert found.value == pytest.approx(won.mean())
    assert found.within == pytest.approx(delong, rel=0.01)
    # A positive report moves the area by its placement value.
    placement = (won.mean(axis=1) - won.mean()) / 220
    assert found.slope[:220] == pytest.approx(placement, rel=1e-3, abs=1e-6)


def test_rare_labels_hide_a_variance_that_smoothing_shows():
    # Gold a 8, all right; gold b 2, both wrong. Recalls 1 and 0: of no variance as they stand.
    # Recall of all, with one right and one wrong added: 9/12 = .75. Two such reports added to
    # each label: a (8 + 1.5)/10 = .95, b (0 + 1.5)/4 = .375. Mean .6625.
    # Variance (.95 * .05 / 8 + .375 * .625 / 2) / 4 = .03078125.
    gold, said = [("a",)] * 8 + [("b",)] * 2, [("a",)] * 10
    found = of(BalancedAccuracy(("a", "b")), gold, said)
    assert found.value == 0.5
    assert found.smoothed.value == pytest.approx(0.6625)
    assert found.smoothed.variance == pytest.approx(0.03078125)
    assert found.smoothed.hidden == pytest.approx(0.03078125)
    assert found.within >= found.smoothed.hidden


def test_smoothed_f1_by_hand():
    # Gold a 4, 3 of them hit; a said of 2 others. F1 = 6 / 9.
    # Smoothed recall (3 + 2 * (3 + 1)/(4 + 2)) / (4 + 2) = 13/18; hits 4 * 13/18 = 26/9.
    # False positives, prior mean 2 + 1 = 3 and shape 1: (2 + 1) * 3 / (3 + 1) = 9/4.
    # F1 = 2 * 26/9 / (26/9 + 9/4 + 4).
    gold = [("a",)] * 4 + [("b",)] * 6
    said = [("a",)] * 3 + [("b",)] + [("a",)] * 2 + [("b",)] * 4
    found = of(LabelF1("a"), gold, said)
    assert found.value == pytest.approx(2 / 3)
    assert found.smoothed.value == pytest.approx(2 * 26 / 9 / (26 / 9 + 9 / 4 + 4))

    def variance(hits, wrong, wanted):
        # Delta method: hits binomial, false positives Poisson; derivatives by small steps.
        def f1(h, w):
            return 2 * h / (h + w + wanted)

        step = 1e-6
        by_hits = (f1(hits + step, wrong) - f1(hits - step, wrong)) / (2 * step)
        by_wrong = (f1(hits, wrong + step) - f1(hits, wrong - step)) / (2 * step)
        return hits * (1 - hits / wanted) * by_hits**2 + wrong * by_wrong**2

    smooth, plain = variance(26 / 9, 9 / 4, 4), variance(3, 2, 4)
    assert found.smoothed.variance == pytest.approx(smooth, rel=1e-6)
    assert found.smoothed.hidden == pytest.approx(max(smooth - plain, 0), rel=1e-6)


def test_means_over_labels_know_their_variance():
    # Four labels of unequal share, recall .9 to .3: the spread of 300 draws against the mean of
    # the variance that each draw claims, which errs on the large side.
    generator = np.random.default_rng(3)
    recalls = {"a": 0.9, "b": 0.8, "c": 0.6, "d": 0.3}
    gold = [(label,) for label, n in (("a", 60), ("b", 40), ("c", 20), ("d", 10)) for _ in range(n)]
    for metric in (BalancedAccuracy(LABELS), MacroF1(LABELS)):
        values, claimed = [], []
        for _ in range(300):
            said = [g if generator.random() < recalls[g[0]] else ("a",) for g in gold]
            found = of(metric, gold, said)
            values.append(found.value)
            claimed.append(found.within)
        assert 0.85 < np.mean(claimed) / np.var(values) < 1.35


def test_a_figure_that_is_undefined_has_no_influence():
    found = of(AreaUnderROC("p"), [("p",)] * 3, [{"p": 0.1}, {"p": 0.2}, {"p": 0.3}])
    assert np.isnan(found.value)
    assert found.slope.tolist() == [0, 0, 0]
    assert found.within == 0


def test_the_only_report_of_a_class_is_not_taken_away_from_the_variance():
    # Without the one positive the area is undefined; its slope stands in.
    said = [{"p": each} for each in (0.9, 0.1, 0.2, 0.95)]
    found = of(AreaUnderROC("p"), [("p",), ("n",), ("n",), ("n",)], said)
    assert found.value == pytest.approx(2 / 3)
    assert np.isfinite(found.within)
    assert found.within > 0
