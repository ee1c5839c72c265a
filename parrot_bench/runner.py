"""The runner: asks a model, scores the answers, writes the run folder."""

from __future__ import annotations

import platform
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from parrot_bench.asking import DEFAULT, Settings, Sheet, sheets_for
from parrot_bench.corpus import Corpus
from parrot_bench.errors import ParrotError
from parrot_bench.manifest import asked, identity_of, language_counts, partial, run_id, versions
from parrot_bench.models.base import Model, Prediction
from parrot_bench.scores import correlations, prediction_frame, results_frame
from parrot_bench.store import SCHEMA, Answers, Run, answers, load_run, read_manifest, write_run
from parrot_bench.task import Task

Progress = Callable[[str, int, int], None]
"""Called with a title, the number of answered items and their total."""


def evaluate(
    model: Model,
    tasks: Sequence[Task],
    corpus: Corpus,
    settings: Settings = DEFAULT,
    *,
    out: Path = Path("runs"),
    progress: Progress | None = None,
) -> Run:
    """Ask a model every task about every report and score the answers.

    The run's folder is named by a hash of all that determines the answers, so the same call goes
    on where it was cut off, and a finished run is read instead of repeated.

    Args:
        model: Any object with the members of `Model`.
        tasks: Tasks from `get_task`.
        corpus: A corpus from `load_corpus`.
        settings: What else is asked.
        out: Folder of run folders.
        progress: Called as answers come.

    Returns:
        The run. Its status is "incomplete" where the model failed on an item; such items are
        counted, left out of the scores and asked again by the same call.

    Raises:
        ParrotError: If a language is not in the corpus, no task can be asked, or `out` cannot be
            written to.
    """
    part = corpus.select(languages=settings.languages, limit=settings.limit, seed=settings.seed)
    sheets, refused = sheets_for(model, tasks, part, settings)
    identity = identity_of(model, sheets, part, settings)
    name = run_id(model, part, identity)
    folder = out / name
    earlier = read_manifest(folder)
    if earlier is not None and earlier["status"] == "complete":
        return load_run(folder)
    began = time.monotonic()
    timings: dict[str, float] = {}
    predictions: list[tuple[Sheet, list[Prediction]]] = []
    with answers(folder) as kept:
        for sheet in sheets:
            start = time.monotonic()
            predictions.append((sheet, _ask(model, sheet, kept, progress)))
            timings[f"{sheet.task.name}/{sheet.variant}"] = round(time.monotonic() - start, 3)
        failures = Counter(
            answer.note or "The model gave no reason."
            for _, found in predictions
            for answer in found
            if answer.status == "failed"
        )
        results = results_frame(predictions, probabilities=model.info.probabilities)
        manifest = {
            **identity,
            "schema": SCHEMA,
            "id": name,
            "status": "incomplete" if failures else "complete",
            "failures": dict(failures.most_common()),
            "partial": partial(corpus, part, settings),
            "refused": refused,
            "data": identity["data"]
            | {"corpus_hash": corpus.hash}
            | {"licence": part.licence, "rows_read": part.rows_read}
            | {"rejected": sum(each.rejected for each in part.findings)}
            | {"reports": len(part), "languages": language_counts(part)},
            "asked": [asked(sheet, found) for sheet, found in predictions],
            "correlations": correlations(predictions, probabilities=model.info.probabilities),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": timings | {"total": round(time.monotonic() - began, 3)},
            "versions": versions(),
            "hardware": {"machine": platform.machine(), "system": platform.system()},
        }
        run = write_run(folder, manifest, prediction_frame(predictions), results)
        if not failures:
            kept.close(discard=True)
    return run


def _ask(model: Model, sheet: Sheet, kept: Answers, progress: Progress | None) -> list[Prediction]:
    """Answers to every item of a sheet, in its order; what is known is not asked again."""
    title = f"{sheet.task.name} · {sheet.variant}"
    known = _whole_groups(model, sheet, kept.known(sheet.task.name, sheet.variant))
    waiting = [item for item in sheet.items if item.report_id not in known]
    try:
        said = model.predict(sheet.task, sheet.labels, waiting)
        for item, answer in zip(waiting, said, strict=True):
            assert answer.report_id == item.report_id, "the model answered out of order"  # noqa: S101
            known[item.report_id] = answer
            if answer.status != "failed":
                kept.keep(sheet.task.name, sheet.variant, answer)
            if progress:
                progress(title, len(known), len(sheet.items))
    except ParrotError:
        raise
    except Exception as error:
        note = f"{type(error).__name__} while the model was asked"
        for item in waiting:
            failure = Prediction(item.report_id, (), status="failed", note=note)
            known.setdefault(item.report_id, failure)
    if progress:
        progress(title, len(sheet.items), len(sheet.items))
    return [known[item.report_id] for item in sheet.items]


def _whole_groups(
    model: Model, sheet: Sheet, known: dict[str, Prediction]
) -> dict[str, Prediction]:
    """Known answers without those whose group, answered together, is not known as a whole."""
    size = len(sheet.items) if model.info.trained_on_data else model.info.together
    groups = (sheet.items[start : start + size] for start in range(0, len(sheet.items), size))
    return {
        item.report_id: known[item.report_id]
        for group in groups
        if all(item.report_id in known for item in group)
        for item in group
    }
