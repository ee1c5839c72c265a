"""Compare runs on the reports that all of them answered, and texts within a run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from parrot_bench.comparing.contrasts import Options, contrast_rows, gap_rows, measure_of, values_of
from parrot_bench.comparing.pairing import (
    answers_of,
    check_comparable,
    corpus_of,
    run_names,
    shared_tasks,
)
from parrot_bench.comparing.verdict import verdict
from parrot_bench.errors import ParrotError, unknown
from parrot_bench.running.results import Scored, is_share
from parrot_bench.running.run_folder import Run, load_run
from parrot_bench.scoring.comparisons.multiplicity import (
    benjamini_hochberg,
    holm,
    rank_intervals,
    tie_groups,
)
from parrot_bench.scoring.comparisons.resampling import Resamples, resample
from parrot_bench.scoring.estimates.measured import MACRO_MINIMUM
from parrot_bench.task.card import Measure

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Comparison", "Options", "compare"]

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
    try:
        return _compare(runs, options)
    except ValueError as error:  # a run folder that somebody changed by hand
        raise ParrotError(f"The answers cannot be scored: {error}") from error


def _compare(runs: Sequence[Run | str | os.PathLike[str]], options: Options) -> Comparison:
    import pandas as pd

    loaded = [each if isinstance(each, Run) else load_run(each) for each in runs]
    if not loaded:
        raise ParrotError("No run is given; name the folders of one or more runs.")
    check_comparable(loaded)
    _check_metric(loaded, options)
    names = run_names(loaded)
    corpus = corpus_of(loaded[0], options.data)
    reports = list(corpus.reports())
    contrasts: list[dict[str, Any]] = []
    ranks: list[dict[str, Any]] = []
    gaps: list[dict[str, Any]] = []
    for task, texts in shared_tasks(loaded, options.tasks_dir):
        for text in texts:
            measure = measure_of(task, options.metric)
            answered = answers_of(loaded, task, text, reports, corpus)
            if measure and answered and all(each.readable(measure) for each in answered):
                contrasts += contrast_rows(measure, text, names, answered, options.seed)
                ranks += _ranks(measure, text, names, answered, options)
    for name, run in zip(names, loaded, strict=True):
        gaps += gap_rows(name, run, reports, corpus, options)
    if not contrasts and not gaps:
        raise ParrotError(
            "There is nothing to compare: the runs share no task and text with reports that all "
            "answered in a form that the metric reads, and none has both original and translation."
        )
    return Comparison(
        names,
        pd.DataFrame(_adjusted(contrasts)),
        pd.DataFrame(_grouped(ranks, contrasts)),
        pd.DataFrame(gaps),
    )


def _check_metric(runs: Sequence[Run], options: Options) -> None:
    """Whether a metric that was named is a measure of a task of the runs.

    Raises:
        ParrotError: If it is none.
    """
    if options.metric is None:
        return
    known = {name for run in runs for task in run.manifest["tasks"] for name in task["measures"]}
    if options.metric not in known:
        raise unknown("metric", options.metric, known)


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
    measure: Measure, text: str, names: Sequence[str], answered: Sequence[Scored], options: Options
) -> list[dict[str, Any]]:
    """Rank interval of every run from shared resamples; nothing for fewer than three runs."""
    if len(answered) < 3:
        return []
    task = answered[0].sheet.task
    shared = resample(answered[0].design, options.resamples, options.seed)
    values = [values_of(measure, each) for each in answered]
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
            "percent": is_share(measure.metric),
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
