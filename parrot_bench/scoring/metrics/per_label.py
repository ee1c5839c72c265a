"""Metrics of one label, and means of such metrics over a fixed set of labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from parrot_bench.scoring.contract import (
    FloatArray,
    Labels,
    Metric,
    Score,
    Smoothed,
    paired,
    positions,
    ratio,
)
from parrot_bench.scoring.metrics.label_sets import MicroF1, MicroRecall

FEW = 5
"""Gold reports from which a label is no longer rare."""
PRIOR = 2.0
"""Gold reports' worth of the common labels' score that is added to every label's own."""


@dataclass(frozen=True, slots=True)
class LabelF1(Score):
    """F1 of one label against all others: 2 TP / (predicted + gold).

    Range 0 to 1, higher is better; undefined (nan) where the label is neither gold nor predicted.
    Source: scikit-learn `f1_score(average=None, zero_division=nan)`.
    """

    label: str

    def contributions(self, gold: Sequence[Labels], predicted: Sequence[Labels]) -> FloatArray:
        """Whether the label is hit, predicted and gold in each report, shape (n, 3)."""
        found = [(self.label in p, self.label in g) for g, p in paired(gold, predicted)]
        said, wanted = np.array(found, dtype=np.float64).reshape(-1, 2).T
        return np.column_stack([said * wanted, said, wanted])

    def value(self, sums: FloatArray) -> FloatArray:
        """F1 of the sums."""
        return ratio(2 * sums[..., 0], sums[..., 1] + sums[..., 2])

    def smoothed(self, sums: FloatArray) -> Smoothed | None:
        """F1 of the smoothed counts of the label."""
        hits, predicted, gold = (sums[i : i + 1] for i in range(3))
        return _smoothed_f1(hits, predicted, gold)


class LabelPrecision(LabelF1):
    """Precision of one label: TP / predicted.

    Range 0 to 1, higher is better; undefined (nan) where the label is never predicted.
    """

    __slots__ = ()

    def value(self, sums: FloatArray) -> FloatArray:
        """Precision of the sums."""
        return ratio(sums[..., 0], sums[..., 1])

    def smoothed(self, sums: FloatArray) -> Smoothed | None:
        """Share of right ones among the smoothed predictions of the label."""
        return _smoothed_recall(sums[0:1], sums[1:2])


class LabelRecall(LabelF1):
    """Recall of one label: TP / gold.

    Range 0 to 1, higher is better; undefined (nan) where the label is never gold.
    """

    __slots__ = ()

    def value(self, sums: FloatArray) -> FloatArray:
        """Recall of the sums."""
        return ratio(sums[..., 0], sums[..., 2])

    def smoothed(self, sums: FloatArray) -> Smoothed | None:
        """Recall of the smoothed counts of the label."""
        return _smoothed_recall(sums[0:1], sums[2:3])


