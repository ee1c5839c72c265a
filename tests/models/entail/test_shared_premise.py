"""Decoders that infer: the report is read once, and scores are those of whole pairs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from parrot_bench.models.entail import model as entailment
from parrot_bench.models.entail.model import EntailmentModel
from parrot_bench.models.entail.shared_premise import premise_reader
from parrot_bench.models.hub.source import quiet, resolve
from parrot_bench.models.network.batching import TokenBudget
from parrot_bench.models.network.loaded import load
from parrot_bench.models.options import ModelOptions
from parrot_bench.models.token_tree.masks import AttentionMasks
from parrot_bench.models.token_tree.reader import TreeReader
from parrot_bench.task.card import Kind, Task
from parrot_bench.task.item import Item
from parrot_bench.task.labels import Label, LabelSpace, LabelTree
from tests.models.conftest import save_network

Make = Callable[[Kind], Task]
SHAPES = ("gpt2", "llama", "sliding", "gemma")
NLI = ("contradiction", "neutral", "entailment")
OPTIONS = ModelOptions(device="cpu")


def save_decoder(folder: Path, source: Path, **config: Any) -> Path:
    """A decoder's shape and tokenizer, with an inference head."""
    import transformers

    for path in source.iterdir():
        if "token" in path.name:
            shutil.copy(path, folder)
    named = {"id2label": dict(enumerate(NLI)), "label2id": {name: i for i, name in enumerate(NLI)}}
    made = transformers.AutoConfig.from_pretrained(source, **named, **config)
    network: Any = transformers.AutoModelForSequenceClassification
    save_network(folder, network.from_config(made))
    return folder


