"""Go down a tree of labels: for label spaces that are too large to score one by one.

At every level the children of the best nodes are scored; a label's score is the sum of the
log-probabilities along its path, each among the children of one node.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from parrot_bench.task.labels import Label, LabelTree


class Question(NamedTuple):
    """Which child of a node is it?

    Attributes:
        item: Position of the item that is asked about.
        children: The nodes to choose among.
    """

    item: int
    children: tuple[Label, ...]


Score = Callable[[Sequence[Question]], Sequence[Sequence[float]]]
"""Log-probability of every child of every question, at most 0; shape (questions, children)."""


def descend(tree: LabelTree, items: int, beam: int, score: Score) -> list[dict[str, float]]:
    """Scores of the labels that a beam reaches.

    Args:
        tree: The hierarchy.
        items: Number of items; all go down together, so that questions can share a batch.
        beam: Nodes that are followed at every level, for each item.
        score: Answers the questions of a level.

    Returns:
        For each item the log-probability of every label whose parent was followed; higher is
        likelier, ties are broken in alphabetical order.
    """
    found: list[dict[str, float]] = [{} for _ in range(items)]
    waiting = [(i, 0.0, tree.top) for i in range(items)]
    while waiting:
        questions = [Question(item, children) for item, _, children in waiting]
        open_nodes: dict[int, dict[str, float]] = {}
        for (item, before, children), logs in zip(waiting, score(questions), strict=True):
            for child, log in zip(children, logs, strict=True):
                below = tree.children.get(child.id)
                kept = open_nodes.setdefault(item, {}) if below else found[item]
                kept[child.id] = before + log
        waiting = [
            (item, nodes[name], tree.children[name])
            for item, nodes in sorted(open_nodes.items())
            for name in sorted(nodes, key=lambda each: (-nodes[each], each))[:beam]
        ]
    return found
