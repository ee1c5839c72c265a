"""Read prompts once and what may follow them as a tree, by a network that reads left to right.

Prompts are read in batches, padded on the right, where causal attention never looks; then all that
may follow them is read in one further pass: a token attends to the prompt and to the tokens above
it in the tree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from parrot_bench.models.network.forward_pass import accepted_names, cache_name
from parrot_bench.models.token_tree.kept_states import KeptStates, as_cache, layers_of
from parrot_bench.models.token_tree.masks import AttentionMasks
from parrot_bench.models.token_tree.trie import ROOT, LabelTrie, Tokens

if TYPE_CHECKING:
    from torch import Tensor


class TreeReader:
    """Calls a network, and keeps what it needs to go on.

    Attributes:
        possible: Whether the network keeps keys and values that can be continued in several ways.
        trees: Whether it takes the masks of a tree.
    """

    def __init__(self, network: Any, outputs: Callable[..., Tensor], device: str) -> None:
        """Find out what the network takes.

        Args:
            network: What `outputs` calls.
            outputs: Called with positions (rows, kept) and the network's arguments, as
                `forward_pass.logits_at`; gives (rows, kept, width).
            device: Where inputs go.
        """
        self._outputs, self._device = outputs, device
        self._cache = cache_name(network)
        self._positioned = "position_ids" in accepted_names(network)
        self.possible = bool(self._cache) and _keeps_keys(network.config)
        self._masks = AttentionMasks(network) if self.possible else None
        self.trees = self._masks is not None and self._masks.possible

    def read(
        self, rows: Sequence[Tokens], before: KeptStates | None, *, more: bool
    ) -> tuple[Tensor, KeptStates]:
        """Outputs after the last token of every row, and the states if `more` follows.

        Args:
            rows: The tokens, at least one each.
            before: What was read before each row.
            more: Whether the states are needed.

        Returns:
            Outputs, shape (rows, width), and states, empty without `more`.
        """
        import torch

        width = max(map(len, rows))
        # Padding repeats the last token: a padding token would earn a warning about masks.
        ids = torch.tensor([row + row[-1:] * (width - len(row)) for row in rows])
        lengths = torch.tensor([len(row) for row in rows], device=self._device)
        steps = torch.arange(width, device=self._device)
        positions = steps.expand(len(rows), -1)
        if before is not None:
            positions = positions + before.lengths[:, None]
        real = steps < lengths[:, None]
        if before is None or bool(before.real.all()):
            seen = width + (0 if before is None else before.real.shape[1])
            mask: Any = torch.ones(len(rows), seen, dtype=torch.long, device=self._device)
        else:
            tree = torch.ones(width, width, dtype=torch.bool, device=self._device).tril()
            mask = self._mask(before, positions, tree.expand(len(rows), -1, -1))
        found, states = self._forward(ids, lengths[:, None] - 1, positions, mask, before, more)
        if before is not None:
            positions = torch.cat([before.positions, positions], -1)
            real = torch.cat([before.real, real], -1)
        return found[:, 0], KeptStates(states, positions, real)

    def tree(self, before: KeptStates, tries: Sequence[LabelTrie]) -> Tensor:
        """Outputs at the nodes of every trie, (tries, nodes, width), all read in one pass."""
        import torch

        width = max(map(len, tries))
        ids = torch.zeros(len(tries), width, dtype=torch.long)
        depths = torch.zeros(len(tries), width, dtype=torch.long)
        sees = torch.eye(width, dtype=torch.bool).repeat(len(tries), 1, 1)
        drawn: dict[int, tuple[Tensor, Tensor, Tensor]] = {}
        for at, trie in enumerate(tries):
            if id(trie) not in drawn:
                drawn[id(trie)] = _drawn(trie)
            size = len(trie)
            ids[at, :size], depths[at, :size], sees[at, :size, :size] = drawn[id(trie)]
        positions = before.lengths[:, None] + depths.to(self._device)
        mask = self._mask(before, positions, sees.to(self._device))
        every = torch.arange(width, device=self._device).expand(len(tries), -1)
        return self._forward(ids, every, positions, mask, before, False)[0]

    def branches(self, before: KeptStates, rows: Sequence[Tokens]) -> Tensor:
        """Outputs at all tokens of rows that follow one text each in a row of its own.

        Args:
            before: What was read, a single row without padding.
            rows: The tokens, at least one each.

        Returns:
            Shape (rows, longest, width).
        """
        import torch

        length, width = int(before.lengths[0]), max(map(len, rows))
        ids = torch.tensor([row + row[-1:] * (width - len(row)) for row in rows])
        every = torch.arange(width, device=self._device).expand(len(rows), -1)
        mask = torch.ones(len(rows), length + width, dtype=torch.long, device=self._device)
        kept = before.rows([0] * len(rows))
        return self._forward(ids, every, every + length, mask, kept, False)[0]

    def _mask(self, before: KeptStates, positions: Tensor, sees: Tensor) -> Any:
        if self._masks is None:
            raise ValueError("The network keeps no keys and values.")
        return self._masks.build(before, positions, sees)

    def _forward(
        self,
        ids: Tensor,
        at: Tensor,
        positions: Tensor,
        mask: Any,
        before: KeptStates | None,
        more: bool,
    ) -> tuple[Tensor, Any]:
        cache = as_cache(before.layers if before is not None else ())
        inputs = {"input_ids": ids.to(self._device), "attention_mask": mask, "use_cache": False}
        if more or before is not None:
            inputs |= {self._cache: cache, "use_cache": True}
        if self._positioned:
            inputs["position_ids"] = positions
        return self._outputs(at, **inputs), layers_of(cache) if more else ()


def _keeps_keys(config: Any) -> bool:
    """Whether every layer's cache holds keys and values, and no running state."""
    from transformers import DynamicCache
    from transformers.cache_utils import DummyLayer, DynamicLayer, DynamicSlidingWindowLayer

    plain = (DummyLayer, DynamicLayer, DynamicSlidingWindowLayer)
    return all(type(layer) in plain for layer in DynamicCache(config=config).layers)


def _drawn(trie: LabelTrie) -> tuple[Tensor, Tensor, Tensor]:
    """Tokens and depths of a trie's nodes, and which of them each one sees."""
    import torch

    sees = torch.eye(len(trie), dtype=torch.bool)
    for node, parent in enumerate(trie.parents):
        if parent != ROOT:
            sees[node] |= sees[parent]
    return torch.tensor(trie.tokens), torch.tensor(trie.depths), sees
