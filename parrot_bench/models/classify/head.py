"""A network with a classification head: its outputs, and batches that fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from parrot_bench.errors import ParrotError
from parrot_bench.models.classify.first_token import shorten
from parrot_bench.models.hub.device import device_of, loading_settings
from parrot_bench.models.hub.source import Source, output_names
from parrot_bench.models.network.batching import TokenBudget, group_size
from parrot_bench.models.network.loaded import Loaded, load
from parrot_bench.models.network.token_rows import Row, ignores_padding, padded, padding_id
from parrot_bench.models.network.truncation import RULE
from parrot_bench.models.options import ModelOptions

if TYPE_CHECKING:
    from torch import Tensor


class ClassificationHead:
    """Turns rows of token ids into logits; the network is loaded when the first row comes.

    Attributes:
        source: The model.
        options: How it is loaded and asked.
        outputs: Names of its outputs, in order.
        group: Items that are answered together.
        budget: Tokens of a batch.
    """

    def __init__(self, source: Source, options: ModelOptions) -> None:
        """Read the names of the outputs."""
        self.source, self.options = source, options
        self.outputs = output_names(source)
        self.group = group_size(device_of(options))
        self.budget = TokenBudget(device_of(options), options.batch_tokens)
        self._shortened = False

    @property
    def settings(self) -> dict[str, Any]:
        """What changes the logits, known before any weight is loaded."""
        return {
            **loading_settings(self.source, self.options),
            "truncation_rule": RULE,
            "outputs": list(self.outputs),
        }

    @property
    def record(self) -> dict[str, Any]:
        """What is only known after loading, as plain JSON; empty before."""
        if "loaded" not in vars(self):
            return {}
        return {
            **self.loaded.facts,
            "max_tokens": self.loaded.max_tokens,
            "batch_tokens": self.budget.tokens,
            "halvings": self.budget.halvings,
            "rows": "in batches" if self._batched else "one at a time",
            "last_layer": "first token" if self._shortened else "all tokens",
        }

    @cached_property
    def loaded(self) -> Loaded:
        """The network and its tokenizer.

        Raises:
            ParrotError: If they cannot be loaded, or the head has other outputs than it names.
        """
        loaded = load(self.source, "classification", self.options)
        if loaded.network.config.num_labels != len(self.outputs):
            raise ParrotError(
                f"Model '{self.source.spec}': its head has {loaded.network.config.num_labels} "
                f"outputs and its config names {len(self.outputs)}; repair its id2label."
            )
        if not self.options.device_map and not self.options.quantisation:
            self._shortened = shorten(loaded.network, padding_id(loaded))
        return loaded

    def logits(
        self,
        lengths: Sequence[int],
        row: Callable[[int], Row],
        types: Callable[[int], Row] | None = None,
    ) -> Tensor:
        """Logits of rows, in order, on the CPU in float32; shape (n, outputs).

        Args:
            lengths: Tokens of each row, shape (n,).
            row: Token ids of a row, made when its turn comes.
            types: Token types of a row; none where None.
        """
        import torch

        if not lengths:
            return torch.empty(0, len(self.outputs))

        def together(batch: list[int]) -> list[Tensor]:
            kinds = [types(i) for i in batch] if types else None
            return list(self._forward([row(i) for i in batch], kinds))

        def answer(batch: list[int]) -> list[Tensor]:
            return together(batch) if self._batched else [together([i])[0] for i in batch]

        return torch.stack(self.budget.run(lengths, answer))

    @cached_property
    def _batched(self) -> bool:
        return ignores_padding(self.loaded, lambda rows: list(self._forward(rows, None)))

    def _forward(self, rows: Sequence[Row], types: Sequence[Row] | None) -> Tensor:
        import torch

        place = self.loaded.device
        ids, mask = padded(rows, padding_id(self.loaded))
        more = {} if types is None else {"token_type_ids": padded(types, 0)[0].to(place)}
        with torch.inference_mode():
            found = self.loaded.network(
                input_ids=ids.to(place), attention_mask=mask.to(place), **more
            )
            logits: Tensor = found.logits.float().cpu()
            return logits
