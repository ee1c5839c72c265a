"""Ask a finished run's model again, one report at a time: do the answers stand?"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from parrot_bench.corpus import Corpus
from parrot_bench.errors import ParrotError
from parrot_bench.models.acceptance import accepted, failed, matched
from parrot_bench.models.base import Model
from parrot_bench.running.asking import BROKEN, Progress
from parrot_bench.running.manifest import failures, identity_of
from parrot_bench.running.run_folder import Run
from parrot_bench.running.sheets import MASKED, Settings, Sheet, sheets_for
from parrot_bench.task.card import Task
from parrot_bench.task.item import Item, Prediction

TASK_PARTS = {
    "version": "version",
    "prompt_hash": "prompt",
    "labels_hash": "list of labels",
    "source_hash": "file",
}
"""What a run's manifest notes of each task, and what that is called."""


@dataclass(frozen=True, slots=True)
class Reasked:
    """How a task's answers on one text differ when they are asked again at batch size 1.

    Attributes:
        task: Name of the task.
        text: Name of the text.
        items: Reports that were asked about again and answered.
        largest_difference: Largest absolute difference of a label's score between the two answers;
            None where no answer has scores.
        flips: Reports whose labels differ, by identifier.
        status_changes: Reports whose status differs, by identifier.
        failures: Number of further reports that the model gave no answer to now, by reason.
    """

    task: str
    text: str
    items: int
    largest_difference: float | None
    flips: tuple[str, ...]
    status_changes: tuple[str, ...]
    failures: dict[str, int]


def reask(
    run: Run,
    model: Model,
    tasks: Sequence[Task],
    corpus: Corpus,
    *,
    items: int = 20,
    seed: int = 0,
    progress: Progress | None = None,
) -> list[Reasked]:
    """Ask a seeded sample of a run's questions again, each alone.

    Args:
        run: The run.
        model: Its model, loaded anew; nothing is read from the answer cache.
        tasks: Its tasks.
        corpus: Its corpus.
        items: Reports of each task and text.
        seed: Seed of the sample, whatever that of the model is.
        progress: Called as answers come.

    Returns:
        One row for each task and text of the run.

    Raises:
        ParrotError: If the model or a task is not that of the run, or the model learnt from all
            reports at once.
    """
    _check_model(run, model)
    given = run.manifest["settings"]
    texts = [str(each) for each in run.manifest["texts"]]
    settings = Settings(
        views=tuple(dict.fromkeys(each.removesuffix(MASKED) for each in texts)),  # type: ignore[misc]
        mask_modality=any(each.endswith(MASKED) for each in texts),
        languages=None if given["languages"] is None else tuple(given["languages"]),
        limit=given["limit"],
        seed=given["seed"],
    )
    part = corpus.select(languages=settings.languages, limit=settings.limit, seed=settings.seed)
    sheets, _ = sheets_for(model, tasks, part, settings)
    _check_tasks(run, identity_of(model, sheets, part, settings)["tasks"])
    return [_compare(run, model, sheet, items, seed, progress) for sheet in sheets]


def _check_model(run: Run, model: Model) -> None:
    ours, theirs = model.info, run.manifest["model"]
    for field in ("name", "method", "revision", "digest"):
        one, other = getattr(ours, field), theirs.get(field, "")
        if one != other:
            differ = f"its {field} is {one[:60] or 'none'} and was {other[:60] or 'none'}"
            if field in ("name", "method"):
                raise ParrotError(
                    f"Another model was named than that of {run.path}: {differ}; name the model "
                    "and the method of the run, or leave --model and --method out."
                )
            raise ParrotError(
                f"This is not the model of {run.path}: {differ}; give the one that was run, or "
                "run this one."
            )
    if ours.trained_on_data:
        raise ParrotError(
            f"{ours.name} with method {ours.method} learns from all reports at once, so its "
            "answers cannot be asked again one at a time."
        )
    for what, one, other in _differences(ours.settings, theirs["settings"]):
        raise ParrotError(
            f"The model is not loaded as in {run.path}: {what} is {one} and was {other}; give the "
            "options of the run."
        )


