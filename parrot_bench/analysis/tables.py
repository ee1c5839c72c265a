"""Results as tables: the same cells for the terminal and for the report page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from parrot_bench.analysis.notes import cell, scoring_notes, slice_name

if TYPE_CHECKING:
    import pandas as pd

    from parrot_bench.store import Run

SHOWN = 4
"""Measures in a table; a task names its measures in order of importance."""
REASONS = 3
"""Reasons of failures that are named, the commonest first."""
AVERAGES = ("macro", "pooled")
"""Slices that stand below the languages."""


@dataclass(frozen=True, slots=True)
class Table:
    """Results of one task on one text.

    Attributes:
        task: Name of the task.
        text: Name of the text.
        headline: Its headline measure.
        measures: Names of the columns after language, n and contributors.
        rows: One per slice: its name, n, contributors, and a cell per measure; none where nothing
            was answered.
        notes: What a reader must know, each once.
    """

    task: str
    text: str
    headline: str
    measures: tuple[str, ...]
    rows: tuple[tuple[str, int, int, tuple[str, ...]], ...]
    notes: tuple[str, ...]

    def by_measure(self) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
        """The averages with the measures as rows: names of the columns, and the rows."""
        averages = [row for row in self.rows if row[0] in AVERAGES]
        rows = ((name, *(row[3][at] for row in averages)) for at, name in enumerate(self.measures))
        return ("measure", *(row[0] for row in averages)), tuple(rows)


def tables(run: Run, *, every_measure: bool = False) -> Iterator[Table]:
    """Tables of a run, one for each task and text.

    Args:
        run: The run.
        every_measure: Whether to show all measures instead of the first four.
    """
    headlines = {task["name"]: task["headline"] for task in run.manifest["tasks"]}
    for asked in run.manifest["asked"]:
        task, text = asked["task"], asked["text"]
        part = run.results[(run.results["task"] == task) & (run.results["text"] == text)]
        measures = list(dict.fromkeys(part["metric"]))
        chosen = measures if every_measure else measures[:SHOWN]
        yield Table(
            task=task,
            text=text,
            headline=headlines[task],
            measures=tuple(chosen),
            rows=tuple(_rows(part, chosen)),
            notes=(*_counts(asked), *scoring_notes(run, part, headlines[task])),
        )


def _rows(
    part: pd.DataFrame, measures: list[str]
) -> Iterator[tuple[str, int, int, tuple[str, ...]]]:
    languages = set(part.loc[part["slice_kind"] == "language", "slice"])
    averages = [name for name in AVERAGES if name in set(part["slice"])]
    for name in [*sorted(languages, key=slice_name), *averages]:
        cells = part[part["slice"] == name].set_index("metric")
        first = cells.loc[measures[0]]
        yield (
            slice_name(name),
            int(first["n"]),
            int(first["clusters"]),
            tuple(cell(cells.loc[measure].to_dict()) for measure in measures),
        )


def _counts(asked: dict[str, Any]) -> Iterator[str]:
    for reason, count in asked["left_out"].items():
        if count:
            yield f"{count} reports left out: {reason}."
    odd = {k: n for k, n in asked["statuses"].items() if n and k != "ok"}
    if odd:
        listed = ", ".join(f"{count} {status}" for status, count in odd.items())
        yield f"Answers that were not ok: {listed} of {asked['items']}."
    for reason, count in list(asked.get("failures", {}).items())[:REASONS]:
        yield f"{count} failed: {reason.rstrip('.')}."
    if asked["truncated_inputs"]:
        yield (
            f"{asked['truncated_inputs']} of {asked['items']} texts were longer than the model "
            "takes and were read up to there."
        )
