"""What a person sees: tables, progress, one-line messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from parrot_bench.corpus import Finding
    from parrot_bench.running.run_folder import Run


def split(text: str) -> list[str]:
    """Names of a comma-separated option."""
    return [each.strip() for each in text.split(",") if each.strip()]


def failure(message: str, status: int) -> typer.Exit:
    """Say what failed; the exit to raise."""
    typer.echo(f"Error: {message}", err=True)
    return typer.Exit(status)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C end a run with a sentence and the status that shells expect."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo(
            "Interrupted; the answers so far are kept, give the same command to go on.", err=True
        )
        raise typer.Exit(130) from None


def say_findings(findings: Sequence[Finding], data: str) -> None:
    """One line about rows that were left out or have something odd."""
    left_out = [each for each in findings if each.rejected]
    for each in left_out[:5]:
        typer.echo(f"Left out: {each.place}: {each.message}", err=True)
    if left_out:
        typer.echo(
            f"{len(left_out)} rows of {data} were left out; 'parrot-bench data check {data}' "
            "lists them.",
            err=True,
        )


def print_json(value: Any) -> None:
    """Print plain data; numbers that are no numbers are an error, not "NaN"."""
    import json

    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def print_table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, kept: int = 1
) -> None:
    """Print a table, without a terminal in one piece; no cell is ever cut.

    Args:
        title: Stands above it.
        columns: Names of the columns.
        rows: One cell for each column.
        kept: Columns that stand first in every piece, where a terminal is too narrow for all.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    widths = _widths(columns, rows)
    width = console.width
    pieces = list(_pieces(widths, kept, width if console.is_terminal else None))
    for number, piece in enumerate(pieces, 1):
        name = f"{title} ({number} of {len(pieces)})" if len(pieces) > 1 else title
        table = Table(title=name, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
        for at in piece:
            table.add_column(columns[at], justify="right" if at else "left", no_wrap=True)
        for row in rows:
            style = "bold" if row[0].startswith(("macro", "pooled", "all")) else None
            table.add_row(*(row[at] for at in piece), style=style)
        # A terminal wraps what is too wide even so; rich would cut it.
        console.width = max(width, _width(widths, piece), len(name))
        console.print(table)


def _widths(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    from rich.cells import cell_len

    return [max(map(cell_len, cells)) for cells in zip(columns, *rows, strict=True)]


def _width(widths: Sequence[int], piece: Sequence[int]) -> int:
    """Width of a table of some columns: three spaces between them and one at either end."""
    return sum(widths[at] + 3 for at in piece) - 1


def _pieces(widths: Sequence[int], kept: int, width: int | None) -> Iterator[list[int]]:
    """Columns of each piece of a table: the first ones and as many others as go into a width."""
    piece = list(range(kept))
    for at in range(kept, len(widths)):
        if width is not None and len(piece) > kept and _width(widths, [*piece, at]) > width:
            yield piece
            piece = list(range(kept))
        piece.append(at)
    yield piece


def print_tables(done: Run, *, every_measure: bool = False) -> None:
    """Print the results of a run, with `every_measure` pooled and macro averages of all of them."""
    from parrot_bench.exploring.tables import COLUMNS, tables

    manifest = done.manifest
    typer.echo(
        f"{manifest['model']['name']} on {manifest['data']['name']} "
        f"({manifest['data']['reports']} reports, {manifest['data']['view']} view); "
        f"percent with 95 % interval"
    )
    for reason, why in manifest["refused"].items():
        typer.echo(f"Not asked: {reason}: {why}")
    if manifest["partial"]:
        typer.echo(f"Partial run: {manifest['partial']}.")
    if manifest["model"]["trained_on_data"]:
        typer.echo("This model learnt from the gold labels of the evaluated data.")
    for whole in tables(done):
        table = whole.short
        title = f"{table.task} · {table.text}"
        typer.echo()
        if table.rows:
            rows = [
                (row.name, str(row.n), str(row.contributors), row.answers, *row.cells)
                for row in table.rows
            ]
            print_table(title, (*COLUMNS, *table.measures), rows, kept=3)
        else:
            typer.echo(title)
        if every_measure and len(whole.measures) > len(table.measures):
            print_table(f"{title}, all measures", *whole.by_measure())
        for note in table.notes:
            typer.echo(f"  {note}")
    if every_measure:
        typer.echo("\nEvery measure by language: the same command with --json instead of --all.")


class ProgressBar:
    """A progress bar with the time left on standard error; silent where nobody watches."""

    def __enter__(self) -> Any:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._rows: dict[str, Any] = {}
        self._bar.start()
        return self._advance

    def _advance(self, title: str, done: int, total: int) -> None:
        if title not in self._rows:
            # What an earlier run answered took no time of this one.
            self._rows[title] = self._bar.add_task(title, total=total, completed=done)
        self._bar.update(self._rows[title], completed=done, total=total)

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
