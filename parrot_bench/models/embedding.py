"""Embedding models: the answer is the label whose text lies nearest to the report's.

Reads plain encoders (mean pooling) and the sentence-transformers layout: pooling, dense layers,
maximum length and prompts as the model declares them.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from parrot_bench.models.base import ModelInfo, Prediction
from parrot_bench.models.decision import MOST_LABELS, decide
from parrot_bench.models.hub import Source, digest
from parrot_bench.models.network import load
from parrot_bench.models.options import ModelOptions
from parrot_bench.models.pooling import pool, read_layout
from parrot_bench.models.vector_cache import Embedded, VectorCache
from parrot_bench.task import Item, Label, LabelSpace, Task

if TYPE_CHECKING:
    from torch import Tensor

SCORES_KEPT = 50
"""Labels whose scores are kept, best first: enough for every ranked measure, and small to store."""
MARGIN = 0.1
"""Multi-label: share of the way from the best label's cosine down to the mean of all labels'.

A share and not a number of its own, because models differ tenfold in how far their cosines spread.
"""
CPU_CHUNK, GPU_CHUNK = 32, 128
"""Items that are sorted by length and answered together: few, so that progress shows, and enough to
fill batches; MiniLM takes 4 % more time on a CPU with 32 than with 128."""
CACHE_BYTES = 64 * 2**20
"""Vectors that are kept for the next task: those of 40,000 reports in a small model."""
CPU_BATCH_TOKENS, GPU_BATCH_TOKENS = 2048, 16384
"""Tokens of a batch, padding included; more is slower on a CPU, whose caches are small."""
WORD = re.compile(r"[^\W\d]+(?:[ -][^\W\d]+)*")


def label_text(label: Label) -> str:
    """Text that stands for a label: 'id: definition', or the definition of an id that is no word.

    "heart_size" is read as "heart size"; a code such as "J90" says nothing to an encoder.
    """
    if not label.definition:
        return label.id
    if WORD.fullmatch(label.id):
        return f"{label.id.replace('_', ' ')}: {label.definition}"
    return label.definition


class EmbeddingModel:
    """A model of method "embed".

    Attributes:
        info: Its identity.
    """

    def __init__(self, source: Source, options: ModelOptions) -> None:
        """Load the model.

        Raises:
            ParrotError: If it cannot be loaded, or asks for a step that is not known here.
        """
        self._layout = read_layout(source)
        self._loaded = load(source, "none", options)
        limits = (self._loaded.max_tokens, self._layout.max_tokens)
        self._max_tokens = min((each for each in limits if each), default=10**9)
        self._tokens_that_fit = math.inf
        self._label_vectors: dict[tuple[Label, ...], Tensor] = {}
        self._recent = VectorCache(CACHE_BYTES)
        self.info = ModelInfo(
            spec=source.public_spec,
            name=source.name,
            method="embed",
            revision=source.revision,
            digest=digest(source),
            parameters=self._loaded.parameters,
            together=CPU_CHUNK if self._loaded.device == "cpu" else GPU_CHUNK,
            settings={
                "device": self._loaded.device,
                "dtype": self._loaded.dtype,
                "pooling": "+".join(self._layout.pooling),
                "after_pooling": list(self._layout.names),
                "max_tokens": self._max_tokens,
                "report_prompt": self._layout.query,
                "label_prompt": self._layout.passage,
                "label_text": "'id: definition', or the definition where the id is no word",
                "multi_label_rule": (
                    f"cosine at most {MARGIN} of (best - mean) below the best, "
                    f"at most {MOST_LABELS} labels"
                ),
                "scores_kept": SCORES_KEPT,
            },
        )

    def obstacle(self, task: Task, labels: LabelSpace) -> str | None:  # noqa: ARG002
        """Any task with labels can be answered."""
        return None

    def predict(
        self, task: Task, labels: LabelSpace, items: Sequence[Item]
    ) -> Iterator[Prediction]:
        """The nearest labels, with the cosines of the `SCORES_KEPT` best; items in order."""
        size = self.info.together
        for start in range(0, len(items), size):
            yield from self._chunk(task, labels, items[start : start + size])

    def _chunk(self, task: Task, labels: LabelSpace, items: Sequence[Item]) -> Iterator[Prediction]:
        known = self._labels(labels)
        began = time.perf_counter()
        lengths, longer, vectors = self._recent.get([item.text for item in items], self._embed)
        cosines = iter((vectors @ known.T).tolist() if len(vectors) else ())
        seconds = (time.perf_counter() - began) / (sum(lengths) or 1)
        for i, (item, length) in enumerate(zip(items, lengths, strict=True)):
            if not length:
                yield Prediction(item.report_id, (), status="empty")
                continue
            each = next(cosines)
            margin = MARGIN * (max(each) - sum(each) / len(each))
            scores = dict(zip(labels.ids, each, strict=True))
            best = sorted(scores, key=lambda label: (-scores[label], label))[:SCORES_KEPT]
            yield Prediction(
                item.report_id,
                decide(scores, task.kind, margin),
                {label: scores[label] for label in best},
                tokens_in=length,
                seconds=seconds * length,
                truncated_input=i in longer,
            )

    def _embed(self, texts: Sequence[str]) -> Embedded:
        """Reports after embedding."""
        rows, longer = self._tokens(list(texts), self._layout.query)
        vectors = self._vectors([row for row in rows if row])
        return Embedded(tuple(map(len, rows)), frozenset(longer), vectors)

    def _labels(self, labels: LabelSpace) -> Tensor:
        """Vectors of a label space, made once; shape (labels, width)."""
        if labels.labels not in self._label_vectors:
            texts = [label_text(label) for label in labels.labels]
            rows, _ = self._tokens(texts, self._layout.passage)
            self._label_vectors[labels.labels] = self._vectors(rows)
        return self._label_vectors[labels.labels]

    def _tokens(self, texts: list[str], prompt: str) -> tuple[list[list[int]], set[int]]:
        """Token ids of every text, none for a blank one, and which had to be truncated."""
        whole = [prompt + (text.lower() if self._layout.lower else text) for text in texts]
        rows: list[list[int]] = self._loaded.tokenizer(whole, verbose=False)["input_ids"]
        rows = [row if text.strip() else [] for text, row in zip(texts, rows, strict=True)]
        longer = {i for i, row in enumerate(rows) if len(row) > self._max_tokens}
        for i in longer:
            # Only the tokenizer knows where its closing special tokens belong.
            cut = self._loaded.tokenizer(whole[i], truncation=True, max_length=self._max_tokens)
            rows[i] = cut["input_ids"]
        return rows, longer

    def _vectors(self, rows: list[list[int]]) -> Tensor:
        """Unit vectors of the texts, in order, on the CPU in float32; shape (n, width).

        A batch that a GPU's memory does not hold is halved, and so are those after it.
        """
        import torch

        budget = CPU_BATCH_TOKENS if self._loaded.device == "cpu" else GPU_BATCH_TOKENS
        order = sorted(range(len(rows)), key=lambda i: -len(rows[i]))
        found: dict[int, Tensor] = {}
        while order:
            longest = len(rows[order[0]])
            batch = order[: max(1, int(min(budget, self._tokens_that_fit)) // longest)]
            try:
                vectors = self._forward([rows[i] for i in batch])
            except torch.OutOfMemoryError:
                if len(batch) == 1:
                    raise
                self._tokens_that_fit = len(batch) // 2 * longest
                continue  # out of the handler, whose traceback keeps the batch's tensors
            found.update(zip(batch, vectors, strict=True))
            order = order[len(batch) :]
        return torch.stack([found[i] for i in range(len(rows))]) if rows else torch.empty(0)

    def _forward(self, rows: list[list[int]]) -> Tensor:
        import torch

        pad = self._loaded.tokenizer.pad_token_id
        embedded = self._loaded.network.get_input_embeddings().weight.shape[0]
        pad = pad if pad is not None and pad < embedded else 0
        width = max(1, *(len(row) for row in rows))
        ids = torch.tensor([row + [pad] * (width - len(row)) for row in rows])
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
        ids, mask = ids.to(self._loaded.device), mask.to(self._loaded.device)
        with torch.inference_mode():
            states = self._loaded.network(input_ids=ids, attention_mask=mask).last_hidden_state
            vectors = pool(states, mask, self._layout.pooling).cpu()
            for step in self._layout.steps:
                vectors = step(vectors)
            return torch.nn.functional.normalize(vectors)
