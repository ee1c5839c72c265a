"""What a model said, checked: a prediction in plain types, or a failure that says what is wrong."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from parrot_bench.task.item import STATUSES, Item, Prediction


def matched(answers: Iterable[object], items: Sequence[Item]) -> Iterator[tuple[str, object]]:
    """Answers with the report that each is for, in any order, one for each item at most.

    An answer that names none of the open items goes to the first of them, and is refused there.
    """
    waiting = dict.fromkeys(item.report_id for item in items)
    for answer in answers:
        if not waiting:
            return
        named = answer.report_id if isinstance(answer, Prediction) else None
        name = named if isinstance(named, str) and named in waiting else next(iter(waiting))
        del waiting[name]
        yield name, answer


def accepted(answer: object, report_id: str) -> Prediction:
    """A model's answer in plain types, each label once.

    Args:
        answer: What the model gave for an item.
        report_id: The item's report.

    Returns:
        The answer; where it cannot be used, a prediction of status "failed" whose note says why.
    """
    try:
        return _normal(answer, report_id)
    except _Unusable as flaw:
        return failed(report_id, str(flaw))


def failed(report_id: str, note: str) -> Prediction:
    """No answer, and why."""
    return Prediction(report_id, (), status="failed", note=note)


class _Unusable(Exception):  # noqa: N818
    """What is wrong with an answer, in one sentence; it repeats nothing that the model said.

    The sentence stands in the run folder, which must hold no report text.
    """


def _normal(answer: object, report_id: str) -> Prediction:
    if not isinstance(answer, Prediction):
        raise _Unusable(f"It answered a {type(answer).__name__} where a Prediction was expected.")
    if answer.report_id != report_id:
        raise _Unusable("It answered for another report than was asked.")
    if answer.status not in STATUSES:
        raise _Unusable(f"Its status is none of {', '.join(STATUSES)}.")
    return replace(
        answer,
        report_id=report_id,
        labels=_labels(answer.labels),
        scores=_scores(answer.scores),
        raw=str(answer.raw),
        tokens_in=int(_number(answer.tokens_in, "tokens_in")),
        tokens_out=int(_number(answer.tokens_out, "tokens_out")),
        seconds=_number(answer.seconds, "seconds"),
        truncated_input=bool(answer.truncated_input),
        strict=None if answer.strict is None else _labels(answer.strict),
        note=str(answer.note),
    )


def _labels(labels: object) -> tuple[str, ...]:
    if not isinstance(labels, (tuple, list)) or not all(isinstance(each, str) for each in labels):
        raise _Unusable(f"Its labels are a {type(labels).__name__}, not a tuple of texts.")
    return tuple(dict.fromkeys(str(each) for each in labels))


def _scores(scores: object) -> dict[str, float]:
    if not isinstance(scores, Mapping) or not all(isinstance(label, str) for label in scores):
        raise _Unusable(f"Its scores are a {type(scores).__name__}, not numbers by label.")
    return {str(label): _number(score, "score of a label") for label, score in scores.items()}


def _number(value: object, name: str) -> float:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise _Unusable(f"Its {name} is a {type(value).__name__}, not a number.") from error
    if not math.isfinite(number):
        raise _Unusable(f"Its {name} is not a finite number.")
    return number
