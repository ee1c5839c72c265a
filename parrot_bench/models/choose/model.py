"""Method "choose": the answer is the label that goes on best with the beginning of a JSON answer.

A language model reads the task's prompt and `{"modality": "`; a label's score is the likelihood of
its identifier and the closing quotation mark from there on. Where a task has too many labels to
score them all, the model goes down the task's tree of labels.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from parrot_bench.errors import ParrotError
from parrot_bench.models import label_descent
from parrot_bench.models.base import TEXT_FIELDS, ModelInfo
from parrot_bench.models.choose.causal_scorer import TreeScorer
from parrot_bench.models.choose.label_scores import LabelScores, log_softmax, measure
from parrot_bench.models.choose.questions import Asked, LabelQuestion, LabelQuestions, family_of
from parrot_bench.models.choose.seq2seq_scorer import RowScorer, decoder_start
from parrot_bench.models.hub.device import device_of, loading_settings
from parrot_bench.models.hub.identity import hub_identity
from parrot_bench.models.hub.source import Source
from parrot_bench.models.network.batching import TokenBudget, group_size, prefill_budget
from parrot_bench.models.network.chat import brings_chat_template
from parrot_bench.models.network.loaded import Loaded, load
from parrot_bench.models.network.truncation import RULE, does_not_fit, fit
from parrot_bench.models.options import ModelOptions
from parrot_bench.reading.decision import MOST_LABELS, decide
from parrot_bench.task.card import Task
from parrot_bench.task.examples import Prompting, with_text
from parrot_bench.task.item import Item, Prediction
from parrot_bench.task.labels import LabelSpace, LabelTree

LANGUAGE_HEADS = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")
"""Ends of the class names of networks that predict the next token."""
MOST_CHOICES = 200
"""Most labels that are scored one by one."""
MARGIN = math.log(2)
"""Multi-label: a further label is at least half as likely as the best, by the score's measure."""
FIRST_TOKENS = 32


class Engine(NamedTuple):
    """What is there once the network is loaded."""

    scorer: TreeScorer | RowScorer
    questions: LabelQuestions
    scores: LabelScores
    budget: TokenBudget


class Readable(NamedTuple):
    """An item that fits into the context, maybe cut, and the tokens that it takes."""

    item: Item
    question: LabelQuestion
    cut: bool


