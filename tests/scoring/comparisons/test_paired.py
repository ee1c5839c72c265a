"""Comparisons: direct differences, every swap enumerated, published tests."""

from __future__ import annotations

from itertools import product
from math import sqrt

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import f1_score, roc_auc_score

from parrot_bench.scoring.comparisons.multiplicity import (
    benjamini_hochberg,
    holm,
    rank_intervals,
    tie_groups,
)
from parrot_bench.scoring.comparisons.paired import Contrast, Difference, pair
from parrot_bench.scoring.estimates.intervals import Estimate, quantile
from parrot_bench.scoring.metrics.discrimination import AreaUnderROC
from parrot_bench.scoring.metrics.label_sets import Accuracy, MicroF1
from parrot_bench.scoring.metrics.per_label import MacroF1
from parrot_bench.scoring.metrics.probability import BrierScore

LABELS = ("a", "b", "c", "d")


@pytest.fixture
def contrasts(make):
    """Contrasts of accuracy from who was right."""

    def of(first, second, languages, authors, **options):
        gold, one = make.hits(first)
        answers = (one, make.hits(second)[1])
        return pair(Accuracy(), gold, answers, make.design(languages, authors)).contrasts(**options)

    return of


def test_the_difference_of_metrics_is_that_of_scikit_learn(draw, make):
    gold, one = draw.single(1, 120)
    other = draw.single(2, 120)[1]
    design = make.design(["de"] * 60 + ["fr"] * 60, [f"c{i // 10}" for i in range(120)])
    y, p, q = ([each[0] for each in answers] for answers in (gold, one, other))
    for metric, average in ((MicroF1(), "micro"), (MacroF1(LABELS), "macro")):
        found = pair(metric, gold, (one, other), design).contrasts()
        expected = f1_score(y, p, average=average) - f1_score(y, q, average=average)
        assert found["pooled"].difference.value == pytest.approx(expected)
        by_language = [
            f1_score(y[i : i + 60], p[i : i + 60], average=average)
            - f1_score(y[i : i + 60], q[i : i + 60], average=average)
            for i in (0, 60)
        ]
        assert found["fr"].difference.value == pytest.approx(by_language[1])
        assert found["macro"].difference.value == pytest.approx(np.mean(by_language))
        turned = pair(metric, gold, (other, one), design).contrasts()["fr"]
        assert turned.difference.value == pytest.approx(-by_language[1])
        assert turned.difference.low == pytest.approx(-found["fr"].difference.high)
        assert turned.p == found["fr"].p


def test_areas_are_compared_over_the_levels_of_both(draw, make):
    gold, one = draw.probabilities(1, 70)
    other = draw.probabilities(9, 70)[1]
    design = make.design(["de"] * 70, [f"c{i // 10}" for i in range(70)])
    found = pair(AreaUnderROC("a"), gold, (one, other), design).contrasts()["de"]
    y = [each == ("a",) for each in gold]
    expected = [roc_auc_score(y, [each["a"] for each in said]) for said in (one, other)]
    assert found.difference.value == pytest.approx(expected[0] - expected[1])
    assert found.difference.low < found.difference.value < found.difference.high


def test_a_difference_takes_after_its_metric():
    found = Difference(BrierScore(LABELS))
    assert (found.better, found.reads, found.grain) == ("lower", "probabilities", 2.0)
    fixed = Difference(MacroF1(LABELS)).fixed_for([("b",), ("a",)])
    assert fixed.metric.labels == ("a", "b")
    assert isinstance(Difference(MacroF1(LABELS)).companion().metric, MicroF1)


def test_the_error_is_that_of_paired_differences(contrasts):
    # Each report has a contributor of its own: d is 1 in 18 reports, -1 in 7, 0 in 35.
    first = [True] * 18 + [False] * 7 + [True] * 35
    second = [False] * 18 + [True] * 7 + [True] * 35
    found = contrasts(first, second, ["de"] * 60, [f"c{i}" for i in range(60)])["de"]
    d = np.array(first, dtype=float) - np.array(second)
    assert found.difference.value == pytest.approx(11 / 60)
    # The variance of a mean, between its two definitions.
    expected = d.var() * (1 / 60 + 1 / 59) / 2
    assert found.error == pytest.approx(sqrt(expected), rel=1e-6)
    assert found.degrees == pytest.approx(59)
    half = stats.t.ppf(0.975, 59) * found.error
    assert found.difference.high == pytest.approx(11 / 60 + half)
    power = (stats.t.ppf(0.975, 59) + stats.t.ppf(0.8, 59)) * found.error
    assert found.detectable == pytest.approx(power)


