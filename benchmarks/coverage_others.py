"""Intervals that we do not use, for the coverage study: of other harnesses, and alternatives.

The other harnesses' are written anew from their descriptions; `coverage.py` names them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from math import sqrt

import numpy as np
from simulation import (
    Ints,
    Matrix,
    Setting,
    ability,
    answers,
    as_pairs,
    design,
    gold_labels,
)

from parrot_bench.scoring.comparisons.resampling import resample
from parrot_bench.scoring.contract import Metric
from parrot_bench.scoring.estimates.design import Design
from parrot_bench.scoring.estimates.intervals import quantile, wilson
from parrot_bench.scoring.metrics.label_sets import Accuracy
from parrot_bench.scoring.metrics.per_label import MacroF1

PEERS = ("Wilson", "percentile", "lm-eval", "lighteval", "EuroEval")
BATCH = 50
"""Draws that one process makes at a time, from a seed of their own."""
Hits = dict[tuple[str, str, str], list[bool]]


def one_draw(
    setting: Setting, reports: Design, generator: np.random.Generator
) -> tuple[Ints, Matrix, Ints]:
    """Gold, chance of a right answer and answer of each report, shape (n,)."""
    gold = gold_labels(reports, setting, generator)
    chance = ability(reports, setting, generator)
    said = answers(gold, chance, generator.random(len(reports)), setting, generator)
    return gold, chance, said


def truth(metric: Metric, cells: Matrix, names: tuple[str, ...]) -> float:
    """A metric of a table of chances of gold and answer."""
    if isinstance(metric, Accuracy):
        return float(np.trace(cells))
    gold = [names[i : i + 1] for i in range(len(names)) for _ in names]
    said = [names[j : j + 1] for _ in names for j in range(len(names))]
    rows = np.asarray(metric.contributions(gold, said))
    return float(metric.value(cells.ravel() @ rows))


def peers(
    values: Matrix, value: float, n: int, proportion: bool
) -> Iterator[tuple[str, float, float]]:
    """Name and ends of the intervals of other harnesses."""
    if proportion:
        low, high = wilson(value, n)
        yield "Wilson", low, high
    drawn = values[np.isfinite(values)]
    low, high = (float(each) for each in np.quantile(drawn, [0.025, 0.975]))
    yield "percentile", low, high
    spread = float(drawn.std(ddof=1))
    yield "lm-eval", value - 1.96 * spread, value + 1.96 * spread
    yield "lighteval", value - 1.96 * spread / sqrt(1000), value + 1.96 * spread / sqrt(1000)
    ten = drawn[:10]
    half = 1.96 * float(ten.std(ddof=1)) / sqrt(10)
    yield "EuroEval", float(ten.mean()) - half, float(ten.mean()) + half


def record(
    hits: Hits, metric: str, method: str, where: str, held: tuple[float, float, float]
) -> None:
    """Note whether an interval holds the truth."""
    low, high, true = held
    hits[metric, method, where].append(low <= true <= high)


def alternatives(
    hits: Hits, setting: Setting, reports: Design, generator: np.random.Generator
) -> None:
    """One draw of what we do not use: methods that ask the contributors of one language alone."""
    names = setting.names
    gold, _, said = one_draw(setting, reports, generator)
    pairs = as_pairs(gold, said, names)
    cells = setting.confusion("pl")
    drawn = resample(reports, 500, int(generator.integers(1 << 30)))
    for name, metric in (("accuracy", Accuracy()), ("macro-F1", MacroF1(names))):
        values, truths = {}, {}
        for language in reports.languages:
            rows = reports.rows(language)
            table = pairs.table(metric, rows)
            present = [names[k : k + 1] for k in np.unique(gold[rows])]
            true = truth(metric.fixed_for(present), cells, names)
            if rows.stop - rows.start >= 10:
                values[language], truths[language] = drawn.values(table, language), true
            sizes = reports.sizes(language).astype(float)
            if len(sizes) < 5:
                continue
            group = np.unique(reports.contributor[rows], return_inverse=True)[1]
            sums, t = table.per_group(group, len(sizes)), quantile(0.95, len(sizes) - 1)
            left = table.metric.value(sums.sum(axis=0) - sums)
            spread = float(((left - left.mean()) ** 2).sum()) * (len(sizes) - 1) / len(sizes)
            half, value = t * sqrt(spread), table.value()
            record(hits, name, "jackknife, t(G-1)", language, (value - half, value + half, true))
            if metric.proportion:
                own = sums[:, 0] / sizes
                between = float((((sizes / sizes.sum()) * (own - value)) ** 2).sum())
                trials = value * (1 - value) * (len(sizes) - 1) / len(sizes) / max(between, 1e-12)
                n = min(float(sizes.sum()), max(trials, 1e-6))
                ends = wilson(value, n, degrees=len(sizes) - 1)
                record(hits, name, "Korn-Graubard", language, (*ends, true))
        for where, each in values.items():
            tails = np.nanquantile(each, [0.025, 0.975])
            held = (float(tails[0]), float(tails[1]), truths[where])
            record(hits, name, "bootstrap of contributors", where, held)
        mean = np.nanquantile(np.mean(list(values.values()), axis=0), [0.025, 0.975])
        held = (float(mean[0]), float(mean[1]), float(np.mean(list(truths.values()))))
        record(hits, name, "bootstrap of contributors", "macro", held)
        table = pairs.table(metric, reports.rows())
        whole = np.nanquantile(drawn.pooled(table), [0.025, 0.975])
        true = truth(metric.fixed_for([names[k : k + 1] for k in np.unique(gold)]), cells, names)
        held = (float(whole[0]), float(whole[1]), true)
        record(hits, name, "bootstrap of contributors", "pooled", held)


def alternatives_batch(setting: Setting, seed: int) -> Hits:
    """Some draws of the alternatives."""
    hits: Hits = defaultdict(list)
    reports = design()
    generator = np.random.default_rng([seed, 1, setting.labels])
    for _ in range(BATCH):
        alternatives(hits, setting, reports, generator)
    return dict(hits)
