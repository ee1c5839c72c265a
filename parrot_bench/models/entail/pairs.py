"""Pairs of texts as one row: each text is tokenised once, and rows are put together from ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from parrot_bench.models.network.token_rows import Row

SAMPLE = ("CT of the chest: lungs clear.", "No pleural effusion 胸部")
"""A first and a second text, from which a tokenizer's form of a pair is read."""


@dataclass(frozen=True, slots=True)
class PairForm:
    """What a tokenizer puts around, between and after the two texts of a pair.

    Attributes:
        pieces: Token ids before the first text, between the two, and after the second.
        types: Token types before, of the first text, between, of the second text, and after; none
            where the tokenizer gives none.
    """

    pieces: tuple[Row, Row, Row]
    types: tuple[Row, Row, Row, Row, Row] | None

    @property
    def added(self) -> int:
        """Tokens of a pair besides those of its texts."""
        return sum(map(len, self.pieces))

    def ids(self, first: Row, second: Row) -> Row:
        """Token ids of a pair."""
        before, between, after = self.pieces
        return [*before, *first, *between, *second, *after]

    def first(self, pair: Row, second: int) -> Row:
        """Token ids of the first text of a pair whose second one has so many tokens."""
        before, between, after = map(len, self.pieces)
        return pair[before : len(pair) - between - second - after]

    def kinds(self, first: int, second: int) -> Row:
        """Token types of a pair whose texts have so many tokens; for tokenizers that give them."""
        before, one, between, other, after = self.types or ([], [], [], [], [])
        return [*before, *one * first, *between, *other * second, *after]


def plain_ids(tokenizer: Any, texts: Sequence[str]) -> list[Row]:
    """Token ids of texts without special tokens."""
    if not texts:
        return []
    rows: list[Row] = tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"]
    return rows


def pair_form(tokenizer: Any) -> PairForm | None:
    """The form of a tokenizer's pairs; None where a pair is more than its two texts in a frame."""
    first, second = plain_ids(tokenizer, SAMPLE)
    whole = tokenizer(*SAMPLE, verbose=False)
    ids: Row = whole["input_ids"]
    kinds: Row | None = whole.get("token_type_ids")
    starts = (i for i in range(len(ids)) if ids[i : i + len(first)] == first)
    start = next(starts, None)
    if start is None:
        return None
    end = start + len(first)
    seconds = (i for i in range(end, len(ids)) if ids[i : i + len(second)] == second)
    then = next(seconds, None)
    if then is None:
        return None
    last = then + len(second)
    types = None
    if kinds is not None:
        types = (
            kinds[:start],
            kinds[start : start + 1],
            kinds[end:then],
            kinds[then : then + 1],
            kinds[last:],
        )
    found = PairForm((ids[:start], ids[end:then], ids[last:]), types)
    return found if agrees(found, tokenizer, *SAMPLE) else None


def agrees(form: PairForm, tokenizer: Any, first: str, second: str) -> bool:
    """Whether a pair that is put together is what the tokenizer makes of it."""
    whole = tokenizer(first, second, verbose=False)
    one, other = plain_ids(tokenizer, (first, second))
    same: bool = whole["input_ids"] == form.ids(one, other)
    if form.types is None:
        return same
    return same and whole["token_type_ids"] == form.kinds(len(one), len(other))
