"""Reports as premises: which ones fit beside the hypotheses, and the logits of pairs of both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from parrot_bench.models.classify.head import ClassificationHead
from parrot_bench.models.entail.pairs import PairForm, pair_form, plain_ids
from parrot_bench.models.entail.shared_premise import PremiseReader, premise_reader
from parrot_bench.models.network.token_rows import Row, Rows, least, read
from parrot_bench.models.token_tree.trie import LabelTrie, Tokens
from parrot_bench.task.item import Item

if TYPE_CHECKING:
    from torch import Tensor


class Hypotheses(NamedTuple):
    """The hypotheses of a task in one language.

    Attributes:
        texts: Hypothesis of each label or node, by its identifier.
        ids: Token ids of each, without special tokens.
        longest: Identifier of the one with most tokens.
    """

    texts: dict[str, str]
    ids: dict[str, Row]
    longest: str


@dataclass(slots=True)
class Premise:
    """A report that can be asked about.

    Attributes:
        text: Its text, shortened where it did not fit.
        ids: Its token ids without special tokens.
        hypotheses: Those in the language of the text.
        tokens: Tokens that were read for it so far.
    """

    text: str
    ids: Row
    hypotheses: Hypotheses
    tokens: int = 0


Pair = tuple[Premise, str]
"""A report, and the identifier of a label or node."""


class Premises:
    """Reads reports and hypotheses with an inference model."""

    def __init__(self, head: ClassificationHead, *, cut: bool) -> None:
        """Use a network.

        Args:
            head: What makes the logits; loaded with the first pair.
            cut: Whether the middle of a report that does not fit is cut out.
        """
        self._head, self._cut = head, cut

    @property
    def record(self) -> dict[str, Any]:
        """How pairs are read, once the network is loaded, as plain JSON."""
        return {
            "pairs": "put together from ids" if self._form else "tokenised as pairs",
            "premises": "read once" if self._reader else "read with every hypothesis",
        }

    @cached_property
    def _form(self) -> PairForm | None:
        return pair_form(self._head.loaded.tokenizer)

    @cached_property
    def _reader(self) -> PremiseReader | None:
        if self._form is None or self._form.types:
            return None
        return premise_reader(self._head.loaded, self._head.budget)

    def hypotheses(self, texts: dict[str, str]) -> Hypotheses:
        """Hypotheses from their texts by the identifier of a label or node."""
        ids = plain_ids(self._head.loaded.tokenizer, list(texts.values()))
        by_label = dict(zip(texts, ids, strict=True))
        return Hypotheses(texts, by_label, max(by_label, key=lambda label: len(by_label[label])))

    def fitting(
        self, known: Mapping[str, Hypotheses], items: Sequence[Item]
    ) -> tuple[Rows, list[Premise]]:
        """The reports beside the longest hypothesis of their language, and those that fit."""
        form, most = self._form, least(self._head.loaded.max_tokens)
        ids: list[Row] = [[] for _ in items]
        notes: dict[int, str] = {}
        shortened: set[int] = set()
        found: dict[int, Premise] = {}
        for language in sorted({item.text_language for item in items}):
            hypotheses = known[language]
            places = [i for i, item in enumerate(items) if item.text_language == language]
            texts = [items[i].text for i in places]
            rows = read(texts, self._beside(hypotheses), most, cut=self._cut)
            longest = len(hypotheses.ids[hypotheses.longest])
            for at, i in enumerate(places):
                ids[i] = rows.ids[at]
                if at in rows.notes:
                    notes[i] = rows.notes[at]
                if at in rows.shortened:
                    shortened.add(i)
                if ids[i]:
                    alone = form.first(ids[i], longest) if form else []
                    found[i] = Premise(rows.texts[at], alone, hypotheses)
        return Rows(ids, notes, frozenset(shortened)), [found[i] for i in sorted(found)]

    def _beside(self, hypotheses: Hypotheses) -> Callable[[list[str]], list[Row]]:
        """Tokenises texts as pairs with the longest hypothesis."""
        form, tokenizer = self._form, self._head.loaded.tokenizer
        text, row = hypotheses.texts[hypotheses.longest], hypotheses.ids[hypotheses.longest]

        def encode(texts: list[str]) -> list[Row]:
            if form:
                return [form.ids(each, row) for each in plain_ids(tokenizer, texts)]
            pairs: list[Row] = tokenizer(texts, [text] * len(texts), verbose=False)["input_ids"]
            return pairs

        return encode

    def logits(self, pairs: Sequence[Pair]) -> Tensor:
        """Logits of pairs, in float64; shape (n, outputs).

        Tokens that are read are added to those of the premises. Pairs of one premise that follow
        one another cost the least.
        """
        if self._form is None:
            found = self._tokenised(pairs)
        elif self._reader is None:
            found = self._put_together(self._form, pairs)
        else:
            found = self._read_once(self._form, self._reader, pairs)
        return found.double()

    def _tokenised(self, pairs: Sequence[Pair]) -> Tensor:
        first = [premise.text for premise, _ in pairs]
        second = [premise.hypotheses.texts[label] for premise, label in pairs]
        whole = self._head.loaded.tokenizer(first, second, verbose=False) if pairs else {}
        rows: list[Row] = whole.get("input_ids", [])
        kinds = whole.get("token_type_ids")
        lengths = [len(row) for row in rows]
        for (premise, _), length in zip(pairs, lengths, strict=True):
            premise.tokens += length
        return self._head.logits(lengths, rows.__getitem__, kinds and kinds.__getitem__)

    def _put_together(self, form: PairForm, pairs: Sequence[Pair]) -> Tensor:
        other = [premise.hypotheses.ids[label] for premise, label in pairs]
        lengths = [
            form.added + len(premise.ids) + len(each)
            for (premise, _), each in zip(pairs, other, strict=True)
        ]
        for (premise, _), length in zip(pairs, lengths, strict=True):
            premise.tokens += length
        return self._head.logits(
            lengths,
            lambda i: form.ids(pairs[i][0].ids, other[i]),
            (lambda i: form.kinds(len(pairs[i][0].ids), len(other[i]))) if form.types else None,
        )

    def _read_once(self, form: PairForm, reader: PremiseReader, pairs: Sequence[Pair]) -> Tensor:
        before, between, after = form.pieces
        rows: list[Tokens] = []
        tries: list[LabelTrie] = []
        for _, group in groupby(pairs, key=lambda pair: id(pair[0])):
            asked = list(group)
            premise = asked[0][0]
            rows.append((*before, *premise.ids, *between))
            tries.append(
                reader.trie([(*premise.hypotheses.ids[label], *after) for _, label in asked])
            )
            premise.tokens += len(rows[-1]) + len(tries[-1])
        return reader.logits(rows, tries)
