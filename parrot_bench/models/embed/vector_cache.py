"""Vectors of texts that were embedded a moment ago: every task asks about the same reports."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor


class Embedded(NamedTuple):
    """Texts after embedding.

    Attributes:
        lengths: Tokens of each text; 0 for one that has no vector: it is blank or does not fit.
        notes: Why a text that is not blank has no vector, by its position.
        shortened: Positions of the texts whose middle was cut out.
        vectors: Unit vectors of the texts that have one, in order, shape (texts, width).
    """

    lengths: tuple[int, ...]
    notes: Mapping[int, str]
    shortened: frozenset[int]
    vectors: Tensor


class VectorCache:
    """Embedded chunks of texts, the least recently used forgotten first.

    A chunk is kept as a whole: the last bits of a vector depend on the texts beside it, so that a
    text alone would not say which vector is meant.
    """

    def __init__(self, most_bytes: int) -> None:
        """An empty cache of so many bytes of vectors."""
        self._most_bytes = most_bytes
        self._bytes = 0
        self._kept: OrderedDict[bytes, Embedded] = OrderedDict()

    def get(self, texts: Sequence[str], embed: Callable[[Sequence[str]], Embedded]) -> Embedded:
        """The embedded texts, by `embed` where they are not kept."""
        key = hashlib.sha256(repr(list(texts)).encode("utf-8", "surrogatepass")).digest()
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        made = embed(texts)
        self._kept[key] = made
        self._bytes += made.vectors.nbytes
        while self._bytes > self._most_bytes:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= oldest.vectors.nbytes
        return made
