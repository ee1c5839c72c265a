"""How many numbers a model's weights are, read from the heads of its files without loading any."""

from __future__ import annotations

import json
import math
from pathlib import Path

from parrot_bench.errors import ParrotError
from parrot_bench.models.hub.source import Source, read_json

INDEX, SINGLE = "model.safetensors.index.json", "model.safetensors"


def parameters_of(source: Source) -> int:
    """Numbers in the safetensors files, tied weights once; 0 where they are pickled.

    Raises:
        ParrotError: If a file is damaged or missing.
    """
    if source.pickled:
        return 0
    return sum(_numbers(path, source) for path in _files(source))


def _files(source: Source) -> list[Path]:
    """The files that transformers would load: a folder may hold the same weights twice."""
    folder = source.transformer
    if (folder / SINGLE).is_file():
        return [folder / SINGLE]
    if (folder / INDEX).is_file():
        index = read_json(folder / INDEX, f"Model '{source.spec}'", dict)
        return [folder / name for name in sorted(set(index.get("weight_map", {}).values()))]
    return sorted(folder.glob("*.safetensors"))


def _numbers(path: Path, source: Source) -> int:
    """Numbers of one file: eight bytes give its header's length, and the header the shapes."""
    try:
        with path.open("rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        return sum(
            math.prod(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__"
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ParrotError(
            f"Model '{source.spec}': {path} is no readable safetensors file; "
            "copy or download the model again."
        ) from error
