from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from parrot_bench.errors import ParrotError
from parrot_bench.models import causal
from parrot_bench.models.causal import ChoiceModel
from parrot_bench.models.hub import resolve
from parrot_bench.models.options import ModelOptions
from parrot_bench.task import Item, Kind, Label, LabelSpace, Task

Make = Callable[[Kind], Task]
SHAPES = ("gpt2_folder", "llama_folder", "sliding_folder")


def model_of(folder: Path) -> ChoiceModel:
    return ChoiceModel(resolve(f"hf:{folder}"), ModelOptions(device="cpu"))


def reference(folder: Path, prompt: str, text: str, *, bos: bool) -> float:
    """Mean log-likelihood of a label from one plain forward pass over the whole text."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from parrot_bench.models.hub import quiet

    with quiet(), torch.no_grad():
        tokenizer = AutoTokenizer.from_pretrained(folder)
        network = AutoModelForCausalLM.from_pretrained(folder)
        first = [tokenizer.bos_token_id] if bos else []
        before = first + tokenizer(prompt, add_special_tokens=False)["input_ids"]
        ids = first + tokenizer(text, add_special_tokens=False)["input_ids"]
        chances = torch.log_softmax(network(torch.tensor([ids])).logits[0].double(), dim=-1)
    assert ids[: len(before)] == before, "the case is too special for this reference"
    scored = [float(chances[i - 1, ids[i]]) for i in range(len(before), len(ids))]
    return sum(scored) / len(scored)


@pytest.mark.parametrize("shape", SHAPES)
def test_scores_are_those_of_plain_forward_passes(
    shape: str,
    request: pytest.FixtureRequest,
    items: list[Item],
    space: LabelSpace,
    make_task: Make,
) -> None:
    folder, task = request.getfixturevalue(shape), make_task("single-label")
    answer = next(model_of(folder).predict(task, space, items))
    prompt = task.prompt(items[0], space)
    bos = shape == "llama_folder"
    expected = {label: reference(folder, prompt, prompt + label, bos=bos) for label in space.ids}
    assert answer.scores == pytest.approx(expected, abs=1e-4)
    assert answer.labels == (max(expected, key=expected.__getitem__),)
    assert len({round(score, 3) for score in expected.values()}) == len(space)


@pytest.mark.parametrize("shape", SHAPES)
def test_scores_do_not_depend_on_the_batch(
    shape: str,
    request: pytest.FixtureRequest,
    space: LabelSpace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = model_of(request.getfixturevalue(shape))
    rows, starts = model.tokens("CT of the chest: lungs clear. Answer:", space.ids)
    together = model.score(rows, starts)
    for tokens in (1, 2 * max(map(len, rows))):
        monkeypatch.setattr(causal, "CACHE_TOKENS", tokens)
        assert model.score(rows, starts) == pytest.approx(together, abs=1e-4)


def test_space_stands_between_prompt_and_label(gpt2_folder: Path) -> None:
    model = model_of(gpt2_folder)
    tokenizer = model._loaded.tokenizer
    rows, starts = model.tokens("Report: Answer:", ("chest", "knee"))
    assert [tokenizer.decode(row) for row in rows] == [
        "Report: Answer: chest",
        "Report: Answer: knee",
    ]
    # The space belongs to the label's first token, as in running text.
    scored = [tokenizer.decode(row[at:]) for row, at in zip(rows, starts, strict=True)]
    assert scored == [" chest", " knee"]
    rows, starts = model.tokens("Report:\n", ("chest",))
    assert tokenizer.decode(rows[0]) == "Report:\nchest"
    # A prompt that ends in a space gives the same tokens as one without.
    assert model.tokens("Answer: ", ("knee",)) == model.tokens("Answer:", ("knee",))


def test_bos_stands_first_and_once(llama_folder: Path, gpt2_folder: Path) -> None:
    model = model_of(llama_folder)
    bos, eos = 1, 2
    assert model.info.settings["bos_tokens"] == 1
    for prompt in ("Answer:", "<s>Answer:", "<s> Answer:"):
        for row in model.tokens(prompt, ("chest", "knee"))[0]:
            assert (row[0], row.count(bos), row.count(eos)) == (bos, 1, 0)
    assert model_of(gpt2_folder).info.settings["bos_tokens"] == 0


def test_labels_that_begin_alike_are_scored_in_full(gpt2_folder: Path) -> None:
    labels = ("chest", "chest of the head")
    model = model_of(gpt2_folder)
    prompt = "CT of the chest. Answer:"
    found = model.score(*model.tokens(prompt, labels))
    expected = [reference(gpt2_folder, prompt, f"{prompt} {label}", bos=False) for label in labels]
    assert found == pytest.approx(expected, abs=1e-4)


def test_multi_label_answers_lie_within_a_factor_of_two(
    gpt2_folder: Path, items: list[Item], space: LabelSpace, make_task: Make
) -> None:
    answers = list(model_of(gpt2_folder).predict(make_task("multi-label"), space, items))
    assert [answer.report_id for answer in answers] == [item.report_id for item in items]
    for answer in answers:
        if answer.status == "empty":
            continue
        best = max(answer.scores.values())
        near = [label for label in answer.ranking if answer.scores[label] >= best - math.log(2)]
        assert list(answer.labels) == near[:3]


def test_prompt_beyond_the_context_fails_and_is_not_truncated(
    gpt2_folder: Path, space: LabelSpace, make_task: Make
) -> None:
    texts = {"short": "CT of the chest.", "long": "lungs clear " * 300, "blank": "\t"}
    asked = [Item(name, text, (), "en", "author", "en") for name, text in texts.items()]
    answers = list(model_of(gpt2_folder).predict(make_task("single-label"), space, asked))
    assert [answer.status for answer in answers] == ["ok", "failed", "empty"]
    assert "context holds 700" in answers[1].note
    assert "lungs" not in answers[1].note
    assert (answers[1].labels, answers[1].scores) == ((), {})


def test_longest_prompt_that_fits_is_scored(
    gpt2_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_of(gpt2_folder)
    rows, starts = model.tokens("Report: Answer:" * 30, ("chest",))
    monkeypatch.setattr(model, "_context", len(rows[0]))
    assert model._refusal(rows, starts) == ""
    monkeypatch.setattr(model, "_context", len(rows[0]) - 1)
    assert f"take {len(rows[0])} tokens" in model._refusal(rows, starts)


def test_prompt_without_a_token_is_refused(gpt2_folder: Path) -> None:
    # A tokenizer may drop all that a text holds, such as control characters.
    assert "no token" in model_of(gpt2_folder)._refusal([[5, 6], [5, 7]], [0, 0])


def test_large_label_spaces_are_refused(gpt2_folder: Path, make_task: Make) -> None:
    model, task = model_of(gpt2_folder), make_task("single-label")
    many = LabelSpace(Label(f"L{i}", "") for i in range(201))
    obstacle = model.obstacle(task, many)
    assert obstacle == "choose scores every label; 201 labels are too many: use embed."
    assert model.obstacle(task, LabelSpace(many.labels[:200])) is None


def test_encoder_is_refused(bert_folder: Path) -> None:
    with pytest.raises(ParrotError, match=rf"{bert_folder.name}.*BertModel.*--method embed"):
        model_of(bert_folder)


def test_network_with_a_running_state_is_refused(gpt2_folder: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer, MambaConfig, MambaForCausalLM

    from parrot_bench.models.hub import quiet

    with quiet():
        AutoTokenizer.from_pretrained(gpt2_folder).save_pretrained(tmp_path)
        config = MambaConfig(vocab_size=320, hidden_size=16, num_hidden_layers=1)
        MambaForCausalLM(config).save_pretrained(tmp_path)
    with pytest.raises(ParrotError, match="keeps no attention cache"):
        model_of(tmp_path)
