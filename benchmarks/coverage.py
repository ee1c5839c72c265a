"""How often nominal 95 % intervals hold the truth: ours and those of other harnesses.

    python benchmarks/coverage.py [--draws N] [--processes N] [--settings 0,1] [--alternatives]

Corpora of PARROT's size and languages are simulated (`simulation.py`). The truth is the figure of
new contributors of the same kind, for means over labels over the labels with gold at hand. On the
same draws stand, written anew from their descriptions:

- Wilson: the score interval, reports independent (accuracy only)
- percentile: percentile bootstrap of reports, 200 resamples (Poisson)
- lm-eval: figure plus and minus 1.96 standard deviations of the bootstrap of reports
- lighteval: the same with the standard error of a corpus metric, SD / sqrt(1,000)
- EuroEval: mean of ten bootstrap figures plus and minus 1.96 SD / sqrt(10)
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from math import isfinite

import numpy as np
from coverage_others import (
    BATCH,
    PEERS,
    Hits,
    alternatives_batch,
    one_draw,
    peers,
    record,
    truth,
)
from simulation import (
    LANGUAGES,
    Ints,
    Matrix,
    Setting,
    ability,
    answers,
    as_pairs,
    design,
    label_sets,
)

from parrot_bench.scoring.comparisons.paired import Difference
from parrot_bench.scoring.contract import Metric
from parrot_bench.scoring.estimates.design import Design, make_design
from parrot_bench.scoring.estimates.intervals import Estimate
from parrot_bench.scoring.estimates.measured import Measured, macro, measure_pairs
from parrot_bench.scoring.estimates.summaries import between_languages
from parrot_bench.scoring.estimates.tabulation import Pairs
from parrot_bench.scoring.metrics.agreement import MatthewsCorrelation
from parrot_bench.scoring.metrics.label_sets import Accuracy, ExampleF1, MicroF1
from parrot_bench.scoring.metrics.per_label import BalancedAccuracy, MacroF1, PerLabel

RESAMPLES = 200
SETTINGS = (
    Setting(3, 0.5, 0.15),
    Setting(3, 0.85, 0.1),
    Setting(11, 0.7, 0.1),
    Setting(11, 0.85, 0.0),
    Setting(11, 0.85, 0.1),
    Setting(11, 0.97, 0.05),
    Setting(22, 0.85, 0.1),
    Setting(11, 0.85, 0.1, uneven=True),
    Setting(11, 0.85, 0.1, spread=0.05),
)


@cache
def expected_sums(setting: Setting) -> dict[str, Matrix]:
    """Mean contributions of label sets by contributors of 200,000 different abilities."""
    count = 200_000
    names = [f"r{i:06}" for i in range(count)]
    where = make_design(names, ["pl"] * count, names)
    generator = np.random.default_rng(99)
    pairs = label_sets(where, ability(where, setting, generator), setting, generator)
    weight = np.bincount(pairs.code) / count
    metrics: tuple[Metric, ...] = (MicroF1(), ExampleF1(), MacroF1(setting.names))
    return {
        type(metric).__name__: weight
        @ np.asarray(metric.contributions(pairs.gold, pairs.predicted))
        for metric in metrics
    }


def true_sets(metric: Metric, setting: Setting, fixed: Metric) -> float:
    """A metric of label sets; of a mean over labels only those of the fixed metric."""
    sums = expected_sums(setting)[type(metric).__name__]
    if isinstance(metric, PerLabel) and isinstance(fixed, PerLabel):
        at = [metric.labels.index(label) for label in fixed.labels]
        sums = sums.reshape(3, -1)[:, at].ravel()
    return float(fixed.value(sums))


def record_ours(hits: Hits, metric: str, where: str, found: Estimate, true: float) -> None:
    """Note whether one of our estimates holds the truth, where it has an interval."""
    if found.low is not None and found.high is not None and isfinite(true):
        record(hits, metric, "ours", where, (found.low, found.high, true))


def one_metric(
    hits: Hits, name: str, metric: Metric, pairs: Pairs, reports: Design, true: dict[str, float]
) -> None:
    """Our intervals for every language, macro and pooled; `true` has those of the languages."""
    found = measure_pairs(metric, pairs, reports)
    for language, figure in found.languages.items():
        record_ours(hits, name, language, found.estimate(figure), true[language])
    large = [true[k] for k, (n, _) in LANGUAGES.items() if n >= 10]
    record_ours(hits, name, "macro", found.estimate(macro(found)), float(np.mean(large)))
    record_ours(hits, name, "pooled", found.estimate(found.pooled), true["pooled"])
    summaries(hits, name, found, large)


def summaries(hits: Hits, name: str, found: Measured, large: list[float]) -> None:
    """Our intervals of the worst language and of the spread between languages."""
    for where, each in between_languages(found).items():
        true = min(large) if where == "worst" else float(np.std(large, ddof=1))
        record_ours(hits, name, where, each, true)


def single_labels(
    hits: Hits, setting: Setting, reports: Design, generator: np.random.Generator
) -> None:
    """One draw of a single-label task: our intervals and those of the peers."""
    names = setting.names
    gold, chance, said = one_draw(setting, reports, generator)
    pairs = as_pairs(gold, said, names)
    metrics: dict[str, Metric] = {"accuracy": Accuracy(), "macro-F1": MacroF1(names)}
    metrics |= {"balanced accuracy": BalancedAccuracy(names), "MCC": MatthewsCorrelation(names)}
    chances = {name: setting.confusion(name) for name in reports.languages}
    for name, metric in metrics.items():
        true = {}
        for language in (*reports.languages, None):
            rows = reports.rows(language)
            present = [names[k : k + 1] for k in np.unique(gold[rows])]
            cells = (
                chances[language]
                if language
                else sum(chances[k] * LANGUAGES[k][0] / len(reports) for k in reports.languages)
            )
            true[language or "pooled"] = truth(metric.fixed_for(present), np.asarray(cells), names)
        one_metric(hits, name, metric, pairs, reports, true)
        if name in ("accuracy", "macro-F1"):
            for language in (*reports.languages, None):
                rows = reports.rows(language)
                if rows.stop - rows.start > 1:
                    table = pairs.table(metric, rows)
                    drawn = generator.poisson(table.counts, (RESAMPLES, table.width))
                    values = table.metric.value(table.sums(drawn.astype(float)))
                    n = rows.stop - rows.start
                    where = language or "pooled"
                    for method, low, high in peers(values, table.value(), n, metric.proportion):
                        record(hits, name, method, where, (low, high, true[where]))
    difference(hits, setting, reports, (gold, chance), generator)


def difference(
    hits: Hits,
    setting: Setting,
    reports: Design,
    known: tuple[Ints, Matrix],
    generator: np.random.Generator,
) -> None:
    """One draw of a second model that is 3 points worse and shares half of its luck."""
    gold, chance = known
    names, size = setting.names, setting.labels
    worse = Setting(size, setting.accuracy - 0.03, setting.icc, setting.uneven, setting.spread)
    luck = generator.random(len(reports))
    own = np.where(generator.random(len(reports)) < 0.5, luck, generator.random(len(reports)))
    first = answers(gold, chance, luck, setting, generator)
    mixed = np.where(generator.random(len(np.unique(reports.contributor))) < 0.5, 1, 0)
    other = ability(reports, worse, generator)
    shared = np.clip(chance - 0.03, 0.0, 1.0)
    second_chance = np.where(mixed[reports.contributor] == 1, other, shared)
    second = answers(gold, second_chance, own, worse, generator)
    cells = [(a, b, c) for a in range(size) for b in range(size) for c in range(size)]
    pairs = Pairs(
        [names[a : a + 1] for a, _, _ in cells],
        [(names[b : b + 1], names[c : c + 1]) for _, b, c in cells],
        (gold * size + first) * size + second,
    )
    found = measure_pairs(Difference(Accuracy()), pairs, reports)
    figures = {**found.languages, "macro": macro(found), "pooled": found.pooled}
    for where, figure in figures.items():
        record_ours(hits, "difference of accuracies", where, found.estimate(figure), 0.03)


def many_labels(
    hits: Hits, setting: Setting, reports: Design, generator: np.random.Generator
) -> None:
    """One draw of a multi-label task: our intervals."""
    chance = ability(reports, setting, generator)
    pairs = label_sets(reports, chance, setting, generator)
    metrics: dict[str, Metric] = {"micro-F1": MicroF1(), "example-F1": ExampleF1()}
    metrics["macro-F1 of label sets"] = MacroF1(setting.names)
    for name, metric in metrics.items():
        true = {}
        for language in (*reports.languages, None):
            present = [pairs.gold[i] for i in np.unique(pairs.code[reports.rows(language)])]
            true[language or "pooled"] = true_sets(metric, setting, metric.fixed_for(present))
        one_metric(hits, name, metric, pairs, reports, true)


def batch(setting: Setting, seed: int) -> Hits:
    """Some draws of one setting."""
    hits: Hits = defaultdict(list)
    reports = design()
    generator = np.random.default_rng([seed, setting.labels, int(1000 * setting.accuracy)])
    for _ in range(BATCH):
        single_labels(hits, setting, reports, generator)
        if setting.labels == 22:
            many_labels(hits, setting, reports, generator)
    return dict(hits)


def show(setting: Setting, hits: Hits) -> None:
    """Print the coverage of one setting: per language, macro, pooled, and the extremes."""
    columns = [name for name in LANGUAGES if name != "bs"] + ["macro", "pooled", "worst", "spread"]
    draws = max(len(each) for each in hits.values())
    print(f"\n### {setting} ({draws:,} draws)\n")
    print("| metric | interval | " + " | ".join(columns) + " |")
    print("|---|---|" + "---|" * len(columns))
    metrics = list(dict.fromkeys(metric for metric, _, _ in hits))
    methods = list(dict.fromkeys(("ours", *PEERS, *(method for _, method, _ in hits))))
    for metric in metrics:
        for method in methods:
            if any((metric, method, where) in hits for where in columns):
                cells = [hits.get((metric, method, where), []) for where in columns]
                shown = [f"{np.mean(c):.3f}".lstrip("0") if c else "" for c in cells]
                print(f"| {metric} | {method} | " + " | ".join(shown) + " |", flush=True)


def main() -> None:
    """Run all settings and print a table for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--settings", default="", help="numbers from 0, such as 1,7; all if empty")
    parser.add_argument(
        "--alternatives", action="store_true", help="methods that are not used, instead of ours"
    )
    chosen = parser.parse_args()
    numbers = [int(each) for each in chosen.settings.split(",") if each] or range(len(SETTINGS))
    with ProcessPoolExecutor(chosen.processes) as pool:
        for setting in (SETTINGS[each] for each in numbers):
            hits: Hits = defaultdict(list)
            seeds = range(-(-chosen.draws // BATCH))
            work = alternatives_batch if chosen.alternatives else batch
            for part in pool.map(work, [setting] * len(seeds), seeds):
                for key, each in part.items():
                    hits[key] += each
            show(setting, hits)


if __name__ == "__main__":
    main()
