"""Baselines: what any model must beat, and what `make run` runs."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from parrot_bench.models.base import ModelInfo
from parrot_bench.task.card import Task
from parrot_bench.task.item import Item, Prediction
from parrot_bench.task.labels import LabelSpace

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class MajorityModel:
    """Always the label that is most frequent in the evaluated data."""

    info: ModelInfo

    def obstacle(self, task: Task, labels: LabelSpace) -> str | None:  # noqa: ARG002
        """Any task can be answered."""
        return None

    def predict(
        self,
        task: Task,  # noqa: ARG002
        labels: LabelSpace,  # noqa: ARG002
        items: Sequence[Item],
    ) -> Iterator[Prediction]:
        """The most frequent gold label, ties in alphabetical order."""
        counts = Counter(label for item in items for label in item.gold)
        ranked = sorted(counts, key=lambda label: (-counts[label], label))
        scores = {label: count / len(items) for label, count in counts.items()}
        for item in items:
            yield Prediction(item.report_id, tuple(ranked[:1]), scores)


@dataclass(frozen=True)
class PriorModel:
    """Answers drawn at random from the gold answers of the evaluated data."""

    info: ModelInfo

    def obstacle(self, task: Task, labels: LabelSpace) -> str | None:  # noqa: ARG002
        """Any task can be answered."""
        return None

    def predict(
        self,
        task: Task,
        labels: LabelSpace,  # noqa: ARG002
        items: Sequence[Item],
    ) -> Iterator[Prediction]:
        """The gold answer of some report, drawn by seed, task and report alone."""
        answers = sorted(item.gold for item in items)
        seed = self.info.settings["seed"]
        for item in items:
            key = f"{seed}/{task.name}/{item.report_id}".encode()
            draw = int.from_bytes(hashlib.sha256(key).digest()[:8])
            yield Prediction(item.report_id, answers[draw % len(answers)])


@dataclass(frozen=True)
class AlwaysNormalModel:
    """Always Z00, the code of a normal study: 330 of PARROT's reports carry it."""

    info: ModelInfo

    def obstacle(self, task: Task, labels: LabelSpace) -> str | None:  # noqa: ARG002
        """Only ICD coding has the code."""
        return None if "Z00" in labels.ids else "always-z00 answers with an ICD code."

    def predict(
        self,
        task: Task,  # noqa: ARG002
        labels: LabelSpace,  # noqa: ARG002
        items: Sequence[Item],
    ) -> Iterator[Prediction]:
        """Z00 for every item."""
        for item in items:
            yield Prediction(item.report_id, ("Z00",))
