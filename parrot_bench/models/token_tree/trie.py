"""Labels as a trie of tokens: what they have in common is read once for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

Tokens = tuple[int, ...]
ROOT = -1
"""Stands for the prompt, whose last token predicts the first token of every label."""


@dataclass(frozen=True, eq=False)
class LabelTrie:
    """Tokens of labels after one prompt; the last token of a label is predicted and never read.

    Attributes:
        tokens: The token of every node that is read, parents first; shape (nodes,).
        parents: Each node's parent, or `ROOT`; shape (nodes,).
        depths: Nodes above each node; shape (nodes,).
        targets: What is predicted: (node or `ROOT`, token), each pair once.
        paths: For every label the targets that make its likelihood, in order.
        longest: Tokens of the longest label.
        branches: Nodes from the root down to each node without children, so that rows of them
            hold every node.
    """

    tokens: Tokens
    parents: Tokens
    depths: Tokens
    targets: tuple[tuple[int, int], ...]
    paths: tuple[Tokens, ...]
    longest: int
    branches: tuple[Tokens, ...]

    def __len__(self) -> int:
        """Number of nodes that are read."""
        return len(self.tokens)


@lru_cache(maxsize=4096)
def grow(rows: tuple[Tokens, ...], starts: Tokens) -> LabelTrie:
    """The trie of labels.

    Args:
        rows: Tokens of every label after the prompt, at least one each; a label may begin another.
        starts: First token of each row that counts: those before it belong to the prompt, which
            another label's tokens changed.
    """
    nodes: dict[Tokens, int] = {(): ROOT}
    targets: dict[tuple[int, int], int] = {}
    paths = []
    for row, start in zip(rows, starts, strict=True):
        path = []
        for at, token in enumerate(row):
            node = nodes.setdefault(row[:at], len(nodes) - 1)
            if at >= start:
                path.append(targets.setdefault((node, token), len(targets)))
        paths.append(tuple(path))
    inner = [each for each in nodes if each]
    parents = tuple(nodes[each[:-1]] for each in inner)
    ends = sorted(set(range(len(inner))) - set(parents))
    return LabelTrie(
        tokens=tuple(each[-1] for each in inner),
        parents=parents,
        depths=tuple(len(each) - 1 for each in inner),
        targets=tuple(targets),
        paths=tuple(paths),
        longest=max(map(len, rows)),
        branches=tuple(branch(node, parents) for node in ends),
    )


def branch(node: int, parents: Tokens) -> Tokens:
    """A node and those above it, from the root down."""
    found = []
    while node != ROOT:
        found.append(node)
        node = parents[node]
    return tuple(reversed(found))
