"""Learn a task from the evaluated data itself: no report is answered by a model of its author.

What such a model shows is how much of a task can be learnt from that data, not how well a model
does that has never seen it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from parrot_bench.task.card import Kind
from parrot_bench.task.item import Item, Prediction
from parrot_bench.task.labels import Labels

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.intp]
    Targets = NDArray[np.bool_]
    Chances = NDArray[np.float64]

FOLDS = 5
RAREST = 3
"""Fewest reports of a training part that a label of a multi-label task is learnt from."""
SURE = 0.5
"""Probability from which a label of a multi-label answer is given."""
STRENGTH = 10.0
"""Inverse of the strength of the L2 penalty (scikit-learn's C), for rows of about unit length."""
DECISION = f"probability of at least {SURE}, or the likeliest where there is none"
SINGLE = "the data has a single contributor"


@dataclass(frozen=True, slots=True)
class Learner:
    """What is learnt from, and how.

    Attributes:
        features: Turns positions of the training part and of the asked part into their rows of
            features, shapes (train, width) and (asked, width); called once a fold.
        several: Fits one binary logistic regression a label: features of the training part, which
            labels each of its reports has, shape (train, labels), neither never nor always, and
            features of the asked part. Returns probabilities, shape (asked, labels).
    """

    features: Callable[[Rows, Rows], tuple[Any, Any]]
    several: Callable[[Any, Targets, Any], Chances]


def out_of_fold(
    kind: Kind, items: Sequence[Item], learner: Learner, folds: int = FOLDS
) -> list[dict[str, float] | str]:
    """Probabilities of the labels of every item, by models of other contributors.

    Near copies are of one group with what they copy, so that no report is answered by its own
    twin. Single-label tasks take one multinomial logistic regression, multi-label tasks one binary
    regression a label, labels of fewer than `RAREST` reports left out where others are left.

    Args:
        kind: Kind of the task.
        items: The items, shape (n,), with their gold.
        learner: What is learnt from, and how.
        folds: Most parts of the data.

    Returns:
        Probabilities in [0, 1] by label, or one sentence that says why there are none; shape (n,).
    """
    import numpy as np
    from sklearn.model_selection import GroupKFold

    groups = joined_groups(items)
    found: list[dict[str, float] | str] = [SINGLE] * len(items)
    parts = min(folds, len(set(groups)))
    if parts < 2:
        return found
    for train, test in GroupKFold(parts).split(np.empty(len(items)), groups=groups):
        learnt, asked = learner.features(train, test)
        gold = [items[i].gold for i in train]
        rows = _fit(kind, learnt, gold, asked, learner)
        for i, row in zip(test, rows, strict=True):
            found[i] = row
    return found


def answer(kind: Kind, report_id: str, found: dict[str, float] | str) -> Prediction:
    """The prediction of an item; failed where there are no probabilities."""
    if isinstance(found, str):
        return Prediction(report_id, (), status="failed", note=found)
    ranked = sorted(found, key=lambda label: (-found[label], label))
    sure = tuple(label for label, score in found.items() if score >= SURE)
    decided = sure if kind == "multi-label" and sure else tuple(ranked[:1])
    return Prediction(report_id, decided, found)


def _fit(
    kind: Kind, learnt: Any, gold: Sequence[Labels], asked: Any, learner: Learner
) -> list[dict[str, float]]:
    """Probabilities by label of each row that is asked about."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    counts = Counter(label for each in gold for label in each)
    rows: list[dict[str, float]] = [{} for _ in range(asked.shape[0])]
    if kind != "multi-label" and len(counts) == 1:
        return [dict.fromkeys(counts, 1.0) for _ in rows]  # nothing to tell apart
    if kind != "multi-label":
        model = LogisticRegression(C=STRENGTH, max_iter=300).fit(learnt, [each[0] for each in gold])
        for row, chances in zip(rows, model.predict_proba(asked), strict=True):
            row.update(zip(model.classes_.tolist(), chances.tolist(), strict=True))
        return rows
    known = sorted(label for label in counts if counts[label] >= RAREST) or sorted(counts)
    targets = np.array([[label in each for label in known] for each in gold], dtype=bool)
    targets = targets.reshape(len(gold), len(known))
    found = np.ones((len(rows), len(known)))
    open_ones = ~targets.all(axis=0)
    if open_ones.any():
        found[:, open_ones] = learner.several(learnt, targets[:, open_ones], asked)
    return [dict(zip(known, chances, strict=True)) for chances in found.tolist()]


def joined_groups(items: Sequence[Item]) -> list[int]:
    """Groups of reports that share a contributor or a near-duplicate cluster."""
    from parrot_bench.corpus.texts.near_copies import clusters

    first: dict[tuple[str, str], int] = {}
    pairs = []
    for i, item in enumerate(items):
        keys = [("author", item.author)]
        if item.cluster >= 0:
            keys.append(("cluster", str(item.cluster)))
        pairs += [(first.setdefault(key, i), i) for key in keys]
    return clusters(len(items), pairs)
