"""Masks by which a token sees those that stand above it in a tree, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parrot_bench.models.token_tree.kept_states import KeptStates

if TYPE_CHECKING:
    from torch import Tensor

FULL, SLIDING = "full_attention", "sliding_attention"


class AttentionMasks:
    """Builds the masks that a causal network takes.

    Attributes:
        possible: Whether its layers see everything or a sliding window, and not blocks or the like.
    """

    def __init__(self, network: Any) -> None:
        """Read from a network's config what its layers see."""
        from transformers.cache_utils import get_layer_types_and_kwargs

        config = network.config.get_text_config(decoder=True)
        kinds = {kind for kind in get_layer_types_and_kwargs(config)[0] if kind != "dummy"}
        self.possible = kinds <= {FULL, SLIDING}
        self._kinds = sorted(kinds)
        # Models with both kinds of layers name them, and then take one mask for each kind.
        self._named = SLIDING in kinds and bool(getattr(config, "layer_types", None))
        self._window = getattr(config, "sliding_window", None)
        self._dtype = network.dtype

    def build(self, before: KeptStates, positions: Tensor, sees: Tensor) -> Any:
        """Additive masks for tokens that are read after others.

        Args:
            before: What was read.
            positions: Place of each new token in its text, shape (rows, new).
            sees: Which of the new tokens each one sees, shape (rows, new, new).

        Returns:
            Shape (rows, 1, new, columns + new), 0 where a token sees another; one for each kind of
            layer where a network has several.
        """
        import torch

        columns = before.real[:, None].expand(-1, positions.shape[1], -1)
        allowed = torch.cat([columns, sees], -1)
        if self._kinds == [FULL] or not self._window:
            return self._additive(allowed)
        places = torch.cat([before.positions, positions], -1)
        near = positions[:, :, None] - places[:, None] < self._window
        if not self._named:
            return self._additive(allowed & near)
        return {FULL: self._additive(allowed), SLIDING: self._additive(allowed & near)}

    def _additive(self, allowed: Tensor) -> Tensor:
        import torch

        mask = torch.zeros(allowed.shape, dtype=self._dtype, device=allowed.device)
        return mask.masked_fill_(~allowed, torch.finfo(self._dtype).min)[:, None]
