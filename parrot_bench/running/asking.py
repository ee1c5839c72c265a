"""Ask a model the questions of a sheet that are not answered yet, and keep what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from parrot_bench.errors import ParrotError
from parrot_bench.models.acceptance import accepted, failed, matched
from parrot_bench.models.base import Model
from parrot_bench.running.kept_answers import AnswerCache
from parrot_bench.running.keys import answer_keys
from parrot_bench.running.sheets import Sheet
from parrot_bench.task.item import Item, Prediction

Progress = Callable[[str, int, int], None]
"""Called with a title, the number of answered items and their total."""

BROKEN = 3
"""Items in a row at which a model breaks down before the others of the call fail unasked."""
MEMORY = "OutOfMemoryError"
"""What torch says where an item does not fit into memory."""


def answers_to(
    model: Model,
    sheet: Sheet,
    cache: AnswerCache,
    *,
    retry_failed: bool = False,
    progress: Progress | None = None,
) -> list[Prediction]:
    """Answers to every item of a sheet, in its order; what is kept is not asked again.

    Args:
        model: The model.
        sheet: What is asked.
        cache: Where answers are kept.
        retry_failed: Whether to ask again where it failed before.
        progress: Called before the first answer and as answers come.

    Raises:
        ParrotError: If answers cannot be kept, or the model says that it cannot go on.
    """
    keys = dict(zip((i.report_id for i in sheet.items), answer_keys(model, sheet), strict=True))
    kept = cache.known(list(keys.values()))
    known = {
        name: replace(kept[key], report_id=name)
        for name, key in keys.items()
        if key in kept and not (retry_failed and kept[key].status == "failed")
    }
    if model.info.trained_on_data and len(known) < len(sheet.items):
        known = {}  # it learns from all items, or answers as another model would
    title = f"{sheet.task.name} · {sheet.variant}"
    if progress:
        progress(title, len(known), len(sheet.items))
    for group in _groups(model, sheet.items):
        waiting = [item for item in group if item.report_id not in known]
        said: list[tuple[bytes, Prediction]] = []
        for answer in _said(model, sheet, waiting):
            known[answer.report_id] = answer
            said.append((keys[answer.report_id], answer))
            if model.info.together == 1 and not model.info.trained_on_data:
                cache.keep(model.info.name, model.info.method, sheet.task.name, said)
                said = []
            if progress:
                progress(title, len(known), len(sheet.items))
        if said:
            cache.keep(model.info.name, model.info.method, sheet.task.name, said)
    return [known[item.report_id] for item in sheet.items]


def _groups(model: Model, items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Items that a model is asked about in one call.

    Groups are cut from all items, so that they are the same ones after a run was cut off.
    """
    if model.info.trained_on_data:
        yield items
        return
    longest_first = sorted(items, key=lambda item: -len(item.text))
    size = model.info.together if model.info.together > 1 else len(items)
    for start in range(0, len(items), size):
        yield longest_first[start : start + size]


def _said(model: Model, sheet: Sheet, waiting: Sequence[Item]) -> Iterator[Prediction]:
    """One usable or failed answer for every item; nothing but the model's own errors are caught.

    An item that a model breaks down at takes no other with it: those that are left are asked each
    by itself, the shortest first, until it breaks down at `BROKEN` of them in a row. Items that the
    memory does not hold do not count: those beside them may fit.
    """
    left = {item.report_id: item for item in waiting}
    why = "The model stopped before this item."
    broke = False
    try:
        # No item, no question: a model need not know what to say to an empty list.
        answers = model.predict(sheet.task, sheet.labels, waiting) if waiting else ()
        for name, answer in matched(answers, waiting):
            del left[name]
            yield accepted(answer, name)
    except ParrotError:
        raise
    except Exception as error:  # any model's code runs here
        why, broke = f"{type(error).__name__} while the model was asked", True
    alone = broke and len(waiting) > 1 and not model.info.trained_on_data
    in_a_row = 0
    for name, item in reversed(left.items()):
        if alone and in_a_row < BROKEN:
            (answer,) = _said(model, sheet, [item])
            in_a_row = in_a_row + 1 if answer.note == why and MEMORY not in why else 0
            yield answer
        else:
            yield failed(name, why)
