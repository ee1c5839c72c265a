"""Pooling and what follows it, as a model's folder declares them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from parrot_bench.errors import ParrotError
from parrot_bench.models.embed.model import EmbeddingModel
from parrot_bench.models.embed.pooling import pool
from parrot_bench.models.hub.source import resolve
from parrot_bench.models.options import ModelOptions
from parrot_bench.task.item import Item


def model_of(folder: Path) -> EmbeddingModel:
    options = ModelOptions(device="cpu", allow_truncation=True)
    return EmbeddingModel(resolve(f"hf:{folder}"), options)


STATES = [[[1.0, 8.0], [3.0, 2.0], [9.0, 9.0]], [[2.0, 0.0], [4.0, 6.0], [6.0, 3.0]]]
MASK = [[1, 1, 0], [1, 1, 1]]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("cls", [[1, 8], [2, 0]]),
        ("lasttoken", [[3, 2], [6, 3]]),
        ("max", [[3, 8], [6, 6]]),
        ("mean", [[2, 5], [4, 3]]),
        ("mean_sqrt_len_tokens", [[4 / 2**0.5, 10 / 2**0.5], [12 / 3**0.5, 9 / 3**0.5]]),
        ("weightedmean", [[7 / 3, 4], [28 / 6, 21 / 6]]),
    ],
)
def test_pooling_by_hand(mode: str, expected: list[list[float]]) -> None:
    import torch

    found = pool(torch.tensor(STATES), torch.tensor(MASK), (mode,))
    assert found.flatten().tolist() == pytest.approx([x for row in expected for x in row])
    joined = pool(torch.tensor(STATES), torch.tensor(MASK), (mode, "mean", "cls"))
    assert joined.shape == (2, 6)
    assert joined[:, 2:4].flatten().tolist() == [2, 5, 4, 3]


@pytest.mark.parametrize(
    "pooling",
    [
        {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False},
        {"pooling_mode_max_tokens": True},
        {"pooling_mode_lasttoken": True},
        {"pooling_mode_weightedmean_tokens": True},
        {"pooling_mode": ["max", "mean"]},
        {"pooling_mode": "mean_sqrt_len_tokens"},
    ],
)
def test_declared_pooling_agrees_with_sentence_transformers(
    pooling: dict[str, Any],
    bert_folder: Path,
    copied: Callable[[Path], Path],
    declare: Callable[..., Path],
    items: list[Item],
) -> None:
    peers = pytest.importorskip("sentence_transformers")
    from parrot_bench.models.hub.source import quiet

    folder = declare(copied(bert_folder), {"word_embedding_dimension": 32, **pooling})
    texts = [item.text[:99] for item in items if item.text.strip()]
    with quiet():
        expected = peers.SentenceTransformer(str(folder), device="cpu").encode(texts)
    model = model_of(folder)
    found = model.encoder.embed(texts, "").vectors
    assert found.numpy() == pytest.approx(expected, abs=1e-5)


def test_dense_layer_agrees_with_sentence_transformers(
    bert_folder: Path, tmp_path: Path, items: list[Item]
) -> None:
    peers = pytest.importorskip("sentence_transformers")
    import torch

    from parrot_bench.models.hub.source import quiet

    texts = [item.text[:99] for item in items if item.text.strip()]
    torch.manual_seed(3)
    with quiet():
        modules = peers.sentence_transformer.modules
        peer = peers.SentenceTransformer(
            modules=[
                modules.Transformer(str(bert_folder)),
                modules.Pooling(32, "cls"),
                modules.Dense(32, 12, activation_function=torch.nn.Tanh()),
                modules.Normalize(),
            ],
            device="cpu",
        )
        peer.save(str(tmp_path / "labse"))
        expected = peer.encode(texts)
    model = model_of(tmp_path / "labse")
    assert model.info.settings["after_pooling"] == ["Dense", "Normalize"]
    found = model.encoder.embed(texts, "").vectors
    assert found.numpy() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("pooling", "words"),
    [
        ({"pooling_mode": "attention"}, "attention.*not known"),
        ({}, "none declared.*is not known"),
        ({"pooling_mode": "mean", "include_prompt": False}, "prompt out of the pooling"),
    ],
)
def test_pooling_that_is_not_known(
    pooling: dict[str, Any],
    words: str,
    bert_folder: Path,
    copied: Callable[[Path], Path],
    declare: Callable[..., Path],
) -> None:
    folder = declare(copied(bert_folder), pooling)
    with pytest.raises(ParrotError, match=f"{folder.name}.*{words}"):
        model_of(folder)


def test_module_that_is_not_known(
    bert_folder: Path, copied: Callable[[Path], Path], declare: Callable[..., Path]
) -> None:
    folder = declare(copied(bert_folder), {"pooling_mode": "mean"})
    modules = json.loads((folder / "modules.json").read_text())
    modules[2]["type"] = "sentence_transformers.models.LSTM"
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(ParrotError, match="module 2 'LSTM' is not supported"):
        model_of(folder)
