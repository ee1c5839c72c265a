"""Language models that write their answer: the text is read by `parsing.read_answer`.

How a network writes is in `writer`; here are prompts, batches and what becomes of the answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from parrot_bench.errors import ParrotError
from parrot_bench.models.acceptance import failed
from parrot_bench.models.base import TEXT_FIELDS
from parrot_bench.models.generate.writer import Writer, Written
from parrot_bench.models.hub.device import device_of, loading_settings
from parrot_bench.models.hub.identity import hub_identity
from parrot_bench.models.hub.source import Source
from parrot_bench.models.network.batching import TokenBudget, group_size
from parrot_bench.models.network.truncation import RULE, does_not_fit, fit
from parrot_bench.models.options import ModelOptions
from parrot_bench.reading.answer import read_answer
from parrot_bench.task.card import Task
from parrot_bench.task.examples import Prompting, with_text
from parrot_bench.task.item import Item, Prediction
from parrot_bench.task.labels import LabelSpace

WRITERS = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")
"""Ends of the class names of networks that write."""
FIRST_TOKENS = 32
"""Tokens of the first prompt that are recorded: enough to see chat template and BOS."""


class GenerationModel:
    """A model of method "generate".

    Attributes:
        info: Its identity, known before the network is loaded.
    """

    def __init__(self, source: Source, options: ModelOptions) -> None:
        """Read what the model is; its network is loaded when it is first asked.

        Raises:
            ParrotError: If it is no network that writes, or its files are damaged.
        """
        self._encodes = bool(source.config.get("is_encoder_decoder"))
        if not self._encodes and not source.architecture.endswith(WRITERS):
            raise ParrotError(
                f"Model '{source.spec}' writes no text "
                f"({source.architecture or 'no architecture named'}): use another --method."
            )
        device = device_of(options)
        self._source, self._options = source, options
        self._prompting = Prompting(options.shots, options.seed)
        self._budget = TokenBudget(device, options.batch_tokens)
        self._writer: Writer | None = None
        self._first_ids: list[int] | None = None
        self.info = hub_identity(
            source,
            "generate",
            together=group_size(device),
            reads=TEXT_FIELDS,
            settings={
                **loading_settings(source, options),
                **self._prompting.settings,
                "decoding": "greedy",
                "max_new_tokens": options.max_new_tokens,
                "chat_template": "where there is one" if options.chat_template else "none",
                "truncation_rule": RULE,
            },
        )

    @property
    def record(self) -> dict[str, Any]:
        """What turned out while it answered; empty before that, and no token of a report is in it.

        Returns:
            first_token_ids: first tokens of the first prompt, at most 32 and none of the report;
            chat_template: whether one was applied; what `Loaded.facts` says; max_tokens: most
            tokens of prompt and answer, None where nothing limits them; batch_tokens and halvings:
            the budget of a batch at the end; examples: reports that were shown as examples.
        """
        writer = self._writer
        if writer is None:
            return {}
        return {
            "first_token_ids": self._first_ids or [],
            "chat_template": writer.chat,
            **writer.loaded.facts,
            "max_tokens": writer.loaded.max_tokens,
            "batch_tokens": self._budget.tokens,
            "halvings": self._budget.halvings,
            "examples": self._prompting.record,
        }

    def obstacle(self, task: Task, labels: LabelSpace) -> str | None:  # noqa: ARG002
        """Any task with a prompt can be answered, and every task has one."""
        return None

    def predict(
        self, task: Task, labels: LabelSpace, items: Sequence[Item]
    ) -> Iterator[Prediction]:
        """The labels in what the model wrote; items in order, answered in groups.

        Raises:
            ParrotError: If the network cannot be loaded or its chat template not be applied.
        """
        if self._writer is None:
            self._writer = Writer(self._source, self._options)
        size = self.info.together
        for start in range(0, len(items), size):
            yield from self._group(self._writer, task, labels, items[start : start + size])

    def _group(
        self, writer: Writer, task: Task, labels: LabelSpace, items: Sequence[Item]
    ) -> Iterator[Prediction]:
        prompts = [
            self._prompt(writer, task, labels, item) if item.text.strip() else None
            for item in items
        ]
        rows = [prompt.row for prompt in prompts if prompt and not prompt.why]
        answers = iter(
            self._budget.run(
                [len(row) + self._options.max_new_tokens for row in rows],
                lambda batch: _in_memory(writer, [rows[i] for i in batch]),
            )
        )
        for item, prompt in zip(items, prompts, strict=True):
            if prompt is None:
                yield Prediction(item.report_id, (), status="empty")
            elif prompt.why:
                yield failed(item.report_id, prompt.why)
            elif (written := next(answers)) is None:
                yield failed(item.report_id, "The report alone does not fit into memory.")
            else:
                cut = not written.finished
                read = read_answer(written.text, task, labels, item.text_language, cut=cut)
                yield Prediction(
                    item.report_id,
                    read.labels,
                    status=read.status,
                    raw=written.text,
                    tokens_in=len(prompt.row),
                    tokens_out=written.tokens,
                    seconds=written.seconds,
                    truncated_input=prompt.truncated,
                    strict=read.strict,
                )

    def _prompt(self, writer: Writer, task: Task, labels: LabelSpace, item: Item) -> _Prompt:
        """Tokens of the prompt about an item, its report cut if need be and allowed."""

        def row_with(text: str) -> list[int]:
            return writer.row(self._prompting, task, labels, with_text(item, text))

        row, most = row_with(item.text), writer.room
        if self._first_ids is None:
            # What a prompt without the report begins with too says nothing about the report.
            same = _common(row, row_with(""))
            self._first_ids = row[: min(same, FIRST_TOKENS)]
        if most is None or len(row) <= most:
            return _Prompt(row)
        cut = self._options.allow_truncation
        if cut:
            shorter = fit(item.text, lambda text: len(row_with(text)), most)
            if shorter is not None:
                return _Prompt(row_with(shorter), truncated=True)
        room = "" if self._encodes else f" {self._options.max_new_tokens} more are for the answer."
        return _Prompt(row, why=does_not_fit(most, cut=cut) + room)


@dataclass(frozen=True, slots=True)
class _Prompt:
    row: list[int]
    truncated: bool = False
    why: str = ""  # it cannot be asked


def _in_memory(writer: Writer, rows: list[list[int]]) -> Sequence[Written | None]:
    """What is written after each prompt; None for a single prompt that memory does not hold."""
    import torch

    try:
        return writer.write(rows)
    except torch.OutOfMemoryError:
        if len(rows) > 1:
            raise
        return [None]


def _common(a: Sequence[int], b: Sequence[int]) -> int:
    """Length of the common beginning."""
    same = (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y)
    return next(same, min(len(a), len(b)))
