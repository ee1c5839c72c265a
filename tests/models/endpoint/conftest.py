"""An endpoint, its key and a task."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from parrot_bench.task.card import Task
from tests.models.endpoint.server import (
    KEY,
    Make,
    Server,
)


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARROT_BENCH_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-another")


@pytest.fixture
def task(make_task: Make) -> Task:
    return make_task("single-label")
