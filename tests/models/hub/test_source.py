from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from parrot_bench.errors import ParrotError
from parrot_bench.models.hub import source as hub
from parrot_bench.models.network import loaded as network
from parrot_bench.models.options import ModelOptions
from parrot_bench.reading import decision

Copy = Callable[[Path], Path]


def load(folder: Path, head: network.Head = "none", **options: Any) -> network.Loaded:
    chosen = ModelOptions(**{"device": "cpu", **options})
    return network.load(hub.resolve(f"hf:{folder}"), head, chosen)


def test_local_folder_is_found_with_its_architecture(bert_folder: Path) -> None:
    source = hub.resolve(f"hf:{bert_folder}")
    assert source.architecture == "BertModel"
    assert source.revision == ""
    assert source.name == f"hf:{bert_folder.name}"


def test_at_sign_in_the_path_of_a_folder_is_no_revision(bert_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(bert_folder, tmp_path / "me@hospital" / "bert@2")
    assert hub.resolve(f"hf:{folder}").folder == folder


def test_local_folder_has_no_revision(bert_folder: Path) -> None:
    with pytest.raises(ParrotError, match="no revisions"):
        hub.resolve(f"hf:{bert_folder}@main")


def test_hub_model_is_read_from_the_cache_with_its_commit(bert_folder: Path, offline: Path) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    cached = offline / "models--ward--tiny"
    shutil.copytree(bert_folder, cached / "snapshots" / commit)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text(commit)
    (cached / "refs" / "v2").write_text(commit)
    for spec in ("hf:ward/tiny", "hf:ward/tiny@v2", f"hf:ward/tiny@{commit}"):
        source = hub.resolve(spec)
        assert (source.name, source.revision) == ("hf:ward/tiny", commit)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("hf:ward/absent", "ward/absent.*cannot be reached"),
        ("hf:ward/absent@v3", "ward/absent.*'v3'.*cannot be reached"),
        ("hf:ward/absent@refs/pr/1", "ward/absent.*'refs/pr/1'.*cannot be reached"),
        ("hf:ward absent", "ward absent.*hub id"),
        ("hf:./absent", "absent.*no such folder"),
        ("hf:/absent/of/models", "absent/of/models.*no such folder"),
        ("hf:a/b/c", "a/b/c.*no such folder"),
        ("hf:", "hf:.*no such folder"),
        ("hf:@main", "@main.*no such folder"),
    ],
)
def test_model_that_cannot_be_found(spec: str, words: str, offline: Path) -> None:
    with pytest.raises(ParrotError, match=words):
        hub.resolve(spec)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("GatedRepoError", "is gated.*hf auth login"),
        ("RepositoryNotFoundError", "no such public model"),
        ("RevisionNotFoundError", "no revision 'v9'"),
        ("HfHubHTTPError", "cannot be reached"),
    ],
)
def test_refusals_of_the_hub(name: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.errors

    kind = getattr(huggingface_hub.errors, name)

    def refuse(*args: object, **options: object) -> str:
        raise kind.__new__(kind, "refused")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    with pytest.raises(ParrotError, match=f"ward/tiny.*{words}"):
        hub.resolve("hf:ward/tiny@v9")


def test_folder_without_config(tmp_path: Path) -> None:
    with pytest.raises(ParrotError, match=rf"{tmp_path.name}.*no config\.json"):
        hub.resolve(f"hf:{tmp_path}")


def test_pickled_weights_are_refused(bert_folder: Path, copied: Copy) -> None:
    folder = copied(bert_folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ParrotError, match=r"pickled \(pytorch_model\.bin\)"):
        hub.resolve(f"hf:{folder}")


def test_folder_without_weights(bert_folder: Path, copied: Copy) -> None:
    folder = copied(bert_folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(ParrotError, match="no safetensors weights"):
        hub.resolve(f"hf:{folder}")


def test_folder_without_tokenizer(bert_folder: Path, copied: Copy) -> None:
    folder = copied(bert_folder)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ParrotError, match="holds no tokenizer"):
        hub.resolve(f"hf:{folder}")


@pytest.mark.parametrize("content", ["{ nope", "[1]", "\udcff".encode("utf-8", "surrogateescape")])
def test_config_that_is_no_json_object(
    content: str | bytes, bert_folder: Path, copied: Copy
) -> None:
    folder = copied(bert_folder)
    raw = content if isinstance(content, bytes) else content.encode()
    (folder / "config.json").write_bytes(raw)
    with pytest.raises(ParrotError, match=rf"{folder.name}.*config\.json.*JSON"):
        hub.resolve(f"hf:{folder}")


@pytest.mark.parametrize("content", ["[]", "[3]", "{}"])
def test_broken_modules(content: str, bert_folder: Path, copied: Copy) -> None:
    folder = copied(bert_folder)
    (folder / "modules.json").write_text(content)
    with pytest.raises(ParrotError, match=r"modules\.json"):
        hub.resolve(f"hf:{folder}")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"hidden_size": "wide"}, "config.json cannot be loaded"),
        ({"hidden_size": 16}, "of another shape"),
        ({"num_hidden_layers": 3}, "weights are missing .* such as encoder.layer.2"),
        ({"model_type": "novel"}, "type 'novel' is unknown"),
        ({"model_type": "novel", "auto_map": {"AutoModel": "x.Y"}}, "own Python code"),
    ],
)
def test_config_that_does_not_fit(
    change: dict[str, Any], words: str, bert_folder: Path, copied: Copy
) -> None:
    folder = copied(bert_folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(ParrotError, match=f"{folder.name}.*{words}"):
        load(folder)


def test_damaged_weights(bert_folder: Path, copied: Copy) -> None:
    folder = copied(bert_folder)
    weights = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(weights[:100])
    with pytest.raises(ParrotError, match="network cannot be loaded"):
        load(folder)


def test_damaged_tokenizer(bert_folder: Path, copied: Copy) -> None:
    folder = copied(bert_folder)
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(ParrotError, match="tokenizer cannot be loaded"):
        load(folder)


def test_tokenizer_of_another_model(bert_folder: Path, copied: Copy) -> None:
    from transformers import BertConfig, BertModel

    folder = copied(bert_folder)
    with hub.quiet():
        BertModel(
            BertConfig(
                vocab_size=20,
                hidden_size=8,
                num_hidden_layers=1,
                num_attention_heads=2,
                intermediate_size=8,
            )
        ).save_pretrained(folder)
    with pytest.raises(ParrotError, match="do not belong together"):
        load(folder)


def test_random_head_is_refused(bert_folder: Path) -> None:
    with pytest.raises(ParrotError, match="weights are missing"):
        load(bert_folder, head="causal")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"device": "toaster"}, "'toaster'"),
        ({"device": "cuda:99"}, "'cuda:99'"),
        ({"dtype": "float23"}, "did you mean 'float32'"),
    ],
)
def test_unknown_device_or_dtype(options: dict[str, str], words: str, bert_folder: Path) -> None:
    with pytest.raises(ParrotError, match=words):
        load(bert_folder, **options)


