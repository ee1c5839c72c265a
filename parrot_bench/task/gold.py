"""What a task's own functions say of a corpus, checked: its label space, and each report's gold."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from parrot_bench.corpus.report import Report
from parrot_bench.errors import ParrotError, line_in, unknown
from parrot_bench.task.card import Task
from parrot_bench.task.labels import Labels, LabelSpace

if TYPE_CHECKING:
    from parrot_bench.corpus import Corpus


def label_space(task: Task, corpus: Corpus) -> LabelSpace:
    """The label space of a task on a corpus.

    Raises:
        ParrotError: If the task's `labels` raises, or returns something else.
    """
    what = f"Task '{task.name}': labels()"
    found = _called(what, task.labels, corpus)
    if not isinstance(found, LabelSpace):
        raise ParrotError(f"{what} returned a {type(found).__name__}; a LabelSpace was expected.")
    return found


def gold_labels(task: Task, labels: LabelSpace, report: Report) -> Labels | None:
    """Gold labels of a report; None where it has none.

    Raises:
        ParrotError: If the task's `gold` raises, or returns what cannot be gold.
    """
    what = f"Task '{task.name}': gold() of report '{report.id}'"
    found = _called(what, task.gold, report)
    if found is None:
        return None
    for flaw in _flaws(task, labels, found):
        raise ParrotError(f"{what} returned {flaw}")
    return tuple(found)


def _flaws(task: Task, labels: LabelSpace, found: Any) -> Iterator[str]:
    if isinstance(found, str):
        yield f"the text '{found}'; a tuple of labels was expected: ('{found}',)."
    if not isinstance(found, tuple) or not all(isinstance(each, str) for each in found):
        yield f"{found!r}; a tuple of label ids was expected, or None where there is no gold."
    if task.kind != "multi-label" and len(found) != 1:
        yield f"{len(found)} labels; a {task.kind} task has exactly one, or None."
    if len(set(found)) != len(found):
        yield f"a label twice: {', '.join(found)}."
    for label in () if task.finer_gold else found:
        if label not in labels:
            yield f"a label outside its label space. {unknown('label', label, labels.ids)}"


def _called(what: str, function: Callable[[Any], Any], argument: object) -> Any:
    """Result of a task's function; what it raises becomes a sentence with its place."""
    try:
        return function(argument)
    except ParrotError as error:
        raise ParrotError(f"{what}: {error}") from error
    except Exception as error:  # a user's code
        try:
            file = inspect.getfile(function)
        except TypeError:
            file = "?"
        raise ParrotError(
            f"{what} raised {type(error).__name__}: {error} ({file}, line {line_in(file, error)})."
        ) from error
