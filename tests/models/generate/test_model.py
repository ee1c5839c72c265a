"""Models that write: what they read, when they stop, and what is kept of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from parrot_bench.errors import ParrotError
from parrot_bench.models.generate.model import GenerationModel
from parrot_bench.models.generate.writer import Writer
from parrot_bench.models.hub.source import resolve
from parrot_bench.models.options import ModelOptions
from parrot_bench.reading.answer import Reading
from parrot_bench.task.card import Kind, Task
from parrot_bench.task.examples import Prompting
from parrot_bench.task.item import Item, Status
from parrot_bench.task.labels import LabelSpace

Make = Callable[[Kind], Task]
SHAPES = ("gpt2_folder", "llama_folder", "mt5_folder", "bart_folder")
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}[{{ message['role'] }}] {{ message['content'] }}"
    "{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}"
)


@pytest.fixture(autouse=True)
def nothing_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a random network writes may hold a label by chance."""

    def reading(*_: Any, cut: bool) -> Reading:
        status: Status = "truncated" if cut else "unparsable"
        return Reading((), status, (), status)

    monkeypatch.setattr("parrot_bench.models.generate.model.read_answer", reading)


def make_item(report_id: str, text: str) -> Item:
    return Item(report_id, text, (), "en", "author", "en")


def model_of(folder: Path, **options: Any) -> GenerationModel:
    chosen = {"device": "cpu", "max_new_tokens": 8, **options}
    return GenerationModel(resolve(f"hf:{folder}"), ModelOptions(**chosen))


def sized(model: GenerationModel) -> list[int]:
    """Sizes of the batches that a loaded model is asked."""
    assert model._writer is not None
    network, sizes = model._writer.loaded.network, []
    generate = network.generate

    def counting(**given: Any) -> Any:
        sizes.append(len(given["input_ids"]))
        return generate(**given)

    network.generate = counting
    return sizes


def reference(folder: Path, prompt: Sequence[int], tokens: int) -> list[int]:
    """Greedy continuation, a token at a time and without a cache, straight from the logits."""
    import torch
    import transformers

    from parrot_bench.models.hub.source import quiet

    config = json.loads((folder / "config.json").read_text())
    with quiet(), torch.no_grad():
        network = getattr(transformers, config["architectures"][0]).from_pretrained(folder).eval()
        if not config.get("is_encoder_decoder"):
            row = list(prompt)
            for _ in range(tokens):
                row.append(int(network(input_ids=torch.tensor([row])).logits[0, -1].argmax()))
            return row[len(prompt) :]
        written = [0]
        for _ in range(tokens):
            given = {
                "input_ids": torch.tensor([list(prompt)]),
                "decoder_input_ids": torch.tensor([written]),
            }
            written.append(int(network(**given).logits[0, -1].argmax()))
        return written[1:]


def prompt_of(folder: Path, task: Task, space: LabelSpace, item: Item, **options: Any) -> list[int]:
    writer = Writer(resolve(f"hf:{folder}"), ModelOptions(device="cpu", **options))
    return writer.row(Prompting(), task, space, item)


def change(folder: Path, file: str, **values: Any) -> None:
    path = folder / file
    before = json.loads(path.read_text()) if path.is_file() else {}
    path.write_text(json.dumps({**before, **values}))


