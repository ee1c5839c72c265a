"""Load a network and its tokenizer, from safetensors and without remote code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from parrot_bench.errors import ParrotError, unknown
from parrot_bench.models.hub import Source, quiet

DTYPES = ("float32", "bfloat16", "float16")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A network in memory, ready to answer, and its tokenizer."""

    network: Any
    tokenizer: Any
    device: str
    dtype: str
    parameters: int


def load(source: Source, *, causal: bool, device: str | None, dtype: str | None) -> Loaded:
    """Load the network and the tokenizer.

    Args:
        source: The model.
        causal: With the language modelling head, or without any head.
        device: "cpu", "cuda" or "cuda:1"; a GPU if there is one by default.
        dtype: One of `DTYPES`; by default float32 on a CPU, else that of the checkpoint.

    Raises:
        ParrotError: If the parts are damaged, do not fit together, or need code of their own.
    """
    import transformers

    place = _device(device)
    if dtype is None:
        named = str(source.config.get("dtype") or source.config.get("torch_dtype"))
        dtype = named if place != "cpu" and named in DTYPES else "float32"
    if dtype not in DTYPES:
        raise unknown("dtype", dtype, DTYPES)
    if source.config.get("model_type") not in transformers.CONFIG_MAPPING:
        why = "its own Python code" if "auto_map" in source.config else "a newer transformers"
        raise ParrotError(
            f"Model '{source.spec}': type '{source.config.get('model_type')}' is unknown here; it "
            f"needs {why}, which is not run; choose another model or upgrade transformers."
        )
    auto: Any = transformers.AutoModelForCausalLM if causal else transformers.AutoModel
    part, options = "config.json", {"trust_remote_code": False, "local_files_only": True}
    try:
        with quiet():
            config = transformers.AutoConfig.from_pretrained(source.transformer, **options)
            part = "tokenizer"
            tokenizer = transformers.AutoTokenizer.from_pretrained(source.transformer, **options)
            part = "network"
            network, report = auto.from_pretrained(
                source.transformer,
                config=config,
                use_safetensors=True,
                dtype=dtype,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # they are reported, and refused below
                **options,
            )
            network = network.to(place).eval()
    except Exception as error:  # transformers raises whatever its parsers raise
        reason = " ".join(str(error).split())[:200]
        raise ParrotError(
            f"Model '{source.spec}': its {part} cannot be loaded ({type(error).__name__}: "
            f"{reason}); copy or download the model again."
        ) from error
    _check_fit(source, network, tokenizer, report)
    return Loaded(network, tokenizer, place, dtype, network.num_parameters())


def _check_fit(source: Source, network: Any, tokenizer: Any, report: Mapping[str, Any]) -> None:
    # The pooler is a head that neither method uses; anything else would be random numbers.
    unfit = {*report["missing_keys"], *(key for key, *_ in report["mismatched_keys"])}
    unfit = {key for key in unfit if "pooler" not in key}
    if unfit:
        raise ParrotError(
            f"Model '{source.spec}': {len(unfit)} of its weights are missing or of another shape, "
            f"such as {min(unfit)}; this checkpoint is not for this method or not complete."
        )
    rows = network.get_input_embeddings().weight.shape[0]
    if tokenizer.vocab_size > rows:
        raise ParrotError(
            f"Model '{source.spec}': its tokenizer knows {tokenizer.vocab_size} tokens and its "
            f"network only {rows}; they do not belong together."
        )


def _device(name: str | None) -> str:
    import torch

    if name is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        place = torch.device(name)
        torch.empty(0, device=place)
    except (RuntimeError, AssertionError) as error:
        raise ParrotError(
            f"Device '{name}' cannot be used here; leave --device out, or use cpu or cuda."
        ) from error
    return str(place)
