"""What is under way when nobody waits any more, and what is known before anything is."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from parrot_bench.task.card import Task
from parrot_bench.task.item import Prediction
from parrot_bench.task.labels import LabelSpace
from tests.models.endpoint.server import (
    Say,
    Server,
    answer,
    ask,
    model_of,
    reports,
)


def test_stopping_cancels_what_is_under_way(server: Server, task: Task, space: LabelSpace) -> None:
    server.behave = lambda fields, number: Say(body=answer().body, after=30 if number else 0)
    answers = model_of(server, concurrency=4).predict(task, space, reports(9))
    next(answers)
    began = time.perf_counter()
    answers.close()  # type: ignore[attr-defined]
    assert time.perf_counter() - began < 1
    assert not [each for each in threading.enumerate() if each.name == "parrot-bench-endpoint"]


def test_ctrl_c_ends_at_once(server: Server, task: Task, space: LabelSpace) -> None:
    server.behave = lambda fields, number: Say(body=answer().body, after=30)
    timer = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    began = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        ask(model_of(server), task, space, 9)
    assert time.perf_counter() - began < 2
    assert not [each for each in threading.enumerate() if each.name == "parrot-bench-endpoint"]


def test_model_can_be_asked_inside_a_running_event_loop(
    server: Server, task: Task, space: LabelSpace
) -> None:
    import asyncio

    async def notebook() -> list[Prediction]:
        return ask(model_of(server), task, space, 3)

    assert [each.status for each in asyncio.run(notebook())] == ["ok"] * 3


def test_identity_is_known_before_anything_is_sent(server: Server) -> None:
    model = model_of(server, seed=4, max_new_tokens=99)
    info = model.info
    assert (info.method, info.together, info.trained_on_data) == ("generate", 1, False)
    assert info.settings == {
        "base_url": server.url,
        "shots": 0,
        "max_new_tokens": 99,
        "temperature": 0,
        "seed": 4,
        "structured_output": "requested",
    }
    assert model.record == {}
    assert not server.asked