def test_detectable_differences_are_those_of_the_published_table():
    # Mean squared difference .1, reports independent, large n: 2.80 sqrt(.1 / n).
    for n, expected in ((100, 0.089), (296, 0.051), (837, 0.031), (2738, 0.017)):
        reach = (quantile(0.95) + quantile(0.6)) * sqrt(0.1 / n)
        assert reach == pytest.approx(expected, abs=6e-4)


@pytest.mark.parametrize("seed", range(4))
def test_swaps_give_the_p_of_all_swaps_enumerated(make, contrasts, seed):
    sizes = {"de": [12, 5, 20, 9, 15, 8, 11], "fr": [10, 14]}
    languages, authors, one = make.clustered([seed, 0], sizes, 0.85, 0.3)
    other = make.clustered([seed, 1], sizes, 0.75, 0.3)[2]
    found = contrasts(one, other, languages, authors)
    d = one.astype(float) - other
    names = list(dict.fromkeys(authors))
    signs = np.array(list(product([1, -1], repeat=9)))
    for name, weight in (
        ("de", [d_ / 80 for d_ in (np.array(languages) == "de")]),
        ("pooled", np.full(len(d), 1 / len(d))),
        ("macro", np.where(np.array(languages) == "de", 1 / 80, 1 / 24) / 2),
    ):
        totals = np.array([(d * weight)[np.array(authors) == each].sum() for each in names])
        swapped = np.abs(signs @ totals)
        exact = np.mean(swapped >= abs(totals.sum()) - 1e-9)
        assert found[name].test == "swaps of whole contributors"
        assert found[name].difference.value == pytest.approx(totals.sum())
        assert found[name].p == pytest.approx(exact, abs=0.02)
        assert 1 / 10_000 <= found[name].p <= 1


def test_no_p_is_smaller_than_its_swaps_can_show(contrasts):
    # First right and second wrong for all of twenty contributors: two swaps of 2^20 go as far,
    # and a draw of 9,999 is to hold neither. The swap that was observed counts.
    authors = [f"c{i % 20}" for i in range(60)]
    assert contrasts([True] * 60, [False] * 60, ["de"] * 60, authors)["de"].p == 1e-4


def test_a_language_without_differences_borrows_its_spread(contrasts):
    # de: d is 1 in 16 of 40 reports, -1 in 4. fr: none in 20. Mean square about the mean in de:
    # .5 - .3^2 = .41. That of all: (40 * .41 + 20 * 0) / 60; ten reports of it go to each. It is
    # more than one report of difference would show, 1 / 20.
    first = [True] * 16 + [False] * 4 + [True] * 20 + [True] * 20
    second = [False] * 16 + [True] * 4 + [True] * 20 + [True] * 20
    languages = ["de"] * 40 + ["fr"] * 20
    found = contrasts(first, second, languages, [f"c{i}" for i in range(60)])
    common = 40 * 0.41 / 60
    assert found["fr"].difference.value == 0
    assert found["fr"].error ** 2 == pytest.approx(10 * common / 30 / 20)
    # de is above what it would be drawn to, and keeps its own.
    assert found["de"].error ** 2 == pytest.approx(0.41 * (1 / 40 + 1 / 39) / 2, rel=1e-6)


def test_too_few_contributors_to_swap_leave_student(contrasts, make):
    sizes = {"de": [30] * 5}
    languages, authors, one = make.clustered(0, sizes, 0.9, 0.1)
    other = make.clustered(1, sizes, 0.7, 0.1)[2]
    found = contrasts(one, other, languages, authors)["de"]
    assert found.test.startswith("Student's t")
    value = found.difference.value
    expected = 2 * stats.t.sf(abs(value) / found.error, found.degrees)
    assert found.p == pytest.approx(expected)
    assert (found.p < 0.05) == (found.difference.low > 0 or found.difference.high < 0)


