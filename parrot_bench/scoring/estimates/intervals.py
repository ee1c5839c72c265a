"""Intervals from a value and its variance."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite, sqrt
from statistics import NormalDist

LEVEL = 0.95
"""Confidence level of every interval."""


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
        clusters: Contributors; those who share a near copy of a report count as one.
        estimand: "B" where the interval speaks of new contributors, "A" where it speaks of new
            reports of the same contributors; empty without an interval.
        correlation: Intra-contributor correlation that was used; None where there was none.
        note: What a reader must know, such as why there is no interval.
    """

    value: float | None
    low: float | None
    high: float | None
    level: float
    method: str
    n: int
    clusters: int
    estimand: str = ""
    correlation: float | None = None
    note: str = ""


def quantile(level: float, degrees: float = inf) -> float:
    """Two-sided quantile of Student's t, of the normal distribution for infinite degrees.

    Args:
        level: Confidence level, between 0 and 1.
        degrees: Degrees of freedom, above 0.
    """
    if not isfinite(degrees):
        return NormalDist().inv_cdf((1 + level) / 2)
    from scipy.special import stdtrit

    return float(stdtrit(degrees, (1 + level) / 2))


def wilson(
    value: float, n: float, level: float = LEVEL, degrees: float = inf
) -> tuple[float, float]:
    """Wilson score interval of a proportion.

    Args:
        value: The proportion, 0 to 1.
        n: Number of trials, or the effective number where trials are dependent; above 0.
        level: Confidence level.
        degrees: Degrees of freedom of the variance, where it was estimated apart.

    Returns:
        Lower and upper end, within 0 and 1. Source: Wilson 1927; with an effective number and
        Student's t: Korn and Graubard 1998, Survey Methodology 24:193.
    """
    t = quantile(level, degrees)
    centre = (value + t * t / (2 * n)) / (1 + t * t / n)
    half = t / (1 + t * t / n) * sqrt(value * (1 - value) / n + t * t / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def bounded(
    value: float, n: float, bounds: tuple[float, float], level: float, degrees: float
) -> tuple[float, float]:
    """Wilson interval of a figure between two bounds, from an effective number of trials.

    Args:
        value: The figure.
        n: Trials of a proportion that would be as uncertain.
        bounds: Least and greatest value.
        level: Confidence level.
        degrees: Degrees of freedom.
    """
    least, span = bounds[0], bounds[1] - bounds[0]
    place = min(max((value - least) / span, 0.0), 1.0)
    low, high = wilson(place, n, level, degrees)
    return least + span * low, least + span * high


def symmetric(
    value: float, variance: float, bounds: tuple[float, float], level: float, degrees: float
) -> tuple[float, float]:
    """Value plus and minus its standard error times Student's t, cut off at the bounds."""
    half = quantile(level, degrees) * sqrt(max(variance, 0.0))
    return max(bounds[0], value - half), min(bounds[1], value + half)


def tidy(number: float) -> float:
    """A number without the bits in which machines differ."""
    return round(float(number), 12)


def join(first: str, second: str) -> str:
    """Two notes as one."""
    return f"{first}; {second}" if first and second else first or second
