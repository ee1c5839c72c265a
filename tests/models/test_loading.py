from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from parrot_bench.errors import ParrotError
from parrot_bench.models.base import Model
from parrot_bench.models.baselines import BASELINES
from parrot_bench.models.loading import load_model
from parrot_bench.models.options import ModelOptions


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
        ({"is_encoder_decoder": True}, "encoder-decoder"),
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