class ChoiceModel:
    """A model of method "choose"; its weights are loaded when it is first asked."""

    def __init__(self, source: Source, options: ModelOptions) -> None:
        """Keep what will be loaded.

        Raises:
            ParrotError: If the network has no head that predicts tokens.
        """
        paired = bool(source.config.get("is_encoder_decoder"))
        if not source.architecture.endswith(LANGUAGE_HEADS):
            kind = "encoder-decoder that writes" if paired else "causal language model"
            raise ParrotError(
                f"Model '{source.spec}' is no {kind} "
                f"({source.architecture or 'no architecture named'}): use --method embed."
            )
        self._source, self._options, self._paired = source, options, paired
        self._prompting = Prompting(options.shots, options.seed)
        self._first: list[int] = []

    @cached_property
    def info(self) -> ModelInfo:
        """The model's identity."""
        source, options = self._source, self._options
        config = source.config
        context = config.get("max_position_embeddings") or config.get("n_positions")
        return hub_identity(
            source,
            "choose",
            reads=TEXT_FIELDS,
            together=group_size(device_of(options)),
            settings={
                **loading_settings(source, options),
                **self._prompting.settings,
                "chat_template": options.chat_template and brings_chat_template(source.transformer),
                "context": context,
                "cutting": RULE if options.allow_truncation else "none",
                **measure(options),
                "multi_label_rule": (
                    f"score at most log 2 below the best, at most {MOST_LABELS} labels"
                ),
                "tree_above": MOST_CHOICES,
                "tree_rule": (
                    "sum of log-probabilities along the path, softmax of the scores of the "
                    "children of a node; examples show the task's plain question"
                ),
                "beam": options.beam,
            },
        )

    def obstacle(self, task: Task, labels: LabelSpace) -> str | None:
        """Large label spaces without a tree would take hours."""
        if len(labels) <= MOST_CHOICES or task.tree is not None:
            return None
        return f"choose scores every label; {len(labels)} labels are too many: use embed."

    @property
    def record(self) -> dict[str, Any]:
        """What is known once the model was asked, as plain JSON without report text.

        The first tokens are those before the report, at most `FIRST_TOKENS`, of the first prompt.
        """
        if "_engine" not in self.__dict__:
            return {}
        budget = self._engine.budget
        return {
            "scoring": self._engine.scorer.how,
            **self._loaded.facts,
            "max_tokens": self._loaded.max_tokens,
            "batch_tokens": budget.tokens,
            "halvings": budget.halvings,
            "first_token_ids": self._first,
            "examples": self._prompting.record,
        }

    @cached_property
    def _loaded(self) -> Loaded:
        return load(self._source, "seq2seq" if self._paired else "causal", self._options)

    @cached_property
    def _engine(self) -> Engine:
        loaded, options, name = self._loaded, self._options, self._source.spec
        budget = prefill_budget(loaded.device.partition(":")[0], options.batch_tokens)
        start = decoder_start(loaded.network, name) if self._paired else None
        scorer = (RowScorer if self._paired else TreeScorer)(loaded, budget, name)
        questions = LabelQuestions(
            loaded.tokenizer, self._prompting, chat=options.chat_template, start=start
        )
        return Engine(scorer, questions, LabelScores(options, scorer, questions), budget)

    def predict(
        self, task: Task, labels: LabelSpace, items: Sequence[Item]
    ) -> Iterator[Prediction]:
        """The best labels, with the score of every label that was scored; items in order.

        Tokens are those of the prompts; what prompts share is counted for each item.

        Raises:
            ParrotError: If the model cannot be loaded, or its labels cannot be scored.
        """
        size = self.info.together
        for start in range(0, len(items), size):
            yield from self._group(task, labels, items[start : start + size])

    def _group(self, task: Task, labels: LabelSpace, items: Sequence[Item]) -> Iterator[Prediction]:
        began = time.perf_counter()
        down = len(labels) > MOST_CHOICES
        asked = [item for item in items if item.text.strip()]
        if asked and not self._first:
            nodes = task.tree().top if down and task.tree else ()
            first = self._engine.questions.shared(task, labels, Asked(asked[0], nodes))
            self._first = list(first[:FIRST_TOKENS])
        ready = self._readable(task, labels, asked, down)
        fitting = [each for each in ready if isinstance(each, Readable)]
        answer = self._go_down if down else self._score_all
        found = iter(answer(task, labels, fitting))
        whole = sum(len(each.question.tokens) for each in fitting) or 1
        seconds = (time.perf_counter() - began) / whole
        waiting = iter(ready)
        for item in items:
            if not item.text.strip():
                yield Prediction(item.report_id, (), status="empty")
                continue
            each = next(waiting)
            if isinstance(each, str):
                yield Prediction(item.report_id, (), status="failed", note=each)
                continue
            scores, tokens = next(found)
            yield Prediction(
                item.report_id,
                decide(scores, task.kind, MARGIN),
                scores,
                tokens_in=tokens,
                seconds=seconds * len(each.question.tokens),
                truncated_input=each.cut,
            )

    def _readable(
        self, task: Task, labels: LabelSpace, items: Sequence[Item], down: bool
    ) -> list[Readable | str]:
        """Items that fit, cut if that is allowed, or else why they do not."""
        questions, most = self._engine.questions, self._loaded.max_tokens

        def write(some: Sequence[Item]) -> list[LabelQuestion]:
            if down:
                return questions.before_nodes(task, labels, some)
            return questions.write(task, labels, [Asked(item) for item in some])

        def needs(item: Item, question: LabelQuestion) -> int:
            if down:
                return len(question.tokens) + questions.longest_after(task, labels, item)
            return question.needs

        def ready(item: Item, question: LabelQuestion) -> Readable | str:
            needed = needs(item, question)
            if not question.tokens:
                return "The prompt holds no token for a label to follow."
            if most is None or needed <= most:
                return Readable(item, question, False)
            text = None
            if self._options.allow_truncation:

                def tokens(text: str) -> int:
                    short = with_text(item, text)
                    return needs(short, write([short])[0])

                text = fit(item.text, tokens, most)
            if text is None:
                return does_not_fit(most, cut=self._options.allow_truncation)
            short = with_text(item, text)
            return Readable(short, write([short])[0], True)

        return [ready(*each) for each in zip(items, write(items), strict=True)]

    def _score_all(
        self, task: Task, labels: LabelSpace, ready: Sequence[Readable]
    ) -> list[tuple[dict[str, float], int]]:
        """Scores of all labels of every item, and the tokens that it took."""
        asked = [Asked(each.item) for each in ready]
        written = [each.question for each in ready]
        likely = self._engine.scorer.score(written)
        values = self._engine.scores.of(task, labels, asked, written, likely)
        return [
            (dict(zip(labels.ids, each, strict=True)), len(question.tokens) + len(question.trie))
            for question, each in zip(written, values, strict=True)
        ]

    def _go_down(
        self, task: Task, labels: LabelSpace, ready: Sequence[Readable]
    ) -> list[tuple[dict[str, float], int]]:
        """Scores of the labels that every item's beam reaches, and the tokens that it took."""
        scorer, questions, scores, budget = self._engine
        tree = task.tree() if task.tree else LabelTree(labels.labels, {})
        taken = [len(each.question.tokens) for each in ready]

        def answer(batch: list[int]) -> list[dict[str, float]]:
            begun = [ready[at].question for at in batch]
            after = scorer.after(begun)

            def score(nodes: Sequence[label_descent.Question]) -> list[list[float]]:
                asked = [Asked(ready[batch[each.item]].item, each.children) for each in nodes]
                written = questions.write(task, labels, asked)
                likely = after([(n.item, q) for n, q in zip(nodes, written, strict=True)])
                for each, question in zip(nodes, written, strict=True):
                    added = len(question.tokens) - len(begun[each.item].tokens)
                    taken[batch[each.item]] += added + len(question.trie)
                values = scores.of(task, labels, asked, written, likely)
                return [log_softmax(each) for each in values]

            return label_descent.descend(tree, len(batch), self._options.beam, score)

        found: list[dict[str, float]] = [{} for _ in ready]
        families = dict.fromkeys(family_of(task, each.item) for each in ready)
        for family in families:
            places = [i for i, each in enumerate(ready) if family_of(task, each.item) == family]
            lengths = [len(ready[at].question.tokens) for at in places]

            def chosen(batch: list[int], places: list[int] = places) -> list[dict[str, float]]:
                return answer([places[at] for at in batch])

            for at, reached in zip(places, budget.run(lengths, chosen), strict=True):
                found[at] = reached
        return list(zip(found, taken, strict=True))
