"""Paired comparison of two answers to the same reports.

The difference of a metric between two models is a metric itself, of the two answers together. It
therefore gets its figures, its correlation and its interval where every metric gets them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite, sqrt
from typing import Any, ClassVar

import numpy as np

from parrot_bench.scoring.contract import Direction, FloatArray, Labels, Metric, Reads, Smoothed
from parrot_bench.scoring.estimates.design import Design
from parrot_bench.scoring.estimates.figures import Figure
from parrot_bench.scoring.estimates.intervals import Estimate, quantile, tidy
from parrot_bench.scoring.estimates.measured import MACRO_MINIMUM, Measured, macro, measure_pairs
from parrot_bench.scoring.estimates.tabulation import Pairs, make_pairs

POWER = 0.8
"""Chance to see the detectable difference."""
DRAWS = 9_999
"""Random swaps."""
FEWEST_SWAPPED = 6
"""With fewer contributors no swap can reach p = .05 on two sides."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A metric of the first answer minus the same metric of the second.

    `predicted` holds a pair of answers for each report.

    Attributes:
        metric: The metric.
    """

    metric: Metric
    bounds: ClassVar[tuple[float, float]] = (float("-inf"), float("inf"))
    proportion: ClassVar[bool] = False

    @property
    def interval(self) -> bool:
        """Whether the metric itself has intervals."""
        return self.metric.interval

    @property
    def better(self) -> Direction:
        """Direction in which the first is better."""
        return self.metric.better

    @property
    def reads(self) -> Reads:
        """What each answer of a pair holds."""
        return self.metric.reads

    @property
    def grain(self) -> float:
        """The range of the metric; 0 where it has none."""
        low, high = self.metric.bounds
        return high - low if isfinite(high - low) else 0.0

    @property
    def fewest(self) -> int:
        """Reports from which either value means anything."""
        return self.metric.fewest

    def fixed_for(self, gold: Sequence[Labels]) -> Difference:
        """The difference of the fixed metric."""
        return Difference(self.metric.fixed_for(gold))

    def contributions(
        self, gold: Sequence[Labels], predicted: Sequence[tuple[Any, Any]]
    ) -> FloatArray:
        """Rows of both answers side by side, shape (n, 2 K)."""
        both = [each for one in (0, 1) for each in (pair[one] for pair in predicted)]
        rows = self.metric.contributions([*gold, *gold], both)
        dense = rows if isinstance(rows, np.ndarray) else rows.toarray()
        return np.hstack([dense[: len(gold)], dense[len(gold) :]])

    def value(self, sums: FloatArray) -> FloatArray:
        """Difference of the sums of shape (..., 2 K)."""
        half = sums.shape[-1] // 2
        return np.asarray(self.metric.value(sums[..., :half]) - self.metric.value(sums[..., half:]))

    def smoothed(self, sums: FloatArray) -> Smoothed | None:  # noqa: ARG002
        """None."""
        return None

    def gradient(self, sums: FloatArray) -> FloatArray | None:  # noqa: ARG002
        """None."""
        return None

    def companion(self) -> Metric:
        """The difference of the companion."""
        other = self.metric.companion()
        return self if other is self.metric else Difference(other)

    def note(self, gold: Sequence[Labels], predicted: Sequence[Any]) -> str:  # noqa: ARG002
        """Nothing: both values carry their own notes."""
        return ""


@dataclass(frozen=True, slots=True)
class Contrast:
    """What two answers to the same reports differ by, in one slice.

    Attributes:
        difference: First minus second, with its interval.
        p: Two-sided p of no difference; None where there is none.
        test: How p was found.
        mcnemar: McNemar's mid-p of the reports, for proportions; None otherwise.
        detectable: Smallest difference that would be seen in four of five samples like this one;
            None without an interval.
        error: Standard error of the difference.
        degrees: Degrees of freedom of that error.
    """

    difference: Estimate
    p: float | None
    test: str
    mcnemar: float | None
    detectable: float | None
    error: float
    degrees: float

    def equivalence(self, margin: float) -> float | None:
        """P of two one-sided tests against a difference of `margin` or more; None without p.

        Source: Schuirmann 1987, Journal of Pharmacokinetics and Biopharmaceutics 15:657.
        """
        value = self.difference.value
        if value is None or self.p is None:
            return None
        if not self.error:
            return float(abs(value) >= margin)
        from scipy.special import stdtr

        return tidy(stdtr(self.degrees, (abs(value) - margin) / self.error))


@dataclass(frozen=True, eq=False)
class Paired:
    """Two answers to the same reports under one metric.

    Attributes:
        metric: The metric.
        design: The reports.
        pairs: Gold and both answers.
        seed: Seed of the random swaps.
    """

    metric: Metric
    design: Design
    pairs: Pairs
    seed: int = 0
    measured: Measured = field(init=False)

    def __post_init__(self) -> None:
        """Measure the difference."""
        found = measure_pairs(Difference(self.metric), self.pairs, self.design)
        object.__setattr__(self, "measured", found)

    def contrasts(self, asked: Mapping[str, int] | None = None) -> dict[str, Contrast]:
        """The contrast in every language, then "macro" and "pooled"."""
        swapped = self._swapped(asked)
        figures = dict(self.measured.languages)
        figures |= {"macro": macro(self.measured, asked), "pooled": self.measured.pooled}
        return {name: self._contrast(name, each, swapped) for name, each in figures.items()}

    def _contrast(self, name: str, figure: Figure, swapped: Mapping[str, FloatArray]) -> Contrast:
        estimate = self.measured.estimate(figure)
        if estimate.value is None or estimate.low is None:
            return Contrast(estimate, None, "none", None, None, 0.0, 1.0)
        variance, degrees = self.measured.uncertainty(figure)
        error = sqrt(variance)
        p, test = self._p(estimate, error, degrees, swapped.get(name))
        detectable = (quantile(estimate.level, degrees) + quantile(2 * POWER - 1, degrees)) * error
        mcnemar = self._mcnemar(figure.rows) if self.metric.proportion and name != "macro" else None
        return Contrast(estimate, p, test, mcnemar, tidy(detectable), tidy(error), degrees)

    def _p(
        self, estimate: Estimate, error: float, degrees: float, swapped: FloatArray | None
    ) -> tuple[float, str]:
        value = abs(estimate.value or 0.0)
        if swapped is not None and estimate.clusters >= FEWEST_SWAPPED:
            defined = swapped[np.isfinite(swapped)]
            extreme = int((np.abs(defined) >= value - 1e-9).sum())
            return (1 + extreme) / (1 + len(defined)), "swaps of whole contributors"
        if not error:
            return 1.0, "no report differs"
        from scipy.special import stdtr

        return tidy(2 * stdtr(degrees, -value / error)), "Student's t, too few contributors to swap"

    def _swapped(self, asked: Mapping[str, int] | None) -> dict[str, FloatArray]:
        """Difference in every slice after the answers of random contributors were swapped."""
        generator = np.random.default_rng([self.seed, 7])
        contributors = int(self.design.contributor.max()) + 1
        swaps = generator.integers(0, 2, size=(DRAWS, contributors)).astype(float)
        difference = Difference(self.metric)
        slices = {name: self.design.rows(name) for name in self.design.languages}
        found = {
            name: self._swapped_slice(difference, rows, swaps)
            for name, rows in (slices | {"pooled": self.design.rows()}).items()
        }
        counts = asked or {k: rows.stop - rows.start for k, rows in slices.items()}
        large = [k for k in slices if counts.get(k, 0) >= MACRO_MINIMUM]
        if large:
            found["macro"] = np.mean([found[name] for name in large], axis=0)
        return found

    def _swapped_slice(self, difference: Difference, rows: slice, swaps: FloatArray) -> FloatArray:
        table = self.pairs.table(difference, rows)
        groups, of_report = np.unique(self.design.contributor[rows], return_inverse=True)
        sums = table.per_group(of_report, len(groups))
        half = sums.shape[1] // 2
        total, moved = sums.sum(axis=0), sums[:, half:] - sums[:, :half]
        parts = []
        for start in range(0, len(swaps), 1000):
            change = swaps[start : start + 1000, groups] @ moved
            parts.append(table.metric.value(total + np.hstack([change, -change])))
        return np.concatenate(parts)

    def _mcnemar(self, rows: slice) -> float:
        """Mid-p of McNemar's test. Source: Fagerland et al. 2013, BMC Med Res Methodol 13:91."""
        from scipy.stats import binom

        gold = self.pairs.gold
        answers = ([pair[one] for pair in self.pairs.predicted] for one in (0, 1))
        one, other = (np.asarray(self.metric.contributions(gold, a))[:, 0] for a in answers)
        counts = np.bincount(self.pairs.code[rows], minlength=len(gold))
        first, second = int(counts[one > other].sum()), int(counts[one < other].sum())
        fewer, both = min(first, second), first + second
        if first == second:
            return tidy(1 - binom.pmf(first, both, 0.5) / 2) if both else 1.0
        tail = 2 * binom.cdf(fewer, both, 0.5) - binom.pmf(fewer, both, 0.5)
        return tidy(min(1.0, float(tail)))


def pair(
    metric: Metric,
    gold: Sequence[Labels],
    answers: tuple[Sequence[Any], Sequence[Any]],
    design: Design,
    seed: int = 0,
) -> Paired:
    """Pair two answers to the same reports.

    Args:
        metric: The metric.
        gold: Gold labels of each report, in the order in which the design was given them, (n,).
        answers: First and second answers, each of shape (n,).
        design: The reports.
        seed: Seed of the random swaps.

    Raises:
        ValueError: If lengths differ.
    """
    first, second = answers
    if len(first) != len(second):
        raise ValueError(
            f"{len(first)} first and {len(second)} second answers; both must answer every report."
        )
    both = list(zip(first, second, strict=True))
    distinct = metric.reads != "probabilities"
    pairs = make_pairs(gold, both, design.order, distinct=distinct)
    return Paired(metric, design, pairs, seed)
