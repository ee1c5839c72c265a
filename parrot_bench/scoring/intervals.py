"""Estimates with intervals, for one group of reports, for all pooled and for their mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from parrot_bench.scoring.metrics import Labels, Metric
from parrot_bench.scoring.per_label import PerLabel
from parrot_bench.scoring.resampling import Stratum

FloatArray = NDArray[np.float64]

LEVEL = 0.95
"""Confidence level of every interval."""
NO_INTERVAL = "no interval: resamples are undefined or all the same"
"""Note of an estimate whose bootstrap says nothing, such as a perfect score."""
MACRO_MINIMUM = 10
"""Languages with fewer reports are shown, but left out of the macro average."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and how sure it is.

    Attributes:
        value: The metric; None where it is undefined.
        low: Lower end of the interval; None where an interval would be meaningless.
        high: Upper end.
        level: Confidence level.
        method: How the interval was made; "none" where there is none.
        n: Reports.
        clusters: Contributors.
        note: What a reader must know, such as why there is no interval.
    """

    value: float | None
    low: float | None
    high: float | None
    level: float
    method: str
    n: int
    clusters: int
    note: str = ""


def wilson(successes: float, n: int, level: float = LEVEL) -> tuple[float, float]:
    """Wilson score interval of a proportion of independent trials.

    Args:
        successes: Number of successes, 0 to `n`.
        n: Number of trials, at least 1.
        level: Confidence level.

    Returns:
        Lower and upper end, within 0 and 1. Source: Wilson 1927.
    """
    z = NormalDist().inv_cdf((1 + level) / 2)
    p = successes / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def estimate(
    metric: Metric,
    gold: Sequence[Labels],
    predicted: Sequence[Labels],
    groups: Mapping[str, Stratum],
) -> dict[str, Estimate]:
    """Estimates of one metric for every group, "pooled" and "macro".

    Proportions get a Wilson interval per group. Everything else, and all that is pooled or
    averaged, gets a percentile interval of the bootstrap over contributors within groups.

    Args:
        metric: The metric.
        gold: Gold labels of each report, shape (n,).
        predicted: Predicted labels of each report, shape (n,).
        groups: The strata, which together hold every report exactly once.

    Returns:
        Estimates by group name, then "pooled" and "macro".
    """
    result: dict[str, Estimate] = {}
    draws: dict[str, FloatArray] = {}
    for name, stratum in groups.items():
        wanted = [gold[i] for i in stratum.rows]
        rows = metric.contributions(wanted, [predicted[i] for i in stratum.rows])
        local = Stratum(
            np.arange(len(rows)), stratum.unit, stratum.units, stratum.clusters, stratum.weights
        )
        draws[name] = metric.value(local.sums(rows))
        result[name] = _of_group(
            metric, rows.sum(axis=0), draws[name], stratum, _labels_note(metric, wanted)
        )
    result["pooled"] = _pooled(metric, gold, predicted, groups)
    result["macro"] = _macro({name: result[name] for name in groups}, draws)
    return result


def _labels_note(metric: Metric, gold: Sequence[Labels]) -> str:
    """How many labels a mean over labels is over, where it is not all of them."""
    if not isinstance(metric, PerLabel):
        return ""
    present = set(metric.labels) & set().union(*gold)
    if len(present) == len(metric.labels):
        return ""
    return f"over the {len(present)} of {len(metric.labels)} labels with gold"


def _number(value: FloatArray | float) -> float | None:
    number = float(value)
    return number if np.isfinite(number) else None


def _percentile(draws: FloatArray) -> tuple[float, float] | None:
    """Ends of the percentile interval; None where a resample has no value or all are the same."""
    if not np.isfinite(draws).all():
        return None
    tail = (1 - LEVEL) / 2
    low, high = (float(end) for end in np.quantile(draws, [tail, 1 - tail]))
    return (low, high) if high - low > 1e-12 else None


def _of_group(
    metric: Metric, sums: FloatArray, draws: FloatArray, stratum: Stratum, note: str
) -> Estimate:
    n, clusters = len(stratum.rows), stratum.clusters
    value = _number(metric.value(sums))
    if value is None:
        return Estimate(None, None, None, LEVEL, "none", n, clusters, "undefined here")
    if n == 1:
        return Estimate(value, None, None, LEVEL, "none", n, clusters, "one report: no interval")
    if metric.proportion:
        low, high = wilson(float(sums[0]), n)
        return Estimate(value, low, high, LEVEL, "Wilson, reports independent", n, clusters, note)
    ends = _percentile(draws)
    if ends is None:
        note = _join(note, NO_INTERVAL)
        return Estimate(value, None, None, LEVEL, "none", n, clusters, note)
    if clusters == 1:
        note = _join(note, "one contributor: says nothing of other contributors")
        return Estimate(value, *ends, LEVEL, "bootstrap over reports", n, clusters, note)
    return Estimate(value, *ends, LEVEL, "bootstrap over contributors", n, clusters, note)


def _pooled(
    metric: Metric,
    gold: Sequence[Labels],
    predicted: Sequence[Labels],
    groups: Mapping[str, Stratum],
) -> Estimate:
    rows = metric.contributions(gold, predicted)
    note = _labels_note(metric, gold)
    clusters = sum(stratum.clusters for stratum in groups.values())
    value = _number(metric.value(rows.sum(axis=0))) if len(rows) else None
    if value is None:
        return Estimate(None, None, None, LEVEL, "none", len(rows), clusters, "undefined here")
    sums = np.sum([stratum.sums(rows) for stratum in groups.values()], axis=0)
    ends = _percentile(metric.value(sums))
    if ends is None or len(rows) == 1:
        note = _join(note, NO_INTERVAL)
        return Estimate(value, None, None, LEVEL, "none", len(rows), clusters, note)
    method = "bootstrap over contributors within languages"
    return Estimate(value, *ends, LEVEL, method, len(rows), clusters, note)


def _macro(estimates: Mapping[str, Estimate], draws: Mapping[str, FloatArray]) -> Estimate:
    """Unweighted mean over the groups that are large enough."""
    kept = [name for name, each in estimates.items() if each.n >= MACRO_MINIMUM]
    small = [name for name in estimates if name not in kept]
    n = sum(estimates[name].n for name in kept)
    clusters = sum(estimates[name].clusters for name in kept)
    undefined = [name for name in kept if estimates[name].value is None]
    if not kept or undefined:
        reason = (
            f"undefined for {', '.join(undefined)}"
            if undefined
            else f"no language has {MACRO_MINIMUM} reports"
        )
        return Estimate(None, None, None, LEVEL, "none", n, clusters, reason)
    values = [each.value for name, each in estimates.items() if name in kept]
    value = float(np.mean([each for each in values if each is not None]))
    note = f"mean of {len(kept)} languages"
    if small:
        note += f"; fewer than {MACRO_MINIMUM} reports, left out: {', '.join(small)}"
    ends = _percentile(np.mean([draws[name] for name in kept], axis=0))
    if ends is None:
        note = _join(note, NO_INTERVAL)
        return Estimate(value, None, None, LEVEL, "none", n, clusters, note)
    method = "bootstrap over contributors within languages"
    return Estimate(value, *ends, LEVEL, method, n, clusters, note)


def _join(first: str, second: str) -> str:
    return f"{first}; {second}" if first else second
