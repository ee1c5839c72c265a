"""Which model answered."""

from __future__ import annotations

from typing import Any

import pytest

from parrot_bench.errors import ParrotError
from parrot_bench.task import LabelSpace, Task
from tests.models.endpoint.server import (
    MODEL,
    Server,
    answer,
    ask,
    model_of,
)


@pytest.mark.parametrize(
    "name", [MODEL, f"{MODEL}-2024-08-06", f"{MODEL}-20240806", f"{MODEL}:latest"]
)
def test_versions_of_the_model_are_it(
    name: str, server: Server, task: Task, space: LabelSpace
) -> None:
    server.behave = lambda fields, number: answer(model=name)
    model = model_of(server)
    assert ask(model, task, space)[0].status == "ok"
    assert (model.record["served_model"], model.record["unstated"]) == (name, 0)


@pytest.mark.parametrize(
    "name", ["gpt-4o", f"{MODEL}-mini", f"x{MODEL}", f"{MODEL}-2024", f"{MODEL}-2024-08-06-x", "W"]
)
def test_another_model_stops_the_run(
    name: str, server: Server, task: Task, space: LabelSpace
) -> None:
    server.behave = lambda fields, number: answer(model=name)
    with pytest.raises(ParrotError, match=f"'{MODEL}' and '{name}' answered"):
        ask(model_of(server), task, space)


def test_another_version_in_between_stops_the_run(
    server: Server, task: Task, space: LabelSpace
) -> None:
    server.behave = lambda fields, number: answer(model=f"{MODEL}-2024-08-{10 + number // 3}")
    with pytest.raises(ParrotError, match=r"-2024-08-10' and then with '.*-2024-08-11'"):
        ask(model_of(server, concurrency=1), task, space, 9)


@pytest.mark.parametrize("name", [..., None, "", 4])
def test_model_that_is_not_stated_is_recorded(
    name: Any, server: Server, task: Task, space: LabelSpace
) -> None:
    server.behave = lambda fields, number: answer(model=name)
    model = model_of(server)
    assert ask(model, task, space)[0].status == "ok"
    assert (model.record["served_model"], model.record["unstated"]) == ("not stated", 1)
