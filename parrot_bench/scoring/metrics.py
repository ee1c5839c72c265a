"""Metrics over label tuples, each as sums over reports.

A metric is two functions: `contributions` gives one row of numbers per report, and `value` turns
sums of such rows into the metric. Point estimates, bootstraps, jackknives and sums that a hospital
sends instead of its reports go through the same two, so a report's weight is simply how often its
row is added.

Labels are tuples of strings: the decided labels of one report, or for ranked metrics all labels
from the likeliest down. No answer is the empty tuple. Nothing here knows what a report is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Labels = tuple[str, ...]
FloatArray = NDArray[np.float64]
Direction = Literal["higher", "lower", "neither"]
Reads = Literal["labels", "ranking", "probabilities"]
Answer = TypeVar("Answer")


class Metric(Protocol):
    """A statistic of sums over reports. Derive from `Score` to inherit the usual answers."""

    @property
    def better(self) -> Direction:
        """Which direction is better; "neither" for a diagnostic."""
        ...

    @property
    def bounds(self) -> tuple[float, float]:
        """Least and greatest value."""
        ...

    @property
    def proportion(self) -> bool:
        """Whether it is a plain mean in which each report counts as zero or one."""
        ...

    @property
    def reads(self) -> Reads:
        """What `predicted` holds for each report.

        "labels": the decided labels. "ranking": all labels from the likeliest down.
        "probabilities": a mapping from label to number.
        """
        ...

    @property
    def interval(self) -> bool:
        """Whether an interval about the value means anything."""
        ...

    @property
    def fewest(self) -> int:
        """Reports from which the value means anything."""
        ...

    @property
    def grain(self) -> float:
        """By how much one report of one can change a metric without bounds; 0 if unknown."""
        ...

    def fixed_for(self, gold: Sequence[Labels]) -> Metric:
        """The metric with all that it takes from a slice's gold before sums are formed.

        Call it once for each slice, and use what it returns for the estimate and all its
        resamples, jackknives and splits: none of them can then change what is estimated.
        """
        ...

    def contributions(
        self, gold: Sequence[Labels], predicted: Sequence[Any]
    ) -> FloatArray | csr_array:
        """Rows of numbers that add up over reports, shape (n, K), dense or sparse.

        Raises:
            ValueError: If the lengths differ, or a value is none that the metric can read.
        """
        ...

    def value(self, sums: FloatArray) -> FloatArray:
        """The metric of dense sums of shape (..., K), shape (...); nan where it is undefined."""
        ...

    def smoothed(self, sums: FloatArray) -> Smoothed | None:
        """What sums of shape (K,) hide of the variance where labels are rare.

        None where the metric does not average over labels.
        """
        ...

    def companion(self) -> Metric:
        """The metric whose influences show the correlation within contributors best.

        It is the metric itself, but for means over labels: a rare label's reports stand with one
        contributor, and cannot be compared with those of another.
        """
        ...

    def note(self, gold: Sequence[Labels], predicted: Sequence[Any]) -> str:
        """What a reader of the value for these reports must know; usually nothing."""
        ...


class Smoothed(NamedTuple):
    """A metric whose rare labels were drawn towards the common ones.

    Attributes:
        value: The metric of the smoothed sums.
        variance: Its variance if reports were independent, of the same sums.
        hidden: By how much that exceeds the variance that the plain sums show; not negative.
    """

    value: float
    variance: float
    hidden: float


def ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Quotient; nan where the denominator is zero."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(denominator > 0, numerator / denominator, np.nan))


def paired(gold: Sequence[Labels], predicted: Sequence[Answer]) -> Iterator[tuple[Labels, Answer]]:
    """Gold and prediction of each report.

    Raises:
        ValueError: If the lengths differ.
    """
    if len(gold) != len(predicted):
        raise ValueError(
            f"There are {len(gold)} gold answers and {len(predicted)} predicted ones; "
            "each report needs one of both."
        )
    return zip(gold, predicted, strict=True)


def positions(labels: Labels) -> dict[str, int]:
    """Position of each label.

    Raises:
        ValueError: If there are none, or one stands twice.
    """
    at = {label: i for i, label in enumerate(labels)}
    if not at or len(at) != len(labels):
        raise ValueError("A metric over labels needs at least one label and no label twice.")
    return at


def single_gold(gold: Sequence[Labels], labels: Labels) -> NDArray[np.intp]:
    """Position of each report's only gold label, shape (n,).

    Raises:
        ValueError: If a report has no gold label, several, or one outside `labels`.
    """
    at = positions(labels)
    found = np.array([at.get(g[0], -1) if len(g) == 1 else -1 for g in gold], dtype=np.intp)
    if (found < 0).any():
        first = int(np.argmax(found < 0))
        raise ValueError(
            f"Gold of report {first} is {gold[first]!r}; "
            f"it must be exactly one of the {len(labels)} labels of the metric."
        )
    return found


@dataclass(frozen=True, slots=True)
class Score:
    """What most metrics share: a score of labels between 0 and 1, of which more is better."""

    better: ClassVar[Direction] = "higher"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    proportion: ClassVar[bool] = False
    reads: ClassVar[Reads] = "labels"
    interval: ClassVar[bool] = True
    fewest: ClassVar[int] = 1
    grain: ClassVar[float] = 0.0

    def fixed_for(self, gold: Sequence[Labels]) -> Self:  # noqa: ARG002
        """The metric itself: it takes nothing from the gold of a slice."""
        return self

    def smoothed(self, sums: FloatArray) -> Smoothed | None:  # noqa: ARG002
        """None: the metric is no mean over labels."""
        return None

    def companion(self) -> Metric:
        """The metric itself."""
        return self  # type: ignore[return-value]  # subclasses add contributions and value

    def note(self, gold: Sequence[Labels], predicted: Sequence[Any]) -> str:  # noqa: ARG002
        """Nothing."""
        return ""


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