def test_identity_needs_no_torch(gpt2_folder: Path) -> None:
    code = f"""
import sys
from parrot_bench.models.loading import load_model
from parrot_bench.models.options import ModelOptions
model = load_model("hf:{gpt2_folder}", method="generate", options=ModelOptions(device="cpu"))
assert model.info.parameters > 0 and model.obstacle(None, None) is None
assert "torch" not in sys.modules and "transformers" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize("shape", SHAPES)
def test_answers_are_greedy_and_do_not_depend_on_the_batch(
    shape: str,
    request: pytest.FixtureRequest,
    items: list[Item],
    space: LabelSpace,
    make_task: Make,
) -> None:
    folder, task = request.getfixturevalue(shape), make_task("single-label")
    many = [make_item(f"m{i}", f"{'lungs clear ' * (i % 7)}knee {i}") for i in range(32)]
    model = model_of(folder, batch_tokens=10**6)
    next(model.predict(task, space, many[:1]))
    sizes = sized(model)
    together = list(model.predict(task, space, many))
    assert sizes == [32]
    alone = list(model_of(folder, batch_tokens=1).predict(task, space, many))
    assert [one.raw for one in together] == [one.raw for one in alone]
    assert len({one.raw for one in together}) > 1
    assert model._writer is not None
    for item, answer in zip(items, model.predict(task, space, items), strict=True):
        assert answer.report_id == item.report_id
        if not item.text.strip():
            assert (answer.status, answer.tokens_in, answer.raw) == ("empty", 0, "")
            continue
        prompt = prompt_of(folder, task, space, item)
        ids = reference(folder, prompt, 8)
        tokenizer = model._writer.loaded.tokenizer
        assert answer.raw == tokenizer.decode(ids, clean_up_tokenization_spaces=False)
        assert (answer.tokens_in, answer.tokens_out) == (len(prompt), 8)
        assert answer.seconds > 0
        assert answer.status == "truncated"  # nothing ended it


def test_preferences_of_the_model_are_left_out_in_silence(
    llama_folder: Path,
    copied: Callable[[Path], Path],
    items: list[Item],
    space: LabelSpace,
    make_task: Make,
    recwarn: pytest.WarningsRecorder,
    capfd: pytest.CaptureFixture[str],
) -> None:
    task, folder = make_task("single-label"), copied(llama_folder)
    plain = [each.raw for each in model_of(llama_folder).predict(task, space, items)]
    change(
        folder,
        "generation_config.json",
        do_sample=True,
        temperature=0.6,
        top_k=20,
        repetition_penalty=5.0,
        num_beams=3,
        max_length=9,
        no_repeat_ngram_size=1,
        forced_eos_token_id=2,
    )
    capfd.readouterr()
    recwarn.clear()
    answers = list(model_of(folder).predict(task, space, items))
    assert [each.raw for each in answers] == plain
    assert {each.status for each in answers} == {"empty", "truncated"}
    assert not recwarn.list
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("listed", [True, False])
def test_answers_stop_at_every_end_token(
    shape: str,
    listed: bool,
    request: pytest.FixtureRequest,
    copied: Callable[[Path], Path],
    space: LabelSpace,
    make_task: Make,
) -> None:
    original, task = request.getfixturevalue(shape), make_task("single-label")
    item = make_item("r", "CT of the chest")
    ids = reference(original, prompt_of(original, task, space, item), 8)
    end = ids[3]
    folder = copied(original)
    change(folder, "generation_config.json", eos_token_id=[599, end] if listed else end)
    model = model_of(folder)
    (answer,) = model.predict(task, space, [item])
    first = ids.index(end)
    assert model._writer is not None
    tokenizer = model._writer.loaded.tokenizer
    assert answer.raw == tokenizer.decode(ids[:first], clean_up_tokenization_spaces=False)
    assert answer.tokens_out == first + 1
    assert answer.status == "unparsable"


def test_short_and_long_answers_of_a_batch_stay_apart(
    gpt2_folder: Path, copied: Callable[[Path], Path], space: LabelSpace, make_task: Make
) -> None:
    task = make_task("single-label")
    many = [make_item(f"m{i}", f"head {'knee ' * i}") for i in range(6)]
    prompts = [prompt_of(gpt2_folder, task, space, item) for item in many]
    continued = [reference(gpt2_folder, prompt, 8) for prompt in prompts]
    ends = [continued[0][2], continued[1][4]]
    folder = copied(gpt2_folder)
    change(folder, "generation_config.json", eos_token_id=ends)
    ends.append(0)  # the tokenizer's own
    answers = list(model_of(folder, batch_tokens=10**6).predict(task, space, many))
    lengths = [
        next((i + 1 for i, token in enumerate(ids) if token in ends), 8) for ids in continued
    ]
    assert len(set(lengths)) > 1
    assert [answer.tokens_out for answer in answers] == lengths


def test_prompt_without_room_fails_unless_it_may_be_cut(
    gpt2_folder: Path, space: LabelSpace, make_task: Make
) -> None:
    task = make_task("single-label")
    short, long = make_item("short", "CT of the chest"), make_item("long", "knee " * 900)
    one, two = model_of(gpt2_folder).predict(task, space, [short, long])
    assert (one.status, one.truncated_input) == ("truncated", False)
    assert (two.status, two.labels, two.raw) == ("failed", (), "")
    assert "the 692 tokens" in two.note  # 700 positions, 8 of them for the answer
    assert "knee" not in two.note
    cut = model_of(gpt2_folder, allow_truncation=True)
    one, two = cut.predict(task, space, [short, long])
    assert (one.truncated_input, two.truncated_input) == (False, True)
    assert 600 < two.tokens_in <= 692
    assert two.tokens_out == 8
    hopeless = model_of(gpt2_folder, allow_truncation=True, max_new_tokens=699)
    assert {each.status for each in hopeless.predict(task, space, [short, long])} == {"failed"}


def test_answers_are_read_by_the_parser(
    gpt2_folder: Path,
    items: list[Item],
    space: LabelSpace,
    make_task: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = '<think>a knee</think>{"region": ["chest", "head"]}'
    model, task = model_of(gpt2_folder), make_task("multi-label")
    seen: list[tuple[Any, ...]] = []

    def reading(text: str, *given: Any, cut: bool) -> Reading:
        seen.append((text, *given, cut))
        return Reading(("chest", "head"), "ok", (), "unparsable")

    monkeypatch.setattr("parrot_bench.models.generate.model.read_answer", reading)
    monkeypatch.setattr("transformers.PreTrainedTokenizerFast.decode", lambda *_, **__: said)
    first = next(model.predict(task, space, items))
    assert (first.labels, first.strict, first.status) == (("chest", "head"), (), "ok")
    assert first.raw == said
    assert seen[0] == (said, task, space, "en", True)


def test_special_tokens_of_thinking_stay_in_the_answer(
    gpt2_folder: Path, copied: Callable[[Path], Path]
) -> None:
    from transformers import AutoTokenizer

    folder = copied(gpt2_folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<think>", "</think>"]})
    tokenizer.save_pretrained(folder)
    writer = Writer(resolve(f"hf:{gpt2_folder}"), ModelOptions(device="cpu"))
    writer.loaded.tokenizer.add_special_tokens(
        {"additional_special_tokens": ["<think>", "</think>"]}
    )
    ids = writer.loaded.tokenizer("<think>chest</think>head<|end|>knee")["input_ids"]
    written = writer._read(ids, 1.0)
    assert (written.text, written.finished) == ("<think>chest</think>head", True)


def test_chat_template_is_applied_once_and_may_be_switched_off(
    llama_folder: Path, copied: Callable[[Path], Path], space: LabelSpace, make_task: Make
) -> None:
    task, item = make_task("single-label"), make_item("r", "CT of the chest")
    folder = copied(llama_folder)
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    model = model_of(folder)
    list(model.predict(task, space, [item]))
    assert model.record["chat_template"] is True
    ids = model.record["first_token_ids"]
    assert model._writer is not None
    tokenizer = model._writer.loaded.tokenizer
    assert ids.count(tokenizer.bos_token_id) == 1
    assert tokenizer.decode(ids).replace(tokenizer.bos_token, "").strip().startswith("[user]")
    bare = model_of(folder, chat_template=False)
    list(bare.predict(task, space, [item]))
    assert bare.record["chat_template"] is False
    assert bare.record["first_token_ids"].count(tokenizer.bos_token_id) == 1
    assert bare.info.settings["chat_template"] == "none"


def test_template_that_fails_is_a_sentence_without_the_report(
    gpt2_folder: Path, copied: Callable[[Path], Path], space: LabelSpace, make_task: Make
) -> None:
    folder = copied(gpt2_folder)
    (folder / "chat_template.jinja").write_text("{{ raise_exception(messages[0]['content']) }}")
    with pytest.raises(ParrotError, match="chat template cannot be applied") as caught:
        list(model_of(folder).predict(make_task("binary"), space, [make_item("r", "knee secret")]))
    assert "secret" not in repr(caught.value)


@pytest.mark.parametrize("shape", SHAPES)
def test_record_holds_no_token_of_a_report(
    shape: str, request: pytest.FixtureRequest, space: LabelSpace, make_task: Make
) -> None:
    folder = request.getfixturevalue(shape)
    task, item = make_task("single-label"), make_item("r", "ventricles of normal size")
    model = model_of(folder)
    assert model.record == {}
    answers = list(model.predict(task, space, [item, make_item("s", "knee")]))
    record = model.record
    prompt = prompt_of(folder, task, space, item)
    assert record["first_token_ids"] == prompt[:32]
    assert answers[0].tokens_in == len(prompt)
    assert record["halvings"] == 0
    assert record["batch_tokens"] == 1024
    known = {"gpt2": 700, "llama": 600, "mt5": None, "bart": 700}
    assert record["max_tokens"] == known[folder.name[:-1]]
    assert record["examples"] == {}
    json.dumps(record)


def test_record_stops_where_the_report_starts(
    gpt2_folder: Path, space: LabelSpace, make_task: Make, tmp_path: Path
) -> None:
    (tmp_path / "region.en.txt").write_text("Report: {report}\nAnswer:")
    model, item = model_of(gpt2_folder), make_item("r", "ventricles")
    list(model.predict(replace(make_task("single-label"), prompts=tmp_path), space, [item]))
    assert model._writer is not None
    said = model._writer.loaded.tokenizer.decode(model.record["first_token_ids"])
    assert said
    assert "Report:".startswith(said.strip())


def test_batches_halve_where_memory_runs_out(
    gpt2_folder: Path, space: LabelSpace, make_task: Make
) -> None:
    import torch

    task = make_task("single-label")
    many = [make_item(f"m{i}", f"head {i}") for i in range(4)]
    model = model_of(gpt2_folder, batch_tokens=10**6)
    expected = [answer.raw for answer in model.predict(task, space, many)]
    assert model._writer is not None
    network, most = model._writer.loaded.network, 1
    generate = network.generate

    def small(**given: Any) -> Any:
        if len(given["input_ids"]) > most:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return generate(**given)

    network.generate = small
    assert [answer.raw for answer in model.predict(task, space, many)] == expected
    assert model.record["halvings"] == 2
    most = 0
    failures = list(model.predict(task, space, many))
    assert {(each.status, each.note) for each in failures} == {
        ("failed", "The report alone does not fit into memory.")
    }


def test_groups_begin_with_the_first_item(
    gpt2_folder: Path, space: LabelSpace, make_task: Make
) -> None:
    many = [make_item(f"m{i}", "head") for i in range(40)]
    model = model_of(gpt2_folder, batch_tokens=10**6, max_new_tokens=1)
    assert model.info.together == 32
    answers = model.predict(make_task("single-label"), space, many)
    next(answers)
    sizes = sized(model)
    assert [each.report_id for each in answers] == [item.report_id for item in many[1:]]
    assert sizes == [8]


def test_examples_are_shown_and_recorded(
    gpt2_folder: Path, space: LabelSpace, copied: Callable[[Path], Path]
) -> None:
    from parrot_bench.corpus import load_corpus
    from parrot_bench.task.registry import get_task

    task = get_task("modality")
    labels = task.labels(load_corpus("mini"))
    bare, shown = model_of(gpt2_folder), model_of(gpt2_folder, shots=1)
    item = make_item("r", "CT of the chest")
    prompts = [Prompting(each._options.shots).turns(task, labels, item) for each in (bare, shown)]
    assert [len(turns) for turns in prompts] == [1, 3]
    assert (bare.info.settings["shots"], shown.info.settings["shots"]) == (0, 1)
    list(shown.predict(task, labels, [item]))
    assert list(shown.record["examples"]) == ["modality/en"]


def test_encoders_do_not_write(bert_folder: Path) -> None:
    with pytest.raises(ParrotError, match=r"BertModel.*--method"):
        model_of(bert_folder)
