"""Metrics of the order of scores: does the model know which reports are positive, or right?

A report's row holds a single one, at the level of its score (the distinct scores, ascending) and
on the side of its class: L columns for negatives, then L for positives. Sums of such rows are the
two histograms over the levels, and all that these metrics need. They are as additive as any other,
over rows made in one call: rows of two calls have other levels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from parrot_bench.scoring.contract import Direction, FloatArray, Labels, Reads, Score, paired, ratio
from parrot_bench.scoring.metrics.probability import top_label

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True, slots=True)
class AreaUnderROC(Score):
    """Probability that a positive report has a higher score than a negative one.

    Equal scores count half. A report is positive where its gold holds the label, negative
    otherwise. Range 0 to 1, 0.5 for chance, higher is better; undefined (nan) where there are no
    positives or no negatives. Source: Hanley and McNeil 1982; scikit-learn `roc_auc_score`.

    Attributes:
        positive: The label; each report needs its score, which may be any finite number.
    """

    positive: str
    reads: ClassVar[Reads] = "probabilities"

    def contributions(
        self, gold: Sequence[Labels], predicted: Sequence[Mapping[str, float]]
    ) -> csr_array:
        """A one at the report's score level, sparse, shape (n, 2 L): negatives, then positives."""
        scores, positive = _scores(self.positive, gold, predicted)
        return _levels(scores, positive)

    def value(self, sums: FloatArray) -> FloatArray:
        """Area under the curve of the two histograms."""
        negative, positive = _halves(sums)
        below = np.cumsum(negative, axis=-1) - negative / 2
        won = (positive * below).sum(axis=-1)
        return ratio(won, negative.sum(axis=-1) * positive.sum(axis=-1))

    def gradient(self, sums: FloatArray) -> FloatArray | None:
        """Slopes: how a report at each level fares against those of the other class."""
        negative, positive = _halves(sums)
        if not negative.any() or not positive.any():
            return None
        return _auroc_slopes(negative, positive)[1]


@dataclass(frozen=True, slots=True)
class TruePositiveRateAt(Score):
    """Greatest true positive rate that a threshold reaches at a bounded false positive rate.

    A report counts as found where its score is at least the threshold, so that reports of one
    score are found together; nothing is interpolated. A report is positive where its gold holds
    the label. Range 0 to 1, higher is better; undefined (nan) where there are no positives or no
    negatives. Source: scikit-learn `roc_curve(drop_intermediate=False)`, the greatest `tpr` with
    `fpr` within the bound.

    Attributes:
        positive: The label; each report needs its score, which may be any finite number.
        false_positive_rate: The bound, 0 to 1, included.
    """

    positive: str
    false_positive_rate: float
    reads: ClassVar[Reads] = "probabilities"
    interval: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Check the bound.

        Raises:
            ValueError: If it is not between 0 and 1.
        """
        if not 0 <= self.false_positive_rate <= 1:
            raise ValueError(
                f"A false positive rate is between 0 and 1, not {self.false_positive_rate}."
            )

    def contributions(
        self, gold: Sequence[Labels], predicted: Sequence[Mapping[str, float]]
    ) -> csr_array:
        """A one at the report's score level, sparse, shape (n, 2 L): negatives, then positives."""
        scores, positive = _scores(self.positive, gold, predicted)
        return _levels(scores, positive)

    def note(
        self,
        gold: Sequence[Labels],  # noqa: ARG002
        predicted: Sequence[Mapping[str, float]],  # noqa: ARG002
    ) -> str:
        """Why there is no interval."""
        return "no interval: it hangs on single negative reports, so no slope says how it varies"

    def value(self, sums: FloatArray) -> FloatArray:
        """True positive rate of the two histograms."""
        negative, positive = _halves(sums)
        total = negative.sum(axis=-1, keepdims=True)
        allowed = ratio(_from_above(negative), total) <= self.false_positive_rate
        found = np.where(allowed, _from_above(positive), 0.0).max(axis=-1, initial=0.0)
        rate = ratio(found, positive.sum(axis=-1))
        return np.asarray(np.where(total[..., 0] > 0, rate, np.nan))


