"""Load a network and its tokenizer, from safetensors and without remote code unless asked for."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from parrot_bench.errors import ParrotError
from parrot_bench.models.hub.device import default_device, dtype_of
from parrot_bench.models.hub.source import Source, quiet
from parrot_bench.models.options import ModelOptions

Head = Literal["none", "causal", "seq2seq", "classification"]
CLASSES: dict[Head, str] = {
    "none": "AutoModel",
    "causal": "AutoModelForCausalLM",
    "seq2seq": "AutoModelForSeq2SeqLM",
    "classification": "AutoModelForSequenceClassification",
}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A network in memory, ready to answer, and its tokenizer.

    Attributes:
        network: The network, in evaluation mode.
        tokenizer: Its tokenizer; pads on the left where the network is a causal decoder.
        device: Where inputs go.
        dtype: Precision of its weights, before any quantisation.
        parameters: Number of parameters.
        max_tokens: Most tokens of an input, special tokens included; None where nothing limits it.
    """

    network: Any
    tokenizer: Any
    device: str
    dtype: str
    parameters: int
    max_tokens: int | None

    @property
    def facts(self) -> dict[str, Any]:
        """What is only known of a network after loading, for a model's record, as plain JSON."""
        return {
            "class": type(self.network).__name__,
            "parameters": self.parameters,
            "attention": getattr(self.network.config, "_attn_implementation", None) or "its own",
        }


def load(source: Source, head: Head, options: ModelOptions) -> Loaded:
    """Load the network and the tokenizer.

    Args:
        source: The model.
        head: Which head the network has: none, language modelling, or classification.
        options: Device, precision, attention, quantisation, and what is trusted.

    Raises:
        ParrotError: If the parts are damaged, do not fit together, need code of their own that is
            not trusted, or a library that is not installed.
    """
    import transformers

    _check_installed(options)
    place = options.device or default_device()
    if not options.device_map:
        _check_device(place)
    _check_known(source, options)
    trust = {"trust_remote_code": options.trust_remote_code, "local_files_only": True}
    part = "config.json"
    try:
        with quiet():
            config = transformers.AutoConfig.from_pretrained(source.transformer, **trust)
            part = "tokenizer"
            tokenizer: Any = transformers.AutoTokenizer.from_pretrained(source.transformer, **trust)
            part = "network"
            network, report = _class_of(config, head).from_pretrained(
                source.transformer,
                config=config,
                use_safetensors=not source.pickled,
                dtype=dtype_of(source, options),
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # they are reported, and refused below
                **_placing(options, place),
                **trust,
            )
            if not options.device_map and not options.quantisation:
                network = network.to(place)
            network = network.eval()
    except Exception as error:  # transformers raises whatever its parsers raise
        reason = " ".join(str(error).split())[:200]
        raise ParrotError(
            f"Model '{source.spec}': its {part} cannot be loaded ({type(error).__name__}: "
            f"{reason}); {_advice(error, options)}."
        ) from error
    _check_fit(source, network, tokenizer, report, head)
    if head == "causal":
        tokenizer.padding_side = "left"
    return Loaded(
        network=network,
        tokenizer=tokenizer,
        device=str(network.device),
        dtype=dtype_of(source, options),
        parameters=network.num_parameters(),
        max_tokens=_max_tokens(network, tokenizer),
    )


def _class_of(config: Any, head: Head) -> Any:
    """The class of transformers that loads a network with a head."""
    import transformers

    kind = type(config)
    causal = kind in transformers.MODEL_FOR_CAUSAL_LM_MAPPING
    if (
        head == "causal"
        and not causal
        and kind in transformers.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING
    ):
        return transformers.AutoModelForImageTextToText
    if head == "none" and kind in transformers.MODEL_FOR_TEXT_ENCODING_MAPPING:
        return transformers.AutoModelForTextEncoding  # of T5 and the like the encoder alone
    return getattr(transformers, CLASSES[head])


def _advice(error: Exception, options: ModelOptions) -> str:
    """What to do about a network that cannot be loaded."""
    chosen = {
        "--attention": options.attention,
        "--device-map": options.device_map,
        "--quantisation": options.quantisation,
    }
    given = [name for name, value in chosen.items() if value]
    if given and not isinstance(error, OSError):
        return f"try it without {' and '.join(given)}"
    return "copy or download the model again"


def _placing(options: ModelOptions, place: str) -> dict[str, Any]:
    """Arguments of from_pretrained that say where and in how many bits the weights lie."""
    chosen: dict[str, Any] = {}
    if options.attention:
        chosen["attn_implementation"] = options.attention
    if options.device_map:
        chosen["device_map"] = options.device_map
    if options.quantisation:
        from transformers import BitsAndBytesConfig

        few = options.quantisation == "int4"
        bits: Any = BitsAndBytesConfig  # untyped
        chosen["quantization_config"] = bits(load_in_4bit=few, load_in_8bit=not few)
        chosen.setdefault("device_map", {"": place})
    return chosen


def _check_installed(options: ModelOptions) -> None:
    """Libraries that an option needs and a plain install does not bring."""
    needed = {"accelerate": options.device_map or options.quantisation}
    needed["bitsandbytes"] = options.quantisation
    for library in (name for name, asked in needed.items() if asked):
        if importlib.util.find_spec(library) is None:
            option = "--quantisation" if options.quantisation else "--device-map"
            raise ParrotError(
                f"{option} needs the library {library}, which is not installed; "
                "install parrot-bench[large]."
            )


def _check_known(source: Source, options: ModelOptions) -> None:
    import transformers

    kind = source.config.get("model_type")
    if kind in transformers.CONFIG_MAPPING:
        return
    own = "auto_map" in source.config
    if own and options.trust_remote_code:
        return
    raise ParrotError(
        f"Model '{source.spec}': type '{kind}' is unknown here; it needs "
        + (
            "its own Python code, which is not run unless you trust it and give "
            "--trust-remote-code."
            if own
            else "a newer transformers; choose another model or upgrade transformers."
        )
    )


def _check_fit(
    source: Source, network: Any, tokenizer: Any, report: Mapping[str, Any], head: Head
) -> None:
    unfit = {*report["missing_keys"], *(key for key, *_ in report["mismatched_keys"])}
    if head == "none":
        # States are read before the pooler; anything else would be random numbers.
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


def _max_tokens(network: Any, tokenizer: Any) -> int | None:
    """Most tokens that model, tokenizer and position table all take."""
    import torch

    config = network.config.get_text_config()
    limits = [tokenizer.model_max_length, getattr(config, "max_position_embeddings", None)]
    for name, table in network.named_modules():
        if name.endswith("position_embeddings") and isinstance(table, torch.nn.Embedding):
            # RoBERTa's positions begin after its padding index.
            offset = 0 if table.padding_idx is None else table.padding_idx + 1
            limits.append(table.num_embeddings - offset)
    # A tokenizer without a limit says so by a number like 1e30.
    known = [each for each in limits if isinstance(each, (int, float)) and 0 < each < 10**9]
    return int(min(known)) if known else None


def _check_device(name: str) -> None:
    import torch

    try:
        torch.empty(0, device=torch.device(name))
    except (RuntimeError, AssertionError) as error:
        raise ParrotError(
            f"Device '{name}' cannot be used here; leave --device out, or use cpu or cuda."
        ) from error
