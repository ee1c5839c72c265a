"""Endpoints that are slow, broken or refuse: asked again, failed, or the end of the run."""

from __future__ import annotations

import socket
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from parrot_bench.errors import ParrotError
from parrot_bench.models.endpoint.address import Address
from parrot_bench.models.endpoint.client import Backoff
from parrot_bench.models.endpoint.model import EndpointModel
from parrot_bench.models.endpoint.replies import read_error, retry_after
from parrot_bench.models.options import ModelOptions
from parrot_bench.task.card import Task
from parrot_bench.task.labels import LabelSpace
from tests.models.endpoint.server import (
    KEY,
    MODEL,
    QUICK,
    SECRET,
    Say,
    Server,
    answer,
    ask,
    error,
    model_of,
    reports,
)


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (error(429, Retry_After="0"), "HTTP 429 (Too Many Requests)"),
        (error(500), "HTTP 500 (Internal Server Error)"),
        (error(503), "HTTP 503 (Service Unavailable)"),
        (Say(body=answer().body, cut=True), "connection cut"),
        (Say(body=b"<html>"), "invalid JSON"),
        (Say(body=b"\xff\xfe"), "invalid JSON"),
        (Say(body=b"[" * 100_000), "invalid JSON"),
        (Say(body={"error": {"code": 429}}), "JSON without an answer"),
        (Say(body=[]), "JSON without an answer"),
        (answer(content=7), "JSON without an answer"),
        (Say(body=b"not packed", headers={"Content-Encoding": "gzip"}), "unreadable answer"),
        (Say(body=answer().body, after=5), "no answer in time"),
    ],
)
def test_trouble_that_passes_is_asked_again(
    trouble: Say, reason: str, server: Server, task: Task, space: LabelSpace
) -> None:
    server.behave = lambda fields, number: trouble if number < 2 else answer()
    model = model_of(server, retries=2, timeout=0.1)
    (found,) = ask(model, task, space)
    assert (found.status, found.labels) == ("ok", ("knee",))
    assert model.record["retries"] == {reason: 2}


@pytest.mark.parametrize("retries", [0, 2])
def test_trouble_that_stays_is_a_failure(
    retries: int, server: Server, task: Task, space: LabelSpace
) -> None:
    server.behave = lambda fields, number: error(500, f"{SECRET} {KEY}")
    (found,) = ask(model_of(server, retries=retries), task, space)
    times = "3 times" if retries else "once"
    assert (found.status, found.labels, found.raw) == ("failed", (), "")
    assert found.note == (
        f"The endpoint was asked {times} and did not answer: HTTP 500 (Internal Server Error)."
    )
    assert len(server.asked) == retries + 1


def test_endpoint_that_is_gone_stops_the_run(task: Task, space: LabelSpace) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    model = EndpointModel(Address(MODEL, url), ModelOptions(retries=1, concurrency=2), QUICK)
    with pytest.raises(ParrotError, match=r"20 times in a row.*no connection"):
        next(model.predict(task, space, reports(60)))  # no failure is given, and so none is kept
    assert [each.status for each in ask(model, task, space, 19)] == ["failed"] * 19


def test_failures_are_given_once_the_endpoint_answers(
    server: Server, task: Task, space: LabelSpace
) -> None:
    server.behave = lambda fields, number: answer() if number in (3, 5) else error(500)
    model = model_of(server, concurrency=1, retries=0)
    found = [(each.report_id, each.status) for each in model.predict(task, space, reports(8))]
    assert found == [(f"r{i}", "ok" if i in (3, 5) else "failed") for i in range(8)]


def test_waits_double_up_to_a_most() -> None:
    backoff = Backoff(first=1, most=10)
    assert [backoff.wait(again) for again in (1, 2, 3, 4, 5, 10**6)] == [1, 2, 4, 8, 10, 10]
    assert [backoff.wait(2, asked) for asked in (0.5, 7, 3600)] == [2, 7, 10]


def test_retry_after_is_seconds_or_a_date() -> None:
    assert [retry_after(value) for value in ("7", "0.5", "-3", "", None, "soon", "1e999")] == [
        7.0,
        0.5,
        None,
        None,
        None,
        None,
        float("inf"),
    ]
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert retry_after(later) == pytest.approx(90, abs=2)
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0


def test_wait_that_the_server_asks_for_is_kept(
    server: Server, task: Task, space: LabelSpace
) -> None:
    server.behave = lambda fields, number: error(429, Retry_After="0.3") if not number else answer()
    model = EndpointModel(
        Address(MODEL, server.url), ModelOptions(), Backoff(first=0.001, most=0.2)
    )
    began = time.perf_counter()
    (found,) = ask(model, task, space)
    assert time.perf_counter() - began >= 0.2
    assert found.seconds < 0.15  # waits do not count


