"""Second readings of the same answers: by the strict parser, and with a threshold that was tuned.

They stand beside the first reading under names of their own, and nothing is asked again for them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from parrot_bench.models.base import Model
from parrot_bench.models.out_of_fold import FOLDS, joined_groups
from parrot_bench.running.sheets import STRICT, TUNED, Sheet
from parrot_bench.task.item import Item, Prediction
from parrot_bench.task.labels import Labels

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Answered = tuple[Sheet, list[Prediction]]


def other_readings(model: Model, predictions: Sequence[Answered]) -> list[Answered]:
    """Second readings of a run's answers, each as a sheet of its own.

    Args:
        model: The model, for whether it has seen gold labels already.
        predictions: Every sheet with its answers.

    Returns:
        Per sheet the strict reading where answers were parsed, and the tuned one where a
        multi-label answer was decided from scores without any gold.
    """
    found: list[Answered] = []
    for sheet, answers in predictions:
        if any(each.strict is not None for each in answers):
            found.append((_named(sheet, STRICT), [strict(each) for each in answers]))
        if sheet.task.kind == "multi-label" and not model.info.trained_on_data:
            decided = tuned(sheet, answers)
            if decided is not None:
                found.append((_named(sheet, TUNED), decided))
    return found


def _named(sheet: Sheet, reading: str) -> Sheet:
    return replace(sheet, variant=sheet.variant + reading)


def strict(answer: Prediction) -> Prediction:
    """An answer as the strict parser reads it; without scores, since a parsed answer has none."""
    labels = answer.strict or ()
    status = answer.status
    if status == "ok" and labels != answer.labels:
        status = "ok" if labels else "unparsable"
    return replace(answer, labels=labels, status=status, scores={})


def tuned(sheet: Sheet, answers: Sequence[Prediction]) -> list[Prediction] | None:
    """Answers decided by a threshold on the scores that is best on other contributors.

    For each of `out_of_fold.FOLDS` groups of contributors, near copies joined, the threshold is the
    one with the highest micro-F1 over the scored labels of all other groups. An answer holds the
    labels with at least that score, or the likeliest where there is none.

    Args:
        sheet: What was asked; gold labels are compared at the level of its headline measure.
        answers: The first reading, shape (items,).

    Returns:
        The answers, without scores, in the same order; None where there are no scores or too few
        contributors.
    """
    import numpy as np

    kept = [i for i, each in enumerate(answers) if each.scores]
    items = [sheet.items[i] for i in kept]
    folds = _folds(items)
    if len(set(folds)) < 2:
        return None
    table = _table(sheet, items, [answers[i] for i in kept])
    decided = [replace(each, scores={}) for each in answers]
    for fold in sorted(set(folds)):
        inside = np.array(folds) == fold
        threshold = _best_threshold(table, ~inside)
        for at in np.flatnonzero(inside):
            place = kept[int(at)]
            decided[place] = replace(decided[place], labels=_above(answers[place], threshold))
    return decided


def _folds(items: Sequence[Item]) -> list[int]:
    """Fold of every item: whole groups, the largest first, each to the smallest fold so far."""
    groups = joined_groups(items)
    sizes = Counter(groups)
    filled = dict.fromkeys(range(min(FOLDS, len(sizes))), 0)
    fold_of: dict[int, int] = {}
    for group, size in sorted(sizes.items(), key=lambda each: (-each[1], each[0])):
        fold_of[group] = min(filled, key=lambda fold: (filled[fold], fold))
        filled[fold_of[group]] += size
    return [fold_of[group] for group in groups]


def _above(answer: Prediction, threshold: float) -> Labels:
    ranking = answer.ranking
    return tuple(label for label in ranking if answer.scores[label] >= threshold) or ranking[:1]


@dataclass(frozen=True, eq=False)
class _Table:
    """Scored labels of all items, one row for each.

    Attributes:
        items: Position of the item, shape (rows,).
        scores: Score, shape (rows,).
        right: Whether the label is gold, shape (rows,).
        gold: Gold labels of each item, scored or not, shape (items,).
    """

    items: NDArray[np.int64]
    scores: NDArray[np.float64]
    right: NDArray[np.bool_]
    gold: NDArray[np.int64]


def _table(sheet: Sheet, items: Sequence[Item], answers: Sequence[Prediction]) -> _Table:
    import numpy as np

    task = sheet.task
    view = next(each.view for each in task.measures if each.name == task.headline)
    gold = [set(view(item.gold, ())[0]) for item in items]
    rows = [
        (i, score, label in gold[i])
        for i, answer in enumerate(answers)
        for label, score in answer.scores.items()
    ]
    return _Table(
        items=np.array([row[0] for row in rows]),
        scores=np.array([row[1] for row in rows]),
        right=np.array([row[2] for row in rows]),
        gold=np.array([len(each) for each in gold]),
    )


def _best_threshold(table: _Table, inside: NDArray[np.bool_]) -> float:
    """Threshold with the highest micro-F1 over some items; half way to the next lower score."""
    import numpy as np

    chosen = inside[table.items]
    order = np.argsort(-table.scores[chosen], kind="stable")
    scores, right = table.scores[chosen][order], table.right[chosen][order]
    if not len(scores):
        return 0.0
    given = np.arange(1, len(scores) + 1)
    f1 = 2 * np.cumsum(right) / (given + table.gold[inside].sum())
    # A threshold cannot part labels of equal score.
    ends = np.append(scores[1:] < scores[:-1], True)
    best = int(np.argmax(np.where(ends, f1, -1.0)))
    below = scores[best + 1] if best + 1 < len(scores) else scores[best]
    return float((scores[best] + below) / 2)
