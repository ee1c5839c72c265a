"""Ask a finished run's model again, one report at a time: do the answers stand?"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from parrot_bench.answering import Progress
from parrot_bench.asking import MASKED, Settings, Sheet, sheets_for
from parrot_bench.corpus import Corpus
from parrot_bench.errors import ParrotError
from parrot_bench.models.acceptance import accepted, matched
from parrot_bench.models.base import Model, Prediction
from parrot_bench.store import Run
from parrot_bench.task import Task


@dataclass(frozen=True, slots=True)
class Reasked:
    """How a task's answers on one text differ when they are asked again at batch size 1.

    Attributes:
        task: Name of the task.
        text: Name of the text.
        items: Reports that were asked about again.
        largest_difference: Largest absolute difference of a label's score between the two answers;
            None where no answer has scores.
        flips: Reports whose labels differ, by identifier.
        status_changes: Reports whose status differs, such as ones that fail now, by identifier.
    """

    task: str
    text: str
    items: int
    largest_difference: float | None
    flips: tuple[str, ...]
    status_changes: tuple[str, ...]


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
        seed: Seed of the sample.
        progress: Called as answers come.

    Returns:
        One row for each task and text of the run.

    Raises:
        ParrotError: If the model is not that of the run, or learnt from all reports at once.
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
    return [_compare(run, model, sheet, items, seed, progress) for sheet in sheets]


def _check_model(run: Run, model: Model) -> None:
    ours, theirs = model.info, run.manifest["model"]
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
    for field in ("name", "method", "revision", "digest"):
        one, other = getattr(ours, field), theirs[field]
        if one != other:
            raise ParrotError(
                f"This is not the model of {run.path}: its {field} is "
                f"{str(one)[:60] or 'none'} and was {str(other)[:60] or 'none'}."
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
    for number, item in enumerate(asked, 1):
        answers = model.predict(sheet.task, sheet.labels, [item])
        ((name, answer),) = matched(answers, [item])
        again, first = accepted(answer, name), before[name]
        if again.status != first.status:
            changes.append(name)
        if again.labels != first.labels:
            flips.append(name)
        shared = first.scores.keys() & again.scores.keys()
        gaps = [abs(first.scores[label] - again.scores[label]) for label in shared]
        largest = max([*gaps, *([] if largest is None else [largest])], default=None)
        if progress:
            progress(f"{sheet.task.name} · {sheet.variant}", number, len(asked))
    return Reasked(
        sheet.task.name, sheet.variant, len(asked), largest, tuple(flips), tuple(changes)
    )


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
