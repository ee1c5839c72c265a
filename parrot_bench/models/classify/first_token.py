"""Skip what a classification head never reads: all but the first token of the last layer.

Encoders of BERT's build (BERT, RoBERTa, XLM-RoBERTa, CamemBERT, ELECTRA and the like) classify by
the first token. Its state after the last layer needs that layer's query, its output and its feed
forward part for one token alone, and keys and values only as sums over the tokens, so that the
last layer costs next to nothing. The answers are the same but for rounding.
"""

from __future__ import annotations

from typing import Any

AGREES = 1e-4
"""Largest difference of logits, relative to the largest logit, that passes for rounding."""
IMPLEMENTATIONS = ("sdpa", "eager")
"""Attentions whose masks hold a number or a truth for every pair of tokens."""


def shorten(network: Any, pad: int) -> bool:
    """Make a classifier's last layer answer for the first token alone, where that changes nothing.

    Args:
        network: A classifier; it is changed in place, and back where its answers would change.
        pad: Token that fills rows up.

    Returns:
        Whether the network is changed.
    """
    import torch

    layers = getattr(getattr(network.base_model, "encoder", None), "layer", None)
    attention: Any = getattr(layers[-1], "attention", None) if layers else None
    parts = ("query", "key", "value", "scaling", "num_attention_heads", "is_causal")
    inner: Any = getattr(attention, "self", None)
    usual = all(hasattr(inner, part) for part in parts) and not inner.is_causal
    if not usual or network.config._attn_implementation not in IMPLEMENTATIONS:
        return False
    most = min(network.get_input_embeddings().weight.shape[0], 1000)
    # Two rows of tokens of all kinds, the second one padded.
    ids = torch.arange(24, device=network.device).view(2, 12) * (most // 24)
    ids[1, 8:] = pad
    mask = torch.ones_like(ids)
    mask[1, 8:] = 0
    before = attention.forward

    def logits() -> Any:
        with torch.inference_mode():
            return network(input_ids=ids, attention_mask=mask).logits.float()

    whole = logits()
    attention.forward = lambda states, mask=None, **_: (_first(attention, states, mask), None)
    try:
        same = torch.allclose(logits(), whole, rtol=0, atol=AGREES * float(whole.abs().max()))
    except (RuntimeError, TypeError, AttributeError, IndexError):  # of another build than it looked
        same = False
    if not same:
        attention.forward = before
    return same


def _first(attention: Any, states: Any, mask: Any) -> Any:
    """Output of an attention block for the first token; shape (n, 1, width).

    With q the query, the score of token x is q·(Kx + b): as (qK)·x it needs no key of each token,
    and the bias shifts all scores alike. The weighted mean of values Vx + b is V times the
    weighted mean of x, and b. So keys and values of the single tokens are never made.
    """
    import torch

    inner = attention.self
    heads, n, width = inner.num_attention_heads, len(states), states.shape[-1]
    query = inner.query(states[:, 0]).view(n, heads, -1)
    keys = inner.key.weight.view(heads, -1, width)
    values = inner.value.weight.view(heads, -1, width)
    asked = torch.einsum("nhd,hdw->nhw", query, keys)
    scores = asked @ states.transpose(1, 2) * inner.scaling
    if mask is not None:
        row = mask[:, :, 0].expand(n, -1, -1)
        scores = scores.masked_fill(~row, -torch.inf) if row.dtype == torch.bool else scores + row
    seen = scores.float().softmax(-1).to(states.dtype) @ states
    found = torch.einsum("nhw,hdw->nhd", seen, values).reshape(n, 1, -1)
    return attention.output(found + inner.value.bias, states[:, :1])
