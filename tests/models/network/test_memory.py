"""Batches that a GPU's memory does not hold are halved, and the answers stay the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from parrot_bench.models.choose.model import ChoiceModel
from parrot_bench.models.embed.model import EmbeddingModel
from parrot_bench.models.hub.source import resolve
from parrot_bench.models.options import ModelOptions
from parrot_bench.task.card import Task
from parrot_bench.task.item import Item
from parrot_bench.task.labels import LabelSpace


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes a model's network fail above so many rows; returns the sizes that are tried."""
    import torch

    def limited(model: EmbeddingModel | ChoiceModel, most: int) -> list[int]:
        if isinstance(model, EmbeddingModel):
            assert model.encoder._batched  # checked once, with the first texts
        loaded = model.encoder.loaded if isinstance(model, EmbeddingModel) else model._loaded
        network, tried = loaded.network, []
        forward = network.forward

        def small(*args: Any, **options: Any) -> Any:
            tried.append(len(options["input_ids"]))
            if tried[-1] > most:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return forward(*args, **options)

        monkeypatch.setattr(network, "forward", small)
        return tried

    return limited


def encoder(folder: Path) -> EmbeddingModel:
    options = ModelOptions(device="cpu", allow_truncation=True)
    return EmbeddingModel(resolve(f"hf:{folder}"), options)


def chooser(folder: Path) -> ChoiceModel:
    return ChoiceModel(resolve(f"hf:{folder}"), ModelOptions(device="cpu", batch_tokens=2048))


def test_embedding_halves_and_remembers(bert_folder: Path, limit: Any) -> None:
    model = encoder(bert_folder)
    rows = [[2, 40 + i, 50, 60, 3] for i in range(8)]
    expected = model.encoder.vectors(rows)
    tried = limit(model, 3)
    assert model.encoder.vectors(rows).numpy() == pytest.approx(expected.numpy(), abs=1e-5)
    assert tried == [8, 4, 2, 2, 2, 2]
    model.encoder.vectors(rows)
    assert tried[6:] == [2, 2, 2, 2]
    assert (model.record["batch_tokens"], model.record["halvings"]) == (10, 2)


@pytest.mark.parametrize("most", [1, 2, 3])
def test_embedding_answers_every_report_once_and_in_order(
    most: int, bert_folder: Path, items: list[Item], space: LabelSpace, make_task: Any, limit: Any
) -> None:
    task: Task = make_task("single-label")
    expected = list(encoder(bert_folder).predict(task, space, items))
    model = encoder(bert_folder)
    tried = limit(model, most)
    found = list(model.predict(task, space, items))
    assert max(tried) > most
    assert [answer.report_id for answer in found] == [item.report_id for item in items]
    assert [answer.labels for answer in found] == [answer.labels for answer in expected]
    for one, two in zip(found, expected, strict=True):
        assert one.scores == pytest.approx(two.scores, abs=1e-5)


@pytest.mark.parametrize("shape", ["gpt2_folder", "llama_folder", "gemma_folder"])
def test_choose_halves_and_remembers(
    shape: str, request: pytest.FixtureRequest, space: LabelSpace, make_task: Any, limit: Any
) -> None:
    task: Task = make_task("single-label")
    asked = [Item(f"r{n}", f"CT {n}: lungs clear.", (), "en", "a", "en") for n in range(5)]
    model = chooser(request.getfixturevalue(shape))
    expected = list(model.predict(task, space, asked))
    tried = limit(model, 3)
    found = list(model.predict(task, space, asked))
    for one, two in zip(found, expected, strict=True):
        assert one.scores == pytest.approx(two.scores, abs=1e-4)
    # What prompts share is known; every batch reads its prompts, then its labels.
    assert tried == [5, 2, 2, 2, 2, 1, 1]
    assert model.record["halvings"] == 1
    list(model.predict(task, space, asked))
    assert tried[7:] == [2, 2, 2, 2, 1, 1]


def test_single_text_that_does_not_fit_is_an_error(
    bert_folder: Path,
    gpt2_folder: Path,
    items: list[Item],
    space: LabelSpace,
    make_task: Any,
    limit: Any,
) -> None:
    import torch

    embeds, chooses = encoder(bert_folder), chooser(gpt2_folder)
    tried = limit(embeds, 0)
    with pytest.raises(torch.OutOfMemoryError):
        embeds.encoder.vectors([[2, 40, 3], [2, 50, 3]])
    assert tried == [2, 1]
    list(chooses.predict(make_task("single-label"), space, items))
    limit(chooses, 0)
    with pytest.raises(torch.OutOfMemoryError):
        list(chooses.predict(make_task("single-label"), space, items))
