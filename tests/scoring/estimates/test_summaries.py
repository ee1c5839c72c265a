"""Spread between languages and the worst of them."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import brentq

from parrot_bench.scoring.estimates.intervals import LEVEL
from parrot_bench.scoring.estimates.measured import measure
from parrot_bench.scoring.estimates.summaries import between_languages, between_variance
from parrot_bench.scoring.metrics.label_sets import Accuracy, MeanCount
from parrot_bench.scoring.metrics.probability import BrierScore, ExpectedCalibrationError


def q(values, variances, between):
    weights = 1 / (np.asarray(variances) + between)
    values = np.asarray(values)
    return float(weights @ (values - weights @ values / weights.sum()) ** 2)


@pytest.fixture
def measured(make):
    """Accuracy of languages from their right answers and numbers of reports."""

    def of(**counts):
        languages = [name for name, (_, n) in counts.items() for _ in range(n)]
        right = [i < k for k, n in counts.values() for i in range(n)]
        design = make.design(languages, [f"c{i}" for i in range(len(right))])
        return measure(Accuracy(), *make.hits(right), design)

    return of


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("tail", [None, 0.025, 0.975])
def test_the_variance_between_languages_solves_its_equation(seed, tail):
    generator = np.random.default_rng(seed)
    values, variances = generator.normal(0.8, 0.1, 9), generator.uniform(1e-4, 1e-2, 9)
    target = 8.0 if tail is None else stats.chi2.ppf(tail, 8)
    found = between_variance(values.tolist(), variances.tolist(), target)
    if q(values, variances, 0) <= target:
        assert found == 0
    else:
        expected = brentq(lambda t: q(values, variances, t) - target, 0, 100, xtol=1e-15)
        assert found == pytest.approx(expected, rel=1e-9)


def test_equal_variances_are_taken_off_the_variance_of_the_values():
    # Variance of .7, .8, .9 is .01; each has a sampling variance of .004.
    assert between_variance([0.7, 0.8, 0.9], [0.004] * 3, 2) == pytest.approx(0.006)
    # No more than sampling error: nothing is left.
    assert between_variance([0.7, 0.8, 0.9], [0.02] * 3, 2) == 0
    # A tiny target asks for a variance beyond any distance squared.
    assert q([0, 1], [0.1] * 2, between_variance([0, 1], [0.1] * 2, 1e-4)) == pytest.approx(1e-4)


def test_languages_that_are_alike_have_no_spread(measured):
    equal = between_languages(measured(de=(80, 100), fr=(160, 200), pl=(40, 50), hr=(24, 30)))
    # Four values so near one another are rarer than one in forty: the Q profile is empty.
    assert (equal["spread"].value, equal["spread"].low, equal["spread"].high) == (0.0, None, None)
    assert "more alike than chance" in equal["spread"].note
    # Without a spread the worst is the common mean.
    assert equal["worst"].value == pytest.approx(0.8)
    near = between_languages(measured(de=(84, 100), fr=(156, 200), pl=(39, 50), hr=(25, 30)))
    assert (near["spread"].value, near["spread"].low) == (0.0, 0.0)
    assert near["spread"].high > 0.05


def test_spread_and_worst_by_their_formulas(measured):
    counts = {"de": (85, 100), "fr": (120, 200), "hr": (45, 50), "pl": (70, 100), "bs": (0, 9)}
    languages = measured(**counts)
    found = between_languages(languages)
    kept = [name for name in counts if name != "bs"]
    p = np.array([counts[name][0] / counts[name][1] for name in kept])
    n = np.array([counts[name][1] for name in kept])
    # The spread is judged by the variance that each would have at the common share.
    common = (n @ p / n.sum()) * (1 - n @ p / n.sum()) / n
    tau = brentq(lambda t: q(p, common, t) - 3, 0, 10, xtol=1e-15)
    ends = [
        brentq(lambda t, end=end: q(p, common, t) - stats.chi2.ppf(end, 3), 0, 100, xtol=1e-15)
        for end in (0.975, 0.025)
    ]
    spread = found["spread"]
    # With hundreds of reports the simulated quantiles are those of chi squared, but for chance.
    assert spread.value == pytest.approx(sqrt(tau), rel=0.02)
    assert (spread.low, spread.high) == pytest.approx((sqrt(ends[0]), sqrt(ends[1])), rel=0.1)
    variances, tau = p * (1 - p) / n, spread.value**2
    assert spread.low < spread.value < spread.high
    assert (spread.n, spread.method, spread.estimand) == (450, "Q profile", "B")
    weights = 1 / (variances + tau)
    mean = weights @ p / weights.sum()
    shrunk = mean + tau / (tau + variances) * (p - mean)
    worst = found["worst"]
    assert worst.value == pytest.approx(shrunk.min(), rel=1e-6)
    assert p.min() < worst.value < mean
    assert worst.note == "fr, shrunk towards the mean of languages"


def test_the_interval_of_the_worst_is_simultaneous_and_wider_than_its_own(measured):
    languages = measured(de=(85, 100), fr=(120, 200), hr=(45, 50), pl=(70, 100))
    worst = between_languages(languages)["worst"]
    own = languages.estimate(languages.languages["fr"])
    assert worst.low < own.low
    assert worst.high > own.high
    # Four intervals of a level of .95^(1/4) hold all four figures together; far out in the tail
    # Student's t has four degrees of freedom and one for each contributor.
    level, n = 0.95**0.25, {"de": 100, "fr": 200, "hr": 50, "pl": 100}
    each = [
        languages.estimate(figure, level, n[name] + 4)
        for name, figure in languages.languages.items()
    ]
    assert worst.low == min(one.low for one in each)
    assert worst.high == min(one.high for one in each)
    assert worst.level == LEVEL


def test_the_worst_of_a_loss_is_the_largest(make):
    generator = np.random.default_rng(0)
    confidence = {"de": 0.9, "fr": 0.6, "pl": 0.8}
    languages = [name for name in confidence for _ in range(60)]
    sure = np.array([confidence[name] for name in languages]) + generator.normal(0, 0.05, 180)
    said = [{"a": float(p), "b": float(1 - p)} for p in np.clip(sure, 0, 1)]
    design = make.design(languages, [f"c{i}" for i in range(180)])
    languages = measure(BrierScore(("a", "b")), [("a",)] * 180, said, design)
    found = between_languages(languages)["worst"]
    values = {name: figure.value for name, figure in languages.languages.items()}
    assert found.note.startswith("fr, ")
    assert np.mean(list(values.values())) < found.value <= values["fr"] == max(values.values())
    own = languages.estimate(languages.languages["fr"])
    assert found.low < own.low < own.high < found.high


def test_the_worst_holds_the_true_worst(make):
    # Five languages, true accuracies .7 to .9: the raw least is too low, the shrunk one nearer,
    # and the interval holds .7.
    truth = {"a": 0.7, "b": 0.8, "c": 0.85, "d": 0.85, "e": 0.9}
    generator = np.random.default_rng(0)
    raw, shrunk, held = [], [], []
    for _ in range(150):
        languages = [name for name in truth for _ in range(50)]
        right = [generator.random() < truth[name] for name in languages]
        design = make.design(languages, [f"c{i}" for i in range(250)])
        found = measure(Accuracy(), *make.hits(right), design)
        worst = between_languages(found)["worst"]
        raw.append(min(figure.value for figure in found.languages.values()))
        shrunk.append(worst.value)
        held.append(worst.low <= 0.7 <= worst.high)
    assert np.mean(held) >= 0.93
    assert np.mean(raw) < np.mean(shrunk)
    assert np.mean(raw) < 0.7


def test_a_worst_that_is_only_noise_is_drawn_to_the_mean(make):
    # Thirteen languages, all truly .85: the raw minimum is near .775 by chance alone.
    generator = np.random.default_rng(1)
    sizes = [30, 43, 50, 60, 75, 80, 90, 100, 110, 120, 150, 200, 296]
    languages = [f"l{i:02d}" for i, n in enumerate(sizes) for _ in range(n)]
    raw, shrunk = [], []
    for _ in range(40):
        right = generator.random(len(languages)) < 0.85
        design = make.design(languages, [f"c{i}" for i in range(len(languages))])
        found = measure(Accuracy(), *make.hits(right), design)
        raw.append(min(figure.value for figure in found.languages.values()))
        shrunk.append(between_languages(found)["worst"].value)
    assert np.mean(raw) < 0.80
    assert np.mean(shrunk) > 0.825


def test_few_or_unfinished_languages_are_not_summarised(measured):
    assert between_languages(measured(de=(8, 10), fr=(9, 12))) == {}
    assert between_languages(measured(de=(8, 10), fr=(9, 12), bs=(1, 9))) == {}
    three = measured(de=(8, 10), fr=(9, 12), pl=(7, 10))
    assert set(between_languages(three)) == {"spread", "worst"}
    assert between_languages(three, {"de": 10, "fr": 13, "pl": 10}) == {}


def test_figures_without_direction_or_interval_are_not_summarised(make):
    design = make.design(["de"] * 300 + ["fr"] * 300 + ["pl"] * 300, ["x"] * 900)
    said = [{"a": 0.6, "b": 0.4}, {"a": 0.3, "b": 0.7}] * 450
    gold = [("a",)] * 900
    assert between_languages(measure(MeanCount(), gold, gold, design)) == {}
    assert between_languages(measure(ExpectedCalibrationError(), gold, said, design)) == {}