def test_dtype_is_float32_on_a_cpu_unless_named(bert_folder: Path, copied: Copy) -> None:
    import torch

    folder = copied(bert_folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "dtype": "bfloat16"}))
    assert load(folder).network.dtype is torch.float32
    assert load(folder, dtype="bfloat16").network.dtype is torch.bfloat16


def test_digest_is_that_of_the_sha256sum_lines(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    (tmp_path / "config.json").write_bytes(b"{}")
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_bytes(b"{}")
    # These change no answer:
    (tmp_path / "README.md").write_bytes(b"card")
    (tmp_path / "checkpoint-5").mkdir()
    (tmp_path / "checkpoint-5" / "model.safetensors").write_bytes(b"older")
    empty = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    weights = hashlib.sha256(b"weights").hexdigest()
    lines = f"{empty}  1_Pooling/config.json\n{empty}  config.json\n{weights}  model.safetensors\n"
    source = hub.Source("hf:x", "hf:x", tmp_path, tmp_path, "", {}, ())
    assert hub.digest(source) == hashlib.sha256(lines.encode()).hexdigest()


def test_loading_says_nothing(bert_folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    load(bert_folder)
    with pytest.raises(ParrotError):
        load(bert_folder, head="causal")
    assert capfd.readouterr() == ("", "")


def test_quiet_restores_what_it_silenced() -> None:
    from transformers.utils import logging

    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    with hub.quiet():
        assert not logging.is_progress_bar_enabled()
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before


def test_import_is_light() -> None:
    import subprocess

    code = (
        "import sys, parrot_bench.models.loading, parrot_bench.models.choose.model, "
        "parrot_bench.models.embed.model, parrot_bench.models.check; "
        "print([m for m in ('torch', 'transformers', 'huggingface_hub') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("single-label", ("b",)), ("binary", ("b",)), ("multi-label", ("b", "c", "a"))],
)
def test_decision(kind: Any, expected: tuple[str, ...]) -> None:
    # d is within the margin too, but three labels are the most; a and d tie, a is first.
    scores = {"d": 0.80, "a": 0.80, "c": 0.85, "b": 0.90, "e": 0.10}
    assert decision.decide(scores, kind, 0.11) == expected


def test_decision_keeps_to_the_margin() -> None:
    assert decision.decide({"a": 0.5, "b": 0.41, "c": 0.39}, "multi-label", 0.1) == ("a", "b")
