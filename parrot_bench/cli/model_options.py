"""Options of the commands that ask a model, gathered into one record."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from parrot_bench.models.options import ModelOptions


def _chosen(
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    device: Annotated[
        str | None, typer.Option(help="cpu, cuda, cuda:1 ...", show_default=False)
    ] = None,
    dtype: Annotated[
        str | None, typer.Option(help="float32, bfloat16 or float16.", show_default=False)
    ] = None,
    attention: Annotated[
        str | None,
        typer.Option(help="eager, sdpa or flash_attention_2.", show_default=False),
    ] = None,
    quantisation: Annotated[
        str | None, typer.Option(help="int8 or int4, by bitsandbytes.", show_default=False)
    ] = None,
    device_map: Annotated[
        str | None, typer.Option(help="auto: spread the layers by accelerate.", show_default=False)
    ] = None,
    batch_tokens: Annotated[
        int | None, typer.Option(help="Tokens of a batch; by device.", show_default=False)
    ] = None,
    allow_truncation: Annotated[
        bool,
        typer.Option("--allow-truncation", help="Cut the middle of reports that do not fit."),
    ] = False,
    shots: Annotated[int, typer.Option(help="Worked examples, from the corpus mini.")] = 0,
    length_norm: Annotated[
        str, typer.Option(help="choose: divide by tokens, characters or none.")
    ] = "tokens",
    prior: Annotated[
        str, typer.Option(help="choose: none, or subtract the content-free score.")
    ] = "none",
    threshold: Annotated[
        float, typer.Option(help="classify, entail: probability of a further label.")
    ] = 0.5,
    beam: Annotated[int, typer.Option(help="choose, entail: nodes of the ICD tree a level.")] = 3,
    max_new_tokens: Annotated[int, typer.Option(help="generate: longest answer.")] = 256,
    no_chat_template: Annotated[
        bool, typer.Option("--no-chat-template", help="Leave a model's chat template out.")
    ] = False,
    label_map: Annotated[
        Path | None,
        typer.Option(help="classify: JSON file, output to label.", show_default=False),
    ] = None,
    concurrency: Annotated[int, typer.Option(help="openai: requests at once.")] = 8,
    timeout: Annotated[float, typer.Option(help="openai: seconds for an answer.")] = 120.0,
    retries: Annotated[int, typer.Option(help="openai: how often to send again.")] = 5,
    allow_pickle: Annotated[
        bool, typer.Option("--allow-pickle", help="Trust pickled weights, which can run code.")
    ] = False,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Run Python code that a model brings.")
    ] = False,
) -> ModelOptions:

    return ModelOptions(
        seed=seed,
        device=device,
        dtype=dtype,
        attention=attention,
        quantisation=quantisation,
        device_map=device_map,
        batch_tokens=batch_tokens,
        allow_truncation=allow_truncation,
        shots=shots,
        length_norm=length_norm,  # type: ignore[arg-type]  # checked there
        prior=prior,  # type: ignore[arg-type]
        threshold=threshold,
        beam=beam,
        max_new_tokens=max_new_tokens,
        chat_template=not no_chat_template,
        label_map=label_map,
        concurrency=concurrency,
        timeout=timeout,
        retries=retries,
        allow_pickle=allow_pickle,
        trust_remote_code=trust_remote_code,
    )


def asks_a_model(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a model in place of its parameter `options`."""
    own = inspect.signature(command, eval_str=True)
    shared = inspect.signature(_chosen, eval_str=True)
    kept = [each for name, each in own.parameters.items() if name != "options"]

    @functools.wraps(command)
    def run(**given: Any) -> Any:
        chosen = {name: given.pop(name) for name in shared.parameters}
        return command(**given, options=_chosen(**chosen))

    parameters = [
        each.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for each in (*kept, *shared.parameters.values())
    ]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    del run.__wrapped__
    return run
