"""Intervals from a value and its variance, against scipy and the literature."""

from __future__ import annotations

from math import inf, sqrt

import numpy as np
import pytest
from scipy import stats

from parrot_bench.scoring.estimates.intervals import bounded, quantile, symmetric, wilson


@pytest.mark.parametrize(("successes", "n"), [(0, 26), (26, 26), (43, 43), (7, 31), (1, 2), (1, 1)])
@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_wilson_agrees_with_scipy(successes, n, level):
    expected = stats.binomtest(successes, n).proportion_ci(level, method="wilson")
    assert wilson(successes / n, n, level) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_wilson_lower_bounds_of_perfect_scores_are_those_of_the_literature():
    assert wilson(1.0, 26)[0] == pytest.approx(0.871, abs=5e-4)
    assert wilson(1.0, 43)[0] == pytest.approx(0.918, abs=5e-4)
    assert wilson(1.0, 26)[1] == 1.0
    assert wilson(0.0, 26)[0] == 0.0


def test_quantiles_are_those_of_the_tables():
    # Two-sided 95 %: normal 1.960; Student's t with 1, 4 and 30 degrees 12.706, 2.776, 2.042.
    assert quantile(0.95) == pytest.approx(1.959964, abs=1e-6)
    for degrees, table in ((1, 12.706), (4, 2.776), (30, 2.042)):
        assert quantile(0.95, degrees) == pytest.approx(table, abs=5e-4)
    assert quantile(0.99, 7.5) == pytest.approx(stats.t.ppf(0.995, 7.5))
    assert quantile(0.95, inf) == quantile(0.95)
    assert quantile(0.95, 1e9) == pytest.approx(quantile(0.95), abs=1e-6)


@pytest.mark.parametrize("n", [0.3, 4.7, 55.5])
@pytest.mark.parametrize("p", [0.0, 0.02, 0.5, 0.97, 1.0])
def test_ends_of_a_wilson_interval_solve_its_equation(p, n):
    # |p - end| = t sqrt(end (1 - end) / n): the score test just rejects neither end.
    t = stats.t.ppf(0.975, 6)
    for end in wilson(p, n, degrees=6):
        if end not in (0.0, 1.0):
            assert abs(p - end) == pytest.approx(t * sqrt(end * (1 - end) / n), abs=1e-12)
    low, high = wilson(p, n, degrees=6)
    assert 0 <= low <= p <= high <= 1


def test_fewer_effective_trials_and_fewer_degrees_widen():
    def width(n, degrees):
        low, high = wilson(0.8, n, degrees=degrees)
        return high - low

    assert width(100, inf) < width(50, inf) < width(50, 10) < width(50, 3)


def test_a_figure_between_other_bounds_is_a_proportion_stretched():
    low, high = wilson(0.75, 40, degrees=9)
    # 0.5 of -1 to 1 lies at three quarters.
    assert bounded(0.5, 40, (-1.0, 1.0), 0.95, 9) == pytest.approx((2 * low - 1, 2 * high - 1))
    # A value out of bounds by rounding is at the bound.
    assert bounded(2 + 1e-12, 40, (0.0, 2.0), 0.95, 9) == bounded(2.0, 40, (0.0, 2.0), 0.95, 9)


def test_symmetric_intervals_are_student_intervals_cut_off_at_the_bounds():
    half = stats.t.ppf(0.975, 5) * 0.1
    assert symmetric(0.4, 0.01, (-inf, inf), 0.95, 5) == pytest.approx((0.4 - half, 0.4 + half))
    assert symmetric(0.4, 0.01, (0.3, 0.5), 0.95, 5) == (0.3, 0.5)
    # Sums of squares may come out a little below zero.
    assert symmetric(0.4, -1e-18, (0.0, 1.0), 0.95, 5) == (0.4, 0.4)


def test_wilson_covers_what_it_promises_for_independent_reports():
    # Exactly: the sum of binomial probabilities of the counts whose interval holds the truth.
    counts = np.arange(101)
    held = [low <= 0.85 <= high for low, high in (wilson(k / 100, 100) for k in counts)]
    assert 0.93 <= stats.binom.pmf(counts, 100, 0.85)[held].sum() <= 0.97
