"""Logits of many hypotheses after one premise, by a classifier that reads left to right.

Such a classifier (GPT-2, Llama, Qwen, Gemma and the like) answers by its state at the last token,
and what it makes of the premise does not depend on what follows. So the premise is read once, and
all hypotheses after it in one further pass, as a tree of tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from parrot_bench.models.choose.scoring_check import HALF_TOLERANCE, TOLERANCE
from parrot_bench.models.network.batching import TokenBudget
from parrot_bench.models.network.forward_pass import states_at
from parrot_bench.models.network.loaded import Loaded
from parrot_bench.models.token_tree.reader import TreeReader
from parrot_bench.models.token_tree.trie import LabelTrie, Tokens, grow

if TYPE_CHECKING:
    from torch import Tensor

END = -1
"""Stands after every hypothesis in its trie, whose last tokens are predicted and never read."""


class PremiseReader:
    """Reads premises once.

    Attributes:
        possible: Whether the network takes what this needs.
    """

    def __init__(self, loaded: Loaded, budget: TokenBudget) -> None:
        """Use a classifier; `premise_reader` says whether that works."""
        self._network, self._budget = loaded.network, budget
        self._reader = TreeReader(loaded.network.base_model, self._outputs, loaded.device)
        self._padding = loaded.network.config.get_text_config().pad_token_id
        self.possible = self._reader.trees

    def _outputs(self, at: Tensor, **inputs: Any) -> Tensor:
        found: Tensor = self._network.score(states_at(self._network.base_model, at, **inputs))
        return found

    def logits(self, premises: Sequence[Tokens], tries: Sequence[LabelTrie]) -> Tensor:
        """Logits of every hypothesis after its premise.

        Args:
            premises: At least one token each, what stands between the texts of a pair included.
            tries: What may follow each premise, as `trie` makes it.

        Returns:
            Those of each premise in turn, on the CPU in float32; shape (hypotheses, outputs).

        Raises:
            torch.OutOfMemoryError: If a single premise does not fit into memory.
        """
        import torch

        def answer(batch: list[int]) -> list[Tensor]:
            with torch.inference_mode():
                _, read = self._reader.read([premises[i] for i in batch], None, more=True)
                nodes = self._reader.tree(read, [tries[i] for i in batch]).float().cpu()
            return [row[_ends(tries[i])] for row, i in zip(nodes, batch, strict=True)]

        lengths = [len(one) + len(trie) for one, trie in zip(premises, tries, strict=True)]
        found = self._budget.run(lengths, answer)
        return torch.cat(found) if found else torch.empty(0, self._network.config.num_labels)

    def trie(self, hypotheses: Sequence[Tokens]) -> LabelTrie:
        """Hypotheses as a trie; transformers answers by the last token that pads nothing."""
        rows = [_without_padding(row, self._padding) for row in hypotheses]
        return grow(tuple((*row, END) for row in rows), tuple(map(len, rows)))


def premise_reader(loaded: Loaded, budget: TokenBudget) -> PremiseReader | None:
    """A reader for a classifier; None where logits would not be those of whole pairs.

    Args:
        loaded: A network with a classification head.
        budget: Tokens of a batch.
    """
    import torch

    network = loaded.network
    if network.config.is_encoder_decoder or not hasattr(network, "score"):
        return None
    reader = PremiseReader(loaded, budget)
    if not reader.possible:
        return None
    # Premises of two lengths, hypotheses that branch, none of which is padding.
    known = [i for i in range(64) if i != reader._padding]
    premises = (tuple(known[:24]), tuple(known[8:20]))
    hypotheses = [tuple(known[a:b]) for a, b in ((30, 36), (30, 33), (40, 44))]
    hypotheses.append((*hypotheses[1], *hypotheses[2]))
    try:
        found = reader.logits(premises, [reader.trie(hypotheses)] * len(premises))
    except torch.OutOfMemoryError:
        raise
    except Exception:  # whatever a network raises that does not take such masks or caches
        return None
    most = TOLERANCE.get(loaded.dtype, HALF_TOLERANCE)
    whole = []
    for row in (one + other for one in premises for other in hypotheses):
        with torch.inference_mode():
            ids = torch.tensor([row], device=loaded.device)
            whole.append(network(input_ids=ids, use_cache=False).logits[0].float().cpu())
    plain = torch.stack(whole)
    same = torch.allclose(found, plain, rtol=0, atol=most * max(1, float(plain.abs().max())))
    return reader if same else None


def _ends(trie: LabelTrie) -> list[int]:
    """Node of the last token of every hypothesis."""
    return [trie.targets[path[0]][0] for path in trie.paths]


def _without_padding(row: Tokens, padding: int | None) -> Tokens:
    last = max((i for i, token in enumerate(row) if token != padding), default=len(row) - 1)
    return row[: last + 1]
