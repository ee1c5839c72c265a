"""Results as tables: the same cells for the terminal and for the report page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from parrot_bench.exploring.notes import cell, scoring_notes, slice_name

if TYPE_CHECKING:
    import pandas as pd

    from parrot_bench.running.run_folder import Run

SHOWN = 4
"""Measures in a table; a task names its measures in order of importance."""
REASONS = 3
"""Reasons of failures that are named, the commonest first."""
COLUMNS = ("language", "n", "contributors", "answers")
"""Columns that every table has."""
AVERAGES = ("macro", "pooled")
"""Slices that stand below the languages."""
READINGS = {
    "strict parser": "only answers that are exactly the JSON that was asked for count",
    "tuned on the data": (
        "every score from a threshold upwards is a label, and the threshold is the best one on the "
        "gold labels of other contributors"
    ),
}
"""What the rows of a second reading mean."""


class Row(NamedTuple):
    """A row of a table.

    Attributes:
        name: Language or average, with the reading where it is not the first one.
        n: Reports that are scored.
        contributors: Who wrote them.
        answers: Percent of the answers by status, failed ones included.
        cells: One for each measure.
    """

    name: str
    n: int
    contributors: int
    answers: str
    cells: tuple[str, ...]

    @property
    def summary(self) -> bool:
        """Whether it is an average over languages."""
        return self.name.startswith(AVERAGES)


@dataclass(frozen=True, slots=True)
class Table:
    """Results of one task on one text.

    Attributes:
        task: Name of the task.
        text: Name of the text.
        headline: Its headline measure.
        measures: Names of the columns after those of `COLUMNS`.
        rows: One per language and average, and averages of second readings; none where nothing was
            answered.
        notes: What a reader must know, each once.
    """

    task: str
    text: str
    headline: str
    measures: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]

    @property
    def short(self) -> Table:
        """The table with its first `SHOWN` measures."""
        rows = tuple(row._replace(cells=row.cells[:SHOWN]) for row in self.rows)
        return replace(self, measures=self.measures[:SHOWN], rows=rows)

    def by_measure(self) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
        """The averages with the measures as rows: names of the columns, and the rows."""
        averages = [row for row in self.rows if row.name in AVERAGES]
        rows = ((name, *(r.cells[at] for r in averages)) for at, name in enumerate(self.measures))
        return ("measure", *(row.name for row in averages)), tuple(rows)


def tables(run: Run) -> Iterator[Table]:
    """Tables of a run with all measures, one for each task and text."""
    headlines = {task["name"]: task["headline"] for task in run.manifest["tasks"]}
    first = [each for each in run.manifest["asked"] if not each["first_reading"]]
    for asked in first:
        task, text = asked["task"], asked["text"]
        part = _part(run, asked)
        measures = list(dict.fromkeys(part["metric"]))
        others = [
            each
            for each in run.manifest["asked"]
            if (each["task"], each["first_reading"]) == (task, text)
        ]
        rows = list(_rows(asked, part, measures)) if measures else []
        for other in others:
            rows += [
                row._replace(name=f"{row.name}, {other['reading']}")
                for row in _rows(other, _part(run, other), measures)
                if row.summary
            ]
        yield Table(
            task=task,
            text=text,
            headline=headlines[task],
            measures=tuple(measures),
            rows=tuple(rows),
            notes=(
                *_counts(asked),
                *scoring_notes(run, part, headlines[task]),
                *(f"Rows '{o['reading']}': {READINGS[o['reading']]}." for o in others),
            ),
        )


def _part(run: Run, asked: dict[str, Any]) -> pd.DataFrame:
    """Results of one task and text."""
    frame = run.results
    part: pd.DataFrame = frame[(frame["task"] == asked["task"]) & (frame["text"] == asked["text"])]
    return part


def _rows(asked: dict[str, Any], part: pd.DataFrame, measures: list[str]) -> Iterator[Row]:
    statuses: dict[str, dict[str, int]] = asked["statuses_by_language"]
    averages = [name for name in AVERAGES if name in set(part["slice"])]
    for name in [*sorted(statuses, key=slice_name), *averages]:
        cells = part[part["slice"] == name].set_index("metric").to_dict("index")
        first = next(iter(cells.values()), {"n": 0, "clusters": 0})
        counts = statuses.get(name) or (asked["statuses"] if name == "pooled" else {})
        yield Row(
            slice_name(name),
            int(first["n"]),
            int(first["clusters"]),
            shares(counts),
            tuple(cell(cells[each]) if each in cells else "–" for each in measures),
        )


def shares(statuses: dict[str, int]) -> str:
    """Percent of answers by status, those that do not occur left out."""
    total = sum(statuses.values())
    return ", ".join(f"{100 * n / total:.1f} {name}" for name, n in statuses.items() if n)


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
            "takes: it read their heads and tails."
        )