def _auroc_slopes(negative: FloatArray, positive: FloatArray) -> tuple[float, FloatArray]:
    """AUROC of two histograms, and its slope along their levels, negatives first, (2 L,)."""
    negatives, positives = negative.sum(), positive.sum()
    above = _from_above(positive) - positive / 2
    below = np.cumsum(negative) - negative / 2
    area = float((negative * above).sum() / (negatives * positives))
    along = [above / positives - area, below / negatives - area]
    return area, np.concatenate([along[0] / negatives, along[1] / positives])


class AreaUnderGeneralisedRiskCoverage(Score):
    """Share of reports that are wrong and yet kept, on average over all shares kept (AUGRC).

    Reports are kept from the most confident down; confidence is the number of the likeliest label,
    which is right where it is gold. With r right and w wrong of n reports and A the AUROC of
    confidence for being right, it is (1 - A) r w / n^2 + w^2 / (2 n^2). Reports of equal confidence
    are kept in equal parts, so that their order does not matter. Range 0 to 0.5, lower is better;
    undefined (nan) where there are no reports. Source: Traub et al. 2024.
    """

    __slots__ = ()
    better: ClassVar[Direction] = "lower"
    bounds: ClassVar[tuple[float, float]] = (0.0, 0.5)
    reads: ClassVar[Reads] = "probabilities"

    def contributions(
        self, gold: Sequence[Labels], predicted: Sequence[Mapping[str, float]]
    ) -> csr_array:
        """A one at the report's confidence level, sparse, shape (n, 2 L): wrong, then right."""
        confidence, right = top_label(gold, predicted)
        return _levels(confidence, right)

    def value(self, sums: FloatArray) -> FloatArray:
        """Area of the two histograms: at each level, mean share of wrong reports times width."""
        wrong, right = _halves(sums)
        kept_wrong = _from_above(wrong) - wrong / 2
        total = wrong + right
        return ratio((total * kept_wrong).sum(axis=-1), total.sum(axis=-1) ** 2)

    def gradient(self, sums: FloatArray) -> FloatArray | None:
        """Slopes, by those of the AUROC and of the share of wrong reports."""
        wrong, right = _halves(sums)
        n, levels = sums.sum(), len(wrong)
        share = wrong.sum() / n
        area, slopes = 0.5, np.zeros(2 * levels)
        if 0 < share < 1:
            area, slopes = _auroc_slopes(wrong, right)
        of_share = np.repeat([(1 - share) / n, -share / n], levels)
        balance = (1 - area) * (1 - 2 * share) + share
        return np.asarray(balance * of_share - share * (1 - share) * slopes)


def _scores(
    label: str, gold: Sequence[Labels], predicted: Sequence[Mapping[str, float]]
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Score of one label, and whether it is gold, both shape (n,)."""
    scores = np.empty(len(gold))
    positive = np.empty(len(gold), dtype=np.bool_)
    for i, (g, p) in enumerate(paired(gold, predicted)):
        if label not in p:
            raise ValueError(f"Report {i} has no score for label {label!r}.")
        scores[i], positive[i] = p[label], label in g
    if not np.isfinite(scores).all():
        first = int(np.argmin(np.isfinite(scores)))
        raise ValueError(f"Report {first} has the score {scores[first]}; it must be finite.")
    return scores, positive


def _levels(scores: FloatArray, positive: NDArray[np.bool_]) -> csr_array:
    """One row for each report, with a one at its score level and class."""
    from scipy.sparse import csr_array

    distinct, level = np.unique(scores, return_inverse=True)
    column = level + np.where(positive, len(distinct), 0)
    n = len(scores)
    return csr_array((np.ones(n), column, np.arange(n + 1)), shape=(n, 2 * len(distinct)))


def _halves(sums: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Histograms of the two classes."""
    levels = sums.shape[-1] // 2
    return sums[..., :levels], sums[..., levels:]


def _from_above(histogram: FloatArray) -> FloatArray:
    """Count at each level and all higher ones."""
    return np.asarray(np.cumsum(histogram[..., ::-1], axis=-1)[..., ::-1])
