"""Inference models without training: does the report entail that a label applies?

The hypothesis is the task's sentence in the language of the text, with the label's name in it. A
space that is too large to ask about every label is gone down level by level, by the definitions.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate, chain
from math import exp
from typing import Any

from parrot_bench.errors import ParrotError
from parrot_bench.models.base import TEXT_FIELDS, ModelInfo
from parrot_bench.models.classify.head import ClassificationHead
from parrot_bench.models.entail.premises import Hypotheses, Premise, Premises
from parrot_bench.models.hub.identity import hub_identity
from parrot_bench.models.hub.source import Source
from parrot_bench.models.label_descent import Question, descend
from parrot_bench.models.network.token_rows import without_row
from parrot_bench.models.options import ModelOptions
from parrot_bench.reading.decision import likely, likely_rule
from parrot_bench.task.card import Task
from parrot_bench.task.item import Item, Prediction
from parrot_bench.task.labels import LabelSpace, LabelTree
from parrot_bench.task.prompts import hypothesis

MOST_LABELS = 200
"""Most labels that are all asked about: each costs a run of the model over the whole report."""


class EntailmentModel:
    """A model of method "entail"; its weights are loaded when it is first asked.

    Attributes:
        head: What makes the logits.
    """

    def __init__(self, source: Source, options: ModelOptions) -> None:
        """Find the outputs that say that a hypothesis follows, and that it does not.

        Raises:
            ParrotError: If no output is called "entailment".
        """
        self._source, self._options = source, options
        self.head = ClassificationHead(source, options)
        names = [name.casefold() for name in self.head.outputs]
        yes = [i for i, name in enumerate(names) if name.startswith("entail")]
        no = [i for i, name in enumerate(names) if name.startswith("contradict")]
        if not yes:
            raise ParrotError(
                f"Model '{source.spec}': none of its outputs ({', '.join(self.head.outputs[:5])}) "
                "is called entailment; use --method classify."
            )
        self._yes = yes[0]
        # Models of two outputs call the other one "not_entailment".
        self._no = no[0] if no else 1 - self._yes if len(names) == 2 else None
        self._pairs = Premises(self.head, cut=options.allow_truncation)
        self._templates: dict[str, dict[str, str]] = {}

    @cached_property
    def info(self) -> ModelInfo:
        """The model's identity."""
        against = "all outputs" if self._no is None else f"'{self.head.outputs[self._no]}'"
        return hub_identity(
            self._source,
            "entail",
            reads=TEXT_FIELDS,
            probabilities=True,
            together=self.head.group,
            settings={
                **self.head.settings,
                "hypothesis": "the task's, in the language of the text or else in English, with "
                "the label's name in that language",
                "single_label_score": "softmax over the labels of the entailment logits",
                "multi_label_score": f"softmax of the entailment logit and that of {against}",
                "multi_label_rule": likely_rule(self._options.threshold),
                "large_spaces": f"more than {MOST_LABELS} labels are gone down by the task's tree, "
                "with definitions for names; the score is the sum of log-softmaxes over the "
                "children's entailment logits, of which the rule takes the exponential",
                "beam": self._options.beam,
            },
        )

    @property
    def record(self) -> dict[str, Any]:
        """What is only known after loading and asking, as plain JSON; empty before.

        "hypotheses" holds the sentences that were used, by task and language.
        """
        known = self.head.record
        if not known:
            return {}
        return {
            **known,
            **self._pairs.record,
            "hypotheses": {name: dict(each) for name, each in self._templates.items()},
        }

    def obstacle(self, task: Task, labels: LabelSpace) -> str | None:
        """Large label spaces without a tree would take days."""
        if len(labels) <= MOST_LABELS or task.tree is not None:
            return None
        return f"entail asks about every label; {len(labels)} labels without a tree are too many."

    def predict(
        self, task: Task, labels: LabelSpace, items: Sequence[Item]
    ) -> Iterator[Prediction]:
        """The labels that follow, with the scores of all that were asked about; items in order.

        A report that does not fit beside the longest hypothesis has failed, unless its middle may
        be cut out; it is cut for all labels alike, and hypotheses never are.
        """
        known: dict[str, Hypotheses] = {}
        for language in sorted({item.text_language for item in items}):
            known[language] = self._hypotheses(task, labels, language)
        for start in range(0, len(items), self.head.group):
            group = items[start : start + self.head.group]
            yield from self._group(task, labels, known, group)

    def _hypotheses(self, task: Task, labels: LabelSpace, language: str) -> Hypotheses:
        template = hypothesis(task, language)
        self._templates.setdefault(task.name, {})[language] = template
        if task.tree is None or not _large(task, labels):
            names = {label.id: label.name_in(language) for label in labels.labels}
        else:
            tree = task.tree()
            nodes = chain(tree.top, *tree.children.values())
            names = {label.id: label.definition or label.id for label in nodes}
        texts = {label: template.replace("{label}", name) for label, name in names.items()}
        return self._pairs.hypotheses(texts)

    def _group(
        self,
        task: Task,
        labels: LabelSpace,
        known: dict[str, Hypotheses],
        items: Sequence[Item],
    ) -> Iterator[Prediction]:
        began = time.perf_counter()
        rows, premises = self._pairs.fitting(known, items)
        if _large(task, labels):
            scores, chances = self._descended(task, premises)
        else:
            scores = chances = self._all(task, labels, premises)
        seconds = (time.perf_counter() - began) / (sum(each.tokens for each in premises) or 1)
        answers = zip(premises, scores, chances, strict=True)
        for i, item in enumerate(items):
            if not rows.ids[i]:
                yield without_row(item.report_id, rows.notes.get(i))
                continue
            premise, found, probabilities = next(answers)
            yield Prediction(
                item.report_id,
                likely(probabilities, task.kind, self._options.threshold),
                found,
                tokens_in=premise.tokens,
                seconds=seconds * premise.tokens,
                truncated_input=i in rows.shortened,
            )

    def _all(
        self, task: Task, labels: LabelSpace, premises: Sequence[Premise]
    ) -> list[dict[str, float]]:
        """Probability of every label, of every report."""
        pairs = [(premise, label) for premise in premises for label in labels.ids]
        logits = self._pairs.logits(pairs).view(len(premises), len(labels), len(self.head.outputs))
        if task.kind != "multi-label":
            chances = logits[..., self._yes].softmax(-1)
        elif self._no is None:
            chances = logits.softmax(-1)[..., self._yes]
        else:
            chances = logits[..., [self._no, self._yes]].softmax(-1)[..., 1]
        return [dict(zip(labels.ids, row, strict=True)) for row in chances.tolist()]

    def _descended(
        self, task: Task, premises: Sequence[Premise]
    ) -> tuple[list[dict[str, float]], list[dict[str, float]]]:
        """Scores of the labels that the beam reaches, and probabilities, of every report.

        In single-label tasks both are the probabilities among the labels that were reached.
        """
        tree = task.tree() if task.tree else LabelTree((), {})

        def score(questions: Sequence[Question]) -> list[list[float]]:
            pairs = [(premises[item], child.id) for item, below in questions for child in below]
            yes = self._pairs.logits(pairs)[:, self._yes]
            ends = list(accumulate(len(each.children) for each in questions))
            parts = zip([0, *ends], ends, strict=False)
            return [yes[start:end].log_softmax(0).tolist() for start, end in parts]

        scores = descend(tree, len(premises), self._options.beam, score)
        chances = [{label: exp(log) for label, log in found.items()} for found in scores]
        if task.kind == "multi-label":
            return scores, chances
        sums = [sum(found.values()) for found in chances]
        among = [
            {label: chance / total for label, chance in found.items()}
            for found, total in zip(chances, sums, strict=True)
        ]
        return among, among


def _large(task: Task, labels: LabelSpace) -> bool:
    """Whether labels are too many to be all asked about."""
    return task.tree is not None and len(labels) > MOST_LABELS
