"""Metrics over label tuples, each as sums over reports.

A metric is two functions: `contributions` gives one row of numbers per report, and `value` turns
sums of such rows into the metric. Point estimates and bootstraps go through the same two, so a
report's weight is simply how often its row is added.

Labels are tuples of strings: the decided labels of one report, or for ranked metrics all labels
from the likeliest down. No answer is the empty tuple. Nothing here knows what a report is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Labels = tuple[str, ...]
FloatArray = NDArray[np.float64]


class Metric(Protocol):
    """A statistic of sums.

    `better` says which direction is better ("higher", "lower", or "neither" for a diagnostic),
    `bounds` the range of values, and `proportion` whether it is a plain mean of zeros and ones.
    """

    @property
    def better(self) -> Literal["higher", "lower", "neither"]:
        """Which direction is better."""
        ...

    @property
    def bounds(self) -> tuple[float, float]:
        """Least and greatest value."""
        ...

    @property
    def proportion(self) -> bool:
        """Whether each report counts as zero or one."""
        ...

    def contributions(self, gold: Sequence[Labels], predicted: Sequence[Labels]) -> FloatArray:
        """Rows of numbers that add up over reports, shape (n, K)."""
        ...

    def value(self, sums: FloatArray) -> FloatArray:
        """The metric of sums of shape (..., K), shape (...); nan where it is undefined."""
        ...


def ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Quotient; nan where the denominator is zero."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(denominator > 0, numerator / denominator, np.nan))


@dataclass(frozen=True, slots=True)
class Score:
    """What most metrics share: a score between 0 and 1, of which more is better."""

    @property
    def better(self) -> Literal["higher", "lower", "neither"]:
        """Higher is better."""
        return "higher"

    @property
    def bounds(self) -> tuple[float, float]:
        """From zero to one."""
        return (0.0, 1.0)

    @property
    def proportion(self) -> bool:
        """Not a plain mean of zeros and ones."""
        return False


class Mean(Score):
    """A mean over reports of a number that each report has on its own."""

    __slots__ = ()

    def of_one(self, gold: Labels, predicted: Labels) -> float:
        """The number of one report."""
        raise NotImplementedError

    def contributions(self, gold: Sequence[Labels], predicted: Sequence[Labels]) -> FloatArray:
        """The report's number and a one, shape (n, 2)."""
        rows = np.ones((len(gold), 2))
        rows[:, 0] = [self.of_one(g, p) for g, p in zip(gold, predicted, strict=True)]
        return rows

    def value(self, sums: FloatArray) -> FloatArray:
        """The mean."""
        return ratio(sums[..., 0], sums[..., 1])


class Accuracy(Mean):
    """Share of reports whose set of labels is exactly right; subset accuracy for label sets.

    Range 0 to 1. Source: scikit-learn `accuracy_score`.
    """

    __slots__ = ()

    @property
    def proportion(self) -> bool:
        """Each report counts as zero or one."""
        return True

    def of_one(self, gold: Labels, predicted: Labels) -> float:
        """One where both sets are equal."""
        return float(set(gold) == set(predicted))


class ExampleF1(Mean):
    """Mean over reports of 2 tp / (|P| + |G|); 1 where both are empty. Range 0 to 1.

    Source: scikit-learn `f1_score(average="samples")`.
    """

    __slots__ = ()

    def of_one(self, gold: Labels, predicted: Labels) -> float:
        """Dice coefficient of the two sets."""
        g, p = set(gold), set(predicted)
        return 2 * len(g & p) / (len(g) + len(p)) if g or p else 1.0


class Jaccard(Mean):
    """Mean over reports of |P and G| / |P or G|; 1 where both are empty. Range 0 to 1.

    Source: scikit-learn `jaccard_score(average="samples")`.
    """

    __slots__ = ()

    def of_one(self, gold: Labels, predicted: Labels) -> float:
        """Jaccard coefficient of the two sets."""
        g, p = set(gold), set(predicted)
        return len(g & p) / len(g | p) if g or p else 1.0


class MeanCount(Mean):
    """Mean number of predicted labels; neither direction is better."""

    __slots__ = ()

    @property
    def better(self) -> Literal["higher", "lower", "neither"]:
        """Neither: compare it with the gold count."""
        return "neither"

    @property
    def bounds(self) -> tuple[float, float]:
        """Any number from zero up."""
        return (0.0, float("inf"))

    def of_one(self, gold: Labels, predicted: Labels) -> float:  # noqa: ARG002
        """Number of predicted labels."""
        return float(len(predicted))


class MicroF1(Score):
    """2 TP / (predicted + gold) over all labels of all reports. Range 0 to 1.

    A predicted label outside the gold vocabulary is a false positive. Labels that stand more than
    once count that often (sum of min, as in CoPHE), so sets give the usual micro-F1 and node
    counts give the count-preserving one. Undefined (nan) where nothing is predicted and nothing
    is gold. Source: scikit-learn `f1_score(average="micro")`; Falis et al. 2021 for counts.
    """

    __slots__ = ()

    def contributions(self, gold: Sequence[Labels], predicted: Sequence[Labels]) -> FloatArray:
        """True positives, predicted and gold labels of each report, shape (n, 3)."""
        rows = np.empty((len(gold), 3))
        for i, (g, p) in enumerate(zip(gold, predicted, strict=True)):
            rows[i] = (Counter(g) & Counter(p)).total(), len(p), len(g)
        return rows

    def value(self, sums: FloatArray) -> FloatArray:
        """F1 of the sums."""
        return ratio(2 * sums[..., 0], sums[..., 1] + sums[..., 2])


class MicroPrecision(MicroF1):
    """TP / predicted; undefined where nothing is predicted. Range 0 to 1."""

    __slots__ = ()

    def value(self, sums: FloatArray) -> FloatArray:
        """Precision of the sums."""
        return ratio(sums[..., 0], sums[..., 1])


class MicroRecall(MicroF1):
    """TP / gold; undefined where nothing is gold. Range 0 to 1."""

    __slots__ = ()

    def value(self, sums: FloatArray) -> FloatArray:
        """Recall of the sums."""
        return ratio(sums[..., 0], sums[..., 2])


@dataclass(frozen=True, slots=True)
class Share(Score):
    """Share of one kind among all predicted tags, such as "sibling" among kinds of error.

    The shares of all kinds sum to 1. Undefined where nothing is predicted.
    """

    kind: str
    direction: Literal["higher", "lower", "neither"] = "neither"

    @property
    def better(self) -> Literal["higher", "lower", "neither"]:
        """Which direction is better for this kind."""
        return self.direction

    def contributions(self, gold: Sequence[Labels], predicted: Sequence[Labels]) -> FloatArray:  # noqa: ARG002
        """Tags of this kind and all tags of each report, shape (n, 2)."""
        return np.array([(p.count(self.kind), len(p)) for p in predicted], float).reshape(-1, 2)

    def value(self, sums: FloatArray) -> FloatArray:
        """The share."""
        return ratio(sums[..., 0], sums[..., 1])
