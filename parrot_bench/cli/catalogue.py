"""`parrot-bench tasks` and `parrot-bench models`: what there is, and whether it works."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from parrot_bench.cli.model_options import asks_a_model
from parrot_bench.cli.options import Data, Json, Method, TasksDir, examples
from parrot_bench.cli.output import print_json
from parrot_bench.errors import ParrotError
from parrot_bench.models.options import ModelOptions

if TYPE_CHECKING:
    from parrot_bench.models.check import Check
    from parrot_bench.task.card import Task
    from parrot_bench.task.labels import LabelSpace

tasks_app = typer.Typer(
    help="List and show tasks.",
    no_args_is_help=True,
    epilog=examples("parrot-bench tasks list", "parrot-bench tasks show region"),
)
models_app = typer.Typer(
    help="List baselines, check models.",
    no_args_is_help=True,
    epilog=examples("parrot-bench models list", "parrot-bench models check baseline:keyword"),
)


@tasks_app.command(
    "list",
    epilog=examples("parrot-bench tasks list", "parrot-bench tasks list --tasks-dir my_tasks"),
)
def tasks_list(tasks_dir: TasksDir = None) -> None:
    """List the tasks."""
    found, flaws = _loadable(tasks_dir)
    for task in found:
        typer.echo(f"{task.name:<14} {task.kind:<13} {task.headline:<22} {task.title}")
    if flaws:
        raise typer.Exit(2)


@tasks_app.command(
    "show",
    epilog=examples(
        "parrot-bench tasks show region", "parrot-bench tasks show icd_coding --data reports.jsonl"
    ),
)
def tasks_show(
    name: Annotated[
        str, typer.Argument(metavar="TASK", help="Name of a task; tasks list names them.")
    ],
    data: Data = "mini",
    tasks_dir: TasksDir = None,
) -> None:
    """Show a task: its labels on a corpus, its measures and its prompts."""
    from parrot_bench.corpus import load_corpus
    from parrot_bench.task.gold import gold_labels, label_space
    from parrot_bench.task.prompts import has_prompt, prompt_template
    from parrot_bench.task.registry import get_task

    task = get_task(name, tasks_dir)
    corpus = load_corpus(data)
    labels = label_space(task, corpus)
    gold = sum(gold_labels(task, labels, report) is not None for report in corpus.reports())
    typer.echo(f"{task.name} (version {task.version}, {task.kind})\n{task.title}")
    typer.echo(f"{task.without_gold} On {corpus.name}: {gold} of {len(corpus)} have gold.")
    typer.echo(f"\nMeasures ({task.headline} is the headline):")
    for measure in task.measures:
        low, high = measure.metric.bounds
        direction = f"{measure.metric.better} is better"
        typer.echo(f"  {measure.name:<28} {low:g} to {high:g}, {direction}")
    typer.echo(f"\nLabels ({len(labels)}):")
    for label in labels.labels[:30]:
        typer.echo(f"  {label.id:<14} {label.definition}")
    if len(labels) > 30:
        typer.echo(f"  ... and {len(labels) - 30} more")
    found = [each for each in corpus.languages if has_prompt(task, each)]
    typer.echo(f"\nPrompts in {', '.join(found) or 'no language of the corpus'}; else English:\n")
    typer.echo(prompt_template(task, "en"))


@models_app.command("list", epilog=examples("parrot-bench models list"))
def models_list() -> None:
    """List the baselines and the kinds of model that can be named."""
    from parrot_bench.models.baselines.named import BASELINES

    for name in BASELINES:
        typer.echo(f"baseline:{name}")
    typer.echo("hf:NAME[@REVISION]  a Hugging Face model from the hub or a local folder")
    typer.echo("openai:NAME@URL     a model behind an endpoint that speaks the OpenAI protocol")


@models_app.command(
    "check",
    epilog=examples(
        "parrot-bench models check baseline:keyword",
        "parrot-bench models check hf:sentence-transformers/LaBSE",
        "parrot-bench models check hf:FOLDER --method embed --tasks-dir my_tasks",
    ),
)
@asks_a_model
def models_check(
    spec: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help="baseline:NAME, hf:NAME[@REVISION] or openai:NAME@URL."
        ),
    ],
    options: ModelOptions,
    method: Method = None,
    tasks_dir: TasksDir = None,
    as_json: Json = False,
) -> None:
    """Say in seconds, by each method, whether a model loads and can do each task."""
    from dataclasses import asdict

    from parrot_bench.corpus import load_corpus
    from parrot_bench.models.check import check_spec
    from parrot_bench.task.gold import label_space

    corpus = load_corpus("mini")
    found, flaws = _loadable(tasks_dir)
    asked: list[tuple[Task, LabelSpace]] = []
    for task in found:
        try:
            asked.append((task, label_space(task, corpus)))
        except ParrotError as error:
            flaws += _say(error)
    rows = check_spec(spec, asked, method=method, options=options)
    if as_json:
        print_json([asdict(row) for row in rows])
    else:
        # Why a method is not applicable at all is said once, not for every task.
        for (method, outcome, why), same in _alike(rows).items():
            every = len(same) == len(asked) > 1 and outcome == "not applicable"
            for row in same[:1] if every else same:
                name = "every task" if every else row.task
                typer.echo(f"{method:<9} {name:<12} {outcome:<15} {row.seconds:6.2f} s  {why}")
    if any(row.outcome == "fails" for row in rows):
        raise typer.Exit(3)
    if flaws:
        raise typer.Exit(2)


def _alike(rows: Sequence[Check]) -> dict[tuple[str, str, str], list[Check]]:
    """Rows by method, outcome and reason, in order."""
    found: dict[tuple[str, str, str], list[Check]] = {}
    for row in rows:
        found.setdefault((row.method, row.outcome, row.why), []).append(row)
    return found


def _loadable(tasks_dir: Path | None) -> tuple[list[Task], int]:
    """All tasks that load, and how many do not; those are named on standard error."""
    from parrot_bench.task.registry import get_task, task_files

    found: list[Task] = []
    flaws = 0
    for name in task_files(tasks_dir):
        try:
            found.append(get_task(name, tasks_dir))
        except ParrotError as error:
            flaws += _say(error)
    return found, flaws


def _say(error: ParrotError) -> int:
    typer.echo(f"Left out: {error}", err=True)
    return 1
