"""Likelihood of labels by a model whose encoder reads the prompt and whose decoder writes them.

The prompt is encoded once, in batches. The decoder reads the beginning of the answer once and each
label in a row of its own after it: relative positions, as in T5, leave no place for a tree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from parrot_bench.errors import ParrotError
from parrot_bench.models.choose.causal_scorer import How, cannot_share
from parrot_bench.models.choose.likelihoods import gather_nodes, sums
from parrot_bench.models.choose.questions import LabelQuestion
from parrot_bench.models.network.batching import TokenBudget
from parrot_bench.models.network.forward_pass import cache_name, logits_at
from parrot_bench.models.network.loaded import Loaded
from parrot_bench.models.token_tree.kept_states import as_cache, expanded, layers_of

if TYPE_CHECKING:
    from torch import Tensor


class RowScorer:
    """Scores labels with an encoder-decoder.

    Attributes:
        how: How labels are read.
    """

    how: How = "decoder rows"

    def __init__(self, loaded: Loaded, budget: TokenBudget, name: str) -> None:
        """Use a network.

        Args:
            loaded: The network.
            budget: Tokens of a batch.
            name: The model's name, for errors.

        Raises:
            ParrotError: If its decoder keeps no keys and values.
        """
        self._loaded = loaded
        self._network = loaded.network
        self._budget = budget
        self._cache = cache_name(loaded.network)
        if not self._cache:
            raise cannot_share(name, self._network)

    def score(self, questions: Sequence[LabelQuestion]) -> list[list[float]]:
        """Log-likelihood of every label of every question, as `TreeScorer.score` gives it."""
        lengths = [len(each.tokens) + len(each.head) + len(each.trie) for each in questions]
        return self._budget.run(lengths, lambda batch: self._batch([questions[at] for at in batch]))

    def after(
        self,
        begun: Sequence[LabelQuestion],  # noqa: ARG002
    ) -> Callable[[Sequence[tuple[int, LabelQuestion]]], list[list[float]]]:
        """Scores questions about items: an encoder reads each of them as a whole."""
        return lambda asked: self.score([each for _, each in asked])

    def _batch(self, questions: Sequence[LabelQuestion]) -> list[list[float]]:
        states, mask = self._encoded(questions)
        found: list[list[float]] = []
        for at, question in enumerate(questions):
            each = int(mask[at].sum())
            found += self._decoded(states[at : at + 1, :each], mask[at : at + 1, :each], question)
        return found

    def _encoded(self, questions: Sequence[LabelQuestion]) -> tuple[Tensor, Tensor]:
        """The encoder's states and which of them are real; (n, width, features), (n, width)."""
        import torch

        device = self._loaded.device
        rows = [each.tokens for each in questions]
        width = max(map(len, rows))
        ids = torch.tensor([row + (0,) * (width - len(row)) for row in rows], device=device)
        mask = torch.tensor(
            [[1] * len(row) + [0] * (width - len(row)) for row in rows], device=device
        )
        with torch.inference_mode():
            encoder = self._network.get_encoder()
            states = encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        return states, mask

    def _decoded(self, states: Tensor, mask: Tensor, question: LabelQuestion) -> list[list[float]]:
        """Likelihoods of the labels of one question."""
        import torch
        from transformers import EncoderDecoderCache

        head = torch.tensor([question.head], device=states.device)
        cache: Any = EncoderDecoderCache(as_cache(()), as_cache(()))
        at = torch.tensor([[head.shape[1] - 1]])
        last = self._decode(head, at, states, mask, cache)[:, 0]
        trie = question.trie
        if not len(trie):
            return sums(last, None, [0], [trie])
        own, cross = layers_of(cache.self_attention_cache), layers_of(cache.cross_attention_cache)

        def answer(batch: list[int]) -> list[Tensor]:
            rows = [tuple(trie.tokens[node] for node in trie.branches[at]) for at in batch]
            width = max(map(len, rows))
            ids = torch.tensor([row + row[-1:] * (width - len(row)) for row in rows])
            size = len(rows)
            shared = EncoderDecoderCache(
                as_cache(expanded(own, size)), as_cache(expanded(cross, size))
            )
            every = torch.arange(width).expand(size, -1)
            logits = self._decode(
                ids.to(states.device),
                every,
                states.expand(size, -1, -1),
                mask.expand(size, -1),
                shared,
            )
            return list(logits)

        length = states.shape[1] + head.shape[1]
        found = self._budget.run([length + len(each) for each in trie.branches], answer)
        return sums(last, gather_nodes(found, trie), [0], [trie])

    def _decode(self, ids: Tensor, at: Tensor, states: Tensor, mask: Tensor, cache: Any) -> Tensor:
        """Logits of the decoder, whose cache goes on."""
        from transformers.modeling_outputs import BaseModelOutput

        return logits_at(
            self._network,
            at,
            encoder_outputs=BaseModelOutput(last_hidden_state=states),
            attention_mask=mask,
            decoder_input_ids=ids,
            use_cache=True,
            **{self._cache: cache},
        )


def decoder_start(network: Any, name: str) -> int:
    """Token that a decoder begins with.

    Raises:
        ParrotError: If the config names none.
    """
    for config in (network.generation_config, network.config):
        start = getattr(config, "decoder_start_token_id", None)
        if isinstance(start, int):
            return start
    raise ParrotError(
        f"Model '{name}': its config names no decoder_start_token_id, so its decoder cannot begin; "
        "use another model."
    )
