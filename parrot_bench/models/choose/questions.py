"""What a model is asked so that labels can be scored: tokens before them, and the labels' own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from parrot_bench.models.choose.label_tokens import LabelTokens, common
from parrot_bench.models.network.chat import encode, has_chat_template, render
from parrot_bench.models.token_tree.trie import LabelTrie, Tokens, grow
from parrot_bench.task.card import Task
from parrot_bench.task.examples import Prompting, Turn, answer_stem, with_text
from parrot_bench.task.item import Item
from parrot_bench.task.labels import Label, LabelSpace
from parrot_bench.task.prompts import render_tree_prompt

PROBES = ("A", "7", "(", "Ж")
"""Reports that begin differently: what their prompts share is no report's text."""
NO_LABELS = grow(((0,),), (0,))
LEAST_SHARED = 8
"""Fewest tokens that are worth being kept for the next prompt."""


class LabelQuestion(NamedTuple):
    """Which label goes on best?

    Attributes:
        tokens: What is read before the labels; the encoder's tokens where there is one.
        trie: The labels.
        shared: Leading tokens that other prompts share.
        head: Tokens of the decoder before the labels; empty without an encoder.
    """

    tokens: Tokens
    trie: LabelTrie
    shared: int = 0
    head: Tokens = ()

    @property
    def needs(self) -> int:
        """Tokens that must fit into the context: the prompt and, in one text, the longest label."""
        return len(self.tokens) + (0 if self.head else self.trie.longest)


class Asked(NamedTuple):
    """An item, and the nodes of a tree of labels where it is not asked about all labels.

    Attributes:
        item: The item.
        nodes: Nodes to choose among; none where the choice is among the task's labels.
    """

    item: Item
    nodes: tuple[Label, ...] = ()


def family_of(task: Task, item: Item) -> tuple[str, str, str]:
    """Items whose prompts differ in nothing but the report."""
    return task.name, item.language, item.text_language


class LabelQuestions:
    """Writes questions for one tokenizer, and keeps what they share."""

    def __init__(
        self, tokenizer: Any, prompting: Prompting, *, chat: bool, start: int | None = None
    ) -> None:
        """Use a tokenizer.

        Args:
            tokenizer: The tokenizer.
            prompting: Worked examples and turns.
            chat: Whether a chat template is applied where there is one.
            start: First token of the decoder; None for a model without an encoder.
        """
        self._tokenizer = tokenizer
        self._prompting = prompting
        self._chat = chat and has_chat_template(tokenizer)
        self._start = start
        self._labels = LabelTokens(tokenizer)
        self._shared: dict[tuple[Any, ...], Tokens] = {}
        self._longest: dict[tuple[Any, ...], int] = {}

    def write(self, task: Task, labels: LabelSpace, asked: Sequence[Asked]) -> list[LabelQuestion]:
        """The questions about some items, in order.

        Raises:
            ParrotError: If there are too few worked examples, or a prompt file is damaged.
        """
        texts = [self._text(task, labels, each) for each in asked]
        endings = [
            tuple(closed(name) for name in ([node.id for node in each.nodes] or labels.ids))
            for each in asked
        ]
        shared = [self.shared(task, labels, each) for each in asked]
        if self._start is None:
            return [
                LabelQuestion(tokens, trie, len(kept) if tokens[: len(kept)] == kept else 0)
                for (tokens, trie), kept in zip(
                    self._labels.read(texts, endings), shared, strict=True
                )
            ]
        stems = self._labels.read([answer_stem(task)] * len(asked), endings)
        return [
            LabelQuestion(tuple(row), trie, 0, (self._start, *head))
            for row, (head, trie) in zip(self._rows(texts), stems, strict=True)
        ]

    def shared(self, task: Task, labels: LabelSpace, asked: Asked) -> Tokens:
        """Tokens before the report: instruction, labels, worked examples; empty if they are few."""
        key = (*family_of(task, asked.item), bool(asked.nodes))
        if key not in self._shared:
            probes = [asked._replace(item=with_text(asked.item, text)) for text in PROBES]
            kept = beginning(self._rows([self._text(task, labels, each) for each in probes]))
            self._shared[key] = kept if len(kept) >= LEAST_SHARED else ()
        return self._shared[key]

    def before_nodes(
        self, task: Task, labels: LabelSpace, items: Sequence[Item]
    ) -> list[LabelQuestion]:
        """What all questions about nodes of the tree share, for every item; without labels."""
        probes = [(Label(text, ""),) for text in PROBES[:2]]
        found = []
        for item in items:
            asked = [Asked(item, nodes) for nodes in probes]
            rows = self._rows([self._text(task, labels, each) for each in asked])
            # The mark of the list, "- ", may merge with the first node.
            kept, known = beginning(rows)[:-2], self.shared(task, labels, asked[0])
            shared = len(known) if kept[: len(known)] == known else 0
            found.append(LabelQuestion(kept, NO_LABELS, shared))
        return found

    def longest_after(self, task: Task, labels: LabelSpace, item: Item) -> int:
        """Most tokens that a question about a node adds to what all of an item's share."""
        key = family_of(task, item)
        if key not in self._longest and task.tree:
            tree = task.tree()
            groups = [tree.top, *tree.children.values()]
            probe = with_text(item, PROBES[0])
            rows = self._rows([self._text(task, labels, Asked(probe, each)) for each in groups])
            (kept,) = self.before_nodes(task, labels, [probe])
            names = [closed(node.id) for nodes in groups for node in nodes]
            ends = self._tokenizer(names, add_special_tokens=False, verbose=False)["input_ids"]
            longest = max(map(len, rows)) - len(kept.tokens)
            self._longest[key] = longest + (max(map(len, ends)) if self._start is None else 0)
        return self._longest[key]

    def _text(self, task: Task, labels: LabelSpace, asked: Asked) -> str:
        turns = self._prompting.turns(task, labels, asked.item)
        if asked.nodes:
            turns = (*turns[:-1], Turn("user", render_tree_prompt(task, asked.item, asked.nodes)))
        stem = answer_stem(task) if self._start is None else ""
        return render(turns, self._tokenizer, chat=self._chat, stem=stem)

    def _rows(self, texts: Sequence[str]) -> list[Tokens]:
        """Tokens of what a causal model or an encoder reads."""
        if self._start is None:
            return [tuple(row) for row in encode(self._tokenizer, texts)]
        rows = self._tokenizer(list(texts), verbose=False)["input_ids"] if texts else []
        return [tuple(row) for row in rows]


def closed(name: str) -> str:
    """A label as it goes on in a JSON text, with the quotation mark that ends it.

    The mark tells a label from a longer one that begins alike, such as CT from CTA.
    """
    return json.dumps(name, ensure_ascii=False)[1:]


def beginning(rows: Sequence[Tokens]) -> Tokens:
    """What all rows begin with: no two differ earlier than the first and the last in order."""
    low, high = min(rows), max(rows)
    return low[: common(low, high)]