def _check_tasks(run: Run, found: Sequence[dict[str, Any]]) -> None:
    """Whether the same questions would be asked."""
    before = {task["name"]: task for task in run.manifest["tasks"]}
    for task in found:
        for key, what in TASK_PARTS.items():
            other = before.get(task["name"], {}).get(key)
            if other is not None and task[key] != other:
                raise ParrotError(
                    f"Task '{task['name']}' is not as in {run.path}: its {what} has changed "
                    f"({key} is {task[key][:12] or 'none'} and was {other[:12] or 'none'}); bring "
                    "the task back as it was, or run the model again and verify that run."
                )


def _check_served(run: Run, model: Model) -> None:
    """Whether the version that an endpoint answers with is that of the run, where both are told."""
    records = (getattr(model, "record", {}), run.manifest.get("record") or {})
    now, before = (each.get("served_model", "not stated") for each in records)
    if now != before and "not stated" not in (now, before):
        raise ParrotError(
            f"The endpoint now answers with the model '{now}' and {run.path} was answered by "
            f"'{before}': another version is another model; name that of the run, or run it again."
        )


def _differences(ours: dict[str, Any], theirs: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    # Batches are what is put to the test.
    for what in sorted({*ours, *theirs} - {"batch_tokens"}):
        one, other = ours.get(what), theirs.get(what)
        if _plain(one) != _plain(other):
            yield what, one, other


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _compare(
    run: Run, model: Model, sheet: Sheet, items: int, seed: int, progress: Progress | None
) -> Reasked:
    before = _answers(run, sheet)
    ids = sorted(before)
    chosen = set(random.Random(seed).sample(ids, min(items, len(ids))))  # noqa: S311
    asked = [item for item in sheet.items if item.report_id in chosen]
    largest: float | None = None
    flips, changes = [], []
    unanswered: list[Prediction] = []
    for number, again in enumerate(_answered_again(model, sheet, asked), 1):
        if progress:
            progress(f"{sheet.task.name} · {sheet.variant}", number, len(asked))
        if again.status == "failed":
            unanswered.append(again)
            continue
        _check_served(run, model)
        name, first = again.report_id, before[again.report_id]
        if again.status != first.status:
            changes.append(name)
        if again.labels != first.labels:
            flips.append(name)
        shared = first.scores.keys() & again.scores.keys()
        gaps = [abs(first.scores[label] - again.scores[label]) for label in shared]
        largest = max([*gaps, *([] if largest is None else [largest])], default=None)
    return Reasked(
        sheet.task.name,
        sheet.variant,
        len(asked) - len(unanswered),
        largest,
        tuple(flips),
        tuple(changes),
        failures(unanswered),
    )


def _answered_again(model: Model, sheet: Sheet, items: Sequence[Item]) -> Iterator[Prediction]:
    """One answer for every item; after `BROKEN` failures in a row the others fail unasked."""
    in_a_row = 0
    for item in items:
        if in_a_row == BROKEN:
            yield failed(item.report_id, f"Not asked after {BROKEN} failures in a row.")
            continue
        answer = _ask(model, sheet, item)
        in_a_row = in_a_row + 1 if answer.status == "failed" else 0
        yield answer


def _ask(model: Model, sheet: Sheet, item: Item) -> Prediction:
    try:
        for name, answer in matched(model.predict(sheet.task, sheet.labels, [item]), [item]):
            return accepted(answer, name)
    except ParrotError:
        raise
    except Exception as error:  # any model's code runs here
        return failed(item.report_id, f"{type(error).__name__} while the model was asked.")
    return failed(item.report_id, "The model gave no answer.")


def _answers(run: Run, sheet: Sheet) -> dict[str, Prediction]:
    """Answers of a run to a sheet, failed ones left out."""
    table = run.predictions
    part = table[(table["task"] == sheet.task.name) & (table["text"] == sheet.variant)]
    found = {}
    for row in part[part["status"] != "failed"].to_dict("records"):
        scores = dict(zip(row["ranking"], map(float, row["scores"]), strict=True))
        if all(map(math.isfinite, scores.values())):
            name = str(row["report_id"])
            found[name] = Prediction(name, tuple(row["labels"]), scores, row["status"])
    return found
