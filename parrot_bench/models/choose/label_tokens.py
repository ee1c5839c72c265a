"""Tokens of a prompt and its labels, as the tokenizer gives them for both together.

A boundary may merge: the last token of the prompt and the first of a label can become one. Only the
end of the prompt is tokenised again for every label, and that this changes nothing is verified.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from parrot_bench.models.network.chat import encode
from parrot_bench.models.token_tree.trie import LabelTrie, Tokens, grow

LONGEST_TAIL = 200
"""Most characters that are tokenised again for every label."""
TAILS_KEPT = 4096


class Ending(NamedTuple):
    """How labels continue prompts that end alike.

    Attributes:
        last: Tokens that such a prompt ends with.
        merged: How many of them are replaced by the labels' tokens.
        trie: The labels.
    """

    last: Tokens
    merged: int
    trie: LabelTrie


class LabelTokens:
    """Tokenises prompts with the labels that may continue them."""

    def __init__(self, tokenizer: Any) -> None:
        """Use a tokenizer."""
        self._tokenizer = tokenizer
        self._known: dict[tuple[str, tuple[str, ...]], Ending | None] = {}

    def read(
        self, prompts: Sequence[str], endings: Sequence[tuple[str, ...]]
    ) -> list[tuple[Tokens, LabelTrie]]:
        """Tokens before the labels, and the labels.

        Args:
            prompts: Texts, shape (n,).
            endings: What may follow each of them, shape (n, labels).

        Returns:
            For every prompt the tokens that all its continuations share, and the trie of the rest.
        """
        whole = encode(self._tokenizer, prompts)
        return [
            self._continued(prompt, tuple(row), after)
            for prompt, row, after in zip(prompts, whole, endings, strict=True)
        ]

    def _continued(
        self, prompt: str, row: Tokens, endings: tuple[str, ...]
    ) -> tuple[Tokens, LabelTrie]:
        tail = tail_of(prompt)
        key = (tail, endings)
        if key not in self._known:
            if len(self._known) >= TAILS_KEPT:
                self._known.clear()
            self._known[key] = self._learn(prompt, tail, row, endings)
        known = self._known[key]
        if known is None or row[len(row) - len(known.last) :] != known.last:
            return self._jointly(prompt, row, endings)
        return row[: len(row) - known.merged], known.trie

    def _learn(
        self, prompt: str, tail: str, row: Tokens, endings: tuple[str, ...]
    ) -> Ending | None:
        """How labels continue a tail; None where its tokens depend on the text before it."""
        texts = [tail, *(tail + ending for ending in endings)]
        rows = self._tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]
        bare, *longer = (tuple(each) for each in rows)
        head, trie = _split(bare, longer)
        same = 0
        while same < min(len(bare), len(row)) and bare[-1 - same] == row[-1 - same]:
            same += 1
        merged = len(bare) - head
        if same <= merged or self._jointly(prompt, row, endings) != (
            row[: len(row) - merged],
            trie,
        ):
            return None
        return Ending(row[len(row) - same :], merged, trie)

    def _jointly(
        self, prompt: str, row: Tokens, endings: tuple[str, ...]
    ) -> tuple[Tokens, LabelTrie]:
        rows = encode(self._tokenizer, [prompt + ending for ending in endings])
        head, trie = _split(row, [tuple(each) for each in rows])
        return row[:head], trie


def tail_of(prompt: str) -> str:
    """End of a prompt from its last line break on, or its last `LONGEST_TAIL` characters."""
    tail = prompt[-LONGEST_TAIL:]
    return tail[max(0, tail.rfind("\n")) :]


def _split(bare: Tokens, rows: Sequence[Tokens]) -> tuple[int, LabelTrie]:
    """How many of a prompt's tokens all labels leave as they are, and what follows them."""
    # A label's last token is always scored, even where the prompt happens to end alike.
    same = [common(bare, row[:-1]) for row in rows]
    head = min(same)
    starts = tuple(each - head for each in same)
    return head, grow(tuple(row[head:] for row in rows), starts)


def common(a: Tokens, b: Tokens) -> int:
    """Length of the common beginning."""
    return next(
        (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )
