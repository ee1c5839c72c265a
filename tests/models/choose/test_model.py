"""Scores of "choose" beside plain forward passes over the whole text, without any cache."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from parrot_bench.errors import ParrotError
from parrot_bench.models.base import Model
from parrot_bench.models.choose.model import ChoiceModel
from parrot_bench.models.hub.source import quiet, resolve
from parrot_bench.models.options import ModelOptions
from parrot_bench.models.token_tree.masks import AttentionMasks
from parrot_bench.task.card import Kind, Task
from parrot_bench.task.examples import Prompting
from parrot_bench.task.item import Item, Prediction
from parrot_bench.task.labels import Label, LabelSpace, LabelTree
from parrot_bench.task.prompts import render_prompt
from tests.models.conftest import save_network

Make = Callable[[Kind], Task]
CAUSAL = ("gpt2_folder", "llama_folder", "sliding_folder", "gemma_folder")
PAIRED = ("t5_folder", "mt5_folder", "bart_folder")
STEM = '{"region": "'


def make_item(report_id: str, text: str) -> Item:
    return Item(report_id, text, (), "en", "author", "en")


def model_of(folder: Path, **options: Any) -> ChoiceModel:
    return ChoiceModel(resolve(f"hf:{folder}"), ModelOptions(device="cpu", **options))


def ask(
    folder: Path, task: Task, space: LabelSpace, items: Sequence[Item], **options: Any
) -> list[Prediction]:
    return list(model_of(folder, **options).predict(task, space, items))


@cache
def parts(folder: Path) -> tuple[Any, Any, bool]:
    import transformers

    paired = "is_encoder_decoder" in (folder / "config.json").read_text()
    auto = "AutoModelForSeq2SeqLM" if paired else "AutoModelForCausalLM"
    with quiet():
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        network = getattr(transformers, auto).from_pretrained(folder).eval()
    return tokenizer, network, paired


def plain(folder: Path, prompt: str, stem: str, ending: str) -> list[float]:
    """Log-likelihood of every token of an ending, from one forward pass over everything."""
    import torch

    tokenizer, network, paired = parts(folder)
    bos = tokenizer.bos_token_id
    first = [bos] if tokenizer("a")["input_ids"][0] == bos else []
    start = [network.config.decoder_start_token_id] if paired else []
    before = stem if paired else prompt + stem
    bare, whole = (
        start + first + tokenizer(text, add_special_tokens=False)["input_ids"]
        for text in (before, before + ending)
    )
    assert whole[: len(bare)] == bare, "the case is too special for this reference"
    with torch.no_grad():
        ids = torch.tensor([whole])
        if paired:
            read = torch.tensor([tokenizer(prompt)["input_ids"]])
            logits = network(input_ids=read, decoder_input_ids=ids).logits
        else:
            logits = network(ids).logits
    chances = torch.log_softmax(logits[0].double(), dim=-1)
    return [float(chances[at - 1, whole[at]]) for at in range(len(bare), len(whole))]


def mean(numbers: Sequence[float]) -> float:
    return math.fsum(numbers) / len(numbers)


def expected_scores(
    folder: Path, prompt: str, names: Sequence[str], stem: str = STEM
) -> dict[str, float]:
    return {name: mean(plain(folder, prompt, stem, f'{name}"')) for name in names}


@pytest.mark.parametrize("shape", [*CAUSAL, *PAIRED])
def test_scores_are_those_of_plain_forward_passes(
    shape: str,
    request: pytest.FixtureRequest,
    items: list[Item],
    space: LabelSpace,
    make_task: Make,
) -> None:
    folder, task = request.getfixturevalue(shape), make_task("single-label")
    model = model_of(folder)
    answers = list(model.predict(task, space, items))
    assert [each.status for each in answers] == ["ok", "empty", "ok", "ok", "ok"]
    how = "decoder rows" if shape in PAIRED else "tree attention"
    assert model.record["scoring"] == how
    for item, answer in zip(items, answers, strict=True):
        assert answer.report_id == item.report_id
        if answer.status == "ok":
            expected = expected_scores(folder, render_prompt(task, item, space), space.ids)
            assert answer.scores == pytest.approx(expected, abs=1e-4)
            assert answer.labels == (max(expected, key=expected.__getitem__),)
            assert len({round(score, 3) for score in expected.values()}) == len(space)
            assert answer.seconds > 0
            assert answer.tokens_in > 10


@pytest.mark.parametrize("shape", ["gpt2_folder", "sliding_folder", "gemma_folder"])
def test_networks_without_tree_masks_read_labels_in_rows(
    shape: str,
    request: pytest.FixtureRequest,
    items: list[Item],
    space: LabelSpace,
    make_task: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, task = request.getfixturevalue(shape), make_task("single-label")
    expected = ask(folder, task, space, items)

    def wrong(self: AttentionMasks, before: Any, positions: Any, sees: Any) -> Any:
        return build(self, before, positions, sees.new_ones(sees.shape))

    build = AttentionMasks.build
    monkeypatch.setattr(AttentionMasks, "build", wrong)
    model = model_of(folder)
    found = list(model.predict(task, space, items))
    assert model.record["scoring"] == "expanded cache"
    for one, two in zip(found, expected, strict=True):
        assert one.scores == pytest.approx(two.scores, abs=1e-4)


def test_alibi_network_reads_labels_in_rows(
    gpt2_folder: Path, tmp_path: Path, items: list[Item], space: LabelSpace, make_task: Make
) -> None:
    from transformers import AutoTokenizer, BloomConfig, BloomForCausalLM

    with quiet():
        AutoTokenizer.from_pretrained(gpt2_folder).save_pretrained(tmp_path)
        config = BloomConfig(vocab_size=320, hidden_size=32, n_layer=2, n_head=4)
        network: Any = BloomForCausalLM(config)
        for weights in network.parameters():
            weights.data.normal_(std=0.2)
        network.save_pretrained(tmp_path)
    model, task = model_of(tmp_path), make_task("single-label")
    answer = next(model.predict(task, space, items))
    expected = expected_scores(tmp_path, render_prompt(task, items[0], space), space.ids)
    assert model.record["scoring"] == "expanded cache"
    assert answer.scores == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("shape", ["gpt2_folder", "llama_folder", "gemma_folder", "t5_folder"])
def test_scores_do_not_depend_on_the_batch(
    shape: str,
    request: pytest.FixtureRequest,
    space: LabelSpace,
    make_task: Make,
) -> None:
    folder, task = request.getfixturevalue(shape), make_task("single-label")
    asked = [make_item(f"r{n}", "lungs clear, no effusion. " * (n % 7 + 1)) for n in range(32)]
    together = ask(folder, task, space, asked, batch_tokens=20_000)
    single = model_of(folder, batch_tokens=1)
    alone = [next(single.predict(task, space, [item])) for item in asked]
    for one, two in zip(together, alone, strict=True):
        assert one.labels == two.labels
        assert one.scores == pytest.approx(two.scores, abs=1e-4)


def test_what_prompts_share_is_read_once(
    gpt2_folder: Path, space: LabelSpace, make_task: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, task = model_of(gpt2_folder), make_task("single-label")
    network = model._loaded.network
    shared = len(model._engine.questions.shared(task, space, _asked(make_item("r", "text"))))
    widths: list[int] = []
    forward = network.forward

    def counted(**inputs: Any) -> Any:
        widths.append(inputs["input_ids"].shape[1])
        return forward(**inputs)

    monkeypatch.setattr(network, "forward", counted)
    for name in ("r1", "r2"):
        next(model.predict(task, space, [make_item(name, f"CT {name}")]))
    assert shared > 50
    assert widths.count(shared) == 1
    assert max(width for width in widths if width != shared) < shared


def test_labels_that_begin_alike_are_told_apart_by_the_closing_mark(
    gpt2_folder: Path, make_task: Make
) -> None:
    task = make_task("single-label")
    alike = LabelSpace(Label(name, "") for name in ("CT", "CTA", "CTA head"))
    item = make_item("r", "CT of the chest.")
    (answer,) = ask(gpt2_folder, task, alike, [item], length_norm="none")
    expected = {
        name: sum(plain(gpt2_folder, render_prompt(task, item, alike), STEM, f'{name}"'))
        for name in alike.ids
    }
    assert answer.scores == pytest.approx(expected, abs=1e-4)


def test_length_norms_and_prior(gpt2_folder: Path, space: LabelSpace, make_task: Make) -> None:
    task, item = make_task("single-label"), make_item("r", "CT of the chest.")
    logs = {
        text: {
            name: plain(
                gpt2_folder, render_prompt(task, replace(item, text=text), space), STEM, name + '"'
            )
            for name in space.ids
        }
        for text in (item.text, "N/A")
    }
    sizes: dict[str, Callable[[str, list[float]], int]] = {
        "tokens": lambda name, log: len(log),
        "characters": lambda name, log: len(name),
        "none": lambda name, log: 1,
    }
    for norm, size in sizes.items():
        values = {
            text: {name: sum(log) / size(name, log) for name, log in each.items()}
            for text, each in logs.items()
        }
        (bare,) = ask(gpt2_folder, task, space, [item], length_norm=norm)
        assert bare.scores == pytest.approx(values[item.text], abs=1e-4)
        model = model_of(gpt2_folder, length_norm=norm, prior="content-free")
        (less,) = model.predict(task, space, [item])
        expected = {name: values[item.text][name] - values["N/A"][name] for name in space.ids}
        assert less.scores == pytest.approx(expected, abs=1e-4)
        settings = model.info.settings
        assert (settings["length_norm"], settings["prior"][:12]) == (norm, "content-free")


def test_multi_label_answers_lie_within_a_factor_of_two(
    gpt2_folder: Path, items: list[Item], space: LabelSpace, make_task: Make
) -> None:
    task = make_task("multi-label")
    for item, answer in zip(items, ask(gpt2_folder, task, space, items), strict=True):
        if answer.status == "empty":
            continue
        prompt = render_prompt(task, item, space)
        expected = expected_scores(gpt2_folder, prompt, space.ids, '{"region": ["')
        best = max(expected.values())
        near = [name for name in answer.ranking if expected[name] >= best - math.log(2)]
        assert list(answer.labels) == near[:3]


def test_prompt_beyond_the_context_fails_or_is_cut_where_that_is_allowed(
    gpt2_folder: Path, space: LabelSpace, make_task: Make
) -> None:
    task = make_task("single-label")
    texts = {"short": "CT of the chest.", "long": "lungs clear " * 300, "blank": "\t"}
    asked = [make_item(name, text) for name, text in texts.items()]
    answers = ask(gpt2_folder, task, space, asked)
    assert [answer.status for answer in answers] == ["ok", "failed", "empty"]
    assert "into the 700 tokens" in answers[1].note
    assert "lungs" not in answers[1].note
    assert (answers[1].labels, answers[1].scores) == ((), {})
    cut = ask(gpt2_folder, task, space, asked, allow_truncation=True)
    assert [answer.status for answer in cut] == ["ok", "ok", "empty"]
    assert [answer.truncated_input for answer in cut] == [False, True, False]
    assert 600 < cut[1].tokens_in - 20 < 700  # labels included


def test_longest_prompt_that_fits_is_scored(
    gpt2_folder: Path, space: LabelSpace, make_task: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, item = make_task("single-label"), make_item("r", "CT of the chest.")
    tokenizer = parts(gpt2_folder)[0]
    prompt = render_prompt(task, item, space) + STEM
    longest = max(len(tokenizer(f'{prompt}{name}"')["input_ids"]) for name in space.ids)
    for most, status in ((longest, "ok"), (longest - 1, "failed")):
        model = model_of(gpt2_folder)
        loaded = replace(model._loaded, max_tokens=most)
        monkeypatch.setitem(model.__dict__, "_loaded", loaded)
        (answer,) = model.predict(task, space, [item])
        assert answer.status == status


def test_t5_has_no_limit(t5_folder: Path, space: LabelSpace, make_task: Make) -> None:
    (answer,) = ask(
        t5_folder, make_task("single-label"), space, [make_item("r", "lungs clear " * 500)]
    )
    assert (answer.status, answer.tokens_in > 1000) == ("ok", True)


@pytest.mark.parametrize("opening", ["", "{{ bos_token }}"])
def test_chat_template_is_applied_and_bos_stands_first_and_once(
    opening: str,
    llama_folder: Path,
    copied: Callable[[Path], Path],
    space: LabelSpace,
    make_task: Make,
) -> None:
    folder, task = copied(llama_folder), make_task("single-label")
    template = (
        opening + "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>"
    )
    (folder / "chat_template.jinja").write_text(template)
    item = make_item("r", "CT of the chest.")
    model = model_of(folder)
    (answer,) = model.predict(task, space, [item])
    prompt = f"<user>{render_prompt(task, item, space).rstrip()}<assistant>"
    asked = {name: mean(plain(folder, prompt, STEM, f'{name}"')) for name in space.ids}
    assert model.info.settings["chat_template"] is True
    written = model._engine.questions.write(task, space, [_asked(item)])[0].tokens
    assert (written[0], written.count(1)) == (1, 1)
    assert model.record["first_token_ids"] == list(written[:32])
    if not render_prompt(task, item, space).endswith("\n"):
        assert answer.scores == pytest.approx(asked, abs=1e-4)
    without = model_of(folder, chat_template=False)
    assert without.info.settings["chat_template"] is False
    (bare,) = without.predict(task, space, [item])
    expected = expected_scores(folder, render_prompt(task, item, space), space.ids)
    assert bare.scores == pytest.approx(expected, abs=1e-4)
    assert bare.scores != pytest.approx(answer.scores, abs=1e-4)


def _asked(item: Item) -> Any:
    from parrot_bench.models.choose.questions import Asked

    return Asked(item)


def test_examples_stand_before_the_question(
    t5_folder: Path, space: LabelSpace, make_task: Make
) -> None:
    task, item = make_task("single-label"), make_item("r", "CT of the chest.")
    model = model_of(t5_folder, shots=1)
    (answer,) = model.predict(task, space, [item])
    user, said, question = Prompting(1, 0).turns(task, space, item)
    assert (said.text, question.text) == ('{"region": "chest"}', render_prompt(task, item, space))
    prompt = "\n\n".join(each.text.rstrip("\n") for each in (user, said, question)) + "\n"
    assert answer.scores == pytest.approx(expected_scores(t5_folder, prompt, space.ids), abs=1e-4)
    assert len(model.record["examples"]["region/en"]) == 1
    assert model.info.settings["shots"] == 1


def test_record_is_json_and_holds_no_report(
    gpt2_folder: Path, items: list[Item], space: LabelSpace, make_task: Make
) -> None:
    model, task = model_of(gpt2_folder), make_task("single-label")
    assert model.record == {}
    list(model.predict(task, space, items))
    record = json.loads(json.dumps(model.record))
    assert record["max_tokens"] == 700
    assert (record["batch_tokens"], record["halvings"]) == (4096, 0)
    text = parts(gpt2_folder)[0].decode(record["first_token_ids"])
    assert render_prompt(task, items[0], space).startswith(text)
    assert len(record["first_token_ids"]) == 32


def test_nothing_heavy_is_loaded_before_the_first_question(gpt2_folder: Path) -> None:
    code = f"""
