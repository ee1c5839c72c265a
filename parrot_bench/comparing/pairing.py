"""Bring the answers of several runs together, report by report.

A run holds no gold, so the corpus is loaded again and must be the very one that was asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from parrot_bench.corpus import Corpus, Report, load_corpus
from parrot_bench.corpus.loading import NAMED
from parrot_bench.errors import ParrotError
from parrot_bench.running.results import Scored
from parrot_bench.running.run_folder import Run
from parrot_bench.running.sheets import MASKED, Sheet, build_items, text_of
from parrot_bench.scoring import VERSION
from parrot_bench.task.card import Task
from parrot_bench.task.gold import label_space
from parrot_bench.task.item import Prediction
from parrot_bench.task.registry import get_task


def check_comparable(runs: Sequence[Run]) -> None:
    """Whether runs answer the same questions about the same reports, scored the same way.

    Raises:
        ParrotError: If not; says what differs.
    """
    first = runs[0]
    for run in runs:
        scorer = run.manifest.get("scorer")
        if scorer != VERSION:
            raise ParrotError(
                f"{run.path}: scored by version {scorer} of the scorer, this is {VERSION}; "
                "run the command again."
            )
        for key, name in (("corpus_hash", "corpus"), ("view", "view"), ("without", "errata")):
            ours, theirs = first.manifest["data"][key], run.manifest["data"][key]
            if ours != theirs:
                raise ParrotError(
                    f"{first.path} and {run.path} are on different data ({name}: "
                    f"{_brief(ours)} and {_brief(theirs)}); compare runs on the same."
                )
        tasks = {task["name"]: task for task in first.manifest["tasks"]}
        for task in run.manifest["tasks"]:
            other = tasks.get(task["name"], task)
            for key in ("version", "source_hash", "labels_hash"):
                if other[key] != task[key]:
                    raise ParrotError(
                        f"{first.path} and {run.path} differ in task '{task['name']}' ({key}: "
                        f"{_brief(other[key])} and {_brief(task[key])}); run one of them again."
                    )


def _brief(value: Any) -> str:
    return str(value)[:12] or "none"


def run_names(runs: Sequence[Run]) -> tuple[str, ...]:
    """Names of models, with what tells them apart where they are of one name."""
    names = [str(run.manifest["model"]["name"]) for run in runs]
    if len(set(names)) < len(names):
        names = [run.id for run in runs]
    if len(set(names)) < len(names):
        raise ParrotError("A run is given twice; name different runs.")
    return tuple(names)


def corpus_of(run: Run, source: str | None) -> Corpus:
    """The corpus that a run asked about.

    Args:
        run: The run.
        source: Where the corpus is; None for a bundled or fetched one.

    Raises:
        ParrotError: If it has to be named, or is another one.
    """
    data = run.manifest["data"]
    named = source is not None
    source = source or str(data["name"])
    if source not in NAMED and not named:
        raise ParrotError(
            f"The runs are on '{source}', and a run holds no gold: name the file with --data."
        )
    corpus = load_corpus(source, view=data["view"], without=data["without"])
    if corpus.hash != data["corpus_hash"]:
        raise ParrotError(
            f"{source} is not the corpus of {run.path}: its hash is {corpus.hash[:12]}, not "
            f"{data['corpus_hash'][:12]}; name the file that was run."
        )
    return corpus


def shared_tasks(runs: Sequence[Run], tasks_dir: Path | None) -> list[tuple[Task, list[str]]]:
    """Tasks that all runs have, with the texts that all have of them."""
    texts = [{(each["task"], each["text"]): None for each in run.manifest["asked"]} for run in runs]
    shared = [key for key in texts[0] if all(key in each for each in texts)]
    tasks = dict.fromkeys(task for task, _ in shared)
    if len(runs) < 2:
        return []
    return [(get_task(t, tasks_dir), [x for task, x in shared if task == t]) for t in tasks]


def answers_of(
    runs: Sequence[Run], task: Task, text: str, reports: Sequence[Report], corpus: Corpus
) -> list[Scored]:
    """Answers of every run to the reports that all of them answered; nothing without any."""
    found = [_predictions(run, task.name, text) for run in runs]
    labels, view = label_space(task, corpus), text_of(text)[0].removesuffix(MASKED)
    items, left_out = build_items(task, labels, reports, view)  # type: ignore[arg-type]
    kept = tuple(i for i in items if all(i.report_id in answers for answers in found))
    if not kept:
        return []
    sheet = Sheet(task, labels, text, kept, left_out)
    return [
        Scored(
            sheet,
            kept,
            tuple(answers[item.report_id] for item in kept),
            bool(run.manifest["model"].get("probabilities")),
        )
        for run, answers in zip(runs, found, strict=True)
    ]


def both_texts(
    run: Run, task: Task, reports: Sequence[Report], corpus: Corpus
) -> tuple[Scored, Scored] | None:
    """Answers of a run to both texts of the reports for which it gave both."""
    found = [_predictions(run, task.name, text) for text in ("original", "translation")]
    labels = label_space(task, corpus)
    items, left_out = build_items(task, labels, reports, "original")
    kept = tuple(item for item in items if all(item.report_id in answers for answers in found))
    if not kept:
        return None
    sheet = Sheet(task, labels, "original", kept, left_out)
    probabilities = bool(run.manifest["model"].get("probabilities"))
    one, other = (
        Scored(sheet, kept, tuple(answers[i.report_id] for i in kept), probabilities)
        for answers in found
    )
    return one, other


def _predictions(run: Run, task: str, text: str) -> dict[str, Prediction]:
    """Answers of a run by report, failed ones left out."""
    table = run.predictions
    part = table[(table["task"] == task) & (table["text"] == text) & (table["status"] != "failed")]
    return {
        str(row["report_id"]): Prediction(
            str(row["report_id"]),
            tuple(row["labels"]),
            dict(zip(row["ranking"], map(float, row["scores"]), strict=True)),
            row["status"],
        )
        for row in part.to_dict("records")
    }
