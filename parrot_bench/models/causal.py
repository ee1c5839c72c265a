"""Causal language models: the answer is the label whose identifier continues the prompt best.

The text that is scored is the task's prompt followed by a label's identifier, with a space between
them unless the prompt ends in white space. Prompt and label are tokenised together, so that the
tokens are those that the model was trained on; the label's tokens are those from the first one on
that differs from the prompt's own. No chat template is applied.
"""

from __future__ import annotations

import copy
import inspect
import math
import time
from collections.abc import Iterator, Sequence
from typing import Any

from parrot_bench.errors import ParrotError
from parrot_bench.models.base import ModelInfo, Prediction
from parrot_bench.models.decision import MOST_LABELS, decide
from parrot_bench.models.hub import Source, digest
from parrot_bench.models.network import load
from parrot_bench.models.options import ModelOptions
from parrot_bench.task import Item, LabelSpace, Task

CAUSAL = ("ForCausalLM", "LMHeadModel")
"""Ends of the class names of causal language models."""
MOST_CHOICES = 200
"""Most labels of a task: each costs a run of the model over its tokens, for every report."""
MARGIN = math.log(2)
"""Multi-label: a further label's tokens are on (geometric) average at least half as likely."""
CACHE_TOKENS = 16384
"""Tokens that the caches of the labels scored together may hold."""


