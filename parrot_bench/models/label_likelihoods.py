"""Log-likelihoods of labels from the logits after prompts and at the nodes of tries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from parrot_bench.models.label_trie import ROOT, LabelTrie

if TYPE_CHECKING:
    from torch import Tensor

NUMBERS_AT_ONCE = 2**24
"""Logits that are turned into float32 at once, so that large vocabularies take no second copy."""


def log_likelihoods(logits: Tensor, rows: list[int], tokens: list[int]) -> list[float]:
    """Log-likelihood of tokens.

    Args:
        logits: Shape (n, vocabulary).
        rows: Row of each token, shape (m,).
        tokens: The tokens, shape (m,).

    Returns:
        Natural logarithms at most 0, computed in float32; shape (m,).
    """
    import torch

    with torch.inference_mode():
        size = max(1, NUMBERS_AT_ONCE // logits.shape[-1])
        parts = logits.split(size)  # type: ignore[no-untyped-call]
        whole = torch.cat([part.float().logsumexp(-1) for part in parts])
        at = torch.tensor(rows, device=logits.device)
        chosen = logits[at, torch.tensor(tokens, device=logits.device)].float()
        found: list[float] = (chosen - whole[at]).tolist()
    return found


def sums(
    last: Tensor, below: Sequence[Tensor] | None, tries: Sequence[LabelTrie]
) -> list[list[float]]:
    """Log-likelihoods of labels.

    Args:
        last: Logits after each prompt, shape (n, vocabulary).
        below: Logits at the nodes of each trie, each (nodes, vocabulary); None without nodes.
        tries: The labels, shape (n,).
    """
    import torch

    logits, rows, tokens, offset = [last], [], [], len(last)
    for at, trie in enumerate(tries):
        rows += [at if node == ROOT else offset + node for node, _ in trie.targets]
        tokens += [token for _, token in trie.targets]
        if below is not None:
            logits.append(below[at])
            offset += len(below[at])
    likely = iter(log_likelihoods(torch.cat(logits), rows, tokens))
    found = []
    for trie in tries:
        each = [next(likely) for _ in trie.targets]
        found.append([sum(each[at] for at in path) for path in trie.paths])
    return found


def gather_nodes(rows: Sequence[Tensor], trie: LabelTrie) -> Tensor:
    """Logits at a trie's nodes, from those along each of its branches."""
    import torch

    at = {
        node: (row, step)
        for row, nodes in enumerate(trie.branches)
        for step, node in enumerate(nodes)
    }
    return torch.stack([rows[at[node][0]][at[node][1]] for node in range(len(trie))])
