"""Compare runs on the reports that all of them answered, and texts within a run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from parrot_bench.analysis.pairing import (
    answers_of,
    both_texts,
    check_comparable,
    corpus_of,
    run_names,
    shared_tasks,
)
from parrot_bench.analysis.verdict import verdict
from parrot_bench.corpus import Corpus, Report
from parrot_bench.errors import ParrotError
from parrot_bench.registry import get_task
from parrot_bench.scores import Scored
from parrot_bench.scoring.comparison import (
    Contrast,
    Paired,
    benjamini_hochberg,
    holm,
    rank_intervals,
    tie_groups,
)
from parrot_bench.scoring.estimates import MACRO_MINIMUM, macro, measure_pairs
from parrot_bench.scoring.resampling import Resamples, resample
from parrot_bench.scoring.tabulation import make_pairs
from parrot_bench.store import Run, load_run
from parrot_bench.task import Measure, Task

if TYPE_CHECKING:
    import pandas as pd

MARGIN = 0.03
"""Difference between original and translation that is taken for none."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to compare.

    Attributes:
        data: Where the corpus is; needed unless the runs are on "mini" or "parrot-v1".
        tasks_dir: A folder with further task files.
        margin: Largest difference between texts that counts as none, 0 to 1.
        resamples: Bootstrap resamples for ranks, at least 100.
        seed: Seed of resamples and swaps.
    """

    data: str | None = None
    tasks_dir: Path | None = None
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


DEFAULT = Options()


@dataclass(frozen=True, eq=False)
class Comparison:
    """What came out.

    Attributes:
        names: A short name of each run, in the order given.
        contrasts: Tidy: one row per pair of runs, task, text and slice, headline measure.
        ranks: One row per run, task and text: value, rank interval and tie group; empty for fewer
            than three runs.
        gaps: One row per run, task and slice: original against translation.
    """

    names: tuple[str, ...]
    contrasts: pd.DataFrame
    ranks: pd.DataFrame
    gaps: pd.DataFrame


def compare(*runs: Run | str | os.PathLike[str], options: Options = DEFAULT) -> Comparison:
    """Compare runs by the headline of every task that they share.

    Of one run only the gap between original and translation is looked at.

    Args:
        runs: Two or more runs, or their folders; one for its gap alone.
        options: How to compare.

    Raises:
        ParrotError: If the runs are on different data, tasks or scorers, share nothing, or the
            corpus is not the one that they answered.
    """
    import pandas as pd

    loaded = [each if isinstance(each, Run) else load_run(each) for each in runs]
    if not loaded:
        raise ParrotError("No run is given; name the folders of one or more runs.")
    check_comparable(loaded)
    names = run_names(loaded)
    corpus = corpus_of(loaded[0], options.data)
    reports = list(corpus.reports())
    contrasts: list[dict[str, Any]] = []
    ranks: list[dict[str, Any]] = []
    gaps: list[dict[str, Any]] = []
    for task, texts in shared_tasks(loaded, options.tasks_dir):
        for text in texts:
            answered = answers_of(loaded, task, text, reports, corpus)
            if answered:
                contrasts += _contrasts(task, text, names, answered, options)
                ranks += _ranks(task, text, names, answered, options)
    for name, run in zip(names, loaded, strict=True):
        gaps += _gaps(name, run, reports, corpus, options)
    if not contrasts and not gaps:
        raise ParrotError(
            "There is nothing to compare: the runs share no task and text with answered reports, "
            "and none has both original and translation."
        )
    return Comparison(
        names,
        pd.DataFrame(_adjusted(contrasts)),
        pd.DataFrame(_grouped(ranks, contrasts)),
        pd.DataFrame(gaps),
    )


def _headline(task: Task) -> Measure:
    return next(each for each in task.measures if each.name == task.headline)


def _contrasts(
    task: Task, text: str, names: Sequence[str], answered: Sequence[Scored], options: Options
) -> list[dict[str, Any]]:
    """Rows of every pair of runs."""
    measure = _headline(task)
    rows = []
    for one, other in combinations(range(len(answered)), 2):
        found = _paired(measure, answered[one], answered[other], options.seed)
        values = [_values(measure, answered[each]) for each in (one, other)]
        for name, each in found.items():
            row: dict[str, Any] = {"task": task.name, "text": text, "slice": name}
            row |= {"metric": measure.name, "first": names[one], "second": names[other]}
            row |= {"first_value": values[0][name], "second_value": values[1][name]}
            rows.append(row | _contrast_row(each, measure))
    return rows


def _paired(measure: Measure, one: Scored, other: Scored, seed: int) -> dict[str, Contrast]:
    """Contrasts by slice of two answers to the same items."""
    first, second = one.said(measure), other.said(measure)
    pairs = make_pairs(
        [gold for gold, _ in first],
        [(a, b) for (_, a), (_, b) in zip(first, second, strict=True)],
        one.design.order,
        distinct=measure.metric.reads != "probabilities",
    )
    return Paired(measure.metric, one.design, pairs, seed).contrasts()


def _values(measure: Measure, answered: Scored) -> dict[str, float | None]:
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
        "note": each.difference.note,
    }


def _overall(rows: Sequence[Mapping[str, Any]]) -> str:
    """The slice that stands for all reports: the mean of languages, where there is one."""
    defined = {row["slice"] for row in rows if row["p"] is not None}
    return "macro" if "macro" in defined else "pooled"


def _adjusted(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with adjusted p and a verdict.

    The overall contrasts of all tasks, texts and pairs are primary (Holm); languages are a grid
    (Benjamini and Hochberg). The other overall slice is only shown.
    """
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["task"], row["text"], row["first"], row["second"]), []).append(row)
    for members in groups.values():
        overall = _overall(members)
        for row in members:
            role = "primary" if row["slice"] == overall else "language"
            row["role"] = "" if row["slice"] in {"macro", "pooled"} - {overall} else role
    for role, adjust in (("primary", holm), ("language", benjamini_hochberg)):
        chosen = [row for row in rows if row["role"] == role and row["p"] is not None]
        for row, p in zip(chosen, adjust([row["p"] for row in chosen]), strict=True):
            row["p_adjusted"] = p
    for row in rows:
        row.setdefault("p_adjusted", row["p"])
        row["verdict"] = verdict(row)
    return rows


