# replaced by the full parser on merging
"""Labels in what a model wrote."""

from __future__ import annotations

import json
from dataclasses import dataclass

from parrot_bench.models.base import Status
from parrot_bench.task import Labels, LabelSpace, Task


@dataclass(frozen=True, slots=True)
class Reading:
    """Labels that were read from an answer, leniently and strictly."""

    labels: Labels
    status: Status
    strict: Labels
    strict_status: Status


def read_answer(
    text: str,
    task: Task,
    labels: LabelSpace,  # noqa: ARG001
    language: str = "",  # noqa: ARG001
    *,
    cut: bool = False,
) -> Reading:
    """Labels of an answer that is JSON and nothing else."""
    try:
        value = json.loads(text)[task.answer_key]
    except (ValueError, TypeError, KeyError):
        flaw: Status = "truncated" if cut else "unparsable" if text.strip() else "empty"
        return Reading((), flaw, (), flaw)
    found = (value,) if isinstance(value, str) else tuple(map(str, value))
    return Reading(found, "ok", found, "ok")
