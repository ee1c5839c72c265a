"""Likelihood of labels after prompts, by a causal language model that reads each prompt once.

What prompts share is read once per run and kept. Prompts are read in batches; then all labels of
all prompts are read in one further pass, as a tree. The last token of a label is only predicted. A
network that takes no masks of trees reads each label in a row of its own instead, after the
prompt's keys and values, and one that keeps a running state instead of these reads the prompt again
with every label.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from parrot_bench.errors import ParrotError
from parrot_bench.models.choose.likelihoods import gather_nodes, sums
from parrot_bench.models.choose.questions import LabelQuestion
from parrot_bench.models.choose.scoring_check import scores_rightly
from parrot_bench.models.network.batching import TokenBudget
from parrot_bench.models.network.forward_pass import logits_at
from parrot_bench.models.network.loaded import Loaded
from parrot_bench.models.token_tree.kept_states import KeptStates
from parrot_bench.models.token_tree.reader import TreeReader
from parrot_bench.models.token_tree.trie import LabelTrie, Tokens

if TYPE_CHECKING:
    from torch import Tensor

How = Literal["tree attention", "expanded cache", "whole rows", "decoder rows"]
SHARED_TOKENS = 16384
"""Tokens of prompts' shared beginnings that are kept, those used last."""


class TreeScorer:
    """Scores labels with a causal language model.

    Attributes:
        how: How labels are read: in one tree, in rows of their own, or with the prompt each.
    """

    how: How

    def __init__(self, loaded: Loaded, budget: TokenBudget, name: str) -> None:
        """Find out what the network can do, on one short text.

        Args:
            loaded: The network.
            budget: Tokens of a batch.
            name: The model's name, for errors.

        Raises:
            ParrotError: If scores come out wrong in every way.
        """
        network = loaded.network
        self._reader = TreeReader(network, partial(logits_at, network), loaded.device)
        self._budget = budget
        self._kept: OrderedDict[Tokens, KeptStates] = OrderedDict()
        self._network, self._device = network, loaded.device
        possible: dict[How, bool] = {
            "tree attention": self._reader.trees,
            "expanded cache": self._reader.possible,
            "whole rows": True,
        }
        for how in (each for each, can in possible.items() if can):
            self.how = how
            if scores_rightly(loaded, self.score):
                self._kept.clear()
                return
        raise cannot_share(name, network)

    def score(self, questions: Sequence[LabelQuestion]) -> list[list[float]]:
        """Log-likelihood of every label of every question.

        Args:
            questions: At least one token stands before the labels of each.

        Returns:
            For each question one number a label, at most 0; sums over the label's tokens.

        Raises:
            torch.OutOfMemoryError: If a single question does not fit into memory.
        """
        if self.how == "whole rows":
            return [self._with_prompt(each) for each in questions]
        found: dict[int, list[float]] = {}
        for places in _alike([each.tokens[: _shared(each)] for each in questions]):
            asked = [questions[at] for at in places]
            first = asked[0].tokens[: _shared(asked[0])]
            before = self._shared_states(first)

            def answer(
                batch: list[int],
                asked: list[LabelQuestion] = asked,
                before: KeptStates | None = before,
                skip: int = len(first),
            ) -> list[list[float]]:
                rows = [asked[at].tokens[skip:] for at in batch]
                tries = [asked[at].trie for at in batch]
                kept = before.rows([0] * len(batch)) if before else None
                return self._labels(rows, kept, tries)

            lengths = [len(each.tokens) + len(each.trie) for each in asked]
            found.update(zip(places, self._budget.run(lengths, answer), strict=True))
        return [found[at] for at in range(len(questions))]

    def after(
        self, begun: Sequence[LabelQuestion]
    ) -> Callable[[Sequence[tuple[int, LabelQuestion]]], list[list[float]]]:
        """Read what the questions about each of some items share, and score those later.

        Args:
            begun: For each item the tokens that its questions begin with.

        Returns:
            Scores (place of the item, question) pairs, as `score` does.
        """
        if self.how != "tree attention":
            return lambda asked: self.score([each for _, each in asked])
        skip = min((_shared(each) for each in begun), default=0)
        first = begun[0].tokens[:skip] if begun else ()
        if any(each.tokens[:skip] != first for each in begun):
            skip, first = 0, ()
        before = self._shared_states(first)
        rows = [each.tokens[skip:] for each in begun]
        _, read = self._reader.read(
            rows, before.rows([0] * len(rows)) if before else None, more=True
        )

        def answer(asked: Sequence[tuple[int, LabelQuestion]]) -> list[list[float]]:
            fit = [
                at
                for at, (item, each) in enumerate(asked)
                if each.tokens[: len(begun[item].tokens)] == begun[item].tokens
            ]
            whole = sorted(set(range(len(asked))) - set(fit))
            found = dict(zip(whole, self.score([asked[at][1] for at in whole]), strict=True))

            def batch(chosen: list[int]) -> list[list[float]]:
                pairs = [asked[fit[at]] for at in chosen]
                tails = [each.tokens[len(begun[item].tokens) :] for item, each in pairs]
                kept = read.rows([item for item, _ in pairs])
                tries = [each.trie for _, each in pairs]
                return self._labels(tails, kept, tries)

            lengths = [len(asked[at][1].tokens) + len(asked[at][1].trie) for at in fit]
            found.update(zip(fit, self._budget.run(lengths, batch), strict=True))
            return [found[at] for at in range(len(asked))]

        return answer

    def _shared_states(self, tokens: Tokens) -> KeptStates | None:
        """States after what several prompts begin with, read once while it is kept."""
        if not tokens:
            return None
        if tokens not in self._kept:
            self._kept[tokens] = self._reader.read([tokens], None, more=True)[1]
        self._kept.move_to_end(tokens)
        while sum(map(len, self._kept)) > SHARED_TOKENS and len(self._kept) > 1:
            self._kept.popitem(last=False)
        return self._kept[tokens]

    def _labels(
        self, rows: Sequence[Tokens], before: KeptStates | None, tries: Sequence[LabelTrie]
    ) -> list[list[float]]:
        """Likelihoods of labels after the rows and what was read before them."""
        import torch

        widest = max(map(len, tries))
        last, read = self._reader.read(rows, before, more=widest > 0)
        if not widest:
            return sums(last, None, [0] * len(tries), tries)
        if self.how == "tree attention":
            nodes = self._reader.tree(read, tries).flatten(0, 1)
            return sums(last, nodes, range(0, len(nodes), widest), tries)
        nodes = torch.cat(
            [self._branches(read.row(at), trie) for at, trie in enumerate(tries) if len(trie)]
        )
        first = [sum(map(len, tries[:at])) for at in range(len(tries))]
        return sums(last, nodes, first, tries)

    def _branches(self, read: KeptStates, trie: LabelTrie) -> Tensor:
        """Logits at the nodes of one trie, each branch in a row of its own."""
        length = int(read.lengths[0])

        def answer(batch: list[int]) -> list[Tensor]:
            rows = [tuple(trie.tokens[node] for node in trie.branches[at]) for at in batch]
            return list(self._reader.branches(read, rows))

        found = self._budget.run([length + len(each) for each in trie.branches], answer)
        return gather_nodes(found, trie)

    def _with_prompt(self, question: LabelQuestion) -> list[float]:
        """Likelihoods of labels, each branch of which is read after the whole prompt."""
        import torch

        trie, prompt = question.trie, question.tokens
        branches = trie.branches or ((),)
        rows = [prompt + tuple(trie.tokens[node] for node in branch) for branch in branches]

        def answer(batch: list[int]) -> list[Tensor]:
            width = max(len(rows[at]) for at in batch)
            filled = [rows[at] + rows[at][-1:] * (width - len(rows[at])) for at in batch]
            ids = torch.tensor(filled, device=self._device)
            mask = torch.tensor(
                [[1] * len(rows[at]) + [0] * (width - len(rows[at])) for at in batch],
                device=self._device,
            )
            asked = torch.arange(len(prompt) - 1, width, device=self._device)
            inputs = {"input_ids": ids, "attention_mask": mask, "use_cache": False}
            return list(logits_at(self._network, asked.expand(len(batch), -1), **inputs))

        found = self._budget.run(list(map(len, rows)), answer)
        nodes = gather_nodes([each[1:] for each in found], trie) if len(trie) else None
        return sums(found[0][:1], nodes, [0], [trie])[0]


def cannot_share(name: str, network: Any) -> ParrotError:
    """Error for a network whose keys and values cannot be continued in several ways."""
    return ParrotError(
        f"Model '{name}' ({type(network).__name__}) keeps no attention cache that labels can "
        "share, so choose cannot score with it: use --method generate."
    )


def _shared(question: LabelQuestion) -> int:
    """Leading tokens to take from what is kept: at least one is read, to predict the labels."""
    return min(question.shared, len(question.tokens) - 1)


def _alike(keys: Sequence[Tokens]) -> list[list[int]]:
    """Places of equal keys, by first appearance."""
    found: dict[Tokens, list[int]] = {}
    for at, key in enumerate(keys):
        found.setdefault(key, []).append(at)
    return list(found.values())
