"""Metrics of probabilities: how far off they are, and whether they mean what they say.

`predicted` holds one mapping from label to probability for each report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, log
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from parrot_bench.scoring.contract import (
    Direction,
    FloatArray,
    Labels,
    Reads,
    Score,
    paired,
    ratio,
    single_gold,
)

SUM_TOLERANCE = 0.01
"""How far the probabilities of a report may be from 1 in sum: they may have been rounded."""
CLIP = float(np.finfo(np.float64).eps)
"""Probabilities are kept this far from 0 and 1 before a logarithm is taken."""
CELLS = 2_000_000
"""Numbers simulated at a time."""


@dataclass(frozen=True, slots=True)
class MeanLoss(Score):
    """A mean over reports of a loss of the probabilities of all labels.

    Attributes:
        labels: The label space; gold must be exactly one of them, and each needs a probability.
    """

    labels: Labels
    better: ClassVar[Direction] = "lower"
    reads: ClassVar[Reads] = "probabilities"

    def of_all(self, gold: NDArray[np.intp], probabilities: FloatArray) -> FloatArray:
        """Losses, shape (n,), of gold positions (n,) and probabilities (n, L)."""
        raise NotImplementedError

    def contributions(
        self, gold: Sequence[Labels], predicted: Sequence[Mapping[str, float]]
    ) -> FloatArray:
        """The report's loss and a one, shape (n, 2)."""
        wanted, table = _table(gold, predicted, self.labels)
        return np.column_stack([self.of_all(wanted, table), np.ones(len(table))])

    def value(self, sums: FloatArray) -> FloatArray:
        """The mean loss."""
        return ratio(sums[..., 0], sums[..., 1])


class BrierScore(MeanLoss):
    """Mean over reports of sum_k (p_k - [gold is k])^2 over all labels.

    Range 0 to 2, lower is better. With two labels it is twice the binary Brier score, which looks
    at one of them only; scikit-learn halves it for two labels and not for more, this does never.
    Source: Brier 1950; scikit-learn `brier_score_loss(scale_by_half=False)`.
    """

    __slots__ = ()
    bounds: ClassVar[tuple[float, float]] = (0.0, 2.0)

    def of_all(self, gold: NDArray[np.intp], probabilities: FloatArray) -> FloatArray:
        """Squared distances."""
        return _squared_distance(gold, probabilities)


class LogLoss(MeanLoss):
    """Mean over reports of -ln p(gold), p clipped to [eps, 1 - eps], eps 2.2e-16.

    Range 0 to 36.04, lower is better. Source: scikit-learn `log_loss`, with its clipping.
    """

    __slots__ = ()
    bounds: ClassVar[tuple[float, float]] = (0.0, -log(CLIP))

    def of_all(self, gold: NDArray[np.intp], probabilities: FloatArray) -> FloatArray:
        """Negative logarithms."""
        right = probabilities[np.arange(len(gold)), gold]
        return np.asarray(-np.log(np.clip(right, CLIP, 1 - CLIP)))


@dataclass(frozen=True, slots=True)
class BrierSkill(Score):
    """How much lower the Brier score is than that of always predicting the base rates.

    1 - Brier / (1 - sum_k q_k^2), with q_k the share of label k among the gold of the same sums.
    Range minus infinity to 1, higher is better, 0 for the base rates themselves; undefined (nan)
    where all gold is of one class. Source: Murphy 1973.

    Attributes:
        labels: The label space; gold must be exactly one of them, and each needs a probability.
    """

    labels: Labels
    bounds: ClassVar[tuple[float, float]] = (float("-inf"), 1.0)
    reads: ClassVar[Reads] = "probabilities"

    def contributions(
        self, gold: Sequence[Labels], predicted: Sequence[Mapping[str, float]]
    ) -> FloatArray:
        """The report's squared distance and a one at its gold label, shape (n, 1 + L)."""
        wanted, table = _table(gold, predicted, self.labels)
        rows = np.zeros((len(table), 1 + len(self.labels)))
        rows[:, 0] = _squared_distance(wanted, table)
        rows[np.arange(len(table)), 1 + wanted] = 1
        return rows

    def value(self, sums: FloatArray) -> FloatArray:
        """Skill of the sums."""
        loss, counts = sums[..., 0], sums[..., 1:]
        total = counts.sum(axis=-1)
        return 1 - ratio(loss * total, total**2 - (counts**2).sum(axis=-1))


@dataclass(frozen=True, slots=True)
class ExpectedCalibrationError(Score):
    """How far stated confidence is from accuracy: sum_b n_b / n |accuracy_b - confidence_b|.

    The confidence of a report is the probability of its likeliest label (the first of the alphabet
    where several are), and b runs over bins of equal width, ((b - 1) / B, b / B], the first with
    zero. Range 0 to 1, lower is better; undefined (nan) where there are no reports. A perfectly
    calibrated model is above zero too, the more so the fewer reports: read it with `null_band`.
    Source: Guo et al. 2017.

    Attributes:
        bins: Number of bins, at least 1.
    """

    bins: int = 10
    better: ClassVar[Direction] = "lower"
    reads: ClassVar[Reads] = "probabilities"
    interval: ClassVar[bool] = False
    fewest: ClassVar[int] = 300

    def note(self, gold: Sequence[Labels], predicted: Sequence[Mapping[str, float]]) -> str:
        """What a perfectly calibrated model shows."""
        low, high = null_band(top_label(gold, predicted)[0], self.bins)
        return f"no interval, biased upwards: a calibrated model shows {low:.3f} to {high:.3f}"

    def contributions(
        self, gold: Sequence[Labels], predicted: Sequence[Mapping[str, float]]
    ) -> FloatArray:
        """Reports, confidence and right answers in each bin, shape (n, 3 B)."""
        confidence, right = top_label(gold, predicted)
        _checked(np.array([min(p.values()) for p in predicted]))
        at = _bin_of(_checked(confidence), self.bins)
        rows = np.zeros((len(at), 3, self.bins))
        rows[np.arange(len(at)), :, at] = np.column_stack([np.ones(len(at)), confidence, right])
        return rows.reshape(len(at), 3 * self.bins)

    def value(self, sums: FloatArray) -> FloatArray:
        """Calibration error of the sums."""
        parts = sums.reshape(*sums.shape[:-1], 3, self.bins)
        gaps = np.abs(parts[..., 2, :] - parts[..., 1, :])
        return ratio(gaps.sum(axis=-1), parts[..., 0, :].sum(axis=-1))


