"""Rows of a comparison: two answers to the same reports, by slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from parrot_bench.comparing.pairing import both_texts
from parrot_bench.comparing.verdict import verdict
from parrot_bench.corpus import Corpus, Report
from parrot_bench.errors import ParrotError
from parrot_bench.running.results import Scored, is_share
from parrot_bench.running.run_folder import Run
from parrot_bench.scoring.comparisons.paired import Contrast, Paired
from parrot_bench.scoring.estimates.measured import macro, measure_pairs
from parrot_bench.scoring.estimates.tabulation import make_pairs
from parrot_bench.task.card import Measure, Task
from parrot_bench.task.registry import get_task

MARGIN = 0.03
"""Difference between original and translation that is taken for none."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to compare.

    Attributes:
        data: Where the corpus is; needed unless the runs are on "mini" or "parrot-v1".
        tasks_dir: A folder with further task files.
        metric: A measure to compare instead of every task's headline.
        margin: Largest difference between texts that counts as none, 0 to 1.
        resamples: Bootstrap resamples for ranks, at least 100.
        seed: Seed of resamples and swaps.
    """

    data: str | None = None
    tasks_dir: Path | None = None
    metric: str | None = None
    margin: float = MARGIN
    resamples: int = 10_000
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ParrotError: If one is out of range.
        """
        if not 0 < self.margin < 1:
            raise ParrotError(
                f"The margin is {self.margin}; a share above 0 and below 1 was meant."
            )
        if self.resamples < 100:
            raise ParrotError(f"{self.resamples} resamples are too few; at least 100 are needed.")
        if self.seed < 0:
            raise ParrotError(f"The seed is {self.seed}; 0 or more was expected.")


def measure_of(task: Task, metric: str | None) -> Measure | None:
    """The measure to compare: the named one, None where a task lacks it; else the headline."""
    return next((m for m in task.measures if m.name == (metric or task.headline)), None)


def contrast_rows(
    measure: Measure, text: str, names: Sequence[str], answered: Sequence[Scored], seed: int
) -> list[dict[str, Any]]:
    """Rows of every pair of runs: one for each language, macro and pooled."""
    task = answered[0].sheet.task
    rows = []
    for one, other in combinations(range(len(answered)), 2):
        found = paired(measure, answered[one], answered[other], seed)
        values = [values_of(measure, answered[each]) for each in (one, other)]
        for name, each in found.items():
            row: dict[str, Any] = {"task": task.name, "text": text, "slice": name}
            row |= {"metric": measure.name, "first": names[one], "second": names[other]}
            row |= {"first_value": values[0][name], "second_value": values[1][name]}
            rows.append(row | _contrast_row(each, measure))
    return rows


def paired(measure: Measure, one: Scored, other: Scored, seed: int) -> dict[str, Contrast]:
    """Contrasts by slice of two answers to the same items."""
    first, second = one.said(measure), other.said(measure)
    pairs = make_pairs(
        [gold for gold, _ in first],
        [(a, b) for (_, a), (_, b) in zip(first, second, strict=True)],
        one.design.order,
        distinct=measure.metric.reads != "probabilities",
    )
    return Paired(measure.metric, one.design, pairs, seed).contrasts()


def values_of(measure: Measure, answered: Scored) -> dict[str, float | None]:
    """Figure of a run in every language, macro and pooled."""
    found = measure_pairs(measure.metric, answered.pairs(measure), answered.design)
    figures = {**found.languages, "macro": macro(found), "pooled": found.pooled}
    return {name: found.estimate(figure).value for name, figure in figures.items()}


def _contrast_row(each: Contrast, measure: Measure) -> dict[str, Any]:
    return {
        "difference": each.difference.value,
        "low": each.difference.low,
        "high": each.difference.high,
        "p": each.p,
        "test": each.test,
        "mcnemar": each.mcnemar,
        "detectable": each.detectable,
        "n": each.difference.n,
        "clusters": each.difference.clusters,
        "estimand": each.difference.estimand,
        "better": measure.metric.better,
        "percent": is_share(measure.metric),
        "note": each.difference.note,
    }


def gap_rows(
    name: str, run: Run, reports: Sequence[Report], corpus: Corpus, options: Options
) -> list[dict[str, Any]]:
    """Original minus translation of every task that was asked about both."""
    asked = {(each["task"], each["text"]) for each in run.manifest["asked"]}
    rows = []
    for task_name in dict.fromkeys(task for task, _ in asked):
        if {(task_name, "original"), (task_name, "translation")} - asked:
            continue
        task = get_task(task_name, options.tasks_dir)
        measure = measure_of(task, options.metric)
        both = both_texts(run, task, reports, corpus) if measure else None
        if measure is None or both is None or not all(each.readable(measure) for each in both):
            continue
        for slice_name, each in paired(measure, *both, options.seed).items():
            row: dict[str, Any] = {"run": name, "task": task.name, "slice": slice_name}
            row |= {"metric": measure.name, **_contrast_row(each, measure)}
            row |= {"equivalence_p": _equivalence(each, measure, options), "margin": options.margin}
            sides = {"first": "the original", "second": "the translation"}
            rows.append({**row, "verdict": verdict({**row, **sides, "p_adjusted": row["p"]})})
    return rows


def _equivalence(each: Contrast, measure: Measure, options: Options) -> float | None:
    """P against a difference beyond the margin, which is one of shares."""
    return each.equivalence(options.margin) if is_share(measure.metric) else None
