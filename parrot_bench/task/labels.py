"""Labels, the fixed space of those that a task asks for, and a hierarchy over a large one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from parrot_bench.errors import ParrotError

Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Label:
    """One label: the identifier that is scored, and words for a model that reads.

    Attributes:
        id: Identifier, such as "chest" or "J90".
        definition: One English line that says what the label covers.
        names: What it is called, as (language, name), the usual name of a language first.
    """

    id: str
    definition: str
    names: tuple[tuple[str, str], ...] = ()

    def name_in(self, language: str) -> str:
        """Its usual name in a language, else in English, else its definition or identifier."""
        for code in (language, "en"):
            for spoken, name in self.names:
                if spoken == code:
                    return name
        return self.definition or self.id


class LabelSpace:
    """The fixed, ordered labels that a task asks for; never derived from what a model said."""

    def __init__(self, labels: Iterable[Label]) -> None:
        """Keep the labels in order.

        Raises:
            ParrotError: If two labels share an identifier, there are none, or one is no `Label`.
        """
        self.labels = tuple(labels)
        for label in self.labels:
            if not isinstance(label, Label):
                raise ParrotError(
                    f"A label space holds labels, Label(id, definition), and not {label!r}."
                )
        self.ids: Labels = tuple(label.id for label in self.labels)
        self._known = frozenset(self.ids)
        if not self.ids or len(self._known) != len(self.ids):
            raise ParrotError("A label space needs at least one label and no label twice.")

    def __len__(self) -> int:
        """Number of labels."""
        return len(self.labels)

    def __contains__(self, label: object) -> bool:
        """Whether an identifier is a label's."""
        return label in self._known

    def described(self) -> str:
        """The labels for a prompt, one 'id: definition' a line."""
        return described(self.labels)


def described(labels: Iterable[Label]) -> str:
    """Labels for a prompt, one 'id: definition' a line."""
    return "\n".join(f"- {label.id}: {label.definition}" for label in labels)


@dataclass(frozen=True, slots=True)
class LabelTree:
    """A hierarchy over a label space that is too large to score one by one.

    Attributes:
        top: Nodes of the first level, such as the chapters of ICD-10.
        children: Nodes below a node, by its identifier; nothing below a label of the space.
    """

    top: tuple[Label, ...]
    children: Mapping[str, tuple[Label, ...]]
