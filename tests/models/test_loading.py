from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from parrot_bench.corpus import load_corpus
from parrot_bench.errors import ParrotError
from parrot_bench.models.base import Model
from parrot_bench.models.baselines.named import BASELINES
from parrot_bench.models.classify.model import ClassifierModel
from parrot_bench.models.embed.model import EmbeddingModel
from parrot_bench.models.hub.source import quiet
from parrot_bench.models.loading import load_model
from parrot_bench.models.options import ModelOptions
from parrot_bench.task.item import Item
from parrot_bench.task.registry import get_task
from tests.models.conftest import save_network


@pytest.mark.parametrize("name", sorted(BASELINES))
def test_every_baseline_loads(name: str) -> None:
    model = load_model(f"baseline:{name}", options=ModelOptions(seed=3))
    assert isinstance(model, Model)
    assert model.info.spec == f"baseline:{name}"


@pytest.mark.parametrize(
    ("shape", "method"),
    [
        ("bert_folder", "embed"),
        ("xlmr_folder", "embed"),
        ("gpt2_folder", "choose"),
        ("llama_folder", "choose"),
    ],
)
def test_method_follows_the_config(shape: str, method: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(shape)
    model = load_model(f"hf:{folder}", options=ModelOptions(device="cpu"))
    assert isinstance(model, Model)
    info = model.info
    assert (info.method, info.spec, info.name) == (method, f"hf:{folder.name}", f"hf:{folder.name}")
    assert len(info.digest) == 64
    assert info.parameters > 0
    assert (info.settings["device"], info.settings["dtype"]) == ("cpu", "float32")
    assert not info.trained_on_data


def test_named_method_wins(gpt2_folder: Path) -> None:
    assert load_model(f"hf:{gpt2_folder}", method="embed").info.method == "embed"


def test_sentence_transformers_layout_is_embedded(
    llama_folder: Path, copied: Callable[[Path], Path], declare: Callable[..., Path]
) -> None:
    folder = declare(copied(llama_folder), {"pooling_mode": "lasttoken"})
    model = load_model(f"hf:{folder}", options=ModelOptions(device="cpu"))
    assert (model.info.method, model.info.settings["pooling"]) == ("embed", "lasttoken")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"architectures": None}, "not named.*--method"),
        ({"architectures": ["BertForQuestionAnswering"]}, "BertForQuestionAnswering.*--method"),
        ({"is_encoder_decoder": True}, "BertModel.*--method"),
    ],
)
def test_config_that_does_not_say_how_it_answers(
    change: dict[str, object], words: str, bert_folder: Path, copied: Callable[[Path], Path]
) -> None:
    folder = copied(bert_folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(ParrotError, match=f"{folder.name}.*{words}"):
        load_model(f"hf:{folder}")


@pytest.mark.parametrize(
    ("spec", "method", "words"),
    [
        ("baseline:majorty", None, "Unknown baseline 'majorty': did you mean 'majority'"),
        ("hf:x", "embedd", "Unknown method 'embedd': did you mean 'embed'"),
        ("baseline:majority", "embed", "baseline:majority.*no --method"),
        ("basline:majority", None, "did you mean 'baseline:majority'"),
        ("HF:ward/tiny", None, "did you mean 'hf:ward/tiny'"),
        ("smoke:gpt", None, "Unknown model 'smoke:gpt': name it as in baseline:keyword, hf:"),
        ("openai:gpt", None, "openai:MODEL@BASE_URL, as in openai:llama3.1@http"),
        ("openai:gpt@http://h/v1", "choose", "--method generate and not by choose"),
        ("majority", None, "Unknown model 'majority': did you mean 'baseline:majority'"),
        ("sentence-transformers/LaBSE", None, "mean 'hf:sentence-transformers/LaBSE'"),
        ("", None, "Unknown model '': name it as in baseline:keyword"),
    ],
)
def test_unknown_names(spec: str, method: str | None, words: str) -> None:
    with pytest.raises(ParrotError, match=words):
        load_model(spec, method=method)


def test_no_path_of_this_machine_is_in_the_identity(gpt2_folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "private" / "model"
    shutil.copytree(gpt2_folder, copy)
    info = load_model(f"hf:{copy}").info
    assert (info.spec, info.name) == ("hf:private/model", "hf:private/model")
    assert str(tmp_path) not in repr(info)


@pytest.mark.parametrize(
    ("method", "options", "words"),
    [
        ("embed", {"shots": 2}, "--shots is for choose and generate, and .* answers by embed"),
        ("embed", {"chat_template": False}, "--no-chat-template is for choose and generate"),
        ("generate", {"length_norm": "none"}, "--length-norm is for choose, "),
        ("choose", {"retries": 1}, "--retries is for endpoints, "),
        (None, {"threshold": 0.9}, "--threshold is for classify and entail"),
        (None, {"label_map": Path("none.json")}, "--label-map is for classify"),
    ],
)
def test_options_of_other_methods_are_refused(
    method: str | None, options: dict[str, Any], words: str, gpt2_folder: Path
) -> None:
    with pytest.raises(ParrotError, match=words):
        load_model(f"hf:{gpt2_folder}", method=method, options=ModelOptions(**options))


@pytest.mark.parametrize(
    ("change", "method"),
    [
        ({"architectures": ["T5EncoderModel"]}, "embed"),
        (
            {
                "architectures": ["XLMRobertaForSequenceClassification"],
                "id2label": {"0": "Contradiction", "1": "Entailment"},
            },
            "entail",
        ),
        (
            {"architectures": ["BartForSequenceClassification"], "is_encoder_decoder": True},
            "classify",
        ),
    ],
)
def test_method_follows_the_names_in_the_config(
    change: dict[str, object], method: str, bert_folder: Path, copied: Callable[[Path], Path]
) -> None:
    folder = copied(bert_folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **change}))
    assert load_model(f"hf:{folder}").info.method == method


