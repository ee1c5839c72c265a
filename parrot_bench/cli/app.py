"""The command line: thin, no logic, and nothing heavy imported before a command needs it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from parrot_bench.cli import cache, data
from parrot_bench.cli.catalogue import models_app, tasks_app
from parrot_bench.cli.compare import compare
from parrot_bench.cli.consent import ask_before_sending
from parrot_bench.cli.model_options import asks_a_model
from parrot_bench.cli.options import (
    AllowRemote,
    Data,
    Json,
    Method,
    ModelSpec,
    RawView,
    Strict,
    TasksDir,
    Without,
    examples,
)
from parrot_bench.cli.output import (
    ProgressBar,
    failure,
    interruptible,
    print_json,
    print_tables,
    say_findings,
    split,
)
from parrot_bench.cli.verify import verify
from parrot_bench.errors import ParrotError
from parrot_bench.models.options import ModelOptions

if TYPE_CHECKING:
    from parrot_bench.running.run_folder import Run

app = typer.Typer(
    help="Benchmark models on multilingual radiology reports.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples(
        "parrot-bench run --model baseline:keyword",
        "parrot-bench tasks list",
        "parrot-bench data check reports.jsonl",
        "parrot-bench run --help",
    ),
)
app.add_typer(data.app, name="data")
app.add_typer(tasks_app, name="tasks")
app.add_typer(models_app, name="models")
app.add_typer(cache.app, name="cache")


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; bad input is one sentence on standard error and exit status 2."""
    try:
        app(arguments)
    except ParrotError as error:
        sys.stderr.write(f"Error: {error}\n")
        sys.exit(2)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        reason = error.strerror or error
        sys.stderr.write(f"Error: {where}a file could not be read or written ({reason}).\n")
        sys.exit(2)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        from importlib import metadata

        typer.echo(f"parrot-bench {metadata.version('parrot-bench')}")
        raise typer.Exit


@app.command(
    epilog=examples(
        "parrot-bench run --model baseline:keyword --text original,translation",
        "parrot-bench run --model hf:sentence-transformers/LaBSE --tasks region --data parrot-v1",
        "parrot-bench run --model baseline:tfidf --data my.jsonl --languages pl,de --limit 200",
        "parrot-bench run --model openai:llama3@http://localhost:8000/v1 --data my.jsonl --shots 2",
    )
)
@interruptible()
@asks_a_model
def run(
    model: ModelSpec,
    options: ModelOptions,
    tasks: Annotated[
        str, typer.Option("--tasks", "-t", help="Comma-separated; all bundled ones by default.")
    ] = "modality,region,icd_coding",
    data: Data = "mini",
    text: Annotated[str, typer.Option(help="original, translation or both, comma-separated.")] = (
        "original"
    ),
    languages: Annotated[
        str | None, typer.Option(help="Only these, such as pl,Greek.", show_default=False)
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(help="A sample of so many reports, by language.", show_default=False),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of run folders.")] = Path("runs"),
    mask_modality: Annotated[
        bool, typer.Option("--mask-modality", help="Also ask with modality words masked.")
    ] = False,
    method: Method = None,
    tasks_dir: TasksDir = None,
    raw: RawView = False,
    without: Without = "",
    strict: Strict = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Ask failed items again, and only those.")
    ] = False,
    allow_remote: AllowRemote = False,
    energy: Annotated[bool, typer.Option("--energy", help="Measure energy by codecarbon.")] = False,
) -> None:
    """Run a model on tasks and write a run folder; the same command goes on where it stopped."""
    from parrot_bench.corpus import load_corpus
    from parrot_bench.models.loading import load_model
    from parrot_bench.running.runner import evaluate
    from parrot_bench.running.sheets import Settings
    from parrot_bench.task.registry import get_tasks

    settings = Settings(
        views=tuple(split(text)),  # type: ignore[arg-type]
        mask_modality=mask_modality,
        languages=tuple(split(languages)) if languages is not None else None,
        limit=limit,
        seed=options.seed,
    )
    chosen = get_tasks(split(tasks), tasks_dir)
    corpus = load_corpus(
        data, view="raw" if raw else "clean", without=split(without), strict=strict
    )
    say_findings(corpus.findings, data)
    loaded = load_model(model, method=method, options=options)
    ask_before_sending(loaded, corpus, allowed=allow_remote)
    with ProgressBar() as progress:
        done = evaluate(
            loaded,
            chosen,
            corpus,
            settings,
            out=out,
            retry_failed=retry_failed,
            energy=energy,
            progress=progress,
        )
    _show_results(done)


def _show_results(done: Run) -> None:
    """Print a run, write its page, and say what failed."""
    from parrot_bench.exploring.report import write_report

    print_tables(done)
    typer.echo(f"\nReport: {write_report(done)}")
    if done.status != "complete":
        failures = done.manifest["failures"]
        for reason, count in list(failures.items())[:5]:
            typer.echo(f"Failed: {count} items: {reason}", err=True)
        failed = sum(failures.values())
        raise failure(
            f"{failed} items failed; give the same command with --retry-failed to ask them again.",
            3,
        )


@app.command(
    epilog=examples(
        "parrot-bench show runs/RUN",
        "parrot-bench show runs/RUN --all",
        "parrot-bench show runs/RUN --json",
    )
)
def show(
    folder: Annotated[
        Path, typer.Argument(metavar="RUN", help="A run folder, such as one under runs/.")
    ],
    every_measure: Annotated[
        bool, typer.Option("--all", help="Also every measure, pooled and macro.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Print the results of a run."""
    from parrot_bench.running.run_folder import load_run

    done = load_run(folder)
    if as_json:
        records = done.results.astype(object).where(done.results.notna(), None)
        print_json({"run": done.manifest, "results": records.to_dict("records")})
        return
    print_tables(done, every_measure=every_measure)


app.command(
    epilog=examples(
        "parrot-bench compare runs/A runs/B",
        "parrot-bench compare runs/A",
        "parrot-bench compare runs/A runs/B runs/C --data reports.jsonl --json",
    )
)(compare)


app.command(
    epilog=examples(
        "parrot-bench verify runs/RUN",
        "parrot-bench verify runs/RUN --items 50 --data reports.jsonl",
        "parrot-bench verify runs/RUN --model hf:./my-model --json",
    )
)(asks_a_model(verify))
