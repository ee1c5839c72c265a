"""Going down a tree of labels, beside plain forward passes over every question."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from parrot_bench.corpus import load_corpus
from parrot_bench.errors import ParrotError
from parrot_bench.models.choose.model import ChoiceModel
from parrot_bench.models.hub.source import quiet, resolve
from parrot_bench.models.options import ModelOptions
from parrot_bench.models.token_tree.masks import AttentionMasks
from parrot_bench.task.card import Kind, Task
from parrot_bench.task.item import Item
from parrot_bench.task.labels import Label, LabelSpace, LabelTree
from parrot_bench.task.prompts import render_tree_prompt, tree_template
from parrot_bench.task.registry import get_task

TOP = tuple(Label(name, f"{name} and around") for name in ("chest", "knee", "head"))
WORDS = ("lungs", "Erguss", "size", "clear")
BELOW = {
    top.id: tuple(Label(f"{top.id} {word}", word) for word in WORDS[: 2 + at])
    for at, top in enumerate(TOP)
}
TREE = LabelTree(TOP, BELOW)
LEAVES = [leaf for leaves in BELOW.values() for leaf in leaves]


def model_of(folder: Path, **options: Any) -> ChoiceModel:
    return ChoiceModel(resolve(f"hf:{folder}"), ModelOptions(device="cpu", **options))


@pytest.fixture
def task(make_task: Callable[[Kind], Task], monkeypatch: pytest.MonkeyPatch) -> Task:
    """A task whose nine labels are too many to be scored one by one."""
    from parrot_bench.models.choose import model as choice

    monkeypatch.setattr(choice, "MOST_CHOICES", 8)
    return replace(make_task("multi-label"), tree=lambda: TREE)


@cache
def parts(folder: Path) -> tuple[Any, Any, bool]:
    import transformers

    paired = "is_encoder_decoder" in (folder / "config.json").read_text()
    auto = "AutoModelForSeq2SeqLM" if paired else "AutoModelForCausalLM"
    with quiet():
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        network = getattr(transformers, auto).from_pretrained(folder).eval()
    return tokenizer, network, paired


def chances(folder: Path, prompt: str, names: list[str]) -> dict[str, float]:
    """Log-probability of every node of one question, from plain passes."""
    import torch

    tokenizer, network, paired = parts(folder)
    bos = tokenizer.bos_token_id
    first = [bos] if tokenizer("a")["input_ids"][0] == bos else []
    start = [network.config.decoder_start_token_id] if paired else []
    stem = '{"region": ["'
    values = []
    for name in names:
        texts = [stem, f'{stem}{name}"'] if paired else [prompt + stem, f'{prompt}{stem}{name}"']
        bare, whole = (
            start + first + tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts
        )
        assert whole[: len(bare)] == bare
        ids = torch.tensor([whole])
        with torch.no_grad():
            if paired:
                read = torch.tensor([tokenizer(prompt)["input_ids"]])
                logits = network(input_ids=read, decoder_input_ids=ids).logits[0]
            else:
                logits = network(ids).logits[0]
        logs = torch.log_softmax(logits.double(), -1)
        scored = [float(logs[at - 1, whole[at]]) for at in range(len(bare), len(whole))]
        values.append(sum(scored) / len(scored))
    whole_sum = math.log(sum(math.exp(value) for value in values))
    return {name: value - whole_sum for name, value in zip(names, values, strict=True)}


def question(task: Task, item: Item, nodes: tuple[Label, ...]) -> str:
    listed = "\n".join(f"- {node.id}: {node.definition}" for node in nodes)
    return (
        f"Name the region of the body.\n\nReport:\n{item.text}\n\nWhich of these fits the report "
        f'best?\n{listed}\n\nAnswer with JSON only, in the form {{"region": [...]}}:\n'
    )


def expected(folder: Path, task: Task, item: Item, beam: int) -> dict[str, float]:
    top = chances(folder, question(task, item, TOP), [node.id for node in TOP])
    followed = sorted(top, key=lambda name: (-top[name], name))[:beam]
    return {
        leaf: top[name] + log
        for name in followed
        for leaf, log in chances(
            folder, question(task, item, BELOW[name]), [node.id for node in BELOW[name]]
        ).items()
    }


@pytest.mark.parametrize(
    ("shape", "rows"),
    [
        ("gpt2_folder", False),
        ("llama_folder", False),
        ("sliding_folder", False),
        ("gemma_folder", False),
        ("gemma_folder", True),
        ("t5_folder", False),
    ],
)
def test_a_beam_goes_down_by_plain_likelihoods(
    shape: str,
    rows: bool,
    request: pytest.FixtureRequest,
    items: list[Item],
    task: Task,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = request.getfixturevalue(shape)
    if rows:
        monkeypatch.setattr(AttentionMasks, "build", lambda *given: None)
    answers = list(model_of(folder, beam=2).predict(task, LabelSpace(LEAVES), items))
    assert [each.status for each in answers] == ["ok", "empty", "ok", "ok", "ok"]
    for item, answer in zip(items, answers, strict=True):
        if answer.status == "ok":
            assert answer.scores == pytest.approx(expected(folder, task, item, 2), abs=2e-4)
            assert 1 <= len(answer.labels) <= 3


def test_the_report_is_read_once(
    gpt2_folder: Path, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = Item("r", "lungs clear " * 60, (), "en", "author", "en")
    model = model_of(gpt2_folder, beam=3)
    network = model._loaded.network
    model._engine  # noqa: B018
    widths: list[int] = []
    forward = network.forward

    def counted(**inputs: Any) -> Any:
        widths.append(inputs["input_ids"].shape[1])
        return forward(**inputs)

    monkeypatch.setattr(network, "forward", counted)
    (answer,) = model.predict(task, LabelSpace(LEAVES), [item])
    report = len(parts(gpt2_folder)[0](item.text)["input_ids"])
    assert sum(width >= report for width in widths) == 1
    assert set(answer.scores) == {leaf.id for leaf in LEAVES}


def test_a_tree_of_one_level_is_one_question(
    gpt2_folder: Path, items: list[Item], task: Task
) -> None:
    flat = replace(task, tree=lambda: LabelTree(tuple(LEAVES), {}))
    (answer,) = model_of(gpt2_folder).predict(flat, LabelSpace(LEAVES), items[:1])
    names = [leaf.id for leaf in LEAVES]
    found = chances(gpt2_folder, question(task, items[0], tuple(LEAVES)), names)
    assert answer.scores == pytest.approx(found, abs=1e-4)


def test_prior_is_taken_from_every_question(
    gpt2_folder: Path, items: list[Item], task: Task
) -> None:
    flat = replace(task, tree=lambda: LabelTree(tuple(LEAVES), {}))
    model = model_of(gpt2_folder, prior="content-free")
    (answer,) = model.predict(flat, LabelSpace(LEAVES), items[:1])
    names = [leaf.id for leaf in LEAVES]
    with_report, without = (
        chances(gpt2_folder, question(task, item, tuple(LEAVES)), names)
        for item in (items[0], replace(items[0], text="N/A"))
    )
    less = {name: with_report[name] - without[name] for name in names}
    whole = math.log(sum(math.exp(value) for value in less.values()))
    assert answer.scores == pytest.approx(
        {name: value - whole for name, value in less.items()}, abs=1e-4
    )


def test_report_that_does_not_fit_with_the_longest_question_fails_or_is_cut(
    gpt2_folder: Path, task: Task
) -> None:
    item = Item("r", "lungs clear " * 300, (), "en", "author", "en")
    (answer,) = model_of(gpt2_folder).predict(task, LabelSpace(LEAVES), [item])
    assert answer.status == "failed"
    cut = model_of(gpt2_folder, allow_truncation=True)
    (answer,) = cut.predict(task, LabelSpace(LEAVES), [item])
    assert (answer.status, answer.truncated_input) == ("ok", True)


def test_icd_codes_are_chosen_down_the_table(t5_folder: Path) -> None:
    task = get_task("icd_coding")
    labels = task.labels(load_corpus("mini"))
    model = model_of(t5_folder, beam=1)
    assert model.obstacle(task, labels) is None
    item = Item("r", "CT of the chest.", (), "de", "author", "de")
    (answer,) = model.predict(task, labels, [item])
    assert answer.status == "ok"
    assert set(answer.scores) <= set(labels.ids)
    text = render_tree_prompt(task, item, TOP)
    assert text.index("CT of the chest.") < text.index("- chest: chest")


def test_tree_prompt_with_its_places_the_wrong_way_is_refused(tmp_path: Path, task: Task) -> None:
    (tmp_path / "region.tree.en.txt").write_text("{labels}\n{report}")
    wrong = replace(task, prompts=tmp_path)
    with pytest.raises(ParrotError, match=r"labels.*after"):
        tree_template(wrong, "de")
