"""How a network is loaded: precision, place, bits, and what is trusted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from parrot_bench.errors import ParrotError
from parrot_bench.models.hub import device
from parrot_bench.models.hub.device import default_device, dtype_of, loading_settings
from parrot_bench.models.hub.source import digest, resolve
from parrot_bench.models.network import loaded as network
from parrot_bench.models.network.loaded import load
from parrot_bench.models.options import ModelOptions

Copy = Callable[[Path], Path]


def pickled(folder: Path) -> Path:
    """The same model with its weights in a pickled file."""
    import torch
    from safetensors.torch import load_file

    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    return folder


def test_pickled_weights_are_refused_unless_allowed(bert_folder: Path, copied: Copy) -> None:
    folder = pickled(copied(bert_folder))
    with pytest.raises(ParrotError, match=r"pickled \(pytorch_model.bin\).*--allow-pickle"):
        resolve(f"hf:{folder}")
    options = ModelOptions(device="cpu", allow_pickle=True)
    source = resolve(f"hf:{folder}", options)
    assert loading_settings(source, options)["pickled_weights"] is True
    whole = load(resolve(f"hf:{bert_folder}"), "none", ModelOptions(device="cpu")).network
    same = load(source, "none", options).network
    for (name, one), (_, other) in zip(
        whole.named_parameters(), same.named_parameters(), strict=True
    ):
        assert one.equal(other), name


def test_safetensors_are_taken_where_both_are_there(bert_folder: Path, copied: Copy) -> None:
    folder = copied(bert_folder)
    (folder / "pytorch_model.bin").write_bytes(b"not read")
    assert not resolve(f"hf:{folder}", ModelOptions(allow_pickle=True)).pickled


def test_the_digest_changes_with_pickled_weights(bert_folder: Path, copied: Copy) -> None:
    folder = pickled(copied(bert_folder))
    options = ModelOptions(allow_pickle=True)
    before = digest(resolve(f"hf:{folder}", options))
    with (folder / "pytorch_model.bin").open("ab") as file:
        file.write(b"x")
    assert digest(resolve(f"hf:{folder}", options)) != before


CODE = """
from transformers import BertConfig, BertModel

class OwnConfig(BertConfig):
    model_type = "own"

class OwnModel(BertModel):
    config_class = OwnConfig
"""


@pytest.fixture
def own_code(bert_folder: Path, copied: Copy, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model whose class comes with it."""
    import transformers.dynamic_module_utils

    folder = copied(bert_folder)
    monkeypatch.setattr(
        transformers.dynamic_module_utils, "HF_MODULES_CACHE", str(folder.parent / "modules")
    )
    (folder / "own.py").write_text(CODE)
    config = json.loads((folder / "config.json").read_text())
    config |= {
        "model_type": "own",
        "architectures": ["OwnModel"],
        "auto_map": {"AutoConfig": "own.OwnConfig", "AutoModel": "own.OwnModel"},
    }
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_own_code_of_a_model_is_not_run_unless_trusted_and_then_recorded(own_code: Path) -> None:
    with pytest.raises(ParrotError, match=r"its own Python code.*--trust-remote-code"):
        load(resolve(f"hf:{own_code}"), "none", ModelOptions(device="cpu"))
    options = ModelOptions(device="cpu", trust_remote_code=True)
    source = resolve(f"hf:{own_code}", options)
    assert loading_settings(source, options)["remote_code"] is True
    assert type(load(source, "none", options).network).__name__ == "OwnModel"


def test_the_code_of_a_model_is_in_its_digest(own_code: Path) -> None:
    before = digest(resolve(f"hf:{own_code}"))
    (own_code / "own.py").write_text(CODE + "\n# changed\n")
    assert digest(resolve(f"hf:{own_code}")) != before


@pytest.mark.parametrize(
    ("chosen", "kind"),
    [("int8", "Linear8bitLt"), ("int4", "Linear4bit"), (None, "Linear")],
)
@pytest.mark.filterwarnings("ignore")
def test_weights_are_quantised_by_bitsandbytes(
    chosen: str | None, kind: str, llama_folder: Path
) -> None:
    pytest.importorskip("bitsandbytes")
    options = ModelOptions(device="cpu", quantisation=chosen)
    source = resolve(f"hf:{llama_folder}", options)
    found = load(source, "causal", options).network
    assert type(found.model.layers[0].mlp.up_proj).__name__ == kind
    assert loading_settings(source, options)["quantisation"] == (chosen or "none")


