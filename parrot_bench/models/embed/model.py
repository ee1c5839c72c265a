"""Embedding models: the answer is the label whose text lies nearest to the report's.

Reads plain encoders (mean pooling) and the sentence-transformers layout: pooling, dense layers,
maximum length and prompts as the model declares them.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from parrot_bench.errors import ParrotError
from parrot_bench.models.base import TEXT_FIELDS, ModelInfo
from parrot_bench.models.embed.vectors import TextEncoder
from parrot_bench.models.hub.identity import hub_identity
from parrot_bench.models.hub.source import Source
from parrot_bench.models.network.token_rows import without_row
from parrot_bench.models.options import ModelOptions
from parrot_bench.reading.decision import MOST_LABELS, decide
from parrot_bench.task.card import Task
from parrot_bench.task.item import Item, Prediction
from parrot_bench.task.labels import Label, LabelSpace

if TYPE_CHECKING:
    from torch import Tensor

SCORES_KEPT = 50
"""Labels whose scores are kept, best first: enough for every ranked measure, and small to store."""
MARGIN = 0.1
"""Multi-label: share of the way from the best label's cosine down to the mean of all labels'.

A share and not a number of its own, because models differ tenfold in how far their cosines spread.
"""
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
    """A model of method "embed"; its weights are loaded when it is first asked.

    Attributes:
        encoder: What makes the vectors.
    """

    def __init__(self, source: Source, options: ModelOptions) -> None:
        """Read what the model declares.

        Raises:
            ParrotError: If it asks for a step that is not known here.
        """
        self._source = source
        self.encoder = TextEncoder(source, options)
        self._label_vectors: dict[tuple[Label, ...], Tensor] = {}
        self._labels_cut = 0

    @cached_property
    def info(self) -> ModelInfo:
        """The model's identity."""
        return hub_identity(
            self._source,
            "embed",
            reads=TEXT_FIELDS,
            together=self.encoder.group,
            settings={
                **self.encoder.settings,
                "label_prompt": self.encoder.layout.passage,
                "label_text": "'id: definition', or the definition where the id is no word",
                "multi_label_rule": (
                    f"cosine at most {MARGIN} of (best - mean) below the best, "
                    f"at most {MOST_LABELS} labels"
                ),
                "scores_kept": SCORES_KEPT,
            },
        )

    @property
    def record(self) -> dict[str, Any]:
        """What is only known after loading, as plain JSON; empty before."""
        known = self.encoder.record
        return {**known, "label_texts_cut": self._labels_cut} if known else {}

    def obstacle(self, task: Task, labels: LabelSpace) -> str | None:  # noqa: ARG002
        """Any task with labels can be answered."""
        return None

    def predict(
        self, task: Task, labels: LabelSpace, items: Sequence[Item]
    ) -> Iterator[Prediction]:
        """The nearest labels, with the cosines of the `SCORES_KEPT` best; items in order.

        A report that does not fit has failed, unless its middle may be cut out; a definition of a
        label is cut so in any case.
        """
        for start in range(0, len(items), self.encoder.group):
            yield from self._group(task, labels, items[start : start + self.encoder.group])

    def _group(self, task: Task, labels: LabelSpace, items: Sequence[Item]) -> Iterator[Prediction]:
        known = self._labels(labels)
        began = time.perf_counter()
        found = self.encoder.reports([item.text for item in items])
        cosines = iter((found.vectors @ known.T).tolist() if len(found.vectors) else ())
        seconds = (time.perf_counter() - began) / (sum(found.lengths) or 1)
        for i, (item, length) in enumerate(zip(items, found.lengths, strict=True)):
            if not length:
                yield without_row(item.report_id, found.notes.get(i))
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
                truncated_input=i in found.shortened,
            )

    def _labels(self, labels: LabelSpace) -> Tensor:
        """Vectors of a label space, made once; shape (labels, width)."""
        if labels.labels not in self._label_vectors:
            texts = [label_text(label) for label in labels.labels]
            made = self.encoder.embed(texts, self.encoder.layout.passage, cut=True)
            if not all(made.lengths):
                raise ParrotError(
                    f"Model '{self._source.spec}': label '{labels.ids[made.lengths.index(0)]}' has "
                    "no text that the model can read."
                )
            self._label_vectors[labels.labels] = made.vectors
            self._labels_cut += len(made.shortened)
        return self._label_vectors[labels.labels]
