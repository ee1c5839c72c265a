"""Networks that padding disturbs are asked one row at a time, and say the same as alone."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import transformers

from parrot_bench.models.classify.model import ClassifierModel
from parrot_bench.models.embed.model import EmbeddingModel
from parrot_bench.models.hub.source import quiet, resolve
from parrot_bench.models.options import ModelOptions
from parrot_bench.task.card import Kind, Task
from parrot_bench.task.item import Item
from parrot_bench.task.labels import LabelSpace
from tests.models.conftest import SIZE, save_network

Make = Callable[[Kind], Task]
OUTPUTS = ("chest", "knee", "head", "abdomen")
NAMED: dict[str, Any] = {
    "id2label": dict(enumerate(OUTPUTS)),
    "label2id": {name: i for i, name in enumerate(OUTPUTS)},
}


def save(folder: Path, tokenizer: Path, config: Any) -> Path:
    for path in tokenizer.iterdir():
        if "token" in path.name or "sentencepiece" in path.name:
            shutil.copy(path, folder)
    network: Any = transformers.AutoModelForSequenceClassification
    with quiet():
        save_network(folder, network.from_config(config))
    return folder


@pytest.fixture(params=["reads the last place", "knows no padding", "looks beyond its mask"])
def disturbed(
    request: pytest.FixtureRequest, tmp_path: Path, llama_folder: Path, xlmr_folder: Path
) -> Path:
    if request.param == "reads the last place":
        size = {"vocab_size": 500, "d_model": 32, "n_layer": 2, "n_head": 4, "d_inner": 48}
        return save(tmp_path, xlmr_folder, transformers.XLNetConfig(**size, **NAMED))
    if request.param == "knows no padding":
        size = {**SIZE, "num_key_value_heads": 2, "max_position_embeddings": 600}
        config = transformers.LlamaConfig(**size, pad_token_id=-1, **NAMED)
        return save(tmp_path, llama_folder, config)
    size = {**SIZE, "max_position_embeddings": 300, "embedding_size": 32, "pad_token_id": 1}
    return save(tmp_path, xlmr_folder, transformers.ConvBertConfig(**size, **NAMED))


def test_batches_change_nothing(
    disturbed: Path, items: list[Item], space: LabelSpace, make_task: Make
) -> None:
    task, answers = make_task("single-label"), []
    for tokens in (1, 10_000):
        options = ModelOptions(device="cpu", batch_tokens=tokens, allow_truncation=True)
        model = ClassifierModel(resolve(f"hf:{disturbed}"), options)
        answers.append(list(model.predict(task, space, items)))
        assert model.record["rows"] == "one at a time"
    for one, many in zip(*answers, strict=True):
        assert one.labels == many.labels
        assert one.scores == pytest.approx(many.scores, abs=1e-6)


def test_vectors_are_not_disturbed(tmp_path: Path, xlmr_folder: Path, items: list[Item]) -> None:
    size = {**SIZE, "max_position_embeddings": 300, "embedding_size": 32, "pad_token_id": 1}
    folder = save(tmp_path, xlmr_folder, transformers.ConvBertConfig(**size, **NAMED))
    options = ModelOptions(device="cpu", allow_truncation=True, batch_tokens=10_000)
    encoder = EmbeddingModel(resolve(f"hf:{folder}"), options).encoder
    texts = [item.text for item in items if item.text.strip()]
    whole = encoder.embed(texts, "").vectors
    assert encoder.record["rows"] == "one at a time"
    for text, vector in zip(texts, whole, strict=True):
        alone = encoder.embed([text], "").vectors[0]
        assert vector.numpy() == pytest.approx(alone.numpy(), abs=1e-6)


def test_others_go_in_batches(
    classifier_folder: Callable[..., Path], items: list[Item], space: LabelSpace, make_task: Make
) -> None:
    folder = classifier_folder("bert", OUTPUTS)
    model = ClassifierModel(resolve(f"hf:{folder}"), ModelOptions(device="cpu"))
    list(model.predict(make_task("single-label"), space, items))
    assert model.record["rows"] == "in batches"
    assert model.record["attention"] == "sdpa"
    assert model.record["parameters"] > 0