def test_layers_are_placed_by_accelerate(llama_folder: Path) -> None:
    options = ModelOptions(device_map="auto")
    source = resolve(f"hf:{llama_folder}", options)
    assert network._placing(options, "cpu") == {"device_map": "auto"}
    loaded = load(source, "causal", options)
    assert loaded.device == str(loaded.network.device)
    assert loading_settings(source, options)["device"] == "device map auto"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (ModelOptions(quantisation="int8"), "--quantisation needs the library"),
        (ModelOptions(device_map="auto"), "--device-map needs the library accelerate"),
    ],
)
def test_a_missing_library_is_one_sentence(
    options: ModelOptions, words: str, bert_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ParrotError, match=rf"{words}.*parrot-bench\[large\]"):
        load(resolve(f"hf:{bert_folder}"), "none", options)


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_the_attention_implementation_is_chosen(attention: str, bert_folder: Path) -> None:
    options = ModelOptions(device="cpu", attention=attention)
    loaded = load(resolve(f"hf:{bert_folder}"), "none", options)
    assert loaded.network.config._attn_implementation == attention


def test_decoders_pad_on_the_left(gpt2_folder: Path) -> None:
    loaded = load(resolve(f"hf:{gpt2_folder}"), "causal", ModelOptions(device="cpu"))
    assert loaded.tokenizer.padding_side == "left"


@pytest.mark.parametrize(
    ("shape", "most"), [("bert_folder", 64), ("xlmr_folder", 64), ("gpt2_folder", 700)]
)
def test_the_longest_input_is_known(shape: str, most: int, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(shape)
    assert load(resolve(f"hf:{folder}"), "none", ModelOptions(device="cpu")).max_tokens == most


def test_the_precision_is_float32_on_a_cpu_and_the_checkpoint_s_elsewhere(
    bert_folder: Path, copied: Copy
) -> None:
    folder = copied(bert_folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"dtype": "bfloat16"}))
    source = resolve(f"hf:{folder}")
    assert dtype_of(source, ModelOptions(device="cpu")) == "float32"
    assert dtype_of(source, ModelOptions(device="cuda")) == "bfloat16"
    assert dtype_of(source, ModelOptions(device="cuda", dtype="float16")) == "float16"


def test_the_default_device_is_what_torch_says() -> None:
    import torch

    assert default_device() == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize(
    ("text", "cuda"),
    [
        ("cuda: Optional[str] = None\n", False),
        ("cuda: Optional[str] = '12.8'\n", True),
        ("cuda = '13.0'\nhip = None\n", True),
        ("debug = False\n", False),
    ],
)
def test_a_build_with_cuda_is_told_from_its_version_file(
    text: str, cuda: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Spec:
        origin = str(tmp_path / "__init__.py")

    (tmp_path / "version.py").write_text(text)
    monkeypatch.setattr(device.importlib.util, "find_spec", lambda name: Spec)
    assert device._torch_has_cuda() is cuda


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"dtype": "float3"}, "Unknown dtype 'float3': did you mean 'float32'"),
        ({"attention": "spda"}, "Unknown attention implementation 'spda': did you mean 'sdpa'"),
        ({"quantisation": "int2"}, "Unknown quantisation 'int2'"),
        ({"shots": -1}, "--shots is -1; at least 0 was expected"),
        ({"beam": 0}, "--beam is 0; at least 1 was expected"),
        ({"batch_tokens": 0}, "--batch-tokens is 0; at least 1 was expected"),
        ({"threshold": 1.0}, "--threshold is 1.0; a number between 0 and 1"),
        ({"device": "cpu", "device_map": "auto"}, "--device and --device-map both say"),
        ({"length_norm": "token"}, "Unknown length normalisation 'token': did you mean 'tokens'"),
        ({"prior": "contentfree"}, "Unknown prior correction 'contentfree'"),
    ],
)
def test_bad_options_are_one_sentence(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ParrotError, match=words):
        ModelOptions(**given)


def test_large_files_are_hashed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, private_cache: Path
) -> None:
    from parrot_bench import digests

    file = tmp_path / "model.safetensors"
    file.write_bytes(b"x" * 2**21)
    hashed = []
    real = digests._hash
    monkeypatch.setattr(digests, "_hash", lambda path: hashed.append(path) or real(path))
    first = digests.file_digest(file)
    assert digests.file_digest(file) == first
    assert len(hashed) == 1
    file.write_bytes(b"y" * 2**21)
    assert digests.file_digest(file) != first
    assert str(tmp_path) not in "".join(p.read_text() for p in private_cache.rglob("*.json"))
