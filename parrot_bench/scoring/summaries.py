"""How much languages differ, and how bad the worst of them is.

The least of many noisy figures is low by chance, and so is the range wide. The spread here is that
of the true figures, and the worst language is drawn towards the mean by as much as it is noise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, sqrt

from parrot_bench.scoring.estimates import MACRO_MINIMUM, Figure, Measured, tidy
from parrot_bench.scoring.intervals import LEVEL, Estimate

FEWEST_LANGUAGES = 3


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
    return {
        "spread": _spread(measured, kept, values, variances),
        "worst": _worst(measured, kept, values, variances),
    }


def _spread(
    measured: Measured,
    kept: Mapping[str, Figure],
    values: Sequence[float],
    variances: Sequence[float],
) -> Estimate:
    from scipy.stats import chi2

    degrees, tail = len(values) - 1, (1 - LEVEL) / 2
    low, value, high = (
        between_variance(values, variances, float(target))
        for target in (chi2.ppf(1 - tail, degrees), degrees, chi2.ppf(tail, degrees))
    )
    n, clusters, estimand = _sizes(measured, kept)
    return Estimate(
        tidy(sqrt(value)),
        tidy(sqrt(low)),
        tidy(sqrt(high)),
        LEVEL,
        "Q profile",
        n,
        clusters,
        estimand,
        note=f"standard deviation between {len(kept)} languages, sampling error taken out",
    )


def _worst(
    measured: Measured,
    kept: Mapping[str, Figure],
    values: Sequence[float],
    variances: Sequence[float],
) -> Estimate:
    between = between_variance(values, variances, len(values) - 1)
    weights = [1 / (between + each) for each in variances]
    mean = sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights)
    sign = -1 if measured.metric.better == "lower" else 1
    shrunk = {
        name: mean + between / (between + variance) * (value - mean)
        for name, value, variance in zip(kept, values, variances, strict=True)
    }
    worst = min(shrunk, key=lambda name: (sign * shrunk[name], sign * kept[name].value, name))
    level = LEVEL ** (1 / len(kept))
    each = [measured.estimate(figure, level) for figure in kept.values()]
    low, high = (
        sign * min(sign * end for end in ends if end is not None)
        for ends in ([e.low for e in each], [e.high for e in each])
    )
    n, clusters, estimand = _sizes(measured, kept)
    return Estimate(
        tidy(shrunk[worst]),
        tidy(low),
        tidy(high),
        LEVEL,
        "simultaneous over languages",
        n,
        clusters,
        estimand,
        note=f"{worst}, shrunk from {kept[worst].value:.3f} towards the mean of languages",
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
