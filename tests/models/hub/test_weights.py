from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from parrot_bench.errors import ParrotError
from parrot_bench.models.hub.source import quiet, resolve
from parrot_bench.models.hub.weights import parameters_of
from parrot_bench.models.options import ModelOptions


@pytest.mark.parametrize("shape", ["bert_folder", "gpt2_folder", "llama_folder", "t5_folder"])
def test_parameters_are_those_of_the_loaded_network(
    shape: str, request: pytest.FixtureRequest
) -> None:
    import transformers

    folder = request.getfixturevalue(shape)
    source = resolve(f"hf:{folder}")
    with quiet():
        network: Any = getattr(transformers, source.architecture).from_pretrained(folder)
    assert parameters_of(source) == network.num_parameters()


def test_weights_in_several_files_are_counted_once(gpt2_folder: Path, tmp_path: Path) -> None:
    import transformers

    with quiet():
        network: Any = transformers.AutoModelForCausalLM.from_pretrained(gpt2_folder)
        transformers.AutoTokenizer.from_pretrained(gpt2_folder).save_pretrained(tmp_path)
        network.save_pretrained(tmp_path, max_shard_size="50KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    # The same weights once more in another layout, as some hub models carry them.
    (tmp_path / "consolidated.safetensors").write_bytes(
        (gpt2_folder / "model.safetensors").read_bytes()
    )
    assert parameters_of(resolve(f"hf:{tmp_path}")) == network.num_parameters()


def test_pickled_weights_count_as_unknown(
    gpt2_folder: Path, copied: Callable[[Path], Path]
) -> None:
    folder = copied(gpt2_folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    source = resolve(f"hf:{folder}", ModelOptions(allow_pickle=True))
    assert parameters_of(source) == 0


@pytest.mark.parametrize("content", [b"", b"\x08\0\0\0\0\0\0\0[1,2,3]x", b"\xff" * 16])
def test_damaged_file_is_named(
    content: bytes, gpt2_folder: Path, copied: Callable[[Path], Path]
) -> None:
    folder = copied(gpt2_folder)
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(ParrotError, match=r"model\.safetensors is no readable"):
        parameters_of(resolve(f"hf:{folder}"))
