"""From the likelihood of labels to their scores: divided by length, less what is likely anyway."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

from parrot_bench.models.choose.questions import Asked, LabelQuestion, LabelQuestions, family_of
from parrot_bench.models.options import LengthNorm, ModelOptions
from parrot_bench.task.card import Task
from parrot_bench.task.examples import with_text
from parrot_bench.task.labels import Labels, LabelSpace

NO_REPORT = "N/A"
"""Stands where the report would, in the prompt without content."""
NORMS: dict[LengthNorm, str] = {
    "tokens": "divided by the number of these tokens",
    "characters": "divided by the number of the label's characters",
    "none": "not divided",
}
PRIORS = {
    "none": "none",
    "content-free": f"content-free: less the score after a prompt whose report is {NO_REPORT}",
}


class Scorer(Protocol):
    """Tells how likely labels are."""

    def score(self, questions: Sequence[LabelQuestion]) -> list[list[float]]:
        """Log-likelihood of every label of every question."""
        ...


def measure(options: ModelOptions) -> dict[str, Any]:
    """What a score is, for `ModelInfo.settings`."""
    return {
        "score": (
            "log-likelihood of the label's tokens and the quotation mark that closes it, "
            f"{NORMS[options.length_norm]}"
        ),
        "length_norm": options.length_norm,
        "prior": PRIORS[options.prior],
    }


class LabelScores:
    """Makes scores, and keeps those of prompts without a report."""

    def __init__(self, options: ModelOptions, scorer: Scorer, questions: LabelQuestions) -> None:
        """Use what asks and answers about prompts without a report."""
        self._options = options
        self._scorer = scorer
        self._questions = questions
        self._prior: dict[tuple[Any, ...], list[float]] = {}

    def of(
        self,
        task: Task,
        labels: LabelSpace,
        asked: Sequence[Asked],
        written: Sequence[LabelQuestion],
        likely: Sequence[Sequence[float]],
    ) -> list[list[float]]:
        """Scores from log-likelihoods.

        Args:
            task: The task.
            labels: Its labels.
            asked: What was asked, shape (n,).
            written: How it was asked, shape (n,).
            likely: Log-likelihood of each label of each question, shape (n, labels).
        """
        norm = self._options.length_norm
        names = [tuple(node.id for node in each.nodes) or labels.ids for each in asked]
        values = [
            divided(each, question, ids, norm)
            for each, question, ids in zip(likely, written, names, strict=True)
        ]
        if self._options.prior == "none":
            return values
        keys = [(family_of(task, each.item), ids) for each, ids in zip(asked, names, strict=True)]
        for key, each in dict(zip(keys, asked, strict=True)).items():
            if key not in self._prior:
                bare = each._replace(item=with_text(each.item, NO_REPORT))
                (question,) = self._questions.write(task, labels, [bare])
                (log,) = self._scorer.score([question])
                self._prior[key] = divided(log, question, key[1], norm)
        return [
            [value - before for value, before in zip(each, self._prior[key], strict=True)]
            for key, each in zip(keys, values, strict=True)
        ]


def divided(
    likely: Sequence[float], question: LabelQuestion, names: Labels, norm: LengthNorm
) -> list[float]:
    """Log-likelihoods divided by the lengths of labels."""
    if norm == "none":
        return list(likely)
    if norm == "tokens":
        sizes = [len(path) for path in question.trie.paths]
    else:
        sizes = [max(1, len(name)) for name in names]
    return [log / size for log, size in zip(likely, sizes, strict=True)]


def log_softmax(values: Sequence[float]) -> list[float]:
    """Logarithms of shares that sum to one."""
    most = max(values)
    whole = most + math.log(math.fsum(math.exp(value - most) for value in values))
    return [value - whole for value in values]
