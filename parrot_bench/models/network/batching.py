"""Batches by token budget: longest first, halved where memory runs out, and that remembered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

CPU_TOKENS, GPU_TOKENS = 1024, 16384
"""Tokens of a batch, padding included; more is slower on a CPU, whose caches are small."""
CPU_PREFILL_TOKENS = 4096
"""The same where labels are chosen: every batch of prompts costs a second pass over the labels."""
CPU_GROUP, GPU_GROUP = 32, 64
"""Items that are answered together and kept together: few, so that little is lost and progress
shows, and enough to fill batches of texts of like length."""


def group_size(device: str) -> int:
    """Items that are answered together on a device."""
    return CPU_GROUP if device == "cpu" else GPU_GROUP


class TokenBudget:
    """Tokens that fit into a batch, padding included.

    Attributes:
        tokens: The budget; halved whenever a batch runs out of memory.
        halvings: How often that happened.
    """

    def __init__(self, device: str, tokens: int | None = None) -> None:
        """The budget of a device, or so many tokens."""
        self.tokens = tokens or (CPU_TOKENS if device == "cpu" else GPU_TOKENS)
        self.halvings = 0

    def run(self, lengths: Sequence[int], answer: Callable[[list[int]], Sequence[T]]) -> list[T]:
        """Answer everything, longest first, in batches that fit.

        Args:
            lengths: Tokens of each row, shape (n,); a row longer than the budget goes alone.
            answer: Called with the positions of a batch; one answer for each, in order.

        Returns:
            The answers, in the order of the rows, shape (n,).

        Raises:
            torch.OutOfMemoryError: If a single row does not fit into memory.
        """
        import torch

        order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
        found: dict[int, T] = {}
        while order:
            longest = max(1, lengths[order[0]])
            batch = order[: max(1, self.tokens // longest)]
            try:
                answers = answer(batch)
            except torch.OutOfMemoryError:
                if len(batch) == 1:
                    raise
                self.tokens = len(batch) // 2 * longest
                self.halvings += 1
                continue  # out of the handler, whose traceback keeps the batch's tensors
            found.update(zip(batch, answers, strict=True))
            order = order[len(batch) :]
        return [found[i] for i in range(len(lengths))]


def prefill_budget(device: str, tokens: int | None = None) -> TokenBudget:
    """The budget of prompts after which labels are scored."""
    return TokenBudget(device, tokens or (CPU_PREFILL_TOKENS if device == "cpu" else None))
