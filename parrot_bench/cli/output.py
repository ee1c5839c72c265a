"""What a person sees: tables, progress, one-line messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from parrot_bench.corpus import Finding
    from parrot_bench.store import Run


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
        typer.echo(f"Left out: line {each.line}: {each.message}", err=True)
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


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; without a terminal it is as wide as it needs to be."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for at, name in enumerate(columns):
        table.add_column(name, justify="right" if at else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row, style="bold" if row[0] in ("macro", "pooled", "all") else None)
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 200
    console.print(table)


def print_tables(done: Run, *, every_measure: bool = False) -> None:
    """Print the results of a run."""
    from parrot_bench.analysis.tables import tables

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
    for table in tables(done, every_measure=every_measure):
        rows = [(name, str(n), str(g), *cells) for name, n, g, cells in table.rows]
        columns = ("language", "n", "contributors", *table.measures)
        typer.echo()
        print_table(f"{table.task} · {table.text}", columns, rows)
        for note in table.notes:
            typer.echo(f"  {note}")


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