import sys
from parrot_bench.models.loading import load_model
from parrot_bench.models.options import ModelOptions
from parrot_bench.task.labels import Label, LabelSpace
model = load_model({f"hf:{gpt2_folder}"!r}, options=ModelOptions(device="cpu"))
info = model.info
assert info.parameters > 0 and info.together == 32, info
class Bare: tree = None
assert model.obstacle(Bare, LabelSpace([Label("a", "")])) is None
assert model.record == {{}}
print(sorted({{"torch", "transformers"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_it_is_a_model(gpt2_folder: Path, t5_folder: Path) -> None:
    for folder in (gpt2_folder, t5_folder):
        model = model_of(folder)
        assert isinstance(model, Model)
        info = model.info
        assert (info.method, info.together, len(info.digest)) == ("choose", 32, 64)
        assert info.parameters == parts(folder)[1].num_parameters()


def test_large_label_spaces_need_a_tree(gpt2_folder: Path, make_task: Make) -> None:
    model, task = model_of(gpt2_folder), make_task("single-label")
    many = LabelSpace(Label(f"L{i}", "") for i in range(201))
    obstacle = model.obstacle(task, many)
    assert obstacle == "choose scores every label; 201 labels are too many: use embed."
    assert model.obstacle(task, LabelSpace(many.labels[:200])) is None
    tree = LabelTree(many.labels, {})
    assert model.obstacle(replace(task, tree=lambda: tree), many) is None


def test_networks_that_predict_no_tokens_are_refused(bert_folder: Path) -> None:
    with pytest.raises(ParrotError, match=rf"{bert_folder.name}.*BertModel.*--method embed"):
        model_of(bert_folder)


def test_networks_that_keep_a_state_read_the_prompt_with_every_label(
    gpt2_folder: Path, tmp_path: Path, items: list[Item], space: LabelSpace, make_task: Make
) -> None:
    from transformers import AutoTokenizer, MambaConfig, MambaForCausalLM

    task = make_task("single-label")
    with quiet():
        AutoTokenizer.from_pretrained(gpt2_folder).save_pretrained(tmp_path)
    save_network(
        tmp_path,
        MambaForCausalLM(
            MambaConfig(vocab_size=320, hidden_size=16, num_hidden_layers=2, state_size=4)
        ),
    )
    one, many = (model_of(tmp_path, batch_tokens=tokens) for tokens in (1, 4096))
    answers = [list(model.predict(task, space, items)) for model in (one, many)]
    assert many.record["scoring"] == "whole rows"
    for item, left, right in zip(items, *answers, strict=True):
        assert left.scores == pytest.approx(right.scores, abs=1e-4)
        if right.status == "ok":
            expected = expected_scores(tmp_path, render_prompt(task, item, space), space.ids)
            assert right.scores == pytest.approx(expected, abs=1e-4)
