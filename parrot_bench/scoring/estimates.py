"""Estimates of a metric: for every language, for all reports pooled, and for the mean of languages.

Every figure here is, to first order, a sum over reports. Its variance is that of independent
reports, plus what near copies add, plus what the correlation within contributors adds; one
function turns the three into an interval. docs/statistics.md has the formulas and their coverage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite
from typing import Any

import numpy as np

from parrot_bench.scoring.correlation import Correlation, correlation, shared
from parrot_bench.scoring.design import Design
from parrot_bench.scoring.influence import influence
from parrot_bench.scoring.intervals import LEVEL, Estimate, bounded, symmetric
from parrot_bench.scoring.metrics import FloatArray, Labels, Metric
from parrot_bench.scoring.tabulation import Pairs, make_pairs

MACRO_MINIMUM = 10
"""Languages with fewer reports are shown, but left out of the macro average and of the worst."""
FEWEST_DEGREES = 3.0
SPREAD_PRIOR = 10.0
"""Reports' worth of the spread of all languages that is added to a language's own."""
ALONE = "reports independent: too few contributors to say anything of others"


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


@dataclass(frozen=True, eq=False)
class Measured:
    """A metric on a set of reports: its figures, and the correlation within contributors.

    Attributes:
        metric: The metric.
        design: The reports.
        languages: Figure of every language.
        pooled: Figure of all reports.
        correlation: Intra-contributor correlation, estimated from all languages.
    """

    metric: Metric
    design: Design
    languages: dict[str, Figure]
    pooled: Figure
    correlation: Correlation

    def uncertainty(self, figure: Figure) -> tuple[float, float]:
        """Variance of a figure and the degrees of freedom of that variance (Satterthwaite)."""
        contributor, copy = self.design.contributor[figure.rows], self.design.copy[figure.rows]
        pull = figure.weight * np.sqrt(figure.scale)
        added = max(shared(contributor, pull) - shared(copy, pull), 0.0)
        # At a bound no slope shows what copies share.
        copies = max(shared(copy, figure.slope if figure.slope.any() else pull), 0.0)
        variance = figure.within + copies + self.correlation.value * added
        doubt = added**2 * self.correlation.variance
        distinct = len(np.unique(copy[figure.weight > 0]))
        doubt += 2 * (figure.within + copies) ** 2 / max(distinct - 1, 1)
        degrees = 2 * variance**2 / doubt if doubt > 0 else inf
        return variance, max(degrees, FEWEST_DEGREES)

    def estimate(self, figure: Figure, level: float = LEVEL) -> Estimate:
        """The figure with its interval."""
        n = figure.n
        clusters = len(np.unique(self.design.contributor[figure.rows][figure.weight > 0]))
        distinct = len(np.unique(self.design.copy[figure.rows][figure.weight > 0]))
        bare = Estimate(None, None, None, level, "none", n, clusters)
        if not isfinite(figure.value):
            return replace(bare, note=figure.note or "undefined here")
        bare = replace(bare, value=tidy(figure.value), note=figure.note)
        if n == 1:
            return replace(bare, note=join(figure.note, "one report: no interval"))
        if not self.metric.interval:
            return bare
        variance, degrees = self.uncertainty(figure)
        bounds = self.metric.bounds
        if _bounded(self.metric):
            scale = float(figure.weight @ figure.scale)
            trials = scale / variance if variance > 0 else float(n)
            low, high = bounded(figure.value, max(trials, 1e-9), bounds, level, degrees)
            method = "Wilson"
        else:
            low, high = symmetric(figure.value, variance, bounds, level, degrees)
            method = "Student's t"
        if not self.metric.proportion:
            method += " on the jackknife variance"
        known = self.correlation.estimated
        alone = not known and clusters < distinct
        return replace(
            bare,
            low=tidy(low),
            high=tidy(high),
            method=method,
            estimand="A" if alone else "B",
            correlation=tidy(self.correlation.value) if known else None,
            note=join(figure.note, ALONE) if alone else figure.note,
        )


def measure(
    metric: Metric, gold: Sequence[Labels], predicted: Sequence[Any], design: Design
) -> Measured:
    """Figures of a metric.

    Args:
        metric: The metric.
        gold: Gold labels of each report, in the order in which the design was given them, (n,).
        predicted: What the metric reads of each answer, shape (n,).
        design: The reports.

    Raises:
        ValueError: If lengths differ, or the metric refuses an answer.
    """
    distinct = metric.reads != "probabilities"
    return measure_pairs(
        metric, make_pairs(gold, predicted, design.order, distinct=distinct), design
    )


def measure_pairs(metric: Metric, pairs: Pairs, design: Design) -> Measured:
    """Figures of a metric, from pairs of gold and answer that other metrics share."""
    languages = _figures(metric, pairs, design)
    pooled = _floored(_stratified(_figure(metric, pairs, design.rows()), design), metric)
    like, companion = languages, metric.companion()
    if companion is not metric:
        like = _figures(companion, pairs, design)
        if not _bounded(metric):  # the share is of the companion's spread, not of the metric's own
            languages = {k: replace(each, scale=like[k].scale) for k, each in languages.items()}
            pooled = replace(pooled, scale=_figure(companion, pairs, design.rows()).scale)
    effects = np.concatenate([figure.slope * len(figure.slope) for figure in like.values()])
    scales = np.array([float(figure.scale.mean()) for figure in like.values()])
    return Measured(metric, design, languages, pooled, correlation(design, effects, scales))


def _figures(metric: Metric, pairs: Pairs, design: Design) -> dict[str, Figure]:
    """Figure of every language.

    The spread of a figure without bounds is its own measure of scale, and few reports may show
    none by chance: it is drawn up towards that of all languages, and to one report's worth.
    """
    found = {name: _figure(metric, pairs, design.rows(name)) for name in design.languages}
    if _bounded(metric):
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


def _floored(figure: Figure, metric: Metric) -> Figure:
    """A pooled figure without bounds, with the spread of one report's worth at least."""
    least = 0.0 if _bounded(metric) else (metric.grain / len(figure.slope)) ** 2
    return replace(figure, within=max(figure.within, least))