def null_band(
    confidences: FloatArray, bins: int = 10, draws: int = 1000, seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """Calibration errors that a perfectly calibrated model with the same confidences shows.

    In each draw a report of confidence p is right with probability p. An error above the band says
    that the model is not calibrated; one within it says nothing.

    Args:
        confidences: Probability of the likeliest label of each report, shape (n,), in any order.
        bins: Number of bins, as in `ExpectedCalibrationError`.
        draws: Number of simulated sets of reports.
        seed: Seed.
        level: Share of the draws within the band, in the middle.

    Returns:
        Lower and upper end, within 0 and 1. Source: Broecker and Smith 2007 (consistency bars).

    Raises:
        ValueError: If there are no confidences, or one is not between 0 and 1.
    """
    p = np.sort(_checked(np.asarray(confidences, dtype=np.float64)))
    if not len(p):
        raise ValueError("A null band needs the confidence of at least one report.")
    starts = np.flatnonzero(np.diff(_bin_of(p, bins), prepend=-1))
    generator = np.random.default_rng(seed)
    errors = np.empty(draws)
    step = max(1, CELLS // len(p))
    for first in range(0, draws, step):
        part = errors[first : first + step]
        gaps = np.add.reduceat((generator.random((len(part), len(p))) < p) - p, starts, axis=1)
        part[:] = np.abs(gaps).sum(axis=1) / len(p)
    low, high = np.quantile(errors, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def top_label(
    gold: Sequence[Labels], predicted: Sequence[Mapping[str, float]]
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Number of each report's likeliest label, and whether that label is gold, both shape (n,).

    Where several labels are likeliest it is the first of the alphabet, as in a ranking. Gold that
    has no number counts as wrong.

    Raises:
        ValueError: If a report has not exactly one gold label, or has no number or one that is not
            finite, or the lengths differ.
    """
    tops, right = np.empty(len(gold)), np.empty(len(gold), dtype=np.bool_)
    for i, (g, p) in enumerate(paired(gold, predicted)):
        if len(g) != 1:
            raise ValueError(f"Gold of report {i} is {g!r}; it must be exactly one label.")
        if not p:
            raise ValueError(f"Report {i} has no probabilities.")
        if not isfinite(sum(p.values())):
            raise ValueError(f"Report {i} has a score that is not a finite number.")
        tops[i] = top = max(p.values())
        right[i] = p.get(g[0]) == top and g[0] == min(k for k, v in p.items() if v == top)
    return tops, right


def _table(
    gold: Sequence[Labels], predicted: Sequence[Mapping[str, float]], labels: Labels
) -> tuple[NDArray[np.intp], FloatArray]:
    """Gold positions, shape (n,), and the probabilities of all labels, shape (n, L), checked."""
    rows = np.empty((len(gold), len(labels)))
    for i, (_, p) in enumerate(paired(gold, predicted)):
        try:
            rows[i] = [p[label] for label in labels]
        except KeyError as missing:
            raise ValueError(f"Report {i} has no probability for label {missing}.") from None
    _checked(rows)
    off = np.abs(rows.sum(axis=1) - 1) > SUM_TOLERANCE
    if off.any():
        first = int(np.argmax(off))
        raise ValueError(
            f"The probabilities of report {first} sum to {rows[first].sum():.4g} instead of 1."
        )
    return single_gold(gold, labels), rows


def _checked(probabilities: FloatArray) -> FloatArray:
    """The same probabilities; nan fails both comparisons."""
    wrong = ~((probabilities >= 0) & (probabilities <= 1))
    if wrong.any():
        first, *_ = np.argwhere(wrong)[0]
        raise ValueError(
            f"Report {first} has the probability {probabilities[wrong][0]}; "
            "it must be a number between 0 and 1."
        )
    return probabilities


def _squared_distance(gold: NDArray[np.intp], probabilities: FloatArray) -> FloatArray:
    """Sum over labels of (p - [gold])^2, shape (n,)."""
    gap = probabilities.copy()
    gap[np.arange(len(gap)), gold] -= 1
    return np.asarray((gap**2).sum(axis=1))


def _bin_of(confidence: FloatArray, bins: int) -> NDArray[np.intp]:
    """Number of each confidence's bin, 0 to `bins` - 1, upper ends included."""
    if bins < 1:
        raise ValueError(f"A calibration error needs at least one bin, not {bins}.")
    return np.searchsorted(np.arange(1, bins) / bins, confidence, side="left")
