"""Agreement of single labels with the gold, from the confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from parrot_bench.scoring.contract import (
    FloatArray,
    Labels,
    Score,
    paired,
    positions,
    ratio,
    single_gold,
)


@dataclass(frozen=True, slots=True)
class Confusion(Score):
    """A function of the confusion matrix of single labels.

    The matrix has a row for each gold label and a column for each predicted one, and one more
    column for any other answer: a label outside the set, several labels, or none.

    Attributes:
        labels: The label space; gold must be exactly one of them.
    """

    labels: Labels
    bounds: ClassVar[tuple[float, float]] = (-1.0, 1.0)

    def contributions(self, gold: Sequence[Labels], predicted: Sequence[Labels]) -> FloatArray:
        """The report's cell of the confusion matrix, shape (n, L (L + 1)).

        Raises:
            ValueError: If gold is not exactly one of the labels, or the lengths differ.
        """
        at, other = positions(self.labels), len(self.labels)
        said = [at.get(p[0], other) if len(p) == 1 else other for _, p in paired(gold, predicted)]
        cells = np.zeros((len(gold), other, other + 1))
        cells[np.arange(len(gold)), single_gold(gold, self.labels), said] = 1
        return cells.reshape(len(gold), other * (other + 1))

    def _matrix(self, sums: FloatArray) -> FloatArray:
        return sums.reshape(*sums.shape[:-1], len(self.labels), len(self.labels) + 1)


class MatthewsCorrelation(Confusion):
    """Multi-class Matthews correlation, Gorodkin's R_K.

    (c s - sum_k p_k g_k) / sqrt((s^2 - sum_k p_k^2) (s^2 - sum_k g_k^2)), with s reports, c of
    them right, p_k predicted and g_k gold of class k; any answer outside the labels is one more
    class. Range -1 to 1, higher is better; 0 where gold or predictions are all of one class, as
    in scikit-learn's `matthews_corrcoef`. Source: Gorodkin 2004.
    """

    __slots__ = ()

    def value(self, sums: FloatArray) -> FloatArray:
        """Correlation of the summed confusion matrix; nan where there are no reports."""
        matrix = self._matrix(sums)
        gold, predicted = matrix.sum(axis=-1), matrix.sum(axis=-2)
        total = gold.sum(axis=-1)
        right = np.trace(matrix, axis1=-2, axis2=-1)
        covariance = right * total - (gold * predicted[..., :-1]).sum(axis=-1)
        spread = (total**2 - (predicted**2).sum(axis=-1)) * (total**2 - (gold**2).sum(axis=-1))
        correlation = np.nan_to_num(ratio(covariance, np.sqrt(np.maximum(spread, 0))))
        return np.asarray(np.where(total > 0, np.clip(correlation, -1, 1), np.nan))


@dataclass(frozen=True, slots=True)
class WeightedKappa(Confusion):
    """Cohen's kappa, weighted by how far apart two labels of an ordered set are.

    1 - sum_ij w_ij O_ij / sum_ij w_ij E_ij, with O the confusion matrix, E the one expected from
    its margins, and w_ij = |i - j| ("linear"), (i - j)^2 ("quadratic") or [i != j] ("none", the
    unweighted kappa). Any answer outside the labels is as far from every label as the first label
    is from the last. Range -1 to 1, higher is better; undefined (nan) where gold and predictions
    are all of one and the same class. Source: Cohen 1960, 1968; scikit-learn `cohen_kappa_score`.

    Attributes:
        labels: The labels in their order.
        weights: "linear", "quadratic" or "none".
    """

    weights: Literal["linear", "quadratic", "none"] = "none"

    def __post_init__(self) -> None:
        """Check the weights.

        Raises:
            ValueError: If they are unknown.
        """
        if self.weights not in ("linear", "quadratic", "none"):
            raise ValueError(
                f"Kappa weights are 'linear', 'quadratic' or 'none', not {self.weights!r}."
            )

    def _disagreement(self) -> FloatArray:
        """Weight of each cell, shape (L, L + 1)."""
        at = np.arange(len(self.labels))
        distance = np.abs(at[:, None] - at).astype(np.float64)
        if self.weights == "none":
            distance = np.minimum(distance, 1)
        elif self.weights == "quadratic":
            distance = distance**2
        # With a single label there is no distance; another answer then differs by one.
        return np.pad(distance, ((0, 0), (0, 1)), constant_values=max(distance.max(), 1.0))

    def value(self, sums: FloatArray) -> FloatArray:
        """Kappa of the summed confusion matrix."""
        matrix, weights = self._matrix(sums), self._disagreement()
        gold, predicted = matrix.sum(axis=-1), matrix.sum(axis=-2)
        observed = (weights * matrix).sum(axis=(-2, -1)) * gold.sum(axis=-1)
        # No matrix product: its last bit depends on how many sums are worked on together.
        apart = (gold[..., :, None] * weights).sum(axis=-2)
        expected = (apart * predicted).sum(axis=-1)
        return 1 - ratio(observed, expected)
