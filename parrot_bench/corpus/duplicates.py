"""Near-duplicate reports: groups that must never be treated as independent (E02, E04)."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SHINGLE = 5
"""Words in a shingle."""
THRESHOLD = 0.5
"""Jaccard similarity of two shingle sets from which two texts are near duplicates."""
_WORD = re.compile(r"\w+")
_CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff]")


def near_duplicates(texts: Sequence[str]) -> list[tuple[int, int, float]]:
    """Pairs of near-duplicate texts.

    Two texts are near duplicates if the Jaccard similarity of their sets of 5-word shingles is at
    least 0.5. Chinese and Japanese characters count as words. Texts of fewer than five words have
    one shingle, all their words; empty ones have none.

    Args:
        texts: Texts, shape (n,).

    Returns:
        Pairs (i, j, similarity) with i < j, in order. Source: Broder 1997.
    """
    from scipy import sparse

    sets = _shingle_sets(texts)
    sizes = np.array([len(each) for each in sets])
    if not sizes.any():
        return []
    rows = np.repeat(np.arange(len(texts)), sizes)
    _, columns, often = np.unique(np.concatenate(sets), return_inverse=True, return_counts=True)
    shared = often[columns] > 1
    matrix = sparse.csr_array(
        (np.ones(shared.sum(), np.float32), (rows[shared], columns[shared])),
        shape=(len(texts), len(often)),
    )
    common = sparse.triu(matrix @ matrix.T, k=1).tocoo()
    similarity = common.data / (sizes[common.row] + sizes[common.col] - common.data)
    close = similarity >= THRESHOLD
    pairs = zip(common.row[close], common.col[close], similarity[close], strict=True)
    return sorted((int(i), int(j), float(s)) for i, j, s in pairs)


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
