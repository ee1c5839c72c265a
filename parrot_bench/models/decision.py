"""The rule by which scores become an answer; it never looks at the gold."""

from __future__ import annotations

from collections.abc import Mapping

from parrot_bench.task import Kind, Labels

MOST_LABELS = 3
"""Most labels in a multi-label answer: reports rarely hold more, and a guess costs precision."""


def decide(scores: Mapping[str, float], kind: Kind, margin: float) -> Labels:
    """Labels of an answer: the best, and for multi-label tasks those within a margin of it.

    Args:
        scores: Score of every label, higher is likelier.
        kind: Kind of the task.
        margin: How far below the best a further label may be; at most `MOST_LABELS` in all.

    Returns:
        Labels from the best down, ties in alphabetical order.
    """
    ranked = sorted(scores, key=lambda label: (-scores[label], label))
    if kind != "multi-label":
        return tuple(ranked[:1])
    floor = scores[ranked[0]] - margin
    return tuple(label for label in ranked[:MOST_LABELS] if scores[label] >= floor)
