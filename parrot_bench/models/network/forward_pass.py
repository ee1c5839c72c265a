"""One forward pass of a network, and the logits or states where they are needed.

Only the states that are asked for are projected on the vocabulary: a mask on the projection's
input, because `logits_to_keep` keeps the same positions for every row, and rows differ in length.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


def logits_at(network: Any, at: Tensor, **inputs: Any) -> Tensor:
    """Logits of a forward pass at some positions.

    Args:
        network: A network with a language modelling head.
        at: Positions of each row's tokens, shape (rows, kept).
        inputs: What the network is called with.

    Returns:
        Shape (rows, kept, vocabulary), in the network's precision.
    """
    import torch

    narrowed = []

    def narrow(_: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
        narrowed.append(True)
        return (_pick(args[0], at), *args[1:])

    head = network.get_output_embeddings()
    hook = head.register_forward_pre_hook(narrow) if head is not None else None
    try:
        with torch.inference_mode():
            logits: Tensor = network(**inputs).logits
    finally:
        if hook is not None:
            hook.remove()
    return logits if narrowed else _pick(logits, at)


def states_at(network: Any, at: Tensor, **inputs: Any) -> Tensor:
    """States after the last layer of a network without a head, as `logits_at` gives logits."""
    import torch

    with torch.inference_mode():
        return _pick(network(**inputs).last_hidden_state, at)


def _pick(states: Tensor, at: Tensor) -> Tensor:
    """What stands at some positions of each row."""
    import torch

    where = at.to(states.device)
    return states[torch.arange(len(where), device=states.device)[:, None], where]


def accepted_names(network: Any) -> frozenset[str]:
    """Names of the arguments that a network's forward pass takes."""
    return frozenset(inspect.signature(network.forward).parameters)


def cache_name(network: Any) -> str:
    """Name of the argument for the cache: transformers renamed it in 5.2x; empty without one."""
    names = accepted_names(network)
    return next((name for name in ("cache", "past_key_values") if name in names), "")