def test_swaps_reject_true_equality_no_more_often_than_they_say(make, contrasts):
    sizes = {"de": [10, 20, 15, 12, 25, 8, 18, 14]}
    below = []
    for seed in range(120):
        languages, authors, one = make.clustered([seed, 0], sizes, 0.8, 0.2)
        other = make.clustered([seed, 1], sizes, 0.8, 0.2)[2]
        below.append(contrasts(one, other, languages, authors)["de"].p <= 0.1)
    # 120 draws of .1: 39 times in 40 below .16. Sums that tie make it fewer: .07 in 800 draws,
    # of this test and of every swap enumerated.
    assert 0 < np.mean(below) <= 0.16


@pytest.mark.parametrize(
    ("wins", "losses", "published"),
    # Fagerland, Lydersen and Laake 2013, examples of Bentur et al. and Cavo et al.
    [(1, 7, 0.0391), (7, 1, 0.0391), (6, 16, 0.0347)],
)
def test_mcnemar_mid_p_is_that_of_the_literature(contrasts, wins, losses, published):
    first = [True] * wins + [False] * losses + [True] * 10
    second = [False] * wins + [True] * losses + [True] * 10
    n = len(first)
    found = contrasts(first, second, ["de"] * n, [f"c{i % 2}" for i in range(n)])
    assert found["de"].mcnemar == pytest.approx(published, abs=5e-5)
    assert found["pooled"].mcnemar == found["de"].mcnemar
    assert found["macro"].mcnemar is None
    # Twice the probability of fewer, and that of as many once.
    fewer, both = min(wins, losses), wins + losses
    direct = 2 * stats.binom.cdf(fewer - 1, both, 0.5) + stats.binom.pmf(fewer, both, 0.5)
    assert found["de"].mcnemar == pytest.approx(direct)


def test_mcnemar_of_as_many_wins_as_losses(contrasts, draw, make):
    # 3 of 6: 1 - (20 / 64) / 2.
    first = [True] * 3 + [False] * 3 + [True] * 4
    second = [False] * 3 + [True] * 3 + [True] * 4
    found = contrasts(first, second, ["de"] * 10, ["x"] * 10)["de"]
    assert found.mcnemar == pytest.approx(1 - 20 / 128)
    # It is a test of proportions.
    gold, one = draw.sets(0, 20)
    found = pair(MicroF1(), gold, (one, gold), make.design(["de"] * 20, ["x"] * 20)).contrasts()
    assert found["de"].mcnemar is None


def test_identical_answers_do_not_differ_and_are_not_known_to_be_equal(contrasts):
    # Thirty reports cannot rule out that one in thirty differs.
    right = [True] * 20 + [False] * 10
    found = contrasts(right, right, ["de"] * 30, [f"c{i % 8}" for i in range(30)])
    for each in found.values():
        assert (each.difference.value, each.p) == (0.0, 1.0)
        assert each.error == pytest.approx(1 / 30)
        assert each.difference.low == pytest.approx(-stats.t.ppf(0.975, 29) / 30)
        assert each.equivalence(0.03) > 0.05
        assert each.equivalence(0.10) < 0.05
    assert (found["de"].mcnemar, found["pooled"].mcnemar) == (1.0, 1.0)


def test_slices_without_an_interval_have_no_test(contrasts):
    found = contrasts([True], [False], ["bs"], ["x"])
    assert (found["bs"].difference.value, found["bs"].p, found["bs"].test) == (1.0, None, "none")
    assert found["bs"].equivalence(0.03) is None
    assert found["macro"].difference.note == "no language has 10 reports"
    names = [f"c{i}" for i in range(24)]
    partial = contrasts([True] * 24, [False] * 24, ["de"] * 24, names, asked={"de": 25})["macro"]
    assert (partial.difference.value, partial.p, partial.detectable) == (None, None, None)
    assert partial.difference.note == "not every report was answered in de"


def contrast(value, error, degrees, p=0.5):
    figure = Estimate(value, value - 1, value + 1, 0.95, "", 50, 9, "B")
    return Contrast(figure, p, "", None, 0.1, error, degrees)


def test_equivalence_is_the_larger_of_two_one_sided_tests():
    for value in (0.005, -0.012, 0.05):
        found = contrast(value, 0.01, 20).equivalence(0.03)
        below = stats.t.sf((value + 0.03) / 0.01, 20)
        above = stats.t.cdf((value - 0.03) / 0.01, 20)
        assert found == pytest.approx(max(below, above))
    # By the table of t with 20 degrees: 2.5 standard errors from the margin are p .0106.
    assert contrast(0.005, 0.01, 20).equivalence(0.03) == pytest.approx(0.0106, abs=1e-4)
    # At the margin itself a half.
    assert contrast(0.03, 0.01, 20).equivalence(0.03) == pytest.approx(0.5)