class ChoiceModel:
    """A model of method "choose".

    Attributes:
        info: Its identity.
    """

    def __init__(self, source: Source, options: ModelOptions) -> None:
        """Load the model.

        Raises:
            ParrotError: If it is no causal language model, or keeps no cache that can be shared.
        """
        if source.config.get("is_encoder_decoder"):
            raise ParrotError(
                f"Model '{source.spec}': {source.architecture or 'it'} is an encoder-decoder, "
                "which is not supported; choose an encoder or a causal language model."
            )
        if not source.architecture.endswith(CAUSAL):
            raise ParrotError(
                f"Model '{source.spec}' is no causal language model "
                f"({source.architecture or 'no architecture named'}): use --method embed."
            )
        self._loaded = load(source, "causal", options)
        parameters = inspect.signature(self._loaded.network.forward).parameters
        # transformers renamed the argument in 5.2x; both names are in use.
        names = [name for name in ("cache", "past_key_values") if name in parameters]
        if not names or "logits_to_keep" not in parameters or not self._shareable():
            raise ParrotError(
                f"Model '{source.spec}' ({source.architecture}) keeps no attention cache that "
                "labels can share, so choose cannot score with it: use another model."
            )
        self._cache_name = names[0]
        self._bos = self._leading_token()
        config = self._loaded.network.config.get_text_config()
        self._context = getattr(config, "max_position_embeddings", None) or math.inf
        self._tokens_that_fit = math.inf
        self.info = ModelInfo(
            spec=source.public_spec,
            name=source.name,
            method="choose",
            revision=source.revision,
            digest=digest(source),
            parameters=self._loaded.parameters,
            settings={
                "device": self._loaded.device,
                "dtype": self._loaded.dtype,
                "score": "mean log-likelihood of the label's tokens after the prompt",
                "chat_template": False,
                "bos_tokens": len(self._bos),
                "max_tokens": None if self._context == math.inf else self._context,
                "multi_label_rule": (
                    f"score at most log 2 below the best, at most {MOST_LABELS} labels"
                ),
            },
        )

    def obstacle(self, task: Task, labels: LabelSpace) -> str | None:  # noqa: ARG002
        """Large label spaces would take hours."""
        if len(labels) <= MOST_CHOICES:
            return None
        return f"choose scores every label; {len(labels)} labels are too many: use embed."

    def predict(
        self, task: Task, labels: LabelSpace, items: Sequence[Item]
    ) -> Iterator[Prediction]:
        """The best labels, with the score of every label; items in order, one at a time."""
        for item in items:
            began = time.perf_counter()
            if not item.text.strip():
                yield Prediction(item.report_id, (), status="empty")
                continue
            rows, starts = self.tokens(task.prompt(item, labels), labels.ids)
            if refusal := self._refusal(rows, starts):
                yield Prediction(item.report_id, (), status="failed", note=refusal)
                continue
            scores = dict(zip(labels.ids, self.score(rows, starts), strict=True))
            shared = min(starts)
            yield Prediction(
                item.report_id,
                decide(scores, task.kind, MARGIN),
                scores,
                tokens_in=shared + sum(len(row) - shared for row in rows),
                seconds=time.perf_counter() - began,
            )

    def _refusal(self, rows: list[list[int]], starts: list[int]) -> str:
        """Why a prompt cannot be scored: nothing is ever truncated. Empty where it can."""
        longest = max(map(len, rows))
        if longest > self._context:
            return (
                f"Prompt and label take {longest} tokens; "
                f"the model's context holds {self._context}."
            )
        return "" if min(starts) else "The prompt holds no token for a label to follow."

    def tokens(self, prompt: str, labels: Sequence[str]) -> tuple[list[list[int]], list[int]]:
        """Tokens of the prompt with every label, and where each label's tokens start."""
        gap = "" if prompt[-1:].isspace() else " "
        texts = [prompt, *(f"{prompt}{gap}{label}" for label in labels)]
        bare, *rows = self._encode(texts)
        # A label's last token is always scored, even where the prompt happens to end alike.
        return rows, [_common(bare, row[:-1]) for row in rows]

    def score(self, rows: list[list[int]], starts: list[int]) -> list[float]:
        """Mean log-likelihood of every row's tokens from its start on, given those before.

        A batch that a GPU's memory does not hold is halved, and so are those after it.

        Args:
            rows: Token ids; all rows begin alike.
            starts: Place of the first scored token of each row, at least 1.
        """
        import torch
        from transformers import DynamicCache

        shared = min(starts) - 1  # the last shared token is read again, to predict the next one
        cache: Any = DynamicCache(config=self._loaded.network.config)
        if shared:
            self._forward([rows[0][:shared]], cache, logits_to_keep=1)
        longest = max(map(len, rows))
        found: list[float] = []
        while len(found) < len(rows):
            size = max(1, int(min(CACHE_TOKENS, self._tokens_that_fit)) // longest)
            batch = [row[shared:] for row in rows[len(found) :][:size]]
            try:
                likely = self._likely(batch, cache)
            except torch.OutOfMemoryError:
                if len(batch) == 1:
                    raise
                self._tokens_that_fit = len(batch) // 2 * longest
                continue  # out of the handler, whose traceback keeps the batch's tensors
            begins = [start - shared - 1 for start in starts[len(found) :][:size]]
            for row, begin, each in zip(batch, begins, likely, strict=True):
                scored = each[begin : len(row) - 1]
                found.append(math.fsum(scored) / len(scored))
        return found

    def _likely(self, batch: list[list[int]], cache: Any) -> list[list[float]]:
        """Log-likelihood of every token but the first of each row, after a copy of the cache."""
        import torch

        width = max(map(len, batch))
        # Padding stands right of all that is scored, where causal attention never looks.
        padded = [row + [0] * (width - len(row)) for row in batch]
        own = copy.deepcopy(cache)
        own.reorder_cache(torch.zeros(len(batch), dtype=torch.long))
        logits = self._forward([row[:-1] for row in padded], own)
        chances = torch.log_softmax(logits.float(), dim=-1).cpu()
        targets = torch.tensor([row[1:] for row in padded]).unsqueeze(-1)
        likely: list[list[float]] = chances.gather(-1, targets).squeeze(-1).tolist()
        return likely

    def _forward(self, rows: list[list[int]], cache: Any, **options: int) -> Any:
        import torch

        ids = torch.tensor(rows, device=self._loaded.device)
        with torch.inference_mode():
            named = {self._cache_name: cache, "use_cache": True, **options}
            return self._loaded.network(input_ids=ids, **named).logits

    def _encode(self, texts: list[str]) -> list[list[int]]:
        rows = self._loaded.tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]
        bos = self._bos
        return [row if row[: len(bos)] == bos else bos + row for row in rows]

    def _leading_token(self) -> list[int]:
        """The token that the tokenizer puts before a text, if any; one put after it is left out."""
        tokenizer = self._loaded.tokenizer
        first = tokenizer("a", verbose=False)["input_ids"][:1]
        return first if first == [tokenizer.bos_token_id] else []

    def _shareable(self) -> bool:
        """Whether every layer's cache holds keys and values, and no running state."""
        from transformers import DynamicCache

        cache = DynamicCache(config=self._loaded.network.config)
        return not any(hasattr(layer, "update_recurrent_state") for layer in cache.layers)


def _common(a: Sequence[int], b: Sequence[int]) -> int:
    """Length of the common beginning."""
    return next(
        (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )
