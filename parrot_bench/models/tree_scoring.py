"""Likelihood of labels after prompts, by a causal language model that reads each prompt once.

What prompts share is read once per run and kept. Prompts are read in batches, padded on the right,
where causal attention never looks; then all labels of all prompts are read in one further pass, as
a tree: a token attends to the prompt and to the tokens above it. The last token of a label is only
predicted. A network that takes no such masks reads each label in a row of its own instead, after
the prompt's keys and values.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from parrot_bench.errors import ParrotError
from parrot_bench.models.attention_masks import AttentionMasks
from parrot_bench.models.batching import TokenBudget
from parrot_bench.models.forward_pass import accepted_names, cache_name, logits_at
from parrot_bench.models.kept_states import KeptStates, as_cache, layers_of
from parrot_bench.models.label_likelihoods import gather_nodes, sums
from parrot_bench.models.label_questions import LabelQuestion
from parrot_bench.models.label_trie import ROOT, LabelTrie, Tokens
from parrot_bench.models.network import Loaded
from parrot_bench.models.scoring_check import scores_rightly

if TYPE_CHECKING:
    from torch import Tensor

How = Literal["tree attention", "expanded cache", "decoder rows"]
SHARED_TOKENS = 16384
"""Tokens of prompts' shared beginnings that are kept, those used last."""


class TreeScorer:
    """Scores labels with a causal language model.

    Attributes:
        how: How labels are read: in one tree, or in rows of their own.
    """

    how: How

    def __init__(self, loaded: Loaded, budget: TokenBudget, name: str) -> None:
        """Find out what the network can do, on one short text.

        Args:
            loaded: The network.
            budget: Tokens of a batch.
            name: The model's name, for errors.

        Raises:
            ParrotError: If its cache holds anything but keys and values, or scores come out wrong.
        """
        self._loaded = loaded
        self._network = loaded.network
        self._budget = budget
        self._cache = cache_name(loaded.network)
        self._positioned = "position_ids" in accepted_names(loaded.network)
        self._kept: OrderedDict[Tokens, KeptStates] = OrderedDict()
        if not self._cache or not keeps_keys(self._network.config):
            raise cannot_share(name, self._network)
        self._masks = AttentionMasks(self._network)
        for how in ("tree attention", "expanded cache"):
            self.how = how
            if how == "tree attention" and not self._masks.possible:
                continue
            if scores_rightly(loaded, self.score):
                self._kept.clear()
                return
        raise cannot_share(name, self._network)

    def score(self, questions: Sequence[LabelQuestion]) -> list[list[float]]:
        """Log-likelihood of every label of every question.

        Args:
            questions: At least one token stands before the labels of each.

        Returns:
            For each question one number a label, at most 0; sums over the label's tokens.

        Raises:
            torch.OutOfMemoryError: If a single question does not fit into memory.
        """
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
                return self._labels(*self._read(rows, kept, more=any(map(len, tries))), tries)

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
        _, read = self._read(rows, before.rows([0] * len(rows)) if before else None, more=True)

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
                return self._labels(*self._read(tails, kept, more=any(map(len, tries))), tries)

            lengths = [len(asked[at][1].tokens) + len(asked[at][1].trie) for at in fit]
            found.update(zip(fit, self._budget.run(lengths, batch), strict=True))
            return [found[at] for at in range(len(asked))]

        return answer

    def _shared_states(self, tokens: Tokens) -> KeptStates | None:
        """States after what several prompts begin with, read once while it is kept."""
        if not tokens:
            return None
        if tokens not in self._kept:
            self._kept[tokens] = self._read([tokens], None, more=True)[1]
        self._kept.move_to_end(tokens)
        while sum(map(len, self._kept)) > SHARED_TOKENS and len(self._kept) > 1:
            self._kept.popitem(last=False)
        return self._kept[tokens]

    def _read(
        self, rows: Sequence[Tokens], before: KeptStates | None, *, more: bool
    ) -> tuple[Tensor, KeptStates]:
        """Logits after the last token of every row, and the states if `more` follows."""
        import torch

        width = max(map(len, rows))
        device = self._loaded.device
        # Padding repeats the last token: a padding token would earn a warning about masks.
        ids = torch.tensor([row + row[-1:] * (width - len(row)) for row in rows], device=device)
        lengths = torch.tensor([len(row) for row in rows], device=device)
        steps = torch.arange(width, device=device)
        positions = steps.expand(len(rows), -1)
        if before is not None:
            positions = positions + before.lengths[:, None]
        real = steps < lengths[:, None]
        if before is None or bool(before.real.all()):
            seen = width + (0 if before is None else before.real.shape[1])
            mask: Any = torch.ones(len(rows), seen, dtype=torch.long, device=device)
        else:
            tree = torch.ones(width, width, dtype=torch.bool, device=device).tril()
            mask = self._masks.build(before, positions, tree.expand(len(rows), -1, -1))
        logits, states = self._forward(ids, lengths[:, None] - 1, positions, mask, before, more)
        if before is not None:
            positions = torch.cat([before.positions, positions], -1)
            real = torch.cat([before.real, real], -1)
        return logits[:, 0], KeptStates(states, positions, real)

    def _forward(
        self,
        ids: Tensor,
        at: Tensor,
        positions: Tensor,
        mask: Any,
        before: KeptStates | None,
        more: bool,
    ) -> tuple[Tensor, Any]:
        cache = as_cache(before.layers if before is not None else ())
        inputs = {"input_ids": ids, "attention_mask": mask, "use_cache": False}
        if more or before is not None:
            inputs |= {self._cache: cache, "use_cache": True}
        if self._positioned:
            inputs["position_ids"] = positions
        logits = logits_at(self._network, at, **inputs)
        return logits, layers_of(cache) if more else ()

    def _labels(
        self, last: Tensor, read: KeptStates, tries: Sequence[LabelTrie]
    ) -> list[list[float]]:
        """Likelihoods of the labels from the logits and states after their prompts."""
        import torch

        widest = max(map(len, tries))
        if not widest:
            return sums(last, None, [0] * len(tries), tries)
        if self.how == "tree attention":
            nodes = self._tree(read, tries).flatten(0, 1)
            return sums(last, nodes, range(0, len(nodes), widest), tries)
        rows = [self._rows(read.row(at), trie) for at, trie in enumerate(tries) if len(trie)]
        first = [sum(map(len, tries[:at])) for at in range(len(tries))]
        return sums(last, torch.cat(rows), first, tries)

    def _tree(self, read: KeptStates, tries: Sequence[LabelTrie]) -> Tensor:
        """Logits at the nodes of every trie, (tries, nodes, vocabulary), all read in one pass."""
        import torch

        width = max(map(len, tries))
        device = self._loaded.device
        ids = torch.zeros(len(tries), width, dtype=torch.long)
        depths = torch.zeros(len(tries), width, dtype=torch.long)
        sees = torch.eye(width, dtype=torch.bool).repeat(len(tries), 1, 1)
        drawn: dict[int, tuple[Tensor, Tensor, Tensor]] = {}
        for at, trie in enumerate(tries):
            if id(trie) not in drawn:
                drawn[id(trie)] = _drawn(trie)
            size = len(trie)
            ids[at, :size], depths[at, :size], sees[at, :size, :size] = drawn[id(trie)]
        positions = read.lengths[:, None] + depths.to(device)
        mask = self._masks.build(read, positions, sees.to(device))
        every = torch.arange(width, device=device).expand(len(tries), -1)
        return self._forward(ids.to(device), every, positions, mask, read, False)[0]

    def _rows(self, read: KeptStates, trie: LabelTrie) -> Tensor:
        """Logits at the nodes of one trie, each branch in a row of its own."""
        import torch

        length = int(read.lengths[0])

        def answer(batch: list[int]) -> list[Tensor]:
            rows = [tuple(trie.tokens[node] for node in trie.branches[at]) for at in batch]
            width = max(map(len, rows))
            ids = torch.tensor([row + row[-1:] * (width - len(row)) for row in rows])
            ids = ids.to(self._loaded.device)
            every = torch.arange(width, device=ids.device).expand(len(rows), -1)
            mask = torch.ones(len(rows), length + width, dtype=torch.long, device=ids.device)
            kept = read.rows([0] * len(rows))
            logits, _ = self._forward(ids, every, every + length, mask, kept, False)
            return list(logits)

        found = self._budget.run([length + len(each) for each in trie.branches], answer)
        return gather_nodes(found, trie)


def keeps_keys(config: Any) -> bool:
    """Whether every layer's cache holds keys and values, and no running state."""
    from transformers import DynamicCache
    from transformers.cache_utils import DummyLayer, DynamicLayer, DynamicSlidingWindowLayer

    plain = (DummyLayer, DynamicLayer, DynamicSlidingWindowLayer)
    return all(type(layer) in plain for layer in DynamicCache(config=config).layers)


def cannot_share(name: str, network: Any) -> ParrotError:
    """Error for a network whose keys and values cannot be continued in several ways."""
    return ParrotError(
        f"Model '{name}' ({type(network).__name__}) keeps no attention cache that labels can "
        "share, so choose cannot score with it: use another model."
    )


def _drawn(trie: LabelTrie) -> tuple[Tensor, Tensor, Tensor]:
    """Tokens and depths of a trie's nodes, and which of them each one sees."""
    import torch

    sees = torch.eye(len(trie), dtype=torch.bool)
    for node, parent in enumerate(trie.parents):
        if parent != ROOT:
            sees[node] |= sees[parent]
    return torch.tensor(trie.tokens), torch.tensor(trie.depths), sees


def _shared(question: LabelQuestion) -> int:
    """Leading tokens to take from what is kept: at least one is read, to predict the labels."""
    return min(question.shared, len(question.tokens) - 1)


def _alike(keys: Sequence[Tokens]) -> list[list[int]]:
    """Places of equal keys, by first appearance."""
    found: dict[Tokens, list[int]] = {}
    for at, key in enumerate(keys):
        found.setdefault(key, []).append(at)
    return list(found.values())
