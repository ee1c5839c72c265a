"""The form of a task's answer as a JSON schema, for endpoints that keep answers to one."""

from __future__ import annotations

import re
from typing import Any

from parrot_bench.task.card import Task
from parrot_bench.task.labels import LabelSpace
from parrot_bench.vocabulary.icd10 import CATEGORY, CODE

MOST_LISTED = 200
"""Most labels that are listed; endpoints refuse long lists or take minutes over them."""


def answer_schema(task: Task, labels: LabelSpace) -> dict[str, Any]:
    """JSON schema of the answer that a task's prompt asks for.

    Args:
        task: The task.
        labels: Its label space.

    Returns:
        A strict schema of an object with the task's answer key: a label, or a list of labels for a
        multi-label task. A label is one of those listed where they are at most 200, a code where
        they are ICD-10 categories, and else any text.
    """
    label: dict[str, Any] = {"type": "string"}
    if len(labels) <= MOST_LISTED:
        label["enum"] = list(labels.ids)
    elif all(CATEGORY.fullmatch(each) for each in labels.ids):
        label["pattern"] = CODE
    many = task.kind == "multi-label"
    return {
        "type": "object",
        "properties": {task.answer_key: {"type": "array", "items": label} if many else label},
        "required": [task.answer_key],
        "additionalProperties": False,
    }


def response_format(task: Task, labels: LabelSpace) -> dict[str, Any]:
    """The field `response_format` of a request that asks for that form."""
    name = re.sub(r"[^a-zA-Z0-9_-]", "_", task.name)[:64]
    schema = {"name": name, "strict": True, "schema": answer_schema(task, labels)}
    return {"type": "json_schema", "json_schema": schema}
