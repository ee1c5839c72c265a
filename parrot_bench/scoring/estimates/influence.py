"""What single reports do to a metric, and how much it would vary if reports were independent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from parrot_bench.scoring.contract import FloatArray, Smoothed
from parrot_bench.scoring.estimates.tabulation import Table

_NUDGE = 0.01
"""Share of a report that is added and taken away to find the slope."""


@dataclass(frozen=True, eq=False)
class Influence:
    """A metric of some reports, and what each of them does to it.

    Attributes:
        value: The metric; nan where it is undefined.
        slope: Change of the metric per report added, to first order, shape (n,). Sums to zero.
        within: Variance of the metric if the reports were independent.
        bias: The jackknife's estimate of the metric's bias, which is that of a curved function.
        smoothed: Value and variance with rare labels smoothed; None for no mean over labels.
    """

    value: float
    slope: FloatArray
    within: float
    bias: float = 0.0
    smoothed: Smoothed | None = None


def influence(table: Table) -> Influence:
    """Influence of the reports of a table.

    The variance is that of the slopes (infinitesimal jackknife), to which metrics over labels add
    what their rare labels hide; where the delete-one jackknife's is larger, the mean of the two,
    for that one errs on the large side when labels are rare. A proportion p has p (1 - p) / n.
    A metric that knows its slopes, as one with a sum for every score does, has the first alone.

    Source: Efron 1982, The Jackknife, the Bootstrap and Other Resampling Plans, chapters 3 and 6.
    """
    n, counts, value = len(table.code), table.counts, table.value()
    if not np.isfinite(value):
        return Influence(value, np.zeros(n), 0.0)
    gradient = table.metric.gradient(table.sums(counts))
    if gradient is not None:
        slope = gradient if table.rows is None else table.rows @ gradient
        within = float(counts @ slope**2) * n / max(n - 1, 1)
        return Influence(value, slope[table.code], within)
    slope = (table.change(_NUDGE) - table.change(-_NUDGE)) / (2 * _NUDGE)
    slope = np.where(np.isfinite(slope), slope, 0.0)
    slope -= counts @ slope / n
    if table.metric.proportion:
        return Influence(value, slope[table.code], value * (1 - value) / n)
    smoothed = table.metric.smoothed(table.sums(counts))
    linear = float(counts @ slope**2) + (smoothed.hidden if smoothed else 0.0)
    deleted = value - table.change(-1.0)
    deleted = np.where(np.isfinite(deleted), deleted, slope)
    bias = -(n - 1) * float(counts @ deleted) / n
    jackknife = float(counts @ (deleted - counts @ deleted / n) ** 2) * (n - 1) / n
    return Influence(
        value, slope[table.code], (linear + max(linear, jackknife)) / 2, bias, smoothed
    )
