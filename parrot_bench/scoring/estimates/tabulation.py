"""Contribution rows of many reports, each distinct row kept once.

Thousands of reports give few distinct pairs of gold and answer, and fewer distinct rows. A row's
numbers are kept in steps of 2 ** -32, so that sums of whole numbers of rows are exact: the order
of reports, languages and chunks cannot show in a result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from parrot_bench.scoring.contract import FloatArray, Labels, Metric
from parrot_bench.scoring.estimates.design import IntArray

STEP = 2.0**-32
CHUNK = 2_000_000
"""Numbers that are worked on at a time."""


@dataclass(frozen=True, eq=False)
class Table:
    """Contributions of n reports to one metric.

    Attributes:
        metric: The metric, fixed for these reports.
        rows: Distinct contribution rows, shape (D, K); None for the identity, as rank metrics have.
        code: Which row each report adds, shape (n,).
        width: D.
    """

    metric: Metric
    rows: FloatArray | None
    code: IntArray
    width: int

    @property
    def counts(self) -> FloatArray:
        """How many reports add each row, shape (D,)."""
        return np.bincount(self.code, minlength=self.width).astype(float)

    def sums(self, weights: FloatArray) -> FloatArray:
        """Sums of rows that are added with weights of shape (..., D), shape (..., K).

        Raises:
            ValueError: If a weight is negative.
        """
        if weights.size and weights.min() < 0:
            raise ValueError("A weight is negative; a report stands no time or some times.")
        return weights if self.rows is None else weights @ self.rows

    def value(self) -> float:
        """The metric of all the reports."""
        return float(self.metric.value(self.sums(self.counts)))

    def change(self, step: float) -> FloatArray:
        """Value after each distinct row was added `step` times more, shape (D,)."""
        total = self.sums(self.counts)
        size = max(1, CHUNK // max(1, len(total)))
        parts = []
        for start in range(0, self.width, size):
            if self.rows is None:
                moved = np.tile(total, (min(size, self.width - start), 1))
                moved[np.arange(len(moved)), start + np.arange(len(moved))] += step
            else:
                moved = total + step * self.rows[start : start + size]
            parts.append(self.metric.value(moved))
        return np.concatenate(parts)

    def per_group(self, group: IntArray, groups: int) -> FloatArray:
        """Sums of the reports of each group, shape (groups, K)."""
        cells = np.bincount(group * self.width + self.code, minlength=groups * self.width)
        return self.sums(cells.reshape(groups, self.width).astype(float))


@dataclass(frozen=True, eq=False)
class Pairs:
    """Gold and answers of reports, each distinct pair kept once.

    Attributes:
        gold: Gold of the distinct pairs.
        predicted: Answers of the distinct pairs: labels, a ranking or probabilities.
        code: Which pair each report has, shape (n,).
    """

    gold: Sequence[Labels]
    predicted: Sequence[Any]
    code: IntArray

    def table(self, metric: Metric, rows: slice) -> Table:
        """Contributions of some of the reports to a metric that is fixed for them."""
        present, code = np.unique(self.code[rows], return_inverse=True)
        gold = [self.gold[i] for i in present]
        fixed = metric.fixed_for(gold)
        found = fixed.contributions(gold, [self.predicted[i] for i in present])
        if not isinstance(found, np.ndarray):  # sparse: a single one in each row
            return Table(fixed, None, found.indices[code].astype(np.intp), found.shape[1])
        distinct, of_pair = np.unique(np.rint(found / STEP) * STEP, axis=0, return_inverse=True)
        return Table(fixed, distinct, of_pair.reshape(-1)[code], len(distinct))


def make_pairs(
    gold: Sequence[Labels], predicted: Sequence[Any], order: IntArray, *, distinct: bool = True
) -> Pairs:
    """Pairs of gold and answer.

    Args:
        gold: Gold labels of each report, shape (n,).
        predicted: Labels, ranking or probabilities of each report, shape (n,).
        order: Canonical order of the reports.
        distinct: Whether to keep each distinct pair once; not for probabilities.

    Raises:
        ValueError: If the lengths differ.
    """
    if not len(gold) == len(predicted) == len(order):
        raise ValueError(
            f"{len(gold)} gold answers and {len(predicted)} predictions for {len(order)} reports; "
            "one of each was expected for every report."
        )
    if not distinct:
        return Pairs([gold[i] for i in order], [predicted[i] for i in order], np.arange(len(order)))
    numbers: dict[Any, int] = {}
    firsts: list[int] = []
    code = np.empty(len(order), dtype=np.intp)
    for at, i in enumerate(order.tolist()):
        number = numbers.setdefault((gold[i], predicted[i]), len(numbers))
        if number == len(firsts):
            firsts.append(i)
        code[at] = number
    return Pairs([gold[i] for i in firsts], [predicted[i] for i in firsts], code)
