"""Keys and values of tokens that were read, kept to be continued in several ways."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    Layers = tuple[tuple[Tensor, Tensor] | None, ...]


@dataclass(frozen=True, eq=False, slots=True)
class KeptStates:
    """What a causal network remembers of the tokens that it read; never changed in place.

    Attributes:
        layers: Keys and values of every layer, each (rows, heads, columns, width); None for a
            layer that keeps none of its own.
        positions: Place of each column's token in its text, shape (rows, columns).
        real: Whether a column holds a token and no padding, shape (rows, columns).
    """

    layers: Layers
    positions: Tensor
    real: Tensor

    @property
    def lengths(self) -> Tensor:
        """Tokens of every row, shape (rows,)."""
        return self.real.sum(-1)

    def rows(self, at: Sequence[int]) -> KeptStates:
        """Some rows, each as often as it is named; a single one is repeated without a copy."""
        import torch

        if len(self.real) == 1:
            return KeptStates(
                expanded(self.layers, len(at)),
                self.positions.expand(len(at), -1),
                self.real.expand(len(at), -1),
            )
        index = torch.tensor(at)
        return KeptStates(
            _each(self.layers, lambda kept: kept.index_select(0, index.to(kept.device))),
            self.positions[index.to(self.positions.device)],
            self.real[index.to(self.real.device)],
        )

    def row(self, at: int) -> KeptStates:
        """One row without its padding."""
        columns = self.real[at].nonzero().squeeze(-1)
        return KeptStates(
            _each(self.layers, lambda kept: kept[at : at + 1, :, columns.to(kept.device)]),
            self.positions[at : at + 1, columns],
            self.real[at : at + 1, columns],
        )

    def cache(self) -> Any:
        """A cache of transformers that begins with these states."""
        return as_cache(self.layers)


def expanded(layers: Layers, times: int) -> Layers:
    """A single row of every layer, repeated without a copy."""
    return _each(layers, lambda kept: kept.expand(times, -1, -1, -1))


def _each(layers: Layers, change: Callable[[Tensor], Tensor]) -> Layers:
    return tuple(pair and (change(pair[0]), change(pair[1])) for pair in layers)


def as_cache(layers: Layers) -> Any:
    """A cache that begins with keys and values; it replaces, and never changes, their tensors."""
    from transformers import DynamicCache
    from transformers.cache_utils import DynamicLayer

    cache: Any = DynamicCache()
    new_layer: Any = DynamicLayer  # untyped
    for pair in layers:
        layer = new_layer()
        if pair is not None:
            layer.lazy_initialization(*pair)
            layer.keys, layer.values = pair
        cache.layers.append(layer)
    return cache


def layers_of(cache: Any) -> Layers:
    """Keys and values of a cache."""
    return tuple(
        (layer.keys, layer.values) if layer.is_initialized else None for layer in cache.layers
    )