def test_holm_by_hand():
    # In order .005 * 4, .01 * 3, .03 * 2, .04 * 1, each at least the one before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.4, 0.7, 0.01]) == pytest.approx([0.8, 0.8, 0.03])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([0.03]) == [0.03]
    assert holm([]) == []


def test_adjusted_p_of_the_example_of_benjamini_and_hochberg():
    # 1995, section 4: fifteen endpoints; at .05 their procedure rejects four, Bonferroni three.
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240]
    p += [0.4262, 0.5719, 0.6528, 0.7590, 1.0]
    at = np.random.default_rng(0).permutation(15)
    shuffled = [p[i] for i in at]
    assert benjamini_hochberg(shuffled) == pytest.approx(stats.false_discovery_control(shuffled))
    assert sum(each <= 0.05 for each in benjamini_hochberg(p)) == 4
    assert sum(each <= 0.05 for each in holm(p)) == 3
    # The fourth: 15 / 4 * .0095; the first four keep their order.
    assert benjamini_hochberg(p)[3] == pytest.approx(0.035625)
    assert benjamini_hochberg([]) == []


def test_rank_intervals_of_constructed_resamples():
    # First best in 99 of 100 resamples; second and third change places in half of them.
    values = np.tile([0.9, 0.8, 0.7], (100, 1))
    values[::2, 1:] = [0.7, 0.8]
    values[0] = [0.1, 0.2, 0.3]
    assert rank_intervals(values, "higher") == [(1, 1), (2, 3), (2, 3)]
    assert rank_intervals(values, "lower") == [(3, 3), (1, 2), (1, 2)]
    # The one resample counts where all are to be held.
    assert rank_intervals(values, "higher", level=1.0) == [(1, 3), (2, 3), (1, 3)]


def test_ranks_of_equal_models_span_their_places():
    assert rank_intervals(np.full((50, 2), 0.5), "higher") == [(1, 2), (1, 2)]
    # Resamples in which a model is undefined rank nobody; without any other, nothing is known.
    values = np.array([[0.9, np.nan], [0.1, 0.2], [0.1, 0.2]])
    assert rank_intervals(values, "higher") == [(2, 2), (1, 1)]
    assert rank_intervals(values[:1], "higher") == [(1, 2), (1, 2)]


def test_tie_groups_by_hand():
    p = np.ones((4, 4))
    # 0 (.9) and 1 (.88) are not told apart; 2 (.7) is below 0; 3 (.69) is not below 2.
    p[0, 2] = p[2, 0] = p[0, 3] = p[3, 0] = 0.001
    assert tie_groups([0.9, 0.88, 0.7, 0.69], p, "higher") == [1, 1, 2, 2]
    # Turned round, 3 leads; 0 alone is told from it.
    assert tie_groups([0.9, 0.88, 0.7, 0.69], p, "lower") == [2, 1, 1, 1]
    # An undefined one is last, and apart.
    assert tie_groups([0.9, float("nan"), 0.7, 0.69], p, "higher") == [1, 3, 2, 2]


def test_answers_that_differ_in_number_are_refused(make):
    design = make.design(["de"] * 2, ["x"] * 2)
    with pytest.raises(ValueError, match="2 first and 1 second answers"):
        pair(Accuracy(), [("a",)] * 2, ([("a",)] * 2, [("a",)]), design)
    with pytest.raises(ValueError, match="3 gold answers and 2 predictions"):
        pair(Accuracy(), [("a",)] * 3, ([("a",)] * 2, [("a",)] * 2), design)


def test_the_order_of_reports_changes_no_contrast(draw, make):
    gold, one = draw.single(3, 80)
    other = draw.single(4, 80)[1]
    languages = ["de", "fr"] * 40
    authors = [f"{each}{i % 7}" for i, each in enumerate(languages)]
    ids = [str(i) for i in range(80)]
    seen = []
    for seed in range(2):
        at = np.random.default_rng(seed).permutation(80)
        g, a, b, k, w, name = (
            [each[i] for i in at] for each in (gold, one, other, languages, authors, ids)
        )
        seen.append(pair(MacroF1(LABELS), g, (a, b), make.design(k, w, ids=name)).contrasts())
    assert seen[0] == seen[1]
