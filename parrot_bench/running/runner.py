"""The runner: asks a model, scores the answers, writes the run folder."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from parrot_bench.corpus import Corpus
from parrot_bench.errors import ParrotError
from parrot_bench.models.base import Model
from parrot_bench.running.asking import Progress, answers_to
from parrot_bench.running.costs import costs, energy_meter
from parrot_bench.running.kept_answers import open_cache
from parrot_bench.running.manifest import (
    asked,
    data_of,
    failures,
    hardware,
    identity_of,
    partial,
    run_id,
    versions,
)
from parrot_bench.running.model_records import model_record, recall
from parrot_bench.running.predictions import prediction_frame
from parrot_bench.running.results import correlations, results_frame
from parrot_bench.running.run_folder import SCHEMA, Run, finished_run, prepare_folder, write_run
from parrot_bench.running.second_readings import other_readings
from parrot_bench.running.sheets import DEFAULT, Settings, Sheet, sheets_for
from parrot_bench.task.card import Task
from parrot_bench.task.examples import shares_examples
from parrot_bench.task.item import Prediction
from parrot_bench.task.registry import get_tasks


def evaluate(
    model: Model,
    tasks: str | Task | Iterable[str | Task],
    corpus: Corpus,
    settings: Settings = DEFAULT,
    *,
    out: str | os.PathLike[str] = "runs",
    retry_failed: bool = False,
    energy: bool = False,
    progress: Progress | None = None,
) -> Run:
    """Ask a model every task about every report and score the answers.

    Answers are kept in the user's cache as they come, so the same call goes on where it was cut
    off and nothing is asked twice. The run's folder is named by a hash of all that determines the
    answers: a finished run is read instead of repeated, and one that is damaged is written anew.

    Args:
        model: Any object with the members of `Model`.
        tasks: Names of bundled tasks, or tasks from `get_task`; each is asked once.
        corpus: A corpus from `load_corpus`.
        settings: What else is asked.
        out: Folder of run folders.
        retry_failed: Whether to ask again, and nothing else, where the model failed before.
        energy: Whether to measure the energy of asking, by codecarbon.
        progress: Called before the first answer and as answers come.

    Returns:
        The run. Its status is "incomplete" where the model failed on an item; such items are
        counted and left out of the scores.

    Raises:
        ParrotError: If a language is not in the corpus, no task can be asked, or `out` cannot be
            written to.
    """
    part = corpus.select(languages=settings.languages, limit=settings.limit, seed=settings.seed)
    _check_examples(model, part)
    sheets, refused = sheets_for(model, get_tasks(tasks), part, settings)
    identity = identity_of(model, sheets, part, settings)
    name = run_id(model, part, identity)
    folder = Path(out) / name
    earlier = finished_run(folder)
    if earlier is not None:
        return earlier
    prepare_folder(folder)
    began = time.monotonic()
    timings: dict[str, float] = {}
    predictions: list[tuple[Sheet, list[Prediction]]] = []
    with open_cache() as cache, energy_meter(wanted=energy) as used:
        recall(model, cache)
        for sheet in sheets:
            start = time.monotonic()
            found = answers_to(model, sheet, cache, retry_failed=retry_failed, progress=progress)
            predictions.append((sheet, found))
            timings[f"{sheet.task.name}/{sheet.variant}"] = round(time.monotonic() - start, 3)
        record = model_record(model, cache)
    failed_items = failures(each for _, found in predictions for each in found)
    readings = [*predictions, *other_readings(model, predictions)]
    manifest = {
        **identity,
        "schema": SCHEMA,
        "id": name,
        "status": "incomplete" if failed_items else "complete",
        "failures": failed_items,
        "partial": partial(corpus, part, settings),
        "refused": refused,
        "data": identity["data"] | data_of(corpus, part),
        "asked": [asked(sheet, found) for sheet, found in readings],
        "correlations": correlations(readings, probabilities=model.info.probabilities),
        "costs": costs(predictions),
        "record": record,
        "energy": used,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": timings | {"total": round(time.monotonic() - began, 3)},
        "versions": versions(),
        "hardware": hardware(),
    }
    results = results_frame(readings, probabilities=model.info.probabilities)
    return write_run(folder, manifest, prediction_frame(readings), results)


def _check_examples(model: Model, corpus: Corpus) -> None:
    """Worked examples never come from the corpus that is evaluated."""
    if not model.info.settings.get("shots"):
        return
    texts = [text for report in corpus.reports() for text in (report.text, report.translation)]
    if shares_examples(texts):
        raise ParrotError(
            f"--shots takes its examples from the corpus mini, and {corpus.name} holds reports of "
            "it; leave --shots out, or evaluate another corpus."
        )
