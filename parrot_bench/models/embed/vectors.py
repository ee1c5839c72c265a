"""Unit vectors of texts: a network, its pooling, and batches that fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from parrot_bench.models.embed.pooling import build_steps, pool, read_layout
from parrot_bench.models.embed.vector_cache import Embedded, VectorCache
from parrot_bench.models.hub.device import device_of, loading_settings
from parrot_bench.models.hub.source import Source
from parrot_bench.models.network.batching import TokenBudget, group_size
from parrot_bench.models.network.loaded import Loaded, load
from parrot_bench.models.network.token_rows import (
    Row,
    encoder_of,
    ignores_padding,
    least,
    padded,
    padding_id,
    read,
)
from parrot_bench.models.network.truncation import RULE
from parrot_bench.models.options import ModelOptions

if TYPE_CHECKING:
    from torch import Tensor

CACHE_BYTES = 64 * 2**20
"""Vectors that are kept for the next task: those of 40,000 reports in a small model."""


class TextEncoder:
    """Turns texts into vectors; the network is loaded when the first text comes.

    Attributes:
        layout: What the model declares about its vectors.
        group: Texts that are embedded together.
        budget: Tokens of a batch.
    """

    def __init__(self, source: Source, options: ModelOptions) -> None:
        """Read what the model declares.

        Raises:
            ParrotError: If it asks for a step that is not known here.
        """
        self._source, self._options = source, options
        self.layout = read_layout(source)
        self.group = group_size(device_of(options))
        self.budget = TokenBudget(device_of(options), options.batch_tokens)
        self._recent = VectorCache(CACHE_BYTES)

    @property
    def settings(self) -> dict[str, Any]:
        """What changes the vectors, known before any weight is loaded."""
        return {
            **loading_settings(self._source, self._options),
            "truncation_rule": RULE,
            "pooling": "+".join(self.layout.pooling),
            "after_pooling": [kind for kind, _ in self.layout.steps],
            "declared_max_tokens": self.layout.max_tokens,
            "lower_case": self.layout.lower,
            "report_prompt": self.layout.query,
        }

    @property
    def record(self) -> dict[str, Any]:
        """What is only known after loading, as plain JSON; empty before."""
        if "loaded" not in vars(self):
            return {}
        return {
            **self.loaded.facts,
            "max_tokens": self.max_tokens,
            "batch_tokens": self.budget.tokens,
            "halvings": self.budget.halvings,
            "rows": "in batches" if self._batched else "one at a time",
        }

    @cached_property
    def loaded(self) -> Loaded:
        """The network and its tokenizer.

        Raises:
            ParrotError: If they cannot be loaded.
        """
        return load(self._source, "none", self._options)

    @cached_property
    def _steps(self) -> tuple[Callable[[Tensor], Tensor], ...]:
        return build_steps(self.layout, f"Model '{self._source.spec}'")

    @cached_property
    def max_tokens(self) -> int | None:
        """Most tokens of a text, prompt and special tokens included; None without a limit."""
        limit = least(self.loaded.max_tokens, self.layout.max_tokens)
        return limit if self.loaded.max_tokens or self.layout.max_tokens else None

    def reports(self, texts: Sequence[str]) -> Embedded:
        """Reports after embedding, with the prompt that the model declares for queries."""
        return self._recent.get(texts, lambda each: self.embed(each, self.layout.query))

    def embed(self, texts: Sequence[str], prompt: str, *, cut: bool | None = None) -> Embedded:
        """Texts after embedding.

        Args:
            texts: The texts.
            prompt: Stands before each.
            cut: Whether the middle of a text that does not fit is cut out; as the options say
                where None.
        """
        encode = encoder_of(self.loaded.tokenizer, prompt, lower=self.layout.lower)
        cut = self._options.allow_truncation if cut is None else cut
        rows = read(texts, encode, least(self.max_tokens), cut=cut)
        lengths = tuple(map(len, rows.ids))
        vectors = self.vectors([row for row in rows.ids if row])
        return Embedded(lengths, rows.notes, rows.shortened, vectors)

    def vectors(self, rows: Sequence[Row]) -> Tensor:
        """Unit vectors of rows of token ids, on the CPU in float32; shape (n, width)."""
        import torch

        if not rows:
            return torch.empty(0)

        def answer(batch: list[int]) -> list[Tensor]:
            if self._batched:
                return self._forward([rows[i] for i in batch])
            return [self._forward([rows[i]])[0] for i in batch]

        return torch.stack(self.budget.run([len(row) for row in rows], answer))

    @cached_property
    def _batched(self) -> bool:
        return ignores_padding(self.loaded, self._forward)

    def _forward(self, rows: Sequence[Row]) -> list[Tensor]:
        import torch

        ids, mask = padded(rows, padding_id(self.loaded))
        ids, mask = ids.to(self.loaded.device), mask.to(self.loaded.device)
        with torch.inference_mode():
            states = self.loaded.network(input_ids=ids, attention_mask=mask).last_hidden_state
            vectors = pool(states, mask, self.layout.pooling).cpu()
            for step in self._steps:
                vectors = step(vectors)
            return list(torch.nn.functional.normalize(vectors))
