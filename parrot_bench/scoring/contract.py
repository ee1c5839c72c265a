"""What a metric is: sums over reports, and a function of the sums.

A metric is two functions: `contributions` gives one row of numbers per report, and `value` turns
sums of such rows into the metric. Point estimates, bootstraps, jackknives and sums that a hospital
sends instead of its reports go through the same two, so a report's weight is simply how often its
row is added.

Labels are tuples of strings: the decided labels of one report, or for ranked metrics all labels
from the likeliest down. No answer is the empty tuple. Nothing here knows what a report is.
"""

from __future__ import annotations

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

    def gradient(self, sums: FloatArray) -> FloatArray | None:
        """Slope of the value along each of the sums, shape (K,).

        None where it is found by small steps instead; those take too long for thousands of sums.
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
        rare: Whether a label has so few gold reports that the interval is approximate.
    """

    value: float
    variance: float
    hidden: float
    rare: bool


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

    def gradient(self, sums: FloatArray) -> FloatArray | None:  # noqa: ARG002
        """None: it is found by small steps."""
        return None

    def companion(self) -> Metric:
        """The metric itself."""
        return self  # type: ignore[return-value]  # subclasses add contributions and value

    def note(self, gold: Sequence[Labels], predicted: Sequence[Any]) -> str:  # noqa: ARG002
        """Nothing."""
        return ""
