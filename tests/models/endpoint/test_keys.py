"""Keys go to their endpoint and nowhere else."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from parrot_bench.errors import ParrotError
from parrot_bench.models.endpoint import client
from parrot_bench.models.endpoint.address import Address
from parrot_bench.task.card import Task
from parrot_bench.task.labels import LabelSpace
from tests.models.endpoint.server import (
    KEY,
    SECRET,
    Server,
    answer,
    ask,
    error,
    model_of,
)


def test_key_is_sent_and_written_nowhere(
    server: Server, task: Task, space: LabelSpace, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.behave = lambda fields, number: (
        error(500, KEY) if number % 2 else answer(f'{{"region": "knee"}} {number}')
    )
    model = model_of(server, retries=1, concurrency=1)
    found = ask(model, task, space, 6)
    assert {each["authorization"] for each in server.headers} == {f"Bearer {KEY}"}
    written = [repr(model.info), repr(model.record), repr(found), repr(vars(model)), caplog.text]
    written += [repr(vars(model._client)), json.dumps(model.record)]
    assert not any(KEY in each for each in written)
    assert not any(SECRET in each for each in (caplog.text, *written[:2]))
    assert server.url not in caplog.text
    assert logging.getLogger("httpx").level == logging.NOTSET


@pytest.mark.parametrize(
    ("own", "sent"), [("sk-a", "Bearer sk-a"), ("sk-a\n", "Bearer sk-a"), ("", None)]
)
def test_key_comes_from_the_environment(
    own: str,
    sent: str | None,
    server: Server,
    task: Task,
    space: LabelSpace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PARROT_BENCH_API_KEY", own)
    ask(model_of(server), task, space)
    assert server.headers[0]["authorization"] == sent


@pytest.mark.parametrize(
    ("url", "source"),
    [
        ("https://api.openai.com/v1", "OPENAI_API_KEY"),
        ("https://api.openai.com.example.org/v1", ""),
        ("http://localhost:8000/v1", ""),
    ],
)
def test_the_key_of_openai_goes_to_openai_alone(
    url: str, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PARROT_BENCH_API_KEY")
    assert client._key(Address("gpt", url))[0] == source
    monkeypatch.setenv("PARROT_BENCH_API_KEY", KEY)
    assert client._key(Address("gpt", url)) == ("PARROT_BENCH_API_KEY", KEY)


def test_endpoint_without_a_key(
    server: Server, task: Task, space: LabelSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PARROT_BENCH_API_KEY")
    ask(model_of(server), task, space)
    assert server.headers[0]["authorization"] is None
    server.behave = lambda fields, number: error(401)
    with pytest.raises(ParrotError, match=r"asks for a key .* PARROT_BENCH_API_KEY"):
        ask(model_of(server), task, space)


@pytest.mark.parametrize("bad", ["sk-ä", "sk a", "sk-\x07b"])
def test_key_that_cannot_be_one(
    bad: str, server: Server, task: Task, space: LabelSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARROT_BENCH_API_KEY", bad)
    with pytest.raises(ParrotError, match="PARROT_BENCH_API_KEY holds characters") as caught:
        ask(model_of(server), task, space)
    assert bad not in repr(caught.value)


def test_proxy_is_not_asked_for_this_machine(
    server: Server, task: Task, space: LabelSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert ask(model_of(server), task, space)[0].status == "ok"


def test_run_holds_no_key_and_goes_on_after_an_error(
    server: Server, tmp_path: Path, private_cache: Path
) -> None:
    from parrot_bench.corpus import load_corpus
    from parrot_bench.running.runner import evaluate
    from parrot_bench.running.sheets import Settings

    server.behave = lambda fields, number: (
        answer('{"modality": "CT"}') if number < 4 else error(401, KEY)
    )
    asked = {"tasks": "modality", "corpus": load_corpus("mini"), "settings": Settings(limit=8)}
    with pytest.raises(ParrotError, match="refuses the key"):
        evaluate(model_of(server, concurrency=1), **asked, out=tmp_path)  # type: ignore[arg-type]
    server.behave = lambda fields, number: answer('{"modality": "CT"}')
    done = evaluate(model_of(server), **asked, out=tmp_path)  # type: ignore[arg-type]
    assert done.status == "complete"
    assert len(server.asked) == 8 + 1  # the refused one; nothing was asked twice
    for folder in (tmp_path, private_cache):
        files = [each for each in folder.rglob("*") if each.is_file()]
        assert files
        assert not any(KEY.encode() in each.read_bytes() for each in files)
