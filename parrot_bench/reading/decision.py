"""The rule by which scores become an answer; it never looks at the gold."""

from __future__ import annotations

from collections.abc import Mapping

from parrot_bench.task.card import Kind
from parrot_bench.task.labels import Labels

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


def likely(probabilities: Mapping[str, float], kind: Kind, threshold: float) -> Labels:
    """Labels of an answer: the likeliest, and for multi-label tasks all that are likely enough.

    Args:
        probabilities: Probability of every label, in [0, 1].
        kind: Kind of the task.
        threshold: Probability from which a label of a multi-label task is given; the likeliest
            one is given in any case.

    Returns:
        Labels from the likeliest down, ties in alphabetical order.
    """
    ranked = sorted(probabilities, key=lambda label: (-probabilities[label], label))
    if kind != "multi-label":
        return tuple(ranked[:1])
    return tuple(
        label for i, label in enumerate(ranked) if i == 0 or probabilities[label] >= threshold
    )


def likely_rule(threshold: float) -> str:
    """The rule of `likely` for multi-label tasks, in words."""
    return f"probability of at least {threshold:g}, or the likeliest where there is none"