@pytest.mark.parametrize(
    ("said", "status", "raw"),
    [
        (answer(None, message={"refusal": "I cannot help."}), "refused", "I cannot help."),
        (answer("", finish_reason="content_filter"), "refused", ""),
        (error(400, "... code content_filter ..."), "refused", ""),
        (answer(""), "empty", ""),
        (answer(None), "empty", ""),
        (answer(" \n"), "empty", " \n"),
        (answer("", finish_reason="length"), "truncated", ""),
        (answer('{"region": "kn', finish_reason="length"), "truncated", '{"region": "kn'),
        (answer("the knee, perhaps?!"), None, "the knee, perhaps?!"),
        (answer([{"type": "text", "text": '{"region": "head"}'}]), "ok", '{"region": "head"}'),
        (answer(usage=...), "ok", '{"region": "knee"}'),
        (answer(usage={"prompt_tokens": "many"}), "ok", '{"region": "knee"}'),
    ],
)
def test_answers_that_are_none(
    said: Say, status: str | None, raw: str, server: Server, task: Task, space: LabelSpace
) -> None:
    server.behave = lambda fields, number: said
    (found,) = ask(model_of(server), task, space)
    assert status in (None, found.status)
    assert found.raw == raw
    if status != "ok":
        assert found.strict == ()
    if said.body.get("usage", {}).get("completion_tokens") != 3:
        assert (found.tokens_in, found.tokens_out) == (0, 0)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "This model's maximum context length is 4096 tokens. However, you requested 5000."),
        (400, "the request exceeds the available context size, try increasing it"),
        (422, "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096."),
        (
            400,
            "'max_tokens' or 'max_completion_tokens' is too large: 256. This model's maximum "
            "context length is 200 tokens",
        ),
        (413, ""),
    ],
)
def test_report_that_does_not_fit_fails_alone(
    status: int, message: str, server: Server, task: Task, space: LabelSpace
) -> None:
    server.behave = lambda fields, number: error(status, f"{message} {SECRET}")
    found = ask(model_of(server), task, space, 30)  # more than an endpoint that is gone may fail
    assert {(each.status, each.note) for each in found} == {
        ("failed", "The prompt and the longest answer do not fit into the endpoint's context.")
    }
    assert len(server.asked) == 30


@pytest.mark.parametrize(
    ("status", "message", "left_out"),
    [
        (400, "Unknown field response_format", "response_format"),
        (422, "Invalid schema: pattern is not supported", "response_format"),
        (501, "not implemented", "response_format"),
        (400, "'temperature' does not support 0 with this model.", "temperature"),
        (422, '[{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]', "seed"),
        (400, "Use 'max_completion_tokens' instead of 'max_tokens'.", "max_tokens"),
    ],
)
def test_field_that_is_not_known_is_left_out(
    status: int, message: str, left_out: str, server: Server, task: Task, space: LabelSpace
) -> None:
    server.behave = lambda fields, _: error(status, message) if left_out in fields else answer()
    model = model_of(server, concurrency=1)
    assert model.record == {}
    assert [each.status for each in ask(model, task, space, 4)] == ["ok"] * 4
    assert len(server.asked) == 5
    assert model.record["left_out"] == {"region": [left_out]}
    assert model.record["structured_output"] is (left_out != "response_format")
    assert model.record["retries"] == {}
    assert server.asked[-1].get("max_completion_tokens") == (
        256 if left_out == "max_tokens" else None
    )
    assert model.info.settings["structured_output"] == "requested"


def test_other_refusals_are_failures(server: Server, task: Task, space: LabelSpace) -> None:
    server.behave = lambda fields, number: error(400, f"no. {SECRET}")
    (found,) = ask(model_of(server), task, space)
    assert found.note == "The endpoint refused the request with HTTP 400 (Bad Request)."
    assert len(server.asked) == 1
    with pytest.raises(ParrotError, match="20 times in a row"):
        ask(model_of(server), task, space, 30)
    assert read_error(501, b"", {}, {}) == read_error(501, b"response_format", {}, {"seed": 1})


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, r"refuses the key in PARROT_BENCH_API_KEY \(HTTP 401 \(Unauthorized\)\)"),
        (403, "refuses the key in PARROT_BENCH_API_KEY"),
        (402, "payment"),
        (404, "no model 'ward/tiny:8b' or no chat completions"),
        (405, "no model 'ward/tiny:8b' or no chat completions"),
        (307, "sends requests elsewhere"),
    ],
)
def test_errors_that_all_requests_would_meet_stop_the_run(
    status: int, words: str, server: Server, task: Task, space: LabelSpace
) -> None:
    server.behave = lambda fields, number: error(status, KEY, Location="http://127.0.0.1:9/x")
    with pytest.raises(ParrotError, match=words) as caught:
        ask(model_of(server, concurrency=2), task, space, 30)
    assert len(server.asked) <= 2
    assert KEY not in repr(caught.value)


def test_answers_before_an_error_are_given(server: Server, task: Task, space: LabelSpace) -> None:
    server.behave = lambda fields, number: answer() if number < 3 else error(401)
    answers = model_of(server, concurrency=1).predict(task, space, reports(9))
    assert [next(answers).status for _ in range(3)] == ["ok"] * 3
    with pytest.raises(ParrotError, match="key"):
        next(answers)
