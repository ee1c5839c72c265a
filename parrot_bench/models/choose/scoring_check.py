"""Check on one short text that scores are those of plain passes over whole texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from parrot_bench.models.choose.likelihoods import log_likelihoods
from parrot_bench.models.choose.questions import LabelQuestion
from parrot_bench.models.network.forward_pass import logits_at
from parrot_bench.models.network.loaded import Loaded
from parrot_bench.models.token_tree.trie import Tokens, grow

TEXT = "CT of the chest: lungs clear, no pleural effusion. Name the region of the body."
TOLERANCE = {"float32": 1e-3}
HALF_TOLERANCE = 0.15
"""Log-likelihoods of the same few tokens may differ so much in half precision."""

Score = Callable[[Sequence[LabelQuestion]], Sequence[Sequence[float]]]


def scores_rightly(loaded: Loaded, score: Score) -> bool:
    """Whether a way of scoring works with a network; it may raise whatever it likes.

    The prompts differ in length and begin alike; the labels branch, and differ in length too.
    """
    import torch

    row: Tokens = tuple(loaded.tokenizer(TEXT, add_special_tokens=False)["input_ids"])
    row = (row * 24)[:24]
    labels = (row[3:6], (*row[3:5], row[7]), row[9:11])
    trie = grow(labels, (0, 0, 0))
    prompts = (row, row[:17])
    expected = [[_plain(loaded, prompt, label) for label in labels] for prompt in prompts]
    try:
        found = score([LabelQuestion(prompt, trie, 5) for prompt in prompts])
    except torch.OutOfMemoryError:
        raise
    except Exception:  # whatever a network raises that does not take such masks or caches
        return False
    most = TOLERANCE.get(loaded.dtype, HALF_TOLERANCE)
    return all(
        abs(a - b) <= most
        for one, two in zip(found, expected, strict=True)
        for a, b in zip(one, two, strict=True)
    )


def _plain(loaded: Loaded, prompt: Tokens, label: Tokens) -> float:
    """Log-likelihood of a label from one pass over the whole text, without a cache."""
    import torch

    ids = torch.tensor([prompt + label], device=loaded.device)
    at = torch.arange(len(prompt) - 1, ids.shape[1] - 1, device=ids.device)[None]
    logits = logits_at(loaded.network, at, input_ids=ids, use_cache=False)[0]
    return sum(log_likelihoods(logits, list(range(len(label))), list(label)))
