"""From token states to one vector: pooling and what follows it, as a model's folder declares.

Reads the layout of sentence-transformers; a plain encoder is mean pooled.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parrot_bench.errors import ParrotError
from parrot_bench.models.hub.source import Source, read_json

if TYPE_CHECKING:
    from torch import Tensor

POOLINGS = {
    "cls": "cls_token",
    "max": "max_tokens",
    "mean": "mean_tokens",
    "mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "weightedmean": "weightedmean_tokens",
    "lasttoken": "lasttoken",
}
"""Poolings, and what older configs call them after "pooling_mode_"."""
ACTIVATIONS = ("Identity", "Tanh", "ReLU", "GELU", "Sigmoid", "SiLU")


@dataclass(frozen=True, slots=True)
class Layout:
    """What a model declares about how its embeddings are made.

    Attributes:
        pooling: Poolings whose results are joined.
        steps: What follows on the pooled vectors: "Dense" or "Normalize", and its folder.
        max_tokens: Longest text; None where only the network limits it.
        lower: Whether texts are lower-cased first.
        query: Prompt before reports.
        passage: Prompt before label texts.
    """

    pooling: tuple[str, ...] = ("mean",)
    steps: tuple[tuple[str, Path], ...] = ()
    max_tokens: int | None = None
    lower: bool = False
    query: str = ""
    passage: str = ""


def read_layout(source: Source) -> Layout:
    """The declared layout; mean pooling and no prompts where nothing is declared.

    Raises:
        ParrotError: If the model asks for a step that is not known here.
    """
    if not source.modules:
        return Layout()
    at = f"Model '{source.spec}'"
    pooling: tuple[str, ...] = ()
    steps: list[tuple[str, Path]] = []
    kinds = [str(each["type"]).rpartition(".")[2] for each in source.modules]
    for place, (kind, module) in enumerate(zip(kinds, source.modules, strict=True)):
        folder = source.folder / str(module.get("path", ""))
        if kind == "Transformer" and place == 0:
            continue
        if kind == "Pooling" and place == 1:
            pooling = _pooling(read_json(folder / "config.json", at, dict), at)
        elif kind in ("Dense", "Normalize") and place > 1:
            if kind == "Dense":
                _activation(folder, at)
            steps.append((kind, folder))
        else:
            raise ParrotError(
                f"{at}: its module {place} '{kind}' is not supported; known are a Transformer, a "
                "Pooling, then Dense and Normalize. Choose another model."
            )
    declared: dict[str, Any] = {}
    for path in sorted(source.transformer.glob("sentence_*_config.json")):
        declared = read_json(path, at, dict)
    prompts: dict[str, Any] = {}
    standard = ""
    if (source.folder / "config_sentence_transformers.json").is_file():
        config = read_json(source.folder / "config_sentence_transformers.json", at, dict)
        prompts = config.get("prompts") or {}
        standard = prompts.get(config.get("default_prompt_name") or "", "")
    return Layout(
        pooling=pooling or ("mean",),
        steps=tuple(steps),
        max_tokens=declared.get("max_seq_length"),
        lower=bool(declared.get("do_lower_case")),
        query=prompts.get("query", standard),
        passage=prompts.get("passage", prompts.get("document", standard)),
    )


def _pooling(config: dict[str, Any], at: str) -> tuple[str, ...]:
    """Pooling modes in the old form (pooling_mode_*: true) or the new one (pooling_mode: name)."""
    named = config.get("pooling_mode")
    if named is None:
        on = {key for key, value in config.items() if value is True}
        named = [mode for mode, key in POOLINGS.items() if f"pooling_mode_{key}" in on]
    modes = (named,) if isinstance(named, str) else tuple(named)
    if not modes or not set(modes) <= set(POOLINGS):
        raise ParrotError(
            f"{at}: its pooling ({', '.join(map(str, modes)) or 'none declared'}) is not known; "
            f"known are {', '.join(POOLINGS)}."
        )
    if config.get("include_prompt") is False:
        raise ParrotError(f"{at}: it leaves its prompt out of the pooling, which is not supported.")
    return modes


def _activation(folder: Path, at: str) -> str:
    """Activation of a dense layer, which is of a kind that is known here."""
    config = read_json(folder / "config.json", at, dict)
    activation = str(config.get("activation_function", "torch.nn.modules.activation.Tanh"))
    name = activation.rpartition(".")[2]
    inner = config.get("module_input_name", "sentence_embedding")
    if name not in ACTIVATIONS or config.get("use_residual") or inner != "sentence_embedding":
        raise ParrotError(f"{at}: its dense layer {folder} is of a kind that is not supported.")
    if not (folder / "model.safetensors").is_file():
        raise ParrotError(f"{at}: its dense layer {folder} has no model.safetensors; convert it.")
    return name


def build_steps(layout: Layout, at: str) -> tuple[Callable[[Tensor], Tensor], ...]:
    """Functions on the pooled vectors, their weights loaded.

    Args:
        layout: The declared layout.
        at: Start of an error's sentence: which model.

    Raises:
        ParrotError: If a dense layer cannot be read.
    """
    from torch.nn.functional import normalize

    return tuple(
        _dense(folder, at) if kind == "Dense" else normalize for kind, folder in layout.steps
    )


def _dense(folder: Path, at: str) -> Callable[[Tensor], Tensor]:
    """A dense layer of the sentence-transformers layout."""
    import torch
    from safetensors.torch import load_file

    act = getattr(torch.nn, _activation(folder, at))()
    try:
        read = load_file(folder / "model.safetensors")
        weight, bias = read["linear.weight"].float(), read.get("linear.bias")
    except Exception as error:  # the library has no error of its own that says all of these
        raise ParrotError(
            f"{at}: its dense layer {folder} cannot be read; copy or download the model again."
        ) from error
    bias = None if bias is None else bias.float()

    def step(vectors: Tensor) -> Tensor:
        projected = torch.nn.functional.linear(vectors, weight, bias)
        return act(projected)  # type: ignore[no-any-return]

    return step


def pool(states: Tensor, mask: Tensor, modes: tuple[str, ...]) -> Tensor:
    """Pool the states of right-padded texts in float32.

    Args:
        states: Last hidden states, shape (n, tokens, width).
        mask: 1 for tokens and 0 for padding, shape (n, tokens).
        modes: Poolings to join, of `POOLINGS`.

    Returns:
        Shape (n, width times number of modes).
    """
    import torch

    states, present = states.float(), mask.float().unsqueeze(-1)
    places = torch.arange(1, states.shape[1] + 1, device=states.device).view(1, -1, 1)
    found = []
    for mode in modes:
        if mode == "cls":
            found.append(states[:, 0])
        elif mode == "lasttoken":
            found.append(states[torch.arange(len(states), device=mask.device), mask.sum(1) - 1])
        elif mode == "max":
            found.append(states.masked_fill(present == 0, -torch.inf).amax(1))
        else:
            weights = present * places if mode == "weightedmean" else present
            total, count = (states * weights).sum(1), weights.sum(1)
            found.append(total / (count.sqrt() if mode == "mean_sqrt_len_tokens" else count))
    return torch.cat(found, dim=-1)
