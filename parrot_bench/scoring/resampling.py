"""Bootstrap resamples of whole clusters, drawn once and shared by every metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stratum:
    """Reports that are resampled among themselves, such as those of one language.

    Attributes:
        rows: Positions of its reports, shape (n,).
        unit: Number of the resampled unit of each report, shape (n,), values 0 to `units` - 1.
        units: Number of units.
        clusters: Number of contributors. Where there is only one, the units are its reports.
        weights: How often each unit stands in each resample, shape (resamples, units).
    """

    rows: NDArray[np.intp]
    unit: NDArray[np.intp]
    units: int
    clusters: int
    weights: FloatArray

    def sums(self, contributions: FloatArray) -> FloatArray:
        """Sums of contribution rows in every resample, shape (resamples, K)."""
        per_unit = np.zeros((self.units, contributions.shape[1]))
        np.add.at(per_unit, self.unit, contributions[self.rows])
        return np.asarray(self.weights @ per_unit)


def strata(
    groups: Sequence[str], authors: Sequence[str], resamples: int, seed: int
) -> dict[str, Stratum]:
    """Draw the resamples of every group.

    Within a group whole contributors are drawn with replacement; where a group has a single
    contributor its reports are drawn instead, because one contributor cannot show how
    contributors vary.

    Args:
        groups: Group of each report, such as its language, shape (n,).
        authors: Contributor of each report, shape (n,).
        resamples: Number of resamples, at least 1.
        seed: Seed. A group's draws depend on it and on the group's name alone, so that they stay
            the same when other groups come or go.

    Returns:
        The strata by group name, in sorted order.
    """
    group_of, author_of = np.asarray(groups), np.asarray(authors)
    result: dict[str, Stratum] = {}
    for name in sorted(set(groups)):
        rows = np.flatnonzero(group_of == name)
        _, unit = np.unique(author_of[rows], return_inverse=True)
        clusters = int(unit.max()) + 1
        if clusters == 1:
            unit = np.arange(len(rows))
        units = int(unit.max()) + 1
        generator = np.random.default_rng([seed, *name.encode()])
        weights = generator.multinomial(units, np.full(units, 1 / units), size=resamples)
        result[name] = Stratum(rows, unit, units, clusters, weights.astype(np.float64))
    return result
