"""Sequence classifiers: each output of the network is a label of the task, or is left out."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from parrot_bench.models.base import TEXT_FIELDS, ModelInfo
from parrot_bench.models.classify.head import ClassificationHead
from parrot_bench.models.classify.label_map import LabelMap, label_of
from parrot_bench.models.hub.identity import hub_identity
from parrot_bench.models.hub.source import Source
from parrot_bench.models.network.token_rows import encoder_of, least, read, without_row
from parrot_bench.models.options import ModelOptions
from parrot_bench.reading.decision import likely, likely_rule
from parrot_bench.task.card import Kind, Task
from parrot_bench.task.item import Item, Prediction
from parrot_bench.task.labels import LabelSpace

if TYPE_CHECKING:
    from torch import Tensor

FEW = 100
"""Most labels that are listed by name in the record."""


class ClassifierModel:
    """A model of method "classify"; its weights are loaded when it is first asked.

    Attributes:
        head: What makes the logits.
    """

    def __init__(self, source: Source, options: ModelOptions) -> None:
        """Read the names of the outputs, and the file that maps them where one is given.

        Raises:
            ParrotError: If that file cannot be used.
        """
        self._source, self._options = source, options
        self.head = ClassificationHead(source, options)
        file = options.label_map
        self._map = None if file is None else LabelMap(file, self.head.outputs)
        self._independent = source.config.get("problem_type") == "multi_label_classification"
        self._asked: dict[str, dict[str, Any]] = {}

    @cached_property
    def info(self) -> ModelInfo:
        """The model's identity."""
        several = (
            "sigmoid of each output, the greatest where several are one label"
            if self._independent
            else "softmax over all outputs, summed where several are one label"
        )
        return hub_identity(
            self._source,
            "classify",
            reads=TEXT_FIELDS,
            probabilities=True,
            together=self.head.group,
            settings={
                **self.head.settings,
                "label_map": self._map.digest if self._map else None,
                "single_label_score": "softmax over the outputs that are labels of the task, "
                "summed where several are one label; 0 for labels without an output",
                "multi_label_score": several,
                "multi_label_rule": likely_rule(self._options.threshold),
            },
        )

    @property
    def record(self) -> dict[str, Any]:
        """What is only known after loading and asking, as plain JSON; empty before.

        "outputs_by_task" says for each task that was asked which output is which label, and
        which labels can never be answered, by name where they are few.
        """
        known = self.head.record
        return {**known, "outputs_by_task": dict(self._asked)} if known else {}

    def obstacle(self, task: Task, labels: LabelSpace) -> str | None:
        """Too few outputs that are labels of the task.

        Raises:
            ParrotError: If the file that maps them names a label that the task does not have.
        """
        meant = set(self.labels(task, labels)) - {None}
        if len(meant) >= (1 if task.kind == "multi-label" else 2):
            return None
        shown = ", ".join(self.head.outputs[:3]) + ", ..." * (len(self.head.outputs) > 3)
        if self._map and not self._map.names_task(task):
            return f"the --label-map file has no entry '{task.name}' for its outputs ({shown})."
        which = "only one label of the task" if meant else "not the task's labels"
        return f"its outputs ({shown}) are {which}; name them in a --label-map file."

    def labels(self, task: Task, labels: LabelSpace) -> tuple[str | None, ...]:
        """The label that each output means, in order; None for an output that means none.

        Raises:
            ParrotError: If the file that maps them names a label that the task does not have.
        """
        given = self._map.entries(task, labels) if self._map else {}
        return tuple(
            given[output] if output in given else label_of(output, task, labels)
            for output in self.head.outputs
        )

    def predict(
        self, task: Task, labels: LabelSpace, items: Sequence[Item]
    ) -> Iterator[Prediction]:
        """The likeliest labels, with the probabilities of those that have an output; in order.

        A report that does not fit has failed, unless its middle may be cut out.
        """
        meant = self.labels(task, labels)
        self._asked[task.name] = _mapping(self.head.outputs, meant, labels)
        for start in range(0, len(items), self.head.group):
            yield from self._group(task.kind, meant, items[start : start + self.head.group])

    def _group(
        self, kind: Kind, meant: Sequence[str | None], items: Sequence[Item]
    ) -> Iterator[Prediction]:
        began = time.perf_counter()
        loaded, cut = self.head.loaded, self._options.allow_truncation
        texts = [item.text for item in items]
        rows = read(texts, encoder_of(loaded.tokenizer), least(loaded.max_tokens), cut=cut)
        ids = [row for row in rows.ids if row]
        logits = iter(self.head.logits([len(row) for row in ids], ids.__getitem__))
        seconds = (time.perf_counter() - began) / (sum(map(len, ids)) or 1)
        for i, (item, row) in enumerate(zip(items, rows.ids, strict=True)):
            if not row:
                yield without_row(item.report_id, rows.notes.get(i))
                continue
            found = self.probabilities(next(logits), kind, meant)
            yield Prediction(
                item.report_id,
                likely(found, kind, self._options.threshold),
                found,
                tokens_in=len(row),
                seconds=seconds * len(row),
                truncated_input=i in rows.shortened,
            )

    def probabilities(
        self, logits: Tensor, kind: Kind, meant: Sequence[str | None]
    ) -> dict[str, float]:
        """Probability of each label that has an output.

        Args:
            logits: Logits of one text, shape (outputs,).
            kind: Kind of the task.
            meant: The label of each output, shape (outputs,).
        """
        import torch

        exact = logits.double()
        if kind != "multi-label":
            left_out = torch.tensor([label is None for label in meant])
            chances = exact.masked_fill(left_out, -torch.inf).softmax(0)
        elif self._independent:
            chances = exact.sigmoid()
        else:
            chances = exact.softmax(0)
        greatest = kind == "multi-label" and self._independent
        found: dict[str, float] = {}
        for label, chance in zip(meant, chances.tolist(), strict=True):
            if label is not None:
                before = found.get(label, 0.0)
                found[label] = max(before, chance) if greatest else before + chance
        return found


def _mapping(
    outputs: Sequence[str], meant: Sequence[str | None], labels: LabelSpace
) -> dict[str, Any]:
    """Which output is which label, and which labels have none."""
    reached: Mapping[str, str | None] = dict(zip(outputs, meant, strict=True))
    never = [label for label in labels.ids if label not in meant]
    return {
        "labels": reached,
        "never_answered": len(never),
        "never_answered_labels": never if len(never) <= FEW else None,
    }
