"""Near-duplicate reports: groups that must never be treated as independent (E02, E04)."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SHINGLE = 5
"""Words in a shingle."""
THRESHOLD = 0.5
"""Jaccard similarity of two shingle sets from which two texts are near duplicates."""
BLOCK = 2_000_000
"""Pairs of texts that are compared at a time, of which each takes some fifty bytes."""
_WORD = re.compile(r"\w+")
_CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff]")


def near_duplicates(texts: Sequence[str]) -> list[tuple[int, int]]:
    """Links that connect near-duplicate texts.

    Two texts are near duplicates if the Jaccard similarity of their sets of 5-word shingles is at
    least 0.5. Chinese and Japanese characters count as words. Texts of fewer than five words have
    one shingle, all their words; empty ones have none and are near no other.

    Args:
        texts: Texts, shape (n,).

    Returns:
        Links (i, j), i < j, in order of j: j is near i or, over texts near one another, connected
        with it, and i is the first text of its group. Every text that is near another stands in
        a link. Source: Broder 1997.
    """
    sets = _shingle_sets(texts)
    first: dict[bytes, int] = {}
    same = [first.setdefault(each.tobytes(), i) for i, each in enumerate(sets)]
    distinct = [i for i, each in enumerate(sets) if same[i] == i and len(each)]
    groups = _groups([sets[i] for i in distinct])
    leader = {i: distinct[group] for i, group in zip(distinct, groups, strict=True)}
    return [
        (leader[same[i]], i) for i, each in enumerate(sets) if len(each) and leader[same[i]] != i
    ]


def _groups(sets: Sequence[NDArray[np.uint64]]) -> NDArray[np.intp]:
    """First member of the group of each of several distinct sets, shape (n,).

    Shared shingles are counted by a sparse product, a block of rows at a time: one shingle in very
    many sets makes that product dense.
    """
    from scipy import sparse

    n = len(sets)
    groups = np.arange(n)
    if not n:
        return groups
    sizes = np.array([len(each) for each in sets])
    _, columns, often = np.unique(np.concatenate(sets), return_inverse=True, return_counts=True)
    shared = often[columns] > 1
    rows = np.repeat(np.arange(n), sizes)[shared]
    columns = columns[shared]
    matrix = sparse.csr_array(
        (np.ones(len(rows), np.int32), (rows, columns)), shape=(n, len(often))
    )
    most = np.minimum(np.bincount(rows, weights=often[columns], minlength=n), n)
    block = (np.cumsum(most) // BLOCK).astype(int)
    for start, end in itertools.pairwise([*np.unique(block, return_index=True)[1], n]):
        common = (matrix[start:end] @ matrix[start:].T).tocoo()
        i, j = common.row + start, common.col + start
        close = common.data >= THRESHOLD * (sizes[i] + sizes[j] - common.data)
        groups = _joined(groups, i[close], j[close])
    return groups


def _joined(groups: NDArray[np.intp], i: NDArray[np.intp], j: NDArray[np.intp]) -> NDArray[np.intp]:
    """Groups, by their first members, after the members of pairs (i, j) are joined."""
    from scipy import sparse

    n = len(groups)
    ends = np.concatenate([np.arange(n), i]), np.concatenate([groups, j])
    graph = sparse.coo_array((np.ones(len(ends[0]), bool), ends), shape=(n, n))
    _, labels = sparse.csgraph.connected_components(graph, directed=False)
    _, first = np.unique(labels, return_index=True)
    joined: NDArray[np.intp] = first[labels]
    return joined


def _shingle_sets(texts: Sequence[str]) -> list[NDArray[np.uint64]]:
    """Hashes of the distinct shingles of each text."""
    numbers: dict[str, int] = {}
    result = []
    for text in texts:
        folded = text.casefold()
        if not folded.isascii():
            folded = _CJK.sub(lambda match: f" {match[0]} ", folded)
        words = [numbers.setdefault(word, len(numbers) + 1) for word in _WORD.findall(folded)]
        codes = np.array(words, dtype=np.uint64)
        width = min(SHINGLE, len(codes))
        if not width:
            result.append(codes)
            continue
        mixed = np.zeros(len(codes) - width + 1, dtype=np.uint64)
        for offset in range(width):
            mixed = mixed * np.uint64(6364136223846793005) + codes[offset : offset + len(mixed)]
        result.append(np.unique(mixed))
    return result


def clusters(n: int, pairs: Sequence[tuple[int, int]]) -> list[int]:
    """Number of the group of each of n reports: reports that pairs connect share one.

    Returns:
        Group of each report; groups are numbered from 0 in order of their first report.
    """
    leader = list(range(n))

    def find(i: int) -> int:
        while leader[i] != i:
            leader[i] = leader[leader[i]]
            i = leader[i]
        return i

    for i, j in pairs:
        first, second = sorted((find(i), find(j)))
        leader[second] = first
    numbers: dict[int, int] = {}
    return [numbers.setdefault(find(i), len(numbers)) for i in range(n)]
