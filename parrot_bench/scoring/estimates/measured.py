"""Estimates of a metric: for every language, for all reports pooled, and for the mean of languages.

Every figure here is, to first order, a sum over reports. Its variance is that of independent
reports, plus what near copies add, plus what the correlation within contributors adds; one
function turns the three into an interval. docs/statistics.md has the formulas and their coverage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf, isfinite
from typing import Any

import numpy as np

from parrot_bench.scoring.contract import FloatArray, Labels, Metric
from parrot_bench.scoring.estimates.correlation import Correlation, correlation, shared
from parrot_bench.scoring.estimates.design import Design
from parrot_bench.scoring.estimates.figures import (
    Figure,
    bounded_metric,
    figure_of,
    floored,
    language_figures,
    stratified,
)
from parrot_bench.scoring.estimates.intervals import LEVEL, Estimate, bounded, join, symmetric, tidy
from parrot_bench.scoring.estimates.tabulation import Pairs, make_pairs

MACRO_MINIMUM = 10
"""Languages with fewer reports are shown, but left out of the macro average and of the worst."""
FEWEST_DEGREES = 3.0
ALONE = "reports independent: too few contributors to say anything of others"


@dataclass(frozen=True, eq=False)
class Measured:
    """A metric on a set of reports: its figures, and the correlation within contributors.

    Attributes:
        metric: The metric.
        design: The reports.
        languages: Figure of every language.
        pooled: Figure of all reports.
        effects: Effect of each report on its language's figure, times its reports, shape (n,).
        scales: What the correlation is a share of, for each language, shape (languages,).
    """

    metric: Metric
    design: Design
    languages: dict[str, Figure]
    pooled: Figure
    effects: FloatArray
    scales: FloatArray

    @cached_property
    def correlation(self) -> Correlation:
        """Intra-contributor correlation, estimated from all languages."""
        return correlation(self.design, self.effects, self.scales)

    def correlations_without(self) -> dict[str, float]:
        """The correlation with each language left out, where it can still be estimated."""
        found = {
            name: correlation(self.design, self.effects, self.scales, leave_out=name)
            for name in self.design.languages
        }
        return {name: tidy(each.value) for name, each in found.items() if each.estimated}

    def uncertainty(self, figure: Figure) -> tuple[float, float]:
        """Variance of a figure and the degrees of freedom of that variance (Satterthwaite)."""
        contributor, copy = self.design.contributor[figure.rows], self.design.copy[figure.rows]
        pull = figure.weight * np.sqrt(figure.scale)
        added = max(shared(contributor, pull) - shared(copy, pull), 0.0)
        # At a bound no slope shows what copies share.
        copies = max(shared(copy, figure.slope if figure.slope.any() else pull), 0.0)
        variance = figure.within + copies + self.correlation.value * added
        doubt = added**2 * self.correlation.variance
        if not self.metric.proportion:  # a proportion's variance is no estimate of its own
            distinct = len(np.unique(copy[figure.weight > 0]))
            doubt += 2 * (figure.within + copies) ** 2 / max(distinct - 1, 1)
        degrees = 2 * variance**2 / doubt if doubt > 0 else inf
        return variance, max(degrees, FEWEST_DEGREES)

    def estimate(self, figure: Figure, level: float = LEVEL, most_degrees: float = inf) -> Estimate:
        """The figure with its interval.

        Args:
            figure: A figure of these reports.
            level: Confidence level.
            most_degrees: Upper limit of the degrees of freedom.
        """
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
        degrees = min(degrees, most_degrees)
        bounds = self.metric.bounds
        if bounded_metric(self.metric):
            scale = float(figure.weight @ figure.scale)
            trials = scale / variance if variance > 0 else float(n)
            low, high = bounded(figure.value, max(trials, 1e-9), bounds, level, degrees)
            method = "Wilson"
        else:
            grain = self.metric.grain
            limits = (-grain, grain) if grain else bounds
            low, high = symmetric(figure.value, variance, limits, level, degrees)
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
    languages = language_figures(metric, pairs, design)
    pooled = floored(stratified(figure_of(metric, pairs, design.rows()), design), metric)
    like, companion = languages, metric.companion()
    if companion is not metric:
        like = language_figures(companion, pairs, design)
        if not bounded_metric(metric):  # the share is of the companion's spread, not of its own
            languages = {k: replace(each, scale=like[k].scale) for k, each in languages.items()}
            pooled = replace(pooled, scale=figure_of(companion, pairs, design.rows()).scale)
    effects = np.concatenate([figure.slope * len(figure.slope) for figure in like.values()])
    scales = np.array([float(figure.scale.mean()) for figure in like.values()])
    return Measured(metric, design, languages, pooled, effects, scales)


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
