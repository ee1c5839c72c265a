"""What is known of a model only after loading, kept with its answers."""

from __future__ import annotations

from typing import Any

from parrot_bench.models.base import Model
from parrot_bench.running.costs import peak_memory
from parrot_bench.running.kept_answers import AnswerCache
from parrot_bench.running.keys import model_key


def recall(model: Model, cache: AnswerCache) -> None:
    """Tell a model that wants to know what was noted when its kept answers were given."""
    tell = getattr(model, "recall", None)
    if tell is not None:
        tell(cache.record(model_key(model)))


def model_record(model: Model, cache: AnswerCache) -> dict[str, Any]:
    """What is known of a model only after loading, with what was noted when it answered before."""
    found = dict(getattr(model, "record", {}))
    key = model_key(model)
    before = cache.record(key)
    if not found:
        return before
    whole = _joined(before, found | peak_memory())
    cache.keep_record(key, whole)
    return whole


def _joined(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """Two records as one: tables are joined, memory is the most of both, else the later holds."""
    found = {**before, **now}
    for name in before.keys() & now.keys():
        old, new = before[name], now[name]
        if isinstance(old, dict) and isinstance(new, dict):
            found[name] = {**old, **new}
        elif name.startswith("peak_"):
            found[name] = max(old, new)
    return found
