"""A last layer that answers for the first token alone gives the same logits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from parrot_bench.models.classify.first_token import shorten
from parrot_bench.models.hub.source import quiet, resolve
from parrot_bench.models.network.loaded import load
from parrot_bench.models.options import ModelOptions

SIZE = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "vocab_size": 300,
    "num_labels": 5,
}


def made(name: str, **config: Any) -> Any:
    """A classifier with random weights, large enough to tell tokens apart."""
    import torch
    import transformers

    torch.manual_seed(7)
    with quiet():
        known = getattr(transformers, f"{name}Config")(**{**SIZE, **config})
        network = getattr(transformers, f"{name}ForSequenceClassification")(known).eval()
    for weights in network.parameters():
        torch.nn.init.normal_(weights, std=0.3)
    return network


def logits(network: Any, **more: Any) -> Any:
    import torch

    ids = torch.arange(5, 55).view(2, 25)
    mask = torch.ones_like(ids)
    ids[1, 18:], mask[1, 18:] = network.config.pad_token_id, 0
    with torch.inference_mode():
        return network(input_ids=ids, attention_mask=mask, **more).logits.numpy()


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("name", ["Bert", "Roberta", "XLMRoberta", "Camembert", "Electra"])
def test_logits_stay_the_same(name: str, attention: str) -> None:
    network = made(name, attn_implementation=attention)
    before = logits(network)
    states = network.base_model.encoder.layer[-1]
    seen: list[int] = []
    states.register_forward_hook(lambda module, given, found: seen.append(found.shape[1]))
    assert shorten(network, network.config.pad_token_id)
    seen.clear()
    assert logits(network) == pytest.approx(before, abs=1e-5)
    assert seen == [1]


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("DistilBert", {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48}),
        ("GPT2", {"n_embd": 32, "n_layer": 2, "n_head": 4, "pad_token_id": 0}),
        ("MPNet", {}),
    ],
)
def test_networks_of_another_build_are_left_alone(name: str, config: dict[str, Any]) -> None:
    network = made(name, **config)
    before = logits(network)
    assert not shorten(network, 0)
    assert (logits(network) == before).all()


def test_a_head_that_reads_all_tokens_is_left_alone() -> None:
    network = made("Bert")

    class Mean(type(network.bert.pooler)):  # type: ignore[misc]
        def forward(self, states: Any) -> Any:
            return super().forward(states.mean(dim=1, keepdim=True))

    network.bert.pooler.__class__ = Mean
    before = logits(network)
    assert not shorten(network, 0)
    assert (logits(network) == before).all()


def test_classifiers_are_loaded_as_they_are(classifier_folder: Callable[..., Path]) -> None:
    """Loading alone changes nothing; only the head that classifies shortens its network."""
    from parrot_bench.models.classify.model import ClassifierModel

    source = resolve(f"hf:{classifier_folder('bert', ('chest', 'knee'))}")
    options = ModelOptions(device="cpu")
    plain = load(source, "classification", options).network
    model = ClassifierModel(source, options)
    assert model.head.loaded.network.bert.encoder.layer[-1].attention.__dict__.get("forward")
    assert model.record["last_layer"] == "first token"
    assert "forward" not in plain.bert.encoder.layer[-1].attention.__dict__
