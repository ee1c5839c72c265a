"""What a model is: an identity, and an iterator of predictions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Protocol, runtime_checkable

from parrot_bench.task.card import Task
from parrot_bench.task.item import Item, Prediction
from parrot_bench.task.labels import LabelSpace

ITEM_FIELDS = tuple(each.name for each in fields(Item) if each.name != "gold")
TEXT_FIELDS = ("text", "language", "text_language")
"""Fields of an item that a language model or encoder reads."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """Identity of a model: what a reader needs to run the very same one again.

    Attributes:
        spec: How it was named on the command line.
        name: Name without options.
        method: How it answers: "rule", "fit", or one of `loading.METHODS`.
        revision: Resolved commit of a hub model; empty for local folders and baselines.
        digest: SHA-256 over the weight files or tables; empty where there are none.
        parameters: Number of parameters; 0 where there are none.
        trained_on_data: Whether it saw gold labels of the evaluated corpus; such a model is always
            asked about all items at once.
        probabilities: Whether its scores of a single-label task are probabilities of all labels.
        together: Items that are answered together. Their answers are kept together too, so that a
            run that was cut off gives the same scores to the last bit.
        reads: Fields of an item that an answer may depend on: kept answers are told apart by them.
        settings: Whatever else changes the answers: dtype, device, pooling, top-k rule. All of the
            info is known before any weight is loaded.
    """

    spec: str
    name: str
    method: str
    revision: str = ""
    digest: str = ""
    parameters: int = 0
    trained_on_data: bool = False
    probabilities: bool = False
    together: int = 1
    reads: tuple[str, ...] = ITEM_FIELDS
    settings: dict[str, Any] = field(default_factory=dict)


@runtime_checkable
class Model(Protocol):
    """Anything with these three members is a model; no base class is needed."""

    @property
    def info(self) -> ModelInfo:
        """The model's identity."""
        ...

    def obstacle(self, task: Task, labels: LabelSpace) -> str | None:
        """Why the model cannot do a task, as one sentence; None where it can."""
        ...

    def predict(
        self, task: Task, labels: LabelSpace, items: Sequence[Item]
    ) -> Iterator[Prediction]:
        """Answer every item, one prediction each, in any order.

        It is called with all items at once where `info.together` is 1, and otherwise with at most
        that many, longest texts first; answers may then depend on the others of the call, and are
        kept together.

        A model reads `item.text`. Only one whose `info.trained_on_data` is true may read
        `item.gold`.
        """
        ...
