"""From an item to the turns of a conversation: worked examples and the question."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from parrot_bench.digests import file_digest
from parrot_bench.errors import ParrotError
from parrot_bench.resources import data_path
from parrot_bench.task.card import Task
from parrot_bench.task.gold import gold_labels
from parrot_bench.task.item import Item
from parrot_bench.task.labels import Labels, LabelSpace
from parrot_bench.task.prompts import render_prompt

if TYPE_CHECKING:
    from parrot_bench.corpus import Report


class Turn(NamedTuple):
    """One turn of a conversation.

    Attributes:
        role: "user" or "assistant".
        text: What is said.
    """

    role: str
    text: str


@dataclass(frozen=True)
class Prompting:
    """Asks a task about an item, after worked examples from the bundled corpus.

    Attributes:
        shots: Examples before each question, those in the item's language first.
        seed: Seed of their choice.
    """

    shots: int = 0
    seed: int = 0
    _chosen: dict[tuple[str, str, bool], tuple[Item, ...]] = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, Any]:
        """What of it changes the answers."""
        if not self.shots:
            return {"shots": 0}
        mini = file_digest(data_path("mini", "mini.jsonl"))
        return {"shots": self.shots, "examples_seed": self.seed, "examples_from": f"mini {mini}"}

    @property
    def record(self) -> dict[str, list[str]]:
        """Identifiers of the examples that were shown, by task, language and text."""
        return {
            f"{task}/{language}{'/translation' * translated}": [each.report_id for each in shown]
            for (task, language, translated), shown in sorted(self._chosen.items())
        }

    def turns(self, task: Task, labels: LabelSpace, item: Item) -> tuple[Turn, ...]:
        """Examples with their answers, then the question."""
        shown = self.examples(task, labels, item) if self.shots else ()
        before = [
            turn
            for each in shown
            for turn in (
                Turn("user", render_prompt(task, each, labels)),
                Turn("assistant", answer_text(task, each.gold)),
            )
        ]
        return (*before, Turn("user", render_prompt(task, item, labels)))

    def examples(self, task: Task, labels: LabelSpace, item: Item) -> tuple[Item, ...]:
        """The examples for an item: the same for all items in its language and text.

        Raises:
            ParrotError: If the bundled corpus has too few reports with gold for the task.
        """
        translated = item.text_language != item.language
        key = (task.name, item.language, translated)
        if key not in self._chosen:
            self._chosen[key] = self._choose(task, labels, item.language, translated)
        return self._chosen[key]

    def _choose(
        self, task: Task, labels: LabelSpace, language: str, translated: bool
    ) -> tuple[Item, ...]:
        draw = random.Random(f"{self.seed}/{task.name}/{language}")  # noqa: S311
        reports = [(report, gold_labels(task, labels, report)) for report in _mini()]
        usable = [(report, gold) for report, gold in reports if gold is not None]
        draw.shuffle(usable)
        usable.sort(key=lambda each: each[0].language != language)  # stable: drawn order inside
        if len(usable) < self.shots:
            raise ParrotError(
                f"--shots {self.shots}: the bundled corpus has {len(usable)} reports with gold "
                f"for the task {task.name}; ask for fewer."
            )
        return tuple(
            Item(
                report_id=report.id,
                text=report.translation if translated else report.text,
                gold=gold,
                language=report.language,
                author=report.author,
                text_language="en" if translated else report.language,
            )
            for report, gold in usable[: self.shots]
        )


@cache
def _mini() -> tuple[Report, ...]:
    from parrot_bench.corpus import load_corpus

    return tuple(load_corpus("mini").reports())


def example_languages() -> set[str]:
    """Languages of the reports that examples are taken from, and of their translations."""
    return {"en", *(report.language for report in _mini())}


def shares_examples(texts: Iterable[str]) -> bool:
    """Whether some of these reports are those that examples are taken from.

    Letter case and white space make no other report of one.
    """
    mini = {_bare(text) for report in _mini() for text in (report.text, report.translation)} - {""}
    return not mini.isdisjoint(map(_bare, texts))


def _bare(text: str) -> str:
    return " ".join(text.casefold().split())


def answer_text(task: Task, labels: Labels) -> str:
    """The JSON answer that a task's prompt asks for."""
    value = list(labels) if task.kind == "multi-label" else labels[0]
    return json.dumps({task.answer_key: value}, ensure_ascii=False)


def answer_stem(task: Task) -> str:
    """Beginning of that answer, up to where the first label stands."""
    bracket = "[" if task.kind == "multi-label" else ""
    return f'{{"{task.answer_key}": {bracket}"'


def with_text(item: Item, text: str) -> Item:
    """The same item about another text, such as its head and tail."""
    return replace(item, text=text)