def test_encoder_of_t5_is_loaded_alone(mt5_folder: Path, tmp_path: Path) -> None:
    import torch
    import transformers

    shutil.copytree(mt5_folder, tmp_path, dirs_exist_ok=True)
    with quiet():
        encoder = transformers.MT5EncoderModel.from_pretrained(mt5_folder)
        encoder.save_pretrained(tmp_path)
    model = load_model(f"hf:{tmp_path}", options=ModelOptions(device="cpu"))
    assert isinstance(model, EmbeddingModel)
    found = model.encoder.embed(["Knie"], "").vectors
    ids = model.encoder.loaded.tokenizer("Knie", return_tensors="pt")["input_ids"]
    with torch.no_grad():
        states = encoder(input_ids=ids).last_hidden_state.mean(1)
    expected = torch.nn.functional.normalize(states)
    assert found.numpy() == pytest.approx(expected.numpy(), abs=1e-5)


def test_models_that_see_are_language_models(gpt2_folder: Path, tmp_path: Path) -> None:
    import transformers

    for path in gpt2_folder.iterdir():
        if "token" in path.name:
            shutil.copy(path, tmp_path)
    text = {
        "model_type": "mistral",
        "vocab_size": 320,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "max_position_embeddings": 4000,
    }
    sight = {
        "model_type": "pixtral",
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 28,
        "patch_size": 14,
    }
    config = transformers.Mistral3Config(
        text_config=text, vision_config=sight, image_token_index=319
    )
    save_network(tmp_path, transformers.Mistral3ForConditionalGeneration(config))
    model = load_model(f"hf:{tmp_path}", options=ModelOptions(device="cpu"))
    task = get_task("modality")
    labels = task.labels(load_corpus("mini"))
    item = Item("r", "CT of the chest", (), "en", "a", "en")
    (answer,) = model.predict(task, labels, [item])
    assert (answer.status, len(answer.scores)) == ("ok", len(labels))


def test_classifiers_without_their_pooler_are_refused(
    classifier_folder: Callable[..., Path],
) -> None:
    from safetensors.torch import load_file, save_file

    folder = classifier_folder("bert", ("CT", "MR"))
    weights = load_file(folder / "model.safetensors")
    kept = {name: each for name, each in weights.items() if "pooler" not in name}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    model = load_model(f"hf:{folder}", method="classify", options=ModelOptions(device="cpu"))
    assert isinstance(model, ClassifierModel)
    with pytest.raises(ParrotError, match=r"2 of its weights are missing .*pooler"):
        model.head.loaded  # noqa: B018
