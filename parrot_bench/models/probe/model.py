"""Probes: logistic regression on frozen embeddings, each report answered by a model of others.

The vectors are those of method "embed"; what is learnt, and from whom, is what `out_of_fold` says.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from parrot_bench.models.base import ModelInfo
from parrot_bench.models.embed.vectors import TextEncoder
from parrot_bench.models.hub.identity import hub_identity
from parrot_bench.models.hub.source import Source
from parrot_bench.models.network.token_rows import without_row
from parrot_bench.models.options import ModelOptions
from parrot_bench.models.out_of_fold import (
    DECISION,
    FOLDS,
    RAREST,
    STRENGTH,
    Learner,
    answer,
    out_of_fold,
)
from parrot_bench.task.card import Task
from parrot_bench.task.item import Item, Prediction
from parrot_bench.task.labels import LabelSpace

if TYPE_CHECKING:
    from parrot_bench.models.out_of_fold import Rows
    from parrot_bench.models.probe.regressions import Matrix


class ProbeModel:
    """A model of method "probe"; its weights are loaded when it is first asked.

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

    @cached_property
    def info(self) -> ModelInfo:
        """The model's identity."""
        return hub_identity(
            self._source,
            "probe",
            trained_on_data=True,
            probabilities=True,
            together=self.encoder.group,
            settings={
                **self.encoder.settings,
                "folds": FOLDS,
                "features": "standardised by the training folds, divided by the root of the width",
                "regression": f"logistic, L2, C={STRENGTH:g}; multinomial for single-label tasks, "
                "else one a label",
                "rarest_label": RAREST,
                "multi_label_rule": DECISION,
            },
        )

    @property
    def record(self) -> dict[str, Any]:
        """What is only known after loading, as plain JSON; empty before."""
        return self.encoder.record

    def obstacle(self, task: Task, labels: LabelSpace) -> str | None:  # noqa: ARG002
        """Any task can be learnt; predict() needs two contributors."""
        return None

    def predict(
        self,
        task: Task,
        labels: LabelSpace,  # noqa: ARG002
        items: Sequence[Item],
    ) -> Iterator[Prediction]:
        """Out-of-fold answers; a report without a vector teaches nothing and gets none."""
        import numpy as np

        began = time.perf_counter()
        size = self.encoder.group
        groups = [items[start : start + size] for start in range(0, len(items), size)]
        found = [self.encoder.reports([item.text for item in group]) for group in groups]
        lengths = [length for each in found for length in each.lengths]
        rows = [each.vectors.numpy() for each in found if len(each.vectors)]
        vectors = np.concatenate(rows).astype(np.float64) if rows else np.empty((0, 0))
        asked = [item for item, length in zip(items, lengths, strict=True) if length]
        from parrot_bench.models.probe.regressions import fit_together

        learner = Learner(partial(_features, vectors), fit_together)
        scores = iter(out_of_fold(task.kind, asked, learner))
        seconds = (time.perf_counter() - began) / (len(asked) or 1)
        for group, each in zip(groups, found, strict=True):
            for i, item in enumerate(group):
                if not each.lengths[i]:
                    yield without_row(item.report_id, each.notes.get(i))
                    continue
                yield replace(
                    answer(task.kind, item.report_id, next(scores)),
                    tokens_in=each.lengths[i],
                    seconds=seconds,
                    truncated_input=i in each.shortened,
                )


def _features(vectors: Matrix, train: Rows, asked: Rows) -> tuple[Matrix, Matrix]:
    from parrot_bench.models.probe.regressions import standardised

    return standardised(vectors[train], vectors[asked])
