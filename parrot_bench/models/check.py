"""Check in seconds whether a model works with every task, before hours are spent."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from parrot_bench.errors import ParrotError
from parrot_bench.models.acceptance import accepted, matched
from parrot_bench.models.base import Model
from parrot_bench.models.endpoint.address import PREFIX as ENDPOINT
from parrot_bench.models.hub.source import PREFIX, resolve
from parrot_bench.models.loading import METHODS, load_model, make, methods_for, why_not
from parrot_bench.models.options import DEFAULT, ModelOptions
from parrot_bench.task.card import Task
from parrot_bench.task.item import Item, Prediction
from parrot_bench.task.labels import LabelSpace

Outcome = Literal["works", "partly", "not applicable", "fails"]

TEXTS = (
    ("en", "GB", "CT of the chest. The lungs are clear. No pleural effusion."),
    ("de", "DE", "Röntgen des Knies. Kein Erguss. Keine Fraktur."),
    ("pl", "PL", "USG jamy brzusznej. W pęcherzyku żółciowym złóg 12 mm."),
)
"""Language, country and text of three reports, written for this check about nobody."""
GONE = ("did not answer: no connection", "did not answer: no answer in time")
"""What the notes of an endpoint say that is not there, so that no other task is asked either."""


@dataclass(frozen=True, slots=True)
class Check:
    """How a model did on one task by one method.

    Attributes:
        method: How it answers.
        task: Name of the task.
        outcome: "works", "partly" where some answers are usable, "not applicable" or "fails".
        why: One sentence.
        seconds: Time that it took.
    """

    method: str
    task: str
    outcome: Outcome
    why: str
    seconds: float


def check_spec(
    spec: str,
    tasks: Sequence[tuple[Task, LabelSpace]],
    *,
    method: str | None = None,
    options: ModelOptions = DEFAULT,
) -> list[Check]:
    """Ask a model three short reports of every task, by every method that it might have.

    Args:
        spec: The model.
        tasks: Tasks, each with its label space.
        method: The only method to check; all where None.
        options: How the model is loaded and asked; an endpoint is asked a second time and no more,
            unless they say otherwise.

    Returns:
        One row a method and task, in order.

    Raises:
        ParrotError: If there is no such model.
    """
    if spec.startswith(ENDPOINT) and options.retries == DEFAULT.retries:
        options = replace(options, retries=1)  # all of them take half a minute for each task
    if not spec.startswith(PREFIX) or method is not None:
        return check_model(load_model(spec, method=method, options=options), tasks)
    source = resolve(spec, options)
    possible = methods_for(source)
    rows: list[Check] = []
    for each in METHODS:
        why = "" if each in possible else why_not(each, source)
        try:
            model = None if why else make(each, source, options)
        except ParrotError as error:
            why = str(error)
        if why or model is None:
            rows += [Check(each, task.name, "not applicable", why, 0.0) for task, _ in tasks]
        else:
            rows += check_model(model, tasks)
    return rows


def check_model(model: Model, tasks: Iterable[tuple[Task, LabelSpace]]) -> list[Check]:
    """Ask a model three short reports of every task.

    Args:
        model: Any model.
        tasks: Tasks, each with its label space.

    Returns:
        One row a task, in order; errors of the model are rows, never raised. Where an endpoint is
        not there, the tasks after that are not asked.
    """
    rows: list[Check] = []
    gone: Check | None = None
    for task, labels in tasks:
        if gone:
            why = f"Not asked, for the same reason as {gone.task}."
            rows.append(Check(gone.method, task.name, "fails", why, 0.0))
            continue
        rows.append(_check(model, task, labels))
        if rows[-1].outcome == "fails" and any(each in rows[-1].why for each in GONE):
            gone = rows[-1]
    return rows


def _check(model: Model, task: Task, labels: LabelSpace) -> Check:
    began = time.perf_counter()
    outcome: Outcome
    try:
        if not isinstance(model, Model):
            outcome, why = "fails", "It lacks info, obstacle() or predict(); see models/base.py."
        elif obstacle := model.obstacle(task, labels):
            outcome, why = "not applicable", obstacle
        else:
            items = synthetic_items(labels)
            outcome, why = _judge(task, items, list(model.predict(task, labels, items)))
    except ParrotError as error:
        outcome, why = "fails", str(error)
    except Exception as error:  # any model's code runs here, and the other tasks are still asked
        outcome, why = "fails", f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
    method = str(getattr(getattr(model, "info", None), "method", "?"))
    return Check(method, task.name, outcome, why, time.perf_counter() - began)


def synthetic_items(labels: LabelSpace) -> list[Item]:
    """Three items in three languages by three authors; their gold means nothing."""
    return [
        Item(
            report_id=f"check-{i}",
            text=text,
            gold=(labels.ids[i % len(labels)],),
            language=language,
            author=f"author-{i}",
            text_language=language,
            country=country,
        )
        for i, (language, country, text) in enumerate(TEXTS)
    ]


def _judge(task: Task, items: list[Item], given: list[Prediction]) -> tuple[Outcome, str]:
    """Whether the answers keep to the protocol, and one sentence."""
    if len(given) != len(items):
        return "fails", f"It gave {len(given)} answers where {len(items)} were asked for."
    answers = [accepted(each, name) for name, each in matched(given, items)]
    for raw, answer in zip(given, answers, strict=True):
        if answer.status == "failed" and getattr(raw, "status", None) != "failed":
            return "fails", answer.note
        if answer.status == "ok" and task.kind != "multi-label" and len(answer.labels) != 1:
            return "fails", f"It gave {len(answer.labels)} labels where exactly one is asked for."
    usable = [answer for answer in answers if answer.status == "ok"]
    unusable = [answer for answer in answers if answer.status != "ok"]
    why = unusable[0].note or f"status '{unusable[0].status}'" if unusable else ""
    if not usable:
        return "fails", f"None of {len(answers)} answers is usable: {why.rstrip('.')}."
    scored = "with scores" if all(answer.scores for answer in usable) else "without scores"
    sentence = f"{len(usable)} of {len(answers)} answers are usable, {scored}"
    if unusable:
        return "partly", f"{sentence}; another is not: {why.rstrip('.')}."
    return "works", f"{sentence}."