@dataclass(frozen=True, slots=True)
class PerLabel(Score):
    """A mean over the labels of a fixed set; gold and predictions outside it are not read.

    Labels without gold in a slice say nothing of a model, and a mean over the labels that happen
    to have gold in a resample is biased. So `fixed_for` chooses the labels, once for each slice,
    and `value` chooses none.

    Attributes:
        labels: The fixed set.
    """

    labels: Labels

    def fixed_for(self, gold: Sequence[Labels]) -> Self:
        """The same mean over those labels that have gold here; over all where none has."""
        present = set().union(*gold)
        kept = tuple(label for label in self.labels if label in present)
        return replace(self, labels=kept or self.labels)

    def note(self, gold: Sequence[Labels], predicted: Sequence[Any]) -> str:  # noqa: ARG002
        """How many labels the mean is over, where it is not all of them."""
        present = len(set(self.labels) & set().union(*gold))
        if present == len(self.labels):
            return ""
        return f"over the {present} of {len(self.labels)} labels with gold"

    def contributions(self, gold: Sequence[Labels], predicted: Sequence[Labels]) -> FloatArray:
        """True positives, predicted and gold count of every label, shape (n, 3 L)."""
        at = positions(self.labels)
        rows = np.zeros((len(gold), 3, len(self.labels)))
        for i, (g, p) in enumerate(paired(gold, predicted)):
            for label in set(p):
                if label in at:
                    rows[i, 1, at[label]] = 1
                    rows[i, 0, at[label]] = label in g
            for label in set(g):
                if label in at:
                    rows[i, 2, at[label]] = 1
        return rows.reshape(len(gold), 3 * len(self.labels))

    def _parts(self, sums: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        parts = sums.reshape(*sums.shape[:-1], 3, len(self.labels))
        return parts[..., 0, :], parts[..., 1, :], parts[..., 2, :]


class MacroF1(PerLabel):
    """Mean of the per-label F1, 2 TP / (predicted + gold), over a fixed set of labels.

    It is the mean of F1s, never the F1 of mean precision and recall. A label that is neither gold
    nor predicted in the sums is left out of the mean; one that is predicted and never gold counts
    as 0. Range 0 to 1, higher is better; undefined (nan) where no label is gold or predicted.
    Source: scikit-learn `f1_score(average="macro", labels=..., zero_division=nan)`.
    """

    __slots__ = ()

    def value(self, sums: FloatArray) -> FloatArray:
        """Macro-F1 of the sums."""
        hits, predicted, gold = self._parts(sums)
        return _mean_of_ratios(2 * hits, predicted + gold)

    def smoothed(self, sums: FloatArray) -> Smoothed | None:
        """Macro-F1 of smoothed counts."""
        return _smoothed_f1(*self._parts(sums))

    def companion(self) -> Metric:
        """Micro-F1."""
        return MicroF1()


class BalancedAccuracy(PerLabel):
    """Mean of the per-label recall, TP / gold, over a fixed set of labels.

    A label without gold in the sums is left out of the mean. Range 0 to 1, higher is better;
    undefined (nan) where no label has gold. Source: scikit-learn `balanced_accuracy_score`.
    """

    __slots__ = ()

    def value(self, sums: FloatArray) -> FloatArray:
        """Balanced accuracy of the sums."""
        hits, _, gold = self._parts(sums)
        return _mean_of_ratios(hits, gold)

    def smoothed(self, sums: FloatArray) -> Smoothed | None:
        """Balanced accuracy of smoothed counts."""
        hits, _, gold = self._parts(sums)
        return _smoothed_recall(hits, gold)

    def companion(self) -> Metric:
        """Micro-averaged recall."""
        return MicroRecall()


def _mean_of_ratios(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Mean over the last axis of the quotients whose denominator is not zero."""
    defined = denominator > 0
    quotients = np.where(defined, ratio(numerator, denominator), 0.0)
    return ratio(quotients.sum(axis=-1), defined.sum(axis=-1).astype(np.float64))


def _recalls(hits: FloatArray, gold: FloatArray) -> FloatArray:
    """Recall of each label, drawn towards the recall of all by `PRIOR` reports."""
    common = (hits.sum() + 1) / (gold.sum() + 2)
    return np.asarray((hits + PRIOR * common) / (gold + PRIOR))


def _smoothed_recall(hits: FloatArray, gold: FloatArray) -> Smoothed | None:
    """Mean recall: each label's hits are binomial with its smoothed recall."""
    present = gold > 0
    if not present.any():
        return None
    hits, gold = hits[present], gold[present]
    smooth, plain = _recalls(hits, gold), hits / gold
    variance = (smooth * (1 - smooth) / gold).sum() / len(gold) ** 2
    shown = (plain * (1 - plain) / gold).sum() / len(gold) ** 2
    hidden = max(float(variance - shown), 0.0)
    return Smoothed(float(smooth.mean()), float(variance), hidden, bool((gold < FEW).any()))


def _smoothed_f1(hits: FloatArray, predicted: FloatArray, gold: FloatArray) -> Smoothed | None:
    """Mean F1: hits are binomial with the smoothed recall, false positives Poisson.

    A label's false positives are drawn towards its share of all of them, by a gamma prior whose
    shape is one. The variances follow by the delta method.
    """
    present = gold > 0
    if not present.any():
        return None
    hits, predicted, gold = hits[present], predicted[present], gold[present]
    wrong = predicted - hits
    expected = (wrong.sum() + 1) * gold / gold.sum()
    smooth = _f1_and_variance(
        gold * _recalls(hits, gold), (wrong + 1) * expected / (expected + 1), gold
    )
    shown = _f1_and_variance(hits, wrong, gold)[1]
    return Smoothed(*smooth, max(smooth[1] - shown, 0.0), bool((gold < FEW).any()))


def _f1_and_variance(hits: FloatArray, wrong: FloatArray, gold: FloatArray) -> tuple[float, float]:
    """Mean F1 over labels and its variance by the delta method."""
    total = hits + wrong + gold
    f1 = 2 * hits / total
    binomial = hits * (1 - hits / gold) * ((2 - f1) / total) ** 2
    poisson = wrong * (f1 / total) ** 2
    return float(f1.mean()), float((binomial + poisson).sum()) / len(gold) ** 2
