"""Log-likelihoods of labels from the logits after prompts and at the nodes of tries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from parrot_bench.models.token_tree.trie import ROOT, LabelTrie

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
    last: Tensor, nodes: Tensor | None, first: Sequence[int], tries: Sequence[LabelTrie]
) -> list[list[float]]:
    """Log-likelihoods of labels.

    Args:
        last: Logits after each prompt, shape (n, vocabulary).
        nodes: Logits at nodes, shape (m, vocabulary); None without nodes.
        first: Row of each trie's first node among them, shape (n,).
        tries: The labels, shape (n,).

    Returns:
        For each trie one number a label, at most 0.
    """
    at_last = [(at, t) for at, trie in enumerate(tries) for n, t in trie.targets if n == ROOT]
    below = [
        (start + node, token)
        for start, trie in zip(first, tries, strict=True)
        for node, token in trie.targets
        if node != ROOT
    ]
    roots = iter(log_likelihoods(last, [at for at, _ in at_last], [token for _, token in at_last]))
    rest: Iterator[float] = iter(())
    if nodes is not None:
        rest = iter(log_likelihoods(nodes, [at for at, _ in below], [token for _, token in below]))
    found = []
    for trie in tries:
        each = [next(roots if node == ROOT else rest) for node, _ in trie.targets]
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
