"""Load a model by its spec, the name that people give on the command line."""

from __future__ import annotations

import difflib

from parrot_bench.errors import ParrotError, unknown
from parrot_bench.models.base import Model

EXAMPLES = "baseline:keyword, hf:sentence-transformers/LaBSE or hf:./my-model"
PREFIXES = ("baseline", "hf")
METHODS = ("embed", "choose")
ENCODERS = ("Model", "ForMaskedLM", "ForPreTraining", "ForSequenceClassification")
"""Ends of the class names of networks whose states can be pooled."""


def load_model(
    spec: str,
    *,
    method: str | None = None,
    seed: int = 0,
    device: str | None = None,
    dtype: str | None = None,
) -> Model:
    """Load a model.

    Args:
        spec: `baseline:NAME`, or `hf:NAME[@revision]` for a hub model or a local folder.
        method: How a Hugging Face model answers, "embed" or "choose"; found out if not given.
        seed: Seed of what is random in a baseline.
        device: Where a Hugging Face model runs: "cpu", "cuda"; a GPU if there is one by default.
        dtype: Its precision: "float32", "bfloat16", "float16".

    Raises:
        ParrotError: If there is no such model, or it cannot be loaded.
    """
    prefix, colon, name = spec.partition(":")
    if not colon or prefix not in PREFIXES:
        raise _unknown_prefix(spec)
    if method is not None and method not in METHODS:
        raise unknown("method", method, METHODS)
    if prefix == "baseline":
        given = {"--method": method, "--device": device, "--dtype": dtype}
        for option in (name for name, value in given.items() if value is not None):
            raise ParrotError(f"Model '{spec}': a baseline has no {option}; leave it out.")
        from parrot_bench.models.baselines import load_baseline

        return load_baseline(name, seed)
    return _load_hub(spec, method, device, dtype)


def _load_hub(spec: str, method: str | None, device: str | None, dtype: str | None) -> Model:
    from parrot_bench.models.causal import CAUSAL, ChoiceModel
    from parrot_bench.models.embedding import EmbeddingModel
    from parrot_bench.models.hub import resolve

    source = resolve(spec)
    if source.config.get("is_encoder_decoder"):
        raise ParrotError(
            f"Model '{spec}': {source.architecture or 'it'} is an encoder-decoder, which is not "
            "supported; choose an encoder or a causal language model."
        )
    if method is None:
        if source.modules:
            method = "embed"
        elif source.architecture.endswith(CAUSAL):
            method = "choose"
        elif source.architecture.endswith(ENCODERS):
            method = "embed"
        else:
            raise ParrotError(
                f"Model '{spec}': its config.json does not say how it answers "
                f"(architecture {source.architecture or 'not named'}); "
                "give --method embed or --method choose."
            )
    loaded = ChoiceModel if method == "choose" else EmbeddingModel
    return loaded(source, device=device, dtype=dtype)


def _unknown_prefix(spec: str) -> ParrotError:
    """Error for a spec without a known prefix, with the spec that was probably meant."""
    from parrot_bench.models.baselines import BASELINES

    prefix, colon, name = spec.partition(":")
    close = difflib.get_close_matches(prefix.casefold(), PREFIXES, n=1, cutoff=0.5)
    meant = ""
    if colon and close:
        meant = f"{close[0]}:{name}"
    elif spec in BASELINES:
        meant = f"baseline:{spec}"
    elif not colon and "/" in spec:
        meant = f"hf:{spec}"
    if meant:
        return ParrotError(f"Unknown model '{spec}': did you mean '{meant}'?")
    return ParrotError(f"Unknown model '{spec}': name it as in {EXAMPLES}.")
