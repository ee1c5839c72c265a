"""`parrot-bench verify`: ask a run's model again, one report at a time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from parrot_bench.cli.consent import ask_before_sending
from parrot_bench.cli.options import AllowRemote, Json, Method, TasksDir
from parrot_bench.cli.output import ProgressBar, failure, print_json, print_table
from parrot_bench.models.options import ModelOptions

if TYPE_CHECKING:
    from parrot_bench.running.verifying import Reasked


def verify(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    options: ModelOptions,
    items: Annotated[int, typer.Option(help="Reports to ask about again, by task and text.")] = 20,
    sample_seed: Annotated[
        int, typer.Option(help="Seed of the choice of reports; --seed is that of the model.")
    ] = 0,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="The run's model, if a folder.", show_default=False),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data", "-d", help="Corpus of the run, unless mini or parrot-v1.", show_default=False
        ),
    ] = None,
    method: Method = None,
    tasks_dir: TasksDir = None,
    allow_remote: AllowRemote = False,
    as_json: Json = False,
) -> None:
    """Ask a run's model some questions again at batch size 1, and say what changed."""
    from dataclasses import asdict, replace

    from parrot_bench.comparing.pairing import corpus_of
    from parrot_bench.errors import ParrotError
    from parrot_bench.models.hub.source import PREFIX
    from parrot_bench.models.loading import load_model
    from parrot_bench.running.run_folder import load_run
    from parrot_bench.running.verifying import reask
    from parrot_bench.task.registry import get_tasks

    if items < 1:
        raise ParrotError(f"--items is {items}; at least 1 was expected.")
    done = load_run(folder)
    known = done.manifest["model"]
    spec = model or str(known["spec"])
    if spec.startswith(PREFIX):
        method = method or str(known["method"])
        options = replace(options, batch_tokens=1)
    loaded = load_model(spec, method=method, options=options)
    tasks = get_tasks([task["name"] for task in done.manifest["tasks"]], tasks_dir)
    corpus = corpus_of(done, data)
    ask_before_sending(loaded, corpus, allowed=allow_remote)
    with ProgressBar() as progress:
        rows = reask(done, loaded, tasks, corpus, items=items, seed=sample_seed, progress=progress)
    if as_json:
        print_json([asdict(row) for row in rows])
    else:
        _show(rows, str(known["name"]))
    _end_where_some_failed(rows)


def _show(rows: Sequence[Reasked], name: str) -> None:
    columns = ("task · text", "asked again", "largest score difference", "labels", "status")
    print_table(
        f"{name} again, at batch size 1",
        columns,
        [
            (
                f"{row.task} · {row.text}",
                str(row.items),
                "–" if row.largest_difference is None else f"{row.largest_difference:.2e}",
                f"{len(row.flips)} flipped",
                f"{len(row.status_changes)} changed",
            )
            for row in rows
        ],
    )
    for row in rows:
        if row.flips:
            typer.echo(f"  {row.task} · {row.text}: other labels for {', '.join(row.flips)}.")


def _end_where_some_failed(rows: Sequence[Reasked]) -> None:
    """Say how many questions have no answer now and why; such answers are no differences."""
    unanswered = 0
    for row in rows:
        for why, number in row.failures.items():
            typer.echo(f"Failed: {row.task} · {row.text}: {number} items: {why}", err=True)
            unanswered += number
    if unanswered:
        total = unanswered + sum(row.items for row in rows)
        raise failure(
            f"{unanswered} of {total} questions could not be asked again and are not compared; "
            "give the same command when the model answers.",
            3,
        )