@pytest.fixture(scope="session")
def decoders(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    return {
        shape: save_decoder(
            tmp_path_factory.mktemp(f"{shape}-nli"), request.getfixturevalue(f"{shape}_folder")
        )
        for shape in SHAPES
    }


def entails(folder: Path, **options: Any) -> EntailmentModel:
    return EntailmentModel(resolve(f"hf:{folder}"), replace(OPTIONS, **options))


def plain(folder: Path, text: str, hypotheses: list[str]) -> Any:
    """Logits of pairs, each in a pass of its own by transformers alone; shape (n, outputs)."""
    import torch
    import transformers

    with quiet(), torch.no_grad():
        tokenizer: Any = transformers.AutoTokenizer.from_pretrained(folder)
        network: Any = transformers.AutoModelForSequenceClassification.from_pretrained(folder)
        network.eval()
        rows = [tokenizer(text, each, return_tensors="pt")["input_ids"] for each in hypotheses]
        return torch.cat([network(input_ids=row).logits for row in rows])


@pytest.mark.parametrize("kind", ["single-label", "multi-label"])
@pytest.mark.parametrize("shape", SHAPES)
def test_scores_are_those_of_plain_passes(
    shape: str,
    kind: Kind,
    decoders: dict[str, Path],
    items: list[Item],
    space: LabelSpace,
    make_task: Make,
) -> None:
    model = entails(decoders[shape])
    answers = list(model.predict(make_task(kind), space, items))
    assert model.record["premises"] == "read once"
    assert [each.report_id for each in answers] == [each.report_id for each in items]
    names = [f"This report is about {label.definition}." for label in space.labels]
    for item, answer in zip(items, answers, strict=True):
        if not item.text.strip():
            assert answer.status == "empty"
            continue
        logits = plain(decoders[shape], item.text, names)
        wanted = logits[:, 2].softmax(0)
        if kind == "multi-label":
            wanted = logits[:, [0, 2]].softmax(-1)[:, 1]
        assert list(answer.scores) == list(space.ids)
        assert list(answer.scores.values()) == pytest.approx(wanted.tolist(), abs=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_batches_change_little(
    shape: str, decoders: dict[str, Path], items: list[Item], space: LabelSpace, make_task: Make
) -> None:
    task = make_task("single-label")
    one, many = (
        list(entails(decoders[shape], batch_tokens=tokens).predict(task, space, items))
        for tokens in (1, 10_000)
    )
    for left, right in zip(one, many, strict=True):
        assert left.labels == right.labels
        assert left.tokens_in == right.tokens_in
        assert left.scores == pytest.approx(right.scores, abs=1e-4)


def test_report_is_read_once_for_all_labels(
    decoders: dict[str, Path],
    items: list[Item],
    space: LabelSpace,
    make_task: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = entails(decoders["llama"], batch_tokens=1)
    assert model.record == {}
    list(model.predict(make_task("binary"), space, items[:1]))  # loads and checks the network
    read: list[int] = []
    forward = TreeReader._forward

    def counted(self: TreeReader, ids: Any, *rest: Any) -> Any:
        read.append(ids.numel())
        return forward(self, ids, *rest)

    monkeypatch.setattr(TreeReader, "_forward", counted)
    (answer,) = model.predict(make_task("binary"), space, items[2:3])
    tokenizer = model.head.loaded.tokenizer
    text = items[2].text
    alone = len(tokenizer(text)["input_ids"])
    pairs = sum(
        len(tokenizer(text, f"This report is about {label.definition}.")["input_ids"])
        for label in space.labels
    )
    assert answer.tokens_in == sum(read)
    # The second text of a pair has a BOS of its own in this tokenizer's form.
    assert read[0] in (alone, alone + 1)
    assert alone < sum(read) < pairs - 2 * alone


def test_large_spaces_are_gone_down_by_their_tree(
    decoders: dict[str, Path], items: list[Item], make_task: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = (Label("A", "the chest"), Label("B", "the knee and the leg"))
    leaves = {each.id: tuple(Label(f"{each.id}{i}", f"number {i}") for i in "123") for each in top}
    space = LabelSpace(leaf for below in leaves.values() for leaf in below)
    monkeypatch.setattr(entailment, "MOST_LABELS", 5)
    task = replace(make_task("multi-label"), tree=lambda: LabelTree(top, leaves))
    chosen = [items[0], items[3]]
    answers = list(entails(decoders["gpt2"], beam=2).predict(task, space, chosen))
    for item, answer in zip(chosen, answers, strict=True):
        wanted = {}
        for nodes in (top, *leaves.values()):
            names = [f"This report is about {node.definition}." for node in nodes]
            logs = plain(decoders["gpt2"], item.text, names)[:, 2].log_softmax(0).tolist()
            for node, log in zip(nodes, logs, strict=True):
                wanted[node.id] = log + wanted.get(node.id[:-1], 0)
        expected = {leaf: wanted[leaf] for leaf in space.ids}
        assert answer.scores == pytest.approx(expected, abs=1e-4)


def test_transformers_passes_over_padding_at_the_end(
    llama_folder: Path,
    tmp_path: Path,
    items: list[Item],
    space: LabelSpace,
    make_task: Make,
) -> None:
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(llama_folder)
    point = tokenizer(items[0].text + " x.")["input_ids"][-1]
    # Every hypothesis ends with a full stop, which the network takes for padding.
    folder = save_decoder(tmp_path, llama_folder, pad_token_id=point)
    model = entails(folder)
    (answer,) = model.predict(make_task("single-label"), space, items[:1])
    assert model.record["premises"] == "read once"
    names = [f"This report is about {label.definition}." for label in space.labels]
    wanted = plain(folder, items[0].text, names)[:, 2].softmax(0).tolist()
    assert list(answer.scores.values()) == pytest.approx(wanted, abs=1e-5)


def test_networks_without_tree_masks_read_whole_pairs(
    decoders: dict[str, Path],
    items: list[Item],
    space: LabelSpace,
    make_task: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task = make_task("multi-label")
    once = list(entails(decoders["gpt2"]).predict(task, space, items))

    def damaged(self: AttentionMasks, before: Any, positions: Any, sees: Any) -> Any:
        raise TypeError("no such mask")

    monkeypatch.setattr(AttentionMasks, "build", damaged)
    model = entails(decoders["gpt2"])
    whole = list(model.predict(task, space, items))
    assert model.record["premises"] == "read with every hypothesis"
    for left, right in zip(once, whole, strict=True):
        assert left.scores == pytest.approx(right.scores, abs=1e-4)
        assert (left.tokens_in or 0) <= (right.tokens_in or 0)


def test_a_mask_that_is_not_heeded_is_noticed(
    decoders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = load(resolve(f"hf:{decoders['gpt2']}"), "classification", OPTIONS)
    assert premise_reader(loaded, TokenBudget("cpu")) is not None
    build = AttentionMasks.build

    def sees_all(self: AttentionMasks, before: Any, positions: Any, sees: Any) -> Any:
        return build(self, before, positions, sees | True)

    monkeypatch.setattr(AttentionMasks, "build", sees_all)
    assert premise_reader(loaded, TokenBudget("cpu")) is None


def test_encoders_have_no_such_premise(classifier_folder: Callable[..., Path]) -> None:
    loaded = load(resolve(f"hf:{classifier_folder('xlmr', NLI)}"), "classification", OPTIONS)
    assert premise_reader(loaded, TokenBudget("cpu")) is None
