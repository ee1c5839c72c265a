"""Many comparisons at once: adjusted p values, rank intervals and tie groups."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import numpy as np

from parrot_bench.scoring.contract import Direction, FloatArray


def holm(p: Sequence[float]) -> list[float]:
    """Holm's adjusted p values, in the same order. Source: Holm 1979, Scand J Stat 6:65."""
    order = sorted(range(len(p)), key=lambda i: p[i])
    adjusted, largest = [0.0] * len(p), 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(p) - rank) * p[i]))
        adjusted[i] = largest
    return adjusted


def benjamini_hochberg(p: Sequence[float]) -> list[float]:
    """Adjusted p values for the false discovery rate, in the same order.

    Source: Benjamini and Hochberg 1995, Journal of the Royal Statistical Society B 57:289.
    """
    order = sorted(range(len(p)), key=lambda i: -p[i])
    adjusted, smallest = [0.0] * len(p), 1.0
    for rank, i in enumerate(order):
        smallest = min(smallest, len(p) / (len(p) - rank) * p[i])
        adjusted[i] = smallest
    return adjusted


def rank_intervals(
    values: FloatArray, better: Direction, level: float = 0.95
) -> list[tuple[int, int]]:
    """Interval of each model's rank, 1 the best.

    Args:
        values: Figure of each model in shared resamples, shape (resamples, models).
        better: Which direction is better.
        level: Share of resamples that the interval holds.
    """
    from scipy.stats import rankdata

    usable = values[np.isfinite(values).all(axis=1)]
    if not len(usable):
        return [(1, values.shape[1])] * values.shape[1]
    ranks = rankdata(usable if better == "lower" else -usable, axis=1)
    low, high = np.quantile(ranks, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return [(int(np.floor(a)), int(np.ceil(b))) for a, b in zip(low, high, strict=True)]


def tie_groups(values: Sequence[float], p: FloatArray, better: Direction) -> list[int]:
    """Groups of models that the best of each group cannot be told from.

    Args:
        values: Figure of each model.
        p: Adjusted p of each pair of models, shape (models, models).
        better: Which direction is better.

    Returns:
        Number of each model's group, from 1 for the best.
    """
    sign = 1 if better == "lower" else -1
    order = sorted((i for i, v in enumerate(values) if isfinite(v)), key=lambda i: sign * values[i])
    groups = [0] * len(values)
    leader, number = -1, 0
    for i in order:
        if leader < 0 or p[leader, i] < 0.05:
            leader, number = i, number + 1
        groups[i] = number
    return [each or number + 1 for each in groups]
