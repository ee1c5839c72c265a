"""Load a model by its spec, the name that people give on the command line."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from dataclasses import fields
from importlib import import_module
from typing import TYPE_CHECKING, Any

from parrot_bench.errors import ParrotError, unknown
from parrot_bench.models.base import Model
from parrot_bench.models.options import DEFAULT, ModelOptions

if TYPE_CHECKING:
    from parrot_bench.models.hub.source import Source

EXAMPLES = (
    "baseline:keyword, hf:sentence-transformers/LaBSE, hf:./my-model or "
    "openai:llama3.1@http://localhost:11434/v1"
)
PREFIXES = ("baseline", "hf", "openai")
METHODS = {
    "classify": "parrot_bench.models.classify.model.ClassifierModel",
    "entail": "parrot_bench.models.entail.model.EntailmentModel",
    "choose": "parrot_bench.models.choose.model.ChoiceModel",
    "generate": "parrot_bench.models.generate.model.GenerationModel",
    "embed": "parrot_bench.models.embed.model.EmbeddingModel",
    "probe": "parrot_bench.models.probe.model.ProbeModel",
}
"""How a Hugging Face model answers, and the class that does it."""
OPTIONS_OF: dict[str, tuple[str, ...]] = {
    "shots": ("choose", "generate"),
    "chat_template": ("choose", "generate"),
    "length_norm": ("choose",),
    "prior": ("choose",),
    "beam": ("choose", "entail"),
    "threshold": ("classify", "entail"),
    "label_map": ("classify",),
    "max_new_tokens": ("generate",),
    "concurrency": (),
    "timeout": (),
    "retries": (),
}
"""Options that not every method has, and the methods of models loaded here that have them."""
CAUSAL = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")
"""Ends of the class names of causal language models; the last one is also of models that see."""
ENCODERS = ("Model", "ForMaskedLM", "ForPreTraining", "ForSequenceClassification")
"""Ends of the class names of networks whose states can be pooled."""


def load_model(spec: str, *, method: str | None = None, options: ModelOptions = DEFAULT) -> Model:
    """Find a model and what it is; its weights are loaded when it is first asked.

    Args:
        spec: `baseline:NAME`, `hf:NAME[@revision]` for a hub model or a local folder, or
            `openai:MODEL@BASE_URL` for an endpoint.
        method: How a Hugging Face model answers, one of `METHODS`; its config says so if not given.
        options: How it is loaded and asked.

    Raises:
        ParrotError: If there is no such model, or it cannot answer that way.
    """
    prefix, colon, name = spec.partition(":")
    if not colon or prefix not in PREFIXES:
        raise _unknown_prefix(spec)
    if method is not None and method not in METHODS:
        raise unknown("method", method, METHODS)
    if prefix == "baseline":
        for option in _given(method, options):
            raise ParrotError(f"Model '{spec}': a baseline has no {option}; leave it out.")
        from parrot_bench.models.baselines.named import load_baseline

        return load_baseline(name, options.seed)
    if prefix == "openai":
        if method not in (None, "generate"):
            raise ParrotError(f"An endpoint answers by --method generate and not by {method}.")
        from parrot_bench.models.endpoint.model import load_endpoint

        return load_endpoint(name, options)
    from parrot_bench.models.hub.source import resolve

    source = resolve(spec, options)
    possible = methods_for(source)
    if method is None and not possible:
        raise ParrotError(
            f"Model '{spec}': its config.json does not say how it answers "
            f"(architecture {source.architecture or 'not named'}); "
            f"give --method {', '.join(METHODS)}."
        )
    chosen = method or possible[0]
    _check_options(chosen, spec, options)
    return make(chosen, source, options)


def _given(method: str | None, options: ModelOptions) -> Iterator[str]:
    """Options that were given, as on the command line, without the seed."""
    if method is not None:
        yield "--method"
    for each in fields(ModelOptions):
        if each.name != "seed" and getattr(options, each.name) != each.default:
            yield f"--{each.name.replace('_', '-')}"


def _check_options(method: str, spec: str, options: ModelOptions) -> None:
    """Options that another method has are not dropped without a word."""
    for name, methods in OPTIONS_OF.items():
        if method not in methods and getattr(options, name) != getattr(DEFAULT, name):
            option = "--no-chat-template" if name == "chat_template" else f"--{name}"
            raise ParrotError(
                f"{option.replace('_', '-')} is for {' and '.join(methods) or 'endpoints'}, and "
                f"'{spec}' answers by {method}; leave it out, or choose another --method."
            )


def make(method: str, source: Source, options: ModelOptions) -> Model:
    """The model of a method.

    Raises:
        ParrotError: If the model cannot answer that way.
    """
    module, _, name = METHODS[method].rpartition(".")
    loaded: Callable[[Any, ModelOptions], Model] = getattr(import_module(module), name)
    return loaded(source, options)


def methods_for(source: Source) -> tuple[str, ...]:
    """Methods that a model's config allows, the usual one first; none where it says nothing."""
    from parrot_bench.models.hub.source import output_names

    if source.modules:
        found: tuple[str, ...] = ("embed", "probe")
    elif source.architecture.endswith("ForSequenceClassification"):
        names = [name.casefold() for name in output_names(source)]
        found = ("entail" if any(each.startswith("entail") for each in names) else "classify",)
        if not source.config.get("is_encoder_decoder"):
            found += ("embed", "probe")
    elif source.architecture.endswith("EncoderModel"):
        found = ("embed", "probe")
    elif source.config.get("is_encoder_decoder"):
        found = ("choose", "generate") if source.architecture.endswith(CAUSAL) else ()
    elif source.architecture.endswith(CAUSAL):
        found = ("choose", "generate", "embed", "probe")
    elif source.architecture.endswith(ENCODERS):
        found = ("embed", "probe")
    else:
        found = ()
    return tuple(each for each in found if each in METHODS)


def why_not(method: str, source: Source) -> str:
    """Why a model's config does not allow a method, as one sentence."""
    needs = {
        "classify": "a network with a classification head whose outputs are labels",
        "entail": "a classifier that was trained on entailment",
        "choose": "a language model, causal or encoder-decoder",
        "generate": "a language model, causal or encoder-decoder",
        "embed": "an encoder, or a decoder whose states can be pooled",
        "probe": "an encoder, or a decoder whose states can be pooled",
    }
    kind = "a sentence-transformers model" if source.modules else source.architecture
    return f"{method} needs {needs[method]}; this is {kind or 'of no named kind'}."


def _unknown_prefix(spec: str) -> ParrotError:
    """Error for a spec without a known prefix, with the spec that was probably meant."""
    from parrot_bench.models.baselines.named import BASELINES

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