def _ranks(
    task: Task, text: str, names: Sequence[str], answered: Sequence[Scored], options: Options
) -> list[dict[str, Any]]:
    """Rank interval of every run from shared resamples; nothing for fewer than three runs."""
    if len(answered) < 3:
        return []
    measure = _headline(task)
    shared = resample(answered[0].design, options.resamples, options.seed)
    values = [_values(measure, each) for each in answered]
    overall = "macro" if all(each["macro"] is not None for each in values) else "pooled"
    drawn = np.column_stack([_drawn(measure, each, shared, overall) for each in answered])
    intervals = rank_intervals(drawn, measure.metric.better)
    return [
        {
            "task": task.name,
            "text": text,
            "slice": overall,
            "metric": measure.name,
            "run": name,
            "value": each[overall],
            "rank_low": low,
            "rank_high": high,
            "better": measure.metric.better,
        }
        for name, each, (low, high) in zip(names, values, intervals, strict=True)
    ]


def _drawn(measure: Measure, answered: Scored, shared: Resamples, overall: str) -> Any:
    """The headline of a run in every resample."""
    pairs, design = answered.pairs(measure), answered.design
    if overall == "pooled":
        return shared.pooled(pairs.table(measure.metric, design.rows()))
    large = [
        k for k in design.languages if len(range(len(design))[design.rows(k)]) >= MACRO_MINIMUM
    ]
    tables = {name: pairs.table(measure.metric, design.rows(name)) for name in large}
    return np.mean([shared.values(table, name) for name, table in tables.items()], axis=0)


def _grouped(
    ranks: list[dict[str, Any]], contrasts: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Ranks with the tie group of every run."""
    for task, text in dict.fromkeys((row["task"], row["text"]) for row in ranks):
        rows = [row for row in ranks if (row["task"], row["text"]) == (task, text)]
        at = {row["run"]: i for i, row in enumerate(rows)}
        p = np.ones((len(rows), len(rows)))
        for each in contrasts:
            same = (each["task"], each["text"], each["slice"]) == (task, text, rows[0]["slice"])
            if same and each["p_adjusted"] is not None:
                i, j = at[each["first"]], at[each["second"]]
                p[i, j] = p[j, i] = each["p_adjusted"]
        values = [float("nan") if row["value"] is None else row["value"] for row in rows]
        for row, group in zip(rows, tie_groups(values, p, rows[0]["better"]), strict=True):
            row["group"] = group
    return ranks


def _gaps(
    name: str, run: Run, reports: Sequence[Report], corpus: Corpus, options: Options
) -> list[dict[str, Any]]:
    """Original minus translation of every task that was asked about both."""
    asked = {(each["task"], each["text"]) for each in run.manifest["asked"]}
    rows = []
    for task_name in dict.fromkeys(task for task, _ in asked):
        if {(task_name, "original"), (task_name, "translation")} - asked:
            continue
        task = get_task(task_name, options.tasks_dir)
        measure = _headline(task)
        both = both_texts(run, task, reports, corpus)
        if both is None:
            continue
        for slice_name, each in _paired(measure, *both, options.seed).items():
            row: dict[str, Any] = {"run": name, "task": task.name, "slice": slice_name}
            row |= {"metric": measure.name, **_contrast_row(each, measure)}
            row |= {"equivalence_p": each.equivalence(options.margin), "margin": options.margin}
            sides = {"first": "the original", "second": "the translation"}
            rows.append({**row, "verdict": verdict({**row, **sides, "p_adjusted": row["p"]})})
    return rows
