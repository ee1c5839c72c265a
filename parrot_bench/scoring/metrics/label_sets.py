"""Metrics over label tuples that need no fixed set of labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from parrot_bench.scoring.contract import Direction, FloatArray, Labels, Score, paired, ratio


class Mean(Score):
    """A mean over reports of a number that each report has on its own."""

    __slots__ = ()

    def of_one(self, gold: Labels, predicted: Labels) -> float:
        """The number of one report."""
        raise NotImplementedError

    def contributions(self, gold: Sequence[Labels], predicted: Sequence[Labels]) -> FloatArray:
        """The report's number and a one, shape (n, 2)."""
        rows = np.ones((len(gold), 2))
        rows[:, 0] = [self.of_one(g, p) for g, p in paired(gold, predicted)]
        return rows

    def value(self, sums: FloatArray) -> FloatArray:
        """The mean."""
        return ratio(sums[..., 0], sums[..., 1])


class Accuracy(Mean):
    """Share of reports whose set of labels is exactly right; subset accuracy for label sets.

    Mean of [P = G]. Range 0 to 1, higher is better. Source: scikit-learn `accuracy_score`.
    """

    __slots__ = ()
    proportion: ClassVar[bool] = True

    def of_one(self, gold: Labels, predicted: Labels) -> float:
        """One where both sets are equal."""
        return float(set(gold) == set(predicted))


class ExampleF1(Mean):
    """Mean over reports of 2 |P and G| / (|P| + |G|); 1 where both are empty.

    Range 0 to 1, higher is better. Source: scikit-learn `f1_score(average="samples")`.
    """

    __slots__ = ()

    def of_one(self, gold: Labels, predicted: Labels) -> float:
        """Dice coefficient of the two sets."""
        g, p = set(gold), set(predicted)
        return 2 * len(g & p) / (len(g) + len(p)) if g or p else 1.0


class Jaccard(Mean):
    """Mean over reports of |P and G| / |P or G|; 1 where both are empty.

    Range 0 to 1, higher is better. Source: scikit-learn `jaccard_score(average="samples")`.
    """

    __slots__ = ()

    def of_one(self, gold: Labels, predicted: Labels) -> float:
        """Jaccard coefficient of the two sets."""
        g, p = set(gold), set(predicted)
        return len(g & p) / len(g | p) if g or p else 1.0


class MeanCount(Mean):
    """Mean number of predicted labels, to be compared with the gold count.

    Range 0 up, neither direction is better.
    """

    __slots__ = ()
    better: ClassVar[Direction] = "neither"
    bounds: ClassVar[tuple[float, float]] = (0.0, float("inf"))

    def of_one(self, gold: Labels, predicted: Labels) -> float:  # noqa: ARG002
        """Number of predicted labels."""
        return float(len(predicted))


class MicroF1(Score):
    """2 TP / (predicted + gold) over all labels of all reports.

    A predicted label outside the gold vocabulary is a false positive. Labels that stand more than
    once count that often (sum of min, as in CoPHE), so sets give the usual micro-F1 and node
    counts give the count-preserving one. Range 0 to 1, higher is better; undefined (nan) where
    nothing is predicted and nothing is gold. Source: scikit-learn `f1_score(average="micro")`;
    Falis et al. 2021 for counts.
    """

    __slots__ = ()

    def contributions(self, gold: Sequence[Labels], predicted: Sequence[Labels]) -> FloatArray:
        """True positives, predicted and gold labels of each report, shape (n, 3)."""
        rows = [(_overlap(g, p), len(p), len(g)) for g, p in paired(gold, predicted)]
        return np.array(rows, dtype=np.float64).reshape(-1, 3)

    def value(self, sums: FloatArray) -> FloatArray:
        """F1 of the sums."""
        return ratio(2 * sums[..., 0], sums[..., 1] + sums[..., 2])


def _overlap(gold: Labels, predicted: Labels) -> int:
    """Labels that both hold, each as often as both hold it."""
    g, p = set(gold), set(predicted)
    if len(g) == len(gold) or len(p) == len(predicted):
        return len(g & p)
    return (Counter(gold) & Counter(predicted)).total()


class MicroPrecision(MicroF1):
    """TP / predicted over all labels of all reports.

    Range 0 to 1, higher is better; undefined (nan) where nothing is predicted.
    """

    __slots__ = ()

    def value(self, sums: FloatArray) -> FloatArray:
        """Precision of the sums."""
        return ratio(sums[..., 0], sums[..., 1])


class MicroRecall(MicroF1):
    """TP / gold over all labels of all reports.

    Range 0 to 1, higher is better; undefined (nan) where nothing is gold.
    """

    __slots__ = ()

    def value(self, sums: FloatArray) -> FloatArray:
        """Recall of the sums."""
        return ratio(sums[..., 0], sums[..., 2])


@dataclass(frozen=True, slots=True)
class Share(Score):
    """Share of one kind among all predicted tags, such as "sibling" among kinds of error.

    The shares of all kinds sum to 1. Range 0 to 1, neither direction is better; undefined (nan)
    where nothing is predicted.
    """

    kind: str
    better: ClassVar[Direction] = "neither"

    def contributions(self, gold: Sequence[Labels], predicted: Sequence[Labels]) -> FloatArray:
        """Tags of this kind and all tags of each report, shape (n, 2)."""
        rows = [(p.count(self.kind), len(p)) for _, p in paired(gold, predicted)]
        return np.array(rows, dtype=np.float64).reshape(-1, 2)

    def value(self, sums: FloatArray) -> FloatArray:
        """The share."""
        return ratio(sums[..., 0], sums[..., 1])