def _bounded(metric: Metric) -> bool:
    return all(map(isfinite, metric.bounds))


def _figure(metric: Metric, pairs: Pairs, rows: slice) -> Figure:
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
    if not _bounded(metric):
        scale = float(found.slope @ found.slope) * n
        scales = np.full(n, scale)
        return Figure(found.value, found.slope, within, weight, scales, rows, note=note)
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


def _stratified(pooled: Figure, design: Design) -> Figure:
    """The pooled figure without what its languages differ by: they are fixed, no sample."""
    parts = [pooled.slope[design.rows(name)] for name in design.languages]
    constant = sum(len(part) * float(part.mean()) ** 2 for part in parts)
    return replace(pooled, within=max(pooled.within - constant, 0.0))


def macro(measured: Measured, asked: Mapping[str, int] | None = None) -> Figure:
    """Unweighted mean over the languages that are large enough and complete.

    Args:
        measured: The languages.
        asked: Reports that were asked about in each language of the stated set; those at hand
            where None. The mean is undefined where one of them was not answered in full.
    """
    design = measured.design
    have = {name: len(figure.slope) for name, figure in measured.languages.items()}
    asked = have if asked is None else asked
    kept = [name for name in sorted(asked) if asked[name] >= MACRO_MINIMUM]
    note = _macro_note(measured, asked, kept)
    slope, weight, scale = (np.zeros(len(design)) for _ in range(3))
    within = bias = value = 0.0
    for name in kept:
        if name not in measured.languages:
            continue
        figure = measured.languages[name]
        slope[figure.rows] = figure.slope / len(kept)
        weight[figure.rows] = figure.weight / len(kept)
        scale[figure.rows] = figure.scale
        within += figure.within / len(kept) ** 2
        bias += figure.bias / len(kept)
        value += figure.value / len(kept)
    within += bias**2  # the biases of languages do not cancel as their errors do
    if not kept or any(have.get(name, 0) < asked[name] for name in kept):
        value = float("nan")
    return Figure(value, slope, within, weight, scale, slice(0, len(design)), bias, note)


def _macro_note(measured: Measured, asked: Mapping[str, int], kept: Sequence[str]) -> str:
    """What languages the mean is over, or why there is none."""
    if not kept:
        return f"no language has {MACRO_MINIMUM} reports"
    have = {name: len(figure.slope) for name, figure in measured.languages.items()}
    partial = [name for name in kept if have.get(name, 0) < asked[name]]
    if partial:
        return f"not every report was answered in {', '.join(partial)}"
    undefined = [name for name in kept if not isfinite(measured.languages[name].value)]
    if undefined:
        return f"undefined for {', '.join(undefined)}"
    small = [name for name in sorted(asked) if name not in kept]
    note = f"mean of {len(kept)} languages"
    if small:
        note += f"; fewer than {MACRO_MINIMUM} reports, left out: {', '.join(small)}"
    return note


def estimate(
    metric: Metric,
    gold: Sequence[Labels],
    predicted: Sequence[Any],
    design: Design,
    *,
    asked: Mapping[str, int] | None = None,
) -> dict[str, Estimate]:
    """Estimates of a metric for every language, then "macro" and "pooled".

    Args:
        metric: The metric.
        gold: Gold labels of each report, in the order in which the design was given them, (n,).
        predicted: What the metric reads of each answer, shape (n,).
        design: The reports.
        asked: Reports that were asked about in each language; those at hand where None.

    Raises:
        ValueError: If lengths differ, or the metric refuses an answer.
    """
    found = measure(metric, gold, predicted, design)
    result = {name: found.estimate(figure) for name, figure in found.languages.items()}
    result["macro"] = found.estimate(macro(found, asked))
    result["pooled"] = found.estimate(found.pooled)
    return result


def tidy(number: float) -> float:
    """A number without the bits in which machines differ."""
    return round(float(number), 12)


def join(first: str, second: str) -> str:
    """Two notes as one."""
    return f"{first}; {second}" if first and second else first or second
