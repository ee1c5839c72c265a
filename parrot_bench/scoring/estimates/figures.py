"""Figures: a metric over some reports, with all that its interval is made from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite

import numpy as np

from parrot_bench.scoring.contract import FloatArray, Metric
from parrot_bench.scoring.estimates.design import Design
from parrot_bench.scoring.estimates.influence import influence
from parrot_bench.scoring.estimates.intervals import join
from parrot_bench.scoring.estimates.tabulation import Pairs

RARE = "labels with fewer than 5 reports, so the interval is approximate"
SPREAD_PRIOR = 10.0
"""Reports' worth of the spread of all languages that is added to a language's own."""


@dataclass(frozen=True, eq=False)
class Figure:
    """A figure over some reports, before it becomes an estimate.

    Attributes:
        value: The figure; nan where it is undefined.
        slope: Change of the figure per report added, shape (n,); it sums to zero.
        within: Variance if reports were independent.
        weight: Share of each report in the figure, shape (n,); sums to one.
        scale: What the correlation is a share of, for each report, shape (n,).
        rows: Where the reports stand in the design.
        bias: Half the jackknife's estimate of the figure's bias. It is about the true one where
            labels are rare, for the jackknife counts labels that vanish with a report.
        note: What a reader must know.
    """

    value: float
    slope: FloatArray
    within: float
    weight: FloatArray
    scale: FloatArray
    rows: slice
    bias: float = 0.0
    note: str = ""

    @property
    def n(self) -> int:
        """Number of reports that have a share."""
        return int(np.count_nonzero(self.weight))


def language_figures(metric: Metric, pairs: Pairs, design: Design) -> dict[str, Figure]:
    """Figure of every language.

    The spread of a figure without bounds is its own measure of scale, and few reports may show
    none by chance: it is drawn up towards that of all languages, and to one report's worth.
    """
    found = {name: figure_of(metric, pairs, design.rows(name)) for name in design.languages}
    if bounded_metric(metric):
        return found
    n = np.array([len(each.slope) for each in found.values()])
    spread = np.array([float(each.scale.mean()) for each in found.values()])
    drawn = (n * spread + SPREAD_PRIOR * (n @ spread) / n.sum()) / (n + SPREAD_PRIOR)
    raised = np.maximum(np.maximum(spread, drawn), metric.grain**2 / n)
    return {
        name: replace(
            each,
            scale=np.full(n[i], raised[i]),
            within=each.within + (raised[i] - spread[i]) / n[i],
        )
        for i, (name, each) in enumerate(found.items())
    }


def floored(figure: Figure, metric: Metric) -> Figure:
    """A pooled figure without bounds, with the spread of one report's worth at least."""
    least = 0.0 if bounded_metric(metric) else (metric.grain / len(figure.slope)) ** 2
    return replace(figure, within=max(figure.within, least))


def bounded_metric(metric: Metric) -> bool:
    """Whether a metric has a least and a greatest value."""
    return all(map(isfinite, metric.bounds))


def figure_of(metric: Metric, pairs: Pairs, rows: slice) -> Figure:
    """Figure of the reports of one slice."""
    n = rows.stop - rows.start
    weight = np.full(n, 1 / n)
    present = np.unique(pairs.code[rows])
    note = metric.note([pairs.gold[i] for i in present], [pairs.predicted[i] for i in present])
    if n < metric.fewest:
        note = join(note, f"fewer than {metric.fewest} reports")
        return Figure(float("nan"), np.zeros(n), 0.0, weight, np.zeros(n), rows, note=note)
    found = influence(pairs.table(metric, rows))
    within, bounds = found.within, metric.bounds
    if not bounded_metric(metric):
        scale = float(found.slope @ found.slope) * n
        scales = np.full(n, scale)
        return Figure(found.value, found.slope, within, weight, scales, rows, note=note)
    if found.smoothed and found.smoothed.rare:
        note = join(note, RARE)
    span = bounds[1] - bounds[0]
    value = float(np.clip(found.value, *bounds))  # rows in steps may miss a bound by as much
    place = (value - bounds[0]) / span
    scale = place * (1 - place)
    if scale < 1e-9:  # at a bound nothing varies
        place = found.smoothed.value if found.smoothed else (n * place + 1) / (n + 2)
        scale = place * (1 - place)
        within = found.smoothed.variance if found.smoothed else scale * span**2 / n
    scales = np.full(n, scale * span**2)
    bias = found.bias / 2
    return Figure(value, found.slope, within, weight, scales, rows, bias, note)


def stratified(pooled: Figure, design: Design) -> Figure:
    """The pooled figure without what its languages differ by: they are fixed, no sample."""
    parts = [pooled.slope[design.rows(name)] for name in design.languages]
    constant = sum(len(part) * float(part.mean()) ** 2 for part in parts)
    return replace(pooled, within=max(pooled.within - constant, 0.0))
