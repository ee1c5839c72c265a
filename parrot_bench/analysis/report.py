"""The report page of a run: one self-contained HTML file without report text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from parrot_bench.analysis.tables import slice_name, tables
from parrot_bench.resources import templates_path

if TYPE_CHECKING:
    from parrot_bench.store import Run

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
    shown = list(tables(run))
    page = environment.get_template("run.html.j2").render(
        manifest=run.manifest,
        tables=shown,
        plots=[forest(run, table.task, table.text, table.headline) for table in shown],
        more=list(tables(run, every_measure=True)),
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
    span = _WIDTH - _LEFT - _RIGHT
    rows = []
    order = {"macro": "~1", "pooled": "~2"}  # after every name, as in the table
    records = part.to_dict("records")
    records.sort(key=lambda row: order.get(row["slice"], slice_name(row["slice"])))
    for at, row in enumerate(records):
        defined = row["value"] == row["value"] and row["value"] is not None
        whiskers = row["low"] == row["low"] and row["low"] is not None
        rows.append(
            {
                "name": slice_name(row["slice"]),
                "n": row["n"],
                "summary": row["slice_kind"] != "language",
                "y": 18 + at * _ROW,
                "x": _LEFT + span * row["value"] if defined else None,
                "low": _LEFT + span * row["low"] if whiskers else None,
                "high": _LEFT + span * row["high"] if whiskers else None,
            }
        )
    ticks = [{"x": _LEFT + span * tick / 100, "label": tick} for tick in range(0, 101, 20)]
    return {"width": _WIDTH, "height": 18 + len(rows) * _ROW + 24, "rows": rows, "ticks": ticks}
