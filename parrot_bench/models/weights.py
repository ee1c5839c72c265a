"""Number of parameters, read from the headers of the weight files."""

from __future__ import annotations

import json
import math
from pathlib import Path

from parrot_bench.models.hub import Source


def parameters_of(source: Source) -> int:
    """Numbers in a model's safetensors files; 0 where its weights are pickled."""
    return 0 if source.pickled else sum(map(_numbers, source.transformer.glob("*.safetensors")))


def _numbers(path: Path) -> int:
    with path.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    header.pop("__metadata__", None)
    return sum(math.prod(tensor["shape"]) for tensor in header.values())
