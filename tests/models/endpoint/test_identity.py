"""Which model answered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from parrot_bench.errors import ParrotError
from parrot_bench.task.card import Task
from parrot_bench.task.labels import LabelSpace
from tests.models.endpoint.server import (
    MODEL,
    Server,
    answer,
    ask,
    error,
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


def test_another_version_than_that_of_the_kept_answers_stops_the_run(
    server: Server, tmp_path: Path
) -> None:
    from parrot_bench.corpus import load_corpus
    from parrot_bench.running.kept_answers import open_cache
    from parrot_bench.running.runner import evaluate
    from parrot_bench.running.sheets import Settings

    asked = {"tasks": "modality", "corpus": load_corpus("mini"), "settings": Settings(limit=8)}
    server.behave = lambda fields, number: (
        error(400) if number % 2 else answer('{"modality": "CT"}', model=f"{MODEL}-2024-08-06")
    )
    first = evaluate(model_of(server), **asked, out=tmp_path)  # type: ignore[arg-type]
    assert first.status == "incomplete"
    server.behave = lambda fields, number: answer('{"modality": "CT"}', model=f"{MODEL}-2024-11-20")
    with pytest.raises(ParrotError, match=r"now answers .*-11-20.* kept are by .*-08-06.*prune"):
        evaluate(model_of(server), **asked, out=tmp_path, retry_failed=True)  # type: ignore[arg-type]
    server.behave = lambda fields, number: answer('{"modality": "CT"}', model=f"{MODEL}-2024-08-06")
    done = evaluate(model_of(server), **asked, out=tmp_path, retry_failed=True)  # type: ignore[arg-type]
    assert done.manifest["record"]["served_model"] == f"{MODEL}-2024-08-06"
    server.behave = lambda fields, number: answer('{"modality": "CT"}', model=f"{MODEL}-2024-11-20")
    with open_cache() as cache:
        assert cache.prune(model=f"openai:{MODEL}") == 8
    new = evaluate(model_of(server), **asked, out=tmp_path / "new")  # type: ignore[arg-type]
    assert new.manifest["record"]["served_model"] == f"{MODEL}-2024-11-20"
