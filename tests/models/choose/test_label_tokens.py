"""Tokens of labels are those of prompt and label together, however the boundary falls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from parrot_bench.models.choose.label_tokens import LONGEST_TAIL, LabelTokens, tail_of
from parrot_bench.models.network.chat import encode
from parrot_bench.models.token_tree.trie import ROOT, LabelTrie, grow

ENDINGS = ('chest"', 'chest wall"', 'knee"', ' head"', "-", "s of the chest")
PROMPTS = (
    'Report:\nCT of the chest.\n{"region": "',
    'Report:\nMRI of the head.\n{"region": "',
    "Report: CT of the che",
    "Name the region of the body. The labels are: ch",
    "Antwort:\n",
    "x",
)


def rows_of(trie: LabelTrie) -> list[list[int]]:
    """Every label's scored tokens with those above them."""
    found = []
    for path in trie.paths:
        node, token = trie.targets[path[-1]]
        above = [token]
        while node != ROOT:
            above.append(trie.tokens[node])
            node = trie.parents[node]
        found.append(above[::-1])
    return found


@pytest.mark.parametrize("shape", ["gpt2_folder", "llama_folder", "gemma_folder", "t5_folder"])
def test_tokens_are_those_of_the_whole_text(shape: str, request: pytest.FixtureRequest) -> None:
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(request.getfixturevalue(shape))
    labels = LabelTokens(tokenizer)
    for _ in range(2):  # the second time, what was learnt of the tails is used
        read = labels.read(PROMPTS, [ENDINGS] * len(PROMPTS))
        for prompt, (head, trie) in zip(PROMPTS, read, strict=True):
            whole = encode(tokenizer, [prompt + ending for ending in ENDINGS])
            assert [[*head, *row] for row in rows_of(trie)] == whole


def test_boundary_that_merges_is_scored_from_the_merged_token_on(gpt2_folder: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(gpt2_folder)
    prompt, endings = "CT of the che", ("st", "st.", "ck")
    ((head, trie),) = LabelTokens(tokenizer).read([prompt], [endings])
    bare, *whole = encode(tokenizer, [prompt, *(prompt + ending for ending in endings)])
    assert whole[0][: len(bare)] != bare, "the tokenizer was expected to merge here"
    assert len(head) < len(bare)
    assert tokenizer.decode([*head, *rows_of(trie)[1]]) == "CT of the chest."


def test_only_the_tail_is_tokenised_again(
    gpt2_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import AutoTokenizer

    from parrot_bench.models.choose import label_tokens

    tokenizer: Any = AutoTokenizer.from_pretrained(gpt2_folder)
    counted: list[int] = []

    def count(own: Any, texts: Any) -> Any:
        counted.append(len(texts))
        return encode(own, texts)

    monkeypatch.setattr(label_tokens, "encode", count)
    labels, prompts = LabelTokens(tokenizer), PROMPTS[:2] * 5
    labels.read(prompts, [ENDINGS[:3]] * len(prompts))
    assert counted == [10, 3]  # all prompts, and one verification of their common tail


def test_tails_begin_at_the_last_line_break() -> None:
    assert tail_of("a\nb\nc") == "\nc"
    assert tail_of("x" * 500) == "x" * LONGEST_TAIL


def test_a_trie_reads_what_labels_share_once() -> None:
    trie = grow(((1, 2, 3), (1, 2, 4), (1,), (5, 6), (1, 2)), (0, 0, 0, 1, 0))
    # Read: 1, then 2 below it, and 5; the last token of every label is only predicted.
    assert trie.tokens == (1, 2, 5)
    assert trie.parents == (ROOT, 0, ROOT)
    assert trie.depths == (0, 1, 0)
    scored = [[trie.targets[at] for at in path] for path in trie.paths]
    assert scored == [
        [(ROOT, 1), (0, 2), (1, 3)],
        [(ROOT, 1), (0, 2), (1, 4)],
        [(ROOT, 1)],
        [(2, 6)],
        [(ROOT, 1), (0, 2)],
    ]
    assert trie.branches == ((0, 1), (2,))
    assert trie.longest == 3
