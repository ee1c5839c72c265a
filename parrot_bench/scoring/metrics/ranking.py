"""Metrics of a ranking: `predicted` holds all ranked labels from the likeliest down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from parrot_bench.scoring.contract import Labels, Reads
from parrot_bench.scoring.metrics.label_sets import Mean


class AveragePrecision(Mean):
    """Mean over reports of the average precision of a ranking (MAP).

    For one report: the sum over gold labels found at rank k of (gold labels up to k) / k, divided
    by the number of gold labels; a gold label that is not ranked adds nothing. Range 0 to 1,
    higher is better; 0 for a report without gold. Source: Manning et al., Introduction to
    Information Retrieval, section 8.4.
    """

    __slots__ = ()
    reads: ClassVar[Reads] = "ranking"

    def of_one(self, gold: Labels, predicted: Labels) -> float:
        """Average precision of one ranking."""
        wanted, found, total = set(gold), 0, 0.0
        for rank, label in enumerate(predicted, start=1):
            if label in wanted:
                found += 1
                total += found / rank
        return total / len(wanted) if wanted else 0.0


class RPrecision(Mean):
    """Mean over reports of the share of gold labels among the first R ranked, R their number.

    Range 0 to 1, higher is better; 0 for a report without gold. Source: Manning et al.,
    Introduction to Information Retrieval, section 8.4.
    """

    __slots__ = ()
    reads: ClassVar[Reads] = "ranking"

    def of_one(self, gold: Labels, predicted: Labels) -> float:
        """R-precision of one ranking."""
        wanted = set(gold)
        return len(wanted.intersection(predicted[: len(wanted)])) / len(wanted) if wanted else 0.0


@dataclass(frozen=True, slots=True)
class RecallAt(Mean):
    """Mean over reports of the share of gold labels that are among the first k ranked.

    Range 0 to 1, higher is better; 0 for a report without gold. Source: Manning et al.,
    Introduction to Information Retrieval, section 8.4.
    """

    k: int
    reads: ClassVar[Reads] = "ranking"

    def of_one(self, gold: Labels, predicted: Labels) -> float:
        """Recall within the first k of one ranking."""
        wanted = set(gold)
        return len(wanted.intersection(predicted[: self.k])) / len(wanted) if wanted else 0.0
