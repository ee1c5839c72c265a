"""Make a report fit into a model's context: cut in its middle, and never without a word."""

from __future__ import annotations

from collections.abc import Callable

GAP = " … "
"""Stands where the middle of a report was cut out."""
RULE = "head and tail: the middle of a text that does not fit is cut out"


def head_and_tail(text: str, kept: int) -> str:
    """A text's first and last characters, `kept` in all, with a mark between them."""
    if kept >= len(text):
        return text
    head = (kept + 1) // 2
    return f"{text[:head].rstrip()}{GAP}{text[len(text) - (kept - head) :].lstrip()}"


def fit(text: str, tokens: Callable[[str], int], most: int) -> str | None:
    """The longest head and tail of a text that fit.

    Args:
        text: A report.
        tokens: Tokens of the whole prompt with a report in it.
        most: Most tokens that the model takes.

    Returns:
        The text itself where it fits, else its head and tail; None where even the prompt around it
        does not fit.
    """
    if tokens(text) <= most:
        return text
    low, high = 0, len(text)  # `low` characters fit, `high` do not
    if tokens(head_and_tail(text, 0)) > most:
        return None
    while high - low > max(1, high // 100):
        middle = (low + high) // 2
        if tokens(head_and_tail(text, middle)) <= most:
            low = middle
        else:
            high = middle
    return head_and_tail(text, low)


def does_not_fit(most: int, *, cut: bool) -> str:
    """Why an item was not answered: the same words for all, so that they can be counted.

    Args:
        most: Tokens that the model takes.
        cut: Whether the middle of the report was cut out, as far as it goes.
    """
    if cut:
        return f"Even without the report the prompt does not fit into {most} tokens."
    return (
        f"The prompt does not fit into the {most} tokens that the model takes; "
        "--allow-truncation cuts the middle of the report out."
    )
