"""Find the shared folders `tasks/`, `data/` and `leaderboard/` and the user's own folders.

In a checkout (and an editable install) the shared folders stand beside the package; a wheel
carries them inside it, under `_bundled`. This module is the only place that knows.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


@cache
def _root() -> Path:
    bundled = _PACKAGE / "_bundled"
    return bundled if bundled.is_dir() else _PACKAGE.parent


def data_path(*parts: str) -> Path:
    """Path of a file or folder under `data/`."""
    return _root().joinpath("data", *parts)


def tasks_path(*parts: str) -> Path:
    """Path of a file or folder under `tasks/`."""
    return _root().joinpath("tasks", *parts)


def templates_path(*parts: str) -> Path:
    """Path of a file or folder under `leaderboard/templates/`."""
    return _root().joinpath("leaderboard", "templates", *parts)


def user_cache(*parts: str) -> Path:
    """Path in the user's cache: `PARROT_BENCH_CACHE`, or `parrot-bench` in the XDG cache folder."""
    named = os.environ.get("PARROT_BENCH_CACHE")
    if named:
        return Path(named).expanduser().joinpath(*parts)
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser().joinpath("parrot-bench", *parts)


def read_table(path: Path) -> Iterator[dict[str, str]]:
    """Rows of a CSV table of `data/`, one dictionary each."""
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
