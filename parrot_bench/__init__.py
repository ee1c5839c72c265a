"""parrot-bench: the benchmark harness for multilingual radiology report NLP.

The public names load on first use, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parrot_bench.comparing.comparison import compare
    from parrot_bench.corpus import load_corpus
    from parrot_bench.errors import ParrotError
    from parrot_bench.integrations.trainer import scorer, training_scorer
    from parrot_bench.models.loading import load_model
    from parrot_bench.models.options import ModelOptions
    from parrot_bench.running.run_folder import load_run
    from parrot_bench.running.runner import evaluate
    from parrot_bench.running.sheets import Settings
    from parrot_bench.task.registry import get_task

__all__ = [
    "ModelOptions",
    "ParrotError",
    "Settings",
    "compare",
    "evaluate",
    "get_task",
    "load_corpus",
    "load_model",
    "load_run",
    "scorer",
    "training_scorer",
]

_HOMES = {
    "ModelOptions": "parrot_bench.models.options",
    "ParrotError": "parrot_bench.errors",
    "Settings": "parrot_bench.running.sheets",
    "compare": "parrot_bench.comparing.comparison",
    "evaluate": "parrot_bench.running.runner",
    "get_task": "parrot_bench.task.registry",
    "load_corpus": "parrot_bench.corpus",
    "load_model": "parrot_bench.models.loading",
    "load_run": "parrot_bench.running.run_folder",
    "scorer": "parrot_bench.integrations.trainer",
    "training_scorer": "parrot_bench.integrations.trainer",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'parrot_bench' has no attribute '{name}'")
