"""Metrics over a fixed set of labels: means over labels, and the confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np

from parrot_bench.scoring.metrics import FloatArray, Labels, Score, ratio


@runtime_checkable
class PerLabel(Protocol):
    """A metric that is a mean over those labels of a fixed set that have gold."""

    @property
    def labels(self) -> Labels:
        """The fixed set."""
        ...


@dataclass(frozen=True, slots=True)
class _OverLabels(Score):
    """A metric over a fixed tuple of labels."""

    labels: Labels

    def contributions(self, gold: Sequence[Labels], predicted: Sequence[Labels]) -> FloatArray:
        """True positives, predicted and gold count of every label, shape (n, 3 L)."""
        at = {label: i for i, label in enumerate(self.labels)}
        rows = np.zeros((len(gold), 3, len(self.labels)))
        for i, (g, p) in enumerate(zip(gold, predicted, strict=True)):
            for label in set(p):
                if label in at:
                    rows[i, 1, at[label]] = 1
                    rows[i, 0, at[label]] = label in g
            for label in set(g):
                if label in at:
                    rows[i, 2, at[label]] = 1
        return rows.reshape(len(gold), -1)

    def _parts(self, sums: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        parts = sums.reshape(*sums.shape[:-1], 3, len(self.labels))
        return parts[..., 0, :], parts[..., 1, :], parts[..., 2, :]


class MacroF1(_OverLabels):
    """Mean of the per-label F1 over the labels of a fixed set that have gold in the sums.

    Range 0 to 1. It is the mean of F1s, never the F1 of mean precision and recall, and it does not
    look at what was predicted to choose its labels: a predicted label without gold costs the
    recall of the label that it stands for. Undefined (nan) where no label has gold. Source:
    scikit-learn `f1_score(average="macro", labels=...)` with the labels that have gold.
    """

    __slots__ = ()

    def value(self, sums: FloatArray) -> FloatArray:
        """Macro-F1 of the sums."""
        hits, predicted, gold = self._parts(sums)
        return _mean_with_gold(ratio(2 * hits, predicted + gold), gold)


class BalancedAccuracy(_OverLabels):
    """Mean recall over the labels of a fixed set that have gold in the sums. Range 0 to 1.

    Source: scikit-learn `balanced_accuracy_score`.
    """

    __slots__ = ()

    def value(self, sums: FloatArray) -> FloatArray:
        """Balanced accuracy of the sums; nan where no label has gold."""
        hits, _, gold = self._parts(sums)
        return _mean_with_gold(ratio(hits, gold), gold)


def _mean_with_gold(scores: FloatArray, gold: FloatArray) -> FloatArray:
    """Mean over the last axis of the scores whose gold is not zero."""
    present = gold > 0
    return ratio(np.where(present, scores, 0.0).sum(axis=-1), present.sum(axis=-1).astype(float))


@dataclass(frozen=True, slots=True)
class MatthewsCorrelation:
    """Multi-class Matthews correlation (Gorodkin's R_K) of single labels. Range -1 to 1.

    Any answer outside the labels, none included, is one more class of its own. Zero where gold
    or predictions are all of one class, as in scikit-learn's `matthews_corrcoef`.
    """

    labels: Labels

    @property
    def better(self) -> Literal["higher", "lower", "neither"]:
        """Higher is better."""
        return "higher"

    @property
    def bounds(self) -> tuple[float, float]:
        """From complete disagreement to complete agreement."""
        return (-1.0, 1.0)

    @property
    def proportion(self) -> bool:
        """A correlation is not a proportion."""
        return False

    def contributions(self, gold: Sequence[Labels], predicted: Sequence[Labels]) -> FloatArray:
        """The report's cell of the confusion matrix, shape (n, (L + 1) ** 2)."""
        at = {label: i for i, label in enumerate(self.labels)}
        other = len(self.labels)
        cells = np.zeros((len(gold), other + 1, other + 1))
        for i, (g, p) in enumerate(zip(gold, predicted, strict=True)):
            row = at.get(g[0], other) if len(g) == 1 else other
            column = at.get(p[0], other) if len(p) == 1 else other
            cells[i, row, column] = 1
        return cells.reshape(len(gold), -1)

    def value(self, sums: FloatArray) -> FloatArray:
        """Correlation of the summed confusion matrix."""
        size = len(self.labels) + 1
        matrix = sums.reshape(*sums.shape[:-1], size, size)
        gold, predicted = matrix.sum(axis=-1), matrix.sum(axis=-2)
        total = gold.sum(axis=-1)
        right = np.trace(matrix, axis1=-2, axis2=-1)
        covariance = right * total - (gold * predicted).sum(axis=-1)
        spread = (total**2 - (predicted**2).sum(axis=-1)) * (total**2 - (gold**2).sum(axis=-1))
        return np.asarray(np.nan_to_num(ratio(covariance, np.sqrt(np.maximum(spread, 0)))))
