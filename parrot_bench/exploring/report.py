"""The report page of a run: one self-contained HTML file without report text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parrot_bench.exploring.notes import slice_name
from parrot_bench.exploring.tables import AVERAGES, COLUMNS, tables
from parrot_bench.resources import templates_path

if TYPE_CHECKING:
    from parrot_bench.running.run_folder import Run

_WIDTH, _ROW, _LEFT, _RIGHT = 720, 26, 150, 40


def write_report(run: Run) -> Path:
    """Write `report.html` into the run's folder.

    Returns:
        The path of the page.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates_path()),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    whole = list(tables(run))
    page = environment.get_template("run.html.j2").render(
        manifest=run.manifest,
        tables=[table.short for table in whole],
        columns=COLUMNS,
        plots=[forest(run, table.task, table.text, table.headline) for table in whole],
        more=whole,
        slice_name=slice_name,
    )
    path = run.path / "report.html"
    path.write_text(page, encoding="utf-8")
    return path


def forest(run: Run, task: str, text: str, measure: str) -> dict[str, Any]:
    """Geometry of a forest plot: one row per slice with its dot and whiskers.

    Returns:
        Width, height, the ticks of the axis and the rows, in pixels.
    """
    part = run.results
    part = part[(part["task"] == task) & (part["text"] == text) & (part["metric"] == measure)]
    shown = part[(part["slice_kind"] == "language") | part["slice"].isin(AVERAGES)]
    records = shown.to_dict("records")
    records.sort(key=lambda row: (row["slice_kind"] != "language", slice_name(row["slice"])))
    percent = all(row["percent"] for row in records)
    ticks = axis([row[key] for row in records for key in ("value", "low", "high")], percent=percent)
    scale = (_WIDTH - _LEFT - _RIGHT) / (ticks[-1] - ticks[0])

    def x(number: float | None) -> float | None:
        known = number is not None and number == number  # pandas writes a missing one as nan
        return _LEFT + scale * (number - ticks[0]) if known and number is not None else None

    rows = [
        {
            "name": slice_name(row["slice"]),
            "n": row["n"],
            "summary": row["slice_kind"] != "language",
            "y": 18 + at * _ROW,
            "x": x(row["value"]),
            "low": x(row["low"]),
            "high": x(row["high"]),
        }
        for at, row in enumerate(records)
    ]
    marks = [{"x": x(tick), "label": f"{tick * (100 if percent else 1):.6g}"} for tick in ticks]
    return {"width": _WIDTH, "height": 18 + len(rows) * _ROW + 24, "rows": rows, "ticks": marks}


def axis(numbers: Sequence[float | None], *, percent: bool) -> list[float]:
    """Ticks of an axis that holds all numbers, zero and, for shares, one.

    Args:
        numbers: What is to be shown; those that are missing (None or nan) are passed over.
        percent: Whether one is the most that a number can be.

    Returns:
        At least two ticks, at steps of 1, 2 or 5 times a power of ten, from the least up.
    """
    known = [each for each in numbers if each is not None and each == each]
    least, most = min([0.0, *known]), max([1.0 if percent else 0.0, *known])
    rough = (most - least or 1.0) / 6
    power = 10 ** math.floor(math.log10(rough))
    step = next(each * power for each in (1, 2, 5, 10) if each * power >= rough * (1 - 1e-9))
    first, last = math.floor(least / step + 1e-9), math.ceil(most / step - 1e-9)
    return [round(at * step, 12) for at in range(first, max(last, first + 1) + 1)]
