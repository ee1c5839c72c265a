"""The intra-contributor correlation, and what it adds to a variance.

Reports of one radiologist resemble one another, and most languages have too few radiologists to
see how much. The correlation is therefore estimated from all languages together.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from parrot_bench.scoring.contract import FloatArray
from parrot_bench.scoring.estimates.design import Design

ENOUGH = 5
"""Contributors beyond the first of their language, from which a correlation is estimated."""


@dataclass(frozen=True, slots=True)
class Correlation:
    """Intra-contributor correlation.

    Attributes:
        value: Covariance of the effects of two reports of one contributor, as a share of the scale
            that it was estimated with; 0 to 1.
        variance: Variance of that estimate, by a jackknife over contributors.
        contributors: Contributors beyond the first of their language; 0 where it is not estimated.
    """

    value: float
    variance: float
    contributors: int

    @property
    def estimated(self) -> bool:
        """Whether there were contributors enough to estimate it."""
        return self.contributors >= ENOUGH


@dataclass(frozen=True, eq=False)
class _Language:
    """Sums of squares of one language, as they are and without each of its contributors."""

    scale: float
    spread: float
    sizes: FloatArray
    totals: FloatArray
    squares: FloatArray

    @cached_property
    def whole(self) -> tuple[float, float]:
        """Numerator and denominator of the correlation, both weighted."""
        top, bottom = self._parts(np.zeros(1), np.zeros(1), np.zeros(1))
        return float(top[0]), float(bottom[0])

    @cached_property
    def without(self) -> tuple[FloatArray, FloatArray]:
        """The same without each contributor, shape (contributors,)."""
        return self._parts(self.sizes, self.totals, self.squares)

    def _parts(
        self, size: FloatArray, total: FloatArray, square: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """One-way analysis of variance without a contributor of each size, total and square."""
        own = np.divide(total**2, size, out=np.zeros_like(total), where=size > 0)
        n = self.sizes.sum() - size
        groups = len(self.sizes) - (size > 0)
        between = (self.totals**2 / self.sizes).sum() - own - (self.totals.sum() - total) ** 2 / n
        within = (self.squares - self.totals**2 / self.sizes).sum() - (square - own)
        error = np.divide(within, n - groups, out=np.zeros_like(within), where=n > groups)
        room = n - ((self.sizes**2).sum() - size**2) / n
        degrees = groups - 1
        weight = np.divide(
            self.scale * room,
            degrees * self.spread**2,
            out=np.zeros_like(room),
            where=(degrees > 0) & (n > groups),
        )
        return weight * (between - degrees * error), weight * self.scale * room


def correlation(
    design: Design, effects: FloatArray, scales: FloatArray, *, leave_out: str | None = None
) -> Correlation:
    """Intra-contributor correlation by one-way analysis of variance, pooled over languages.

    Each language is weighted by its information. Contributors are the groups, near copies are one
    report of mean effect; a language with one contributor, or with one report of each, says
    nothing.

    Args:
        design: The reports.
        effects: Effect of each report on its language's figure, times its reports, shape (n,).
        scales: What the covariance within contributors is a share of, for each language: p (1 - p)
            for a figure p between 0 and 1. Shape (languages,).
        leave_out: A language to leave out.

    Source: Donner 1986, International Statistical Review 54:67, for the analysis of variance.
    """
    languages: list[_Language] = []
    for at, name in enumerate(design.languages):
        rows = design.rows(name)
        effect, contributor = _distinct(effects[rows], design.contributor[rows], design.copy[rows])
        group = np.unique(contributor, return_inverse=True)[1]
        sizes = np.bincount(group).astype(float)
        spread = float(effect @ effect) / len(effect)
        silent = len(sizes) in (1, len(effect)) or spread < 1e-12 or scales[at] < 1e-12
        if silent or name == leave_out:
            continue
        totals = np.bincount(group, weights=effect).astype(float)
        squares = np.bincount(group, weights=effect**2).astype(float)
        languages.append(_Language(float(scales[at]), spread, sizes, totals, squares))
    free = sum(len(each.sizes) - 1 for each in languages)
    bottom = sum(each.whole[1] for each in languages)
    if free < ENOUGH or bottom <= 0:
        return Correlation(0.0, 0.0, 0)
    top = sum(each.whole[0] for each in languages)
    left = np.concatenate([_left(top, bottom, each) for each in languages])
    groups = len(left)
    variance = (groups - 1) / groups * float(((left - left.mean()) ** 2).sum())
    return Correlation(min(max(top / bottom, 0.0), 1.0), variance, free)


def _distinct(
    effects: FloatArray, contributor: NDArray[np.intp], copy: NDArray[np.intp]
) -> tuple[FloatArray, NDArray[np.intp]]:
    """Mean effect and contributor of each group of near copies; all are of one contributor."""
    _, first, group = np.unique(copy, return_index=True, return_inverse=True)
    return np.bincount(group, weights=effects) / np.bincount(group), contributor[first]


def _left(top: float, bottom: float, language: _Language) -> FloatArray:
    """The correlation without each contributor of one language."""
    tops = top - language.whole[0] + language.without[0]
    bottoms = bottom - language.whole[1] + language.without[1]
    return np.divide(tops, bottoms, out=np.zeros_like(tops), where=bottoms > 0)


def shared(group: NDArray[np.intp], pulls: FloatArray) -> float:
    """What a correlation of one within groups adds to a variance.

    Args:
        group: Contributor of each report, or group of near copies, shape (n,).
        pulls: Standard error that each report alone has in the figure, shape (n,).
    """
    totals = np.bincount(group, weights=pulls)
    return float(totals @ totals - pulls @ pulls)
