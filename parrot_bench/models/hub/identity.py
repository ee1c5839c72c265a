"""The identity of a Hugging Face model, told from its files alone."""

from __future__ import annotations

from typing import Any

from parrot_bench.models.base import ModelInfo
from parrot_bench.models.hub.source import Source, digest
from parrot_bench.models.hub.weights import parameters_of


def hub_identity(source: Source, method: str, **more: Any) -> ModelInfo:
    """The info of a model that answers by a method; nothing of it needs the network in memory.

    Args:
        source: The model.
        method: How it answers.
        more: What the method adds: further fields of `ModelInfo`.

    Raises:
        ParrotError: If a file of its weights is damaged or missing.
    """
    return ModelInfo(
        spec=source.public_spec,
        name=source.name,
        method=method,
        revision=source.revision,
        digest=digest(source),
        parameters=parameters_of(source),
        **more,
    )
