"""`parrot-bench cache`: what answers are kept on this machine, and throwing them away."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from parrot_bench.cli.options import Json, examples
from parrot_bench.cli.output import print_json, print_table
from parrot_bench.errors import ParrotError

app = typer.Typer(
    help="Show or delete kept answers.",
    no_args_is_help=True,
    epilog=examples("parrot-bench cache info", "parrot-bench cache prune --older-than 90"),
)


@app.command("info", epilog=examples("parrot-bench cache info", "parrot-bench cache info --json"))
def info(as_json: Json = False) -> None:
    """Say where answers are kept, how many, and of which models."""
    from dataclasses import asdict

    from parrot_bench.running.kept_answers import open_cache

    with open_cache(read_only=True) as cache:
        kept, path = cache.kept(), cache.path
    size = sum(each.stat().st_size for each in path.parent.glob(f"{path.name}*"))
    if as_json:
        print_json({"path": str(path), "bytes": size, "models": [asdict(each) for each in kept]})
        return
    typer.echo(f"{path}: {sum(each.answers for each in kept)} answers, {size / 2**20:.1f} MiB")
    if kept:
        rows = [
            (e.model, e.method, str(e.answers), str(e.failed), _day(e.oldest), _day(e.newest))
            for e in kept
        ]
        columns = ("model", "method", "answers", "failed", "first kept", "last kept")
        print_table("kept answers", columns, rows)


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


@app.command(
    "prune",
    epilog=examples(
        "parrot-bench cache prune --older-than 90",
        "parrot-bench cache prune --model hf:sentence-transformers/LaBSE",
        "parrot-bench cache prune --all",
    ),
)
def prune(
    older_than: Annotated[
        int | None, typer.Option(help="Answers kept more than so many days ago.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Answers of this model.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All answers.")] = False,
) -> None:
    """Delete kept answers; runs that were written stay as they are."""
    import time

    from parrot_bench.errors import unknown
    from parrot_bench.running.kept_answers import delete_all, open_cache

    if not everything and older_than is None and model is None:
        raise ParrotError("Say what to delete: --older-than DAYS, --model NAME or --all.")
    if older_than is not None and older_than < 0:
        raise ParrotError(f"--older-than is {older_than}; a number of days was expected.")
    if everything and model is None and older_than is None:
        number = delete_all()
        typer.echo("The damaged file is deleted." if number is None else _deleted(number))
        return
    before = None if older_than is None else int(time.time()) - older_than * 86400
    with open_cache() as cache:
        names = {each.model for each in cache.kept()}
        if model is not None and model not in names:
            raise unknown("model in the cache", model, names)
        deleted = cache.prune(model=model, before=before)
    typer.echo(_deleted(deleted))


def _deleted(number: int) -> str:
    return f"{number} answers deleted."
