"""Keys of kept answers: a hash of everything that could change an answer."""

from __future__ import annotations

import hashlib
import inspect
import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from parrot_bench.digests import source_digest
from parrot_bench.models.base import Model
from parrot_bench.running.sheets import Sheet
from parrot_bench.task.item import Item
from parrot_bench.task.prompts import render_prompt, wordings

LIBRARIES = ("numpy", "scikit-learn", "tokenizers", "torch", "transformers")
"""Libraries whose major version may change an answer."""


def model_key(model: Model) -> bytes:
    """Hash of a model: its info, the code that answers, and the libraries' major versions."""
    return _digest(_model_parts(model))


def answer_keys(model: Model, sheet: Sheet) -> list[bytes]:
    """Keys of a model's answers to a sheet, shape (items,).

    They hash the model's info without the name it was asked for by (resolved commit, digest of the
    weights, dtype, method, decoding and whatever else stands in its settings), the code that
    answers, the major versions of the libraries, the task (labels, form of the answer, tree), the
    rendered prompt, the task's other wordings in its language, worked examples, and those fields of
    the item that the model reads. The answer of a model that learns from the data depends on all
    items and their gold.
    """
    task, labels = sheet.task, sheet.labels
    fixed = {
        "model": _model_parts(model),
        "task": [task.name, task.version, task.kind, task.answer_key, task.title],
        "labels": [[each.id, each.definition, each.names] for each in labels.labels],
        "tree": asdict(task.tree()) if task.tree else None,
        "data": _all_items(sheet.items) if model.info.trained_on_data else "",
    }
    start = hashlib.sha256(_text(fixed).encode("utf-8", "surrogatepass"))
    around: dict[tuple[str, str], list[str]] = {}
    keys = []
    for item in sheet.items:
        family = (item.language, item.text_language)
        if family not in around:
            around[family] = [*wordings(task, [item.text_language]), *_examples(model, sheet, item)]
        asked = [
            render_prompt(task, item, labels),
            *around[family],
            *(getattr(item, field) for field in model.info.reads),
        ]
        own = start.copy()
        own.update(_text(asked).encode("utf-8", "surrogatepass"))
        keys.append(own.digest())
    return keys


def _model_parts(model: Model) -> dict[str, Any]:
    info = {name: value for name, value in asdict(model.info).items() if name != "spec"}
    return {"info": info, "code": _code(model), "libraries": _majors()}


def _examples(model: Model, sheet: Sheet, item: Item) -> list[str]:
    """Worked examples and their answers, as they stand before the question about an item."""
    shots = model.info.settings.get("shots")
    if not shots:
        return []
    from parrot_bench.task.examples import Prompting

    prompting = Prompting(shots, model.info.settings.get("examples_seed", 0))
    return [turn.text for turn in prompting.turns(sheet.task, sheet.labels, item)[:-1]]


def _all_items(items: Sequence[Item]) -> str:
    return _digest([asdict(item) for item in items]).hex()


def _code(model: Model) -> str:
    """Digest of the code that answers.

    For the models of this package that is the code of all of them, with the tables they read. For
    a user's own it is the file of its class. Where that cannot be found, a number drawn once per
    process: such answers are kept for this run alone rather than mistaken for others.
    """
    kind = type(model)
    if kind.__module__.startswith("parrot_bench."):
        return _package_code()
    try:
        return hashlib.sha256(Path(inspect.getfile(kind)).read_bytes()).hexdigest()
    except (OSError, TypeError):
        pass
    try:
        return hashlib.sha256(inspect.getsource(kind).encode()).hexdigest()
    except (OSError, TypeError):
        return _drawn()


@cache
def _drawn() -> str:
    return secrets.token_hex(16)


def _package_code() -> str:
    return source_digest("models", "reading", "task", "vocabulary", tables=("vocabulary",))


@cache
def _majors() -> dict[str, str]:
    return {each: metadata.version(each).partition(".")[0] for each in LIBRARIES}


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _digest(value: Any) -> bytes:
    return hashlib.sha256(_text(value).encode("utf-8", "surrogatepass")).digest()
