"""`parrot-bench compare`: runs against one another, and texts within a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from parrot_bench.cli.options import Json, TasksDir
from parrot_bench.cli.output import print_json, print_table

if TYPE_CHECKING:
    import pandas as pd

    from parrot_bench.comparing.comparison import Comparison


def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders.")],
    data: Annotated[
        str | None,
        typer.Option(
            "--data", "-d", help="Corpus of the runs, unless mini or parrot-v1.", show_default=False
        ),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(help="A measure instead of each headline.", show_default=False),
    ] = None,
    margin: Annotated[
        float, typer.Option(help="Points between the texts that count as no difference.")
    ] = 3.0,
    seed: Annotated[int, typer.Option(help="Seed of resamples and swaps.")] = 0,
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples for ranks.")] = 10_000,
    tasks_dir: TasksDir = None,
    as_json: Json = False,
) -> None:
    """Say which run is better, per language and overall, and how sure that is.

    Of one run: whether it does worse on the original than on the translation.
    """
    from parrot_bench.comparing.comparison import Options, compare

    options = Options(data, tasks_dir, metric, margin / 100, resamples, seed)
    found = compare(*runs, options=options)
    if as_json:
        print_json(
            {name: _records(getattr(found, name)) for name in ("contrasts", "ranks", "gaps")}
        )
        return
    _print_contrasts(found)
    _print_ranks(found)
    _print_gaps(found)


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    plain = frame.astype(object).where(frame.notna(), None)
    return [{str(key): value for key, value in row.items()} for row in plain.to_dict("records")]


def _print_contrasts(found: Comparison) -> None:
    from parrot_bench.exploring.notes import slice_name

    if found.contrasts.empty:
        return
    keys = ["task", "text", "metric", "first", "second"]
    for (task, text, metric, first, second), part in found.contrasts.groupby(keys, sort=False):
        rows = [
            (
                slice_name(row["slice"]),
                str(row["n"]),
                str(row["clusters"]),
                _value(row["first_value"], row["percent"]),
                _value(row["second_value"], row["percent"]),
                _difference(row),
                _p(row["p_adjusted"]),
            )
            for row in _in_order(part)
        ]
        columns = ("language", "n", "contributors", "A", "B", "A - B", "p, adjusted")
        typer.echo(f"\nA = {first}, B = {second}")
        print_table(f"{task} · {text} · {metric}", columns, rows)
        for row in _records(part):
            if row["role"] == "primary":
                typer.echo(f"  {slice_name(row['slice'])}: {row['verdict']}.")
        seen = [r for r in _records(part) if r["role"] == "language" and _shown(r)]
        for row in seen:
            typer.echo(f"  {slice_name(row['slice'])}: {row['verdict']}.")
        if not seen:
            typer.echo("  No single language shows a difference.")
    typer.echo(
        "\nPoints with 95 % interval. Overall p by Holm over tasks, texts and pairs; p of "
        "languages by Benjamini and Hochberg."
    )


def _in_order(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows by name of the language, those of all languages last."""
    from parrot_bench.exploring.notes import slice_name

    last = {"macro": 1, "pooled": 2}
    return sorted(
        _records(frame), key=lambda row: (last.get(row["slice"], 0), slice_name(row["slice"]))
    )


def _shown(row: dict[str, Any]) -> bool:
    return row["p_adjusted"] is not None and row["p_adjusted"] < 0.05


def _print_ranks(found: Comparison) -> None:
    if found.ranks.empty:
        return
    for (task, text, metric), part in found.ranks.groupby(["task", "text", "metric"], sort=False):
        ordered = sorted(_records(part), key=lambda row: (row["group"], row["rank_low"]))
        rows = [
            (
                row["run"],
                _value(row["value"], row["percent"]),
                f"{row['rank_low']}–{row['rank_high']}",
                str(row["group"]),
            )
            for row in ordered
        ]
        columns = ("run", str(ordered[0]["slice"]), "rank, 95 %", "tie group")
        typer.echo()
        print_table(f"Ranks: {task} · {text} · {metric}", columns, rows)


def _print_gaps(found: Comparison) -> None:
    from parrot_bench.exploring.notes import slice_name

    if found.gaps.empty:
        return
    for (run, task, metric), part in found.gaps.groupby(["run", "task", "metric"], sort=False):
        rows = [
            (
                slice_name(row["slice"]),
                str(row["n"]),
                _difference(row),
                _p(row["p"]),
                _p(row["equivalence_p"]),
            )
            for row in _in_order(part)
        ]
        columns = ("language", "n", "original - translation", "p, differs", "p, the same")
        typer.echo(f"\n{run}")
        print_table(f"{task} · {metric}: original against translation", columns, rows)
        for row in _records(part):
            if row["slice"] in ("macro", "pooled"):
                typer.echo(f"  {row['slice']}: {row['verdict']}.")
    margin = 100 * float(found.gaps["margin"].iloc[0])
    typer.echo(
        f"\n'The same' means within {margin:g} points (two one-sided tests); p not adjusted."
    )


def _value(value: float | None, percent: bool) -> str:
    if value is None:
        return "–"
    return f"{100 * value:.1f}" if percent else f"{value:.2f}"


def _difference(row: dict[str, Any]) -> str:
    value, low, high = row["difference"], row["low"], row["high"]
    if value is None:
        return "–"
    scale, digits = (100, 1) if row["percent"] else (1, 2)
    shown = f"{scale * value:+.{digits}f}"
    if low is None:
        return shown
    return f"{shown} ({scale * low:+.{digits}f} to {scale * high:+.{digits}f})"


def _p(value: float | None) -> str:
    if value is None:
        return "–"
    return "<0.001" if value < 0.001 else f"{value:.3f}"
