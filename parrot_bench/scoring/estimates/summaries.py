"""How much languages differ, and how bad the worst of them is.

The least of many noisy figures is low by chance, and so is the range wide. The spread here is that
of the true figures, and the worst language is drawn towards the mean by as much as it is noise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, sqrt

import numpy as np

from parrot_bench.scoring.estimates.figures import Figure
from parrot_bench.scoring.estimates.intervals import LEVEL, Estimate, tidy
from parrot_bench.scoring.estimates.measured import MACRO_MINIMUM, Measured

FEWEST_LANGUAGES = 3
DRAWS = 2_000
FEWEST_DEGREES = 4
"""Degrees of freedom beside one for each contributor: far out in the tail few of them matter."""


def between_languages(
    measured: Measured, asked: Mapping[str, int] | None = None
) -> dict[str, Estimate]:
    """Spread of the languages' true figures, and the worst of them.

    Args:
        measured: A metric of which more or less is better.
        asked: Reports that were asked about in each language; those at hand where None.

    Returns:
        "spread": standard deviation between languages (random effects, Paule and Mandel 1982),
        with the interval of the Q profile (Viechtbauer 2007). "worst": the worst language's figure,
        shrunk towards the mean (empirical Bayes); its interval holds the worst true figure, and is
        simultaneous over the languages (Sidak). Nothing where fewer than three languages are large
        enough, no direction is better, or the metric has no intervals.
    """
    counts = {name: len(figure.slope) for name, figure in measured.languages.items()}
    asked = counts if asked is None else asked
    kept = {
        name: figure
        for name, figure in measured.languages.items()
        if isfinite(figure.value) and counts[name] >= max(MACRO_MINIMUM, asked.get(name, 0))
    }
    metric = measured.metric
    if len(kept) < FEWEST_LANGUAGES or metric.better == "neither" or not metric.interval:
        return {}
    values = [figure.value for figure in kept.values()]
    variances = [measured.uncertainty(figure)[0] for figure in kept.values()]
    if min(variances) <= 0:
        return {}
    common, targets = _if_equal(measured, kept, variances)
    low, middle, high = (between_variance(values, common, target) for target in targets)
    between = (low, middle, high)
    return {
        "spread": _spread(measured, kept, between),
        "worst": _worst(measured, kept, variances, between[1]),
    }


def _spread(
    measured: Measured, kept: Mapping[str, Figure], between: tuple[float, float, float]
) -> Estimate:
    low, value, high = between
    n, clusters, estimand = _sizes(measured, kept)
    note = f"standard deviation between {len(kept)} languages, sampling error taken out"
    if not high:
        note += "; no interval, they are more alike than chance makes them"
        return Estimate(0.0, None, None, LEVEL, "none", n, clusters, note=note)
    least, most = measured.metric.bounds
    widest = (most - least) / 2 * sqrt(len(kept) / (len(kept) - 1))  # half at either bound
    value, low, high = (tidy(min(sqrt(each), widest)) for each in (value, low, high))
    return Estimate(value, low, high, LEVEL, "Q profile", n, clusters, estimand, note=note)


def _if_equal(
    measured: Measured, kept: Mapping[str, Figure], variances: Sequence[float]
) -> tuple[list[float], tuple[float, float, float]]:
    """What could be expected if all languages had the same true figure.

    A language's own variance goes with its figure, so they are put on the scale of the common
    figure. Few contributors make figures skewed, for which chi squared is too narrow: the
    quantiles of the distances are those of beta distributed figures, drawn with a fixed seed.

    Returns:
        Variances, shape (L,), and the sums of squared distances at the upper tail, on average and
        at the lower tail.
    """
    from scipy.special import chdtri

    tail, degrees = (1 - LEVEL) / 2, len(kept) - 1
    plain = (float(chdtri(degrees, tail)), float(degrees), float(chdtri(degrees, 1 - tail)))
    low, high = measured.metric.bounds
    figures = list(kept.values())
    trials = np.array([f.scale.mean() for f in figures]) / np.array(variances)
    place = float(trials @ np.array([f.value for f in figures]) / trials.sum() - low) / (high - low)
    if not (isfinite(high - low) and 0 < place < 1) or trials.min() <= 0:
        return list(variances), plain
    common = place * (1 - place) / trials
    size = np.maximum(trials - 1, 0.5)  # a beta's variance is p (1 - p) / (size + 1)
    drawn = np.random.default_rng(0).beta(place * size, (1 - place) * size, (DRAWS, len(size)))
    centre = (drawn / common).sum(axis=1, keepdims=True) / (1 / common).sum()
    distances = ((drawn - centre) ** 2 / common).sum(axis=1)
    upper, lower = np.quantile(distances, [1 - tail, tail])
    targets = (float(upper), float(distances.mean()), float(lower))
    return (common * (high - low) ** 2).tolist(), targets


def _worst(
    measured: Measured, kept: Mapping[str, Figure], variances: Sequence[float], between: float
) -> Estimate:
    values = [figure.value for figure in kept.values()]
    weights = [1 / (between + each) for each in variances]
    mean = sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights)
    sign = -1 if measured.metric.better == "lower" else 1
    shrunk = {
        name: mean + between / (between + variance) * (value - mean)
        for name, value, variance in zip(kept, values, variances, strict=True)
    }
    worst = min(shrunk, key=lambda name: (sign * shrunk[name], sign * kept[name].value, name))
    level = LEVEL ** (1 / len(kept))
    groups = [len(measured.design.sizes(name)) for name in kept]
    each = [
        measured.estimate(figure, level, size + FEWEST_DEGREES)
        for figure, size in zip(kept.values(), groups, strict=True)
    ]
    low, high = (
        sign * min(sign * end for end in ends if end is not None)
        for ends in ([e.low for e in each], [e.high for e in each])
    )
    n, clusters, estimand = _sizes(measured, kept)
    return Estimate(
        tidy(min(max(shrunk[worst], low), high)),  # many alike may draw a lone one out of it
        tidy(low),
        tidy(high),
        LEVEL,
        "simultaneous over languages",
        n,
        clusters,
        estimand,
        note=f"{worst}, shrunk towards the mean of languages",
    )


def between_variance(values: Sequence[float], variances: Sequence[float], target: float) -> float:
    """Variance between languages at which the weighted squared distances sum to a target.

    Args:
        values: Figures, shape (L,).
        variances: Their sampling variances, shape (L,), above zero.
        target: L - 1 for the estimate of Paule and Mandel; a quantile of chi squared for an end of
            the interval.

    Returns:
        The variance; 0 where even that is too much.
    """
    low, high = 0.0, 4 * max((a - b) ** 2 for a in values for b in values) + max(variances)
    if _distances(values, variances, low) <= target:
        return 0.0
    while _distances(values, variances, high) > target:
        high *= 2
    for _ in range(80):
        middle = (low + high) / 2
        if _distances(values, variances, middle) > target:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _distances(values: Sequence[float], variances: Sequence[float], between: float) -> float:
    """Generalised Q statistic."""
    weights = [1 / (between + each) for each in variances]
    mean = sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights)
    return sum(w * (v - mean) ** 2 for w, v in zip(weights, values, strict=True))


def _sizes(measured: Measured, kept: Mapping[str, Figure]) -> tuple[int, int, str]:
    """Reports and contributors of the languages, and what their intervals speak of."""
    contributor = measured.design.contributor
    found = {int(each) for figure in kept.values() for each in contributor[figure.rows]}
    estimands = {measured.estimate(figure).estimand for figure in kept.values()}
    reports = sum(len(figure.slope) for figure in kept.values())
    return reports, len(found), "A" if "A" in estimands else "B"
