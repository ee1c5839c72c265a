"""One question, and what an answer to it was read as."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from parrot_bench.task.labels import Labels

Status = Literal["ok", "unparsable", "empty", "refused", "truncated", "failed"]
STATUSES: tuple[Status, ...] = ("ok", "unparsable", "empty", "refused", "truncated", "failed")


@dataclass(frozen=True, slots=True)
class Item:
    """One question: a report in one text view, with its gold labels and grouping keys."""

    report_id: str
    text: str
    gold: Labels
    language: str
    author: str
    text_language: str
    country: str = ""
    cluster: int = -1
    modality: str | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model answered for one item.

    Attributes:
        report_id: The item's report.
        labels: Decided labels. Labels outside the task's space are kept, and count as wrong.
        scores: Score of every label that the model ranked, higher is likelier; empty where it
            only decides.
        status: "ok", or why there is no usable answer. Only "failed" is left out of the scores.
        raw: The answer as the model gave it, where it is a text. Never leaves the machine.
        tokens_in: Tokens read, special tokens and label texts included; 0 where there are none.
        tokens_out: Tokens written; 0 where the model writes none.
        seconds: Time spent on this item.
        truncated_input: Whether the report did not fit, and was cut in its middle.
        strict: Labels by the strict parser, `labels` being those of the lenient one; None where
            the answer is not parsed.
        note: For "failed": one sentence, without report text.
    """

    report_id: str
    labels: Labels
    scores: dict[str, float] = field(default_factory=dict)
    status: Status = "ok"
    raw: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0
    truncated_input: bool = False
    strict: Labels | None = None
    note: str = ""

    @property
    def ranking(self) -> Labels:
        """Labels from the likeliest down, ties in alphabetical order; empty without scores."""
        return tuple(sorted(self.scores, key=lambda label: (-self.scores[label], label)))
