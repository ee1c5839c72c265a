"""Endpoints: a real server on this machine that answers well, badly or not at all."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from parrot_bench.errors import ParrotError
from parrot_bench.models import endpoint_client
from parrot_bench.models.answer_schema import CODE, answer_schema
from parrot_bench.models.base import Prediction
from parrot_bench.models.endpoint import EndpointModel, needs_consent
from parrot_bench.models.endpoint_address import Address, read_address
from parrot_bench.models.endpoint_client import Backoff
from parrot_bench.models.endpoint_replies import read_error, retry_after
from parrot_bench.models.loading import load_model
from parrot_bench.models.options import ModelOptions
from parrot_bench.task import Item, Kind, Label, LabelSpace, Task

Make = Callable[[Kind], Task]
MODEL, KEY, SECRET = "ward/tiny:8b", "sk-0123456789abcdef", "Frau Beispiel hat Knieschmerzen"
QUICK = Backoff(first=0.002, most=0.02)


@dataclass
class Say:
    """One HTTP answer.

    Attributes:
        status: Its status.
        body: Its body; JSON unless it is bytes.
        headers: Further headers.
        after: Seconds before it.
        cut: Whether the connection is cut in the middle of the body.
    """

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    after: float = 0.0
    cut: bool = False


def answer(content: Any = '{"region": "knee"}', **changed: Any) -> Say:
    """A whole answer; `message` and `finish_reason` go into its choice."""
    message = {"role": "assistant", "content": content, **changed.pop("message", {})}
    choice = {"message": message, "finish_reason": changed.pop("finish_reason", "stop")}
    body = {
        "model": MODEL,
        "choices": [choice],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3},
        **changed,
    }
    return Say(body={name: value for name, value in body.items() if value is not ...})


def error(status: int, message: str = "", **headers: str) -> Say:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Say(status, {"error": {"message": message}}, named)


class Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64  # of the usual 5, connections made at once are turned away for a second


class Server:
    """An endpoint on a free port; `behave` gets a request's fields and its number from 0."""

    def __init__(self) -> None:
        self.behave: Callable[[dict[str, Any], int], Say] = lambda fields, number: answer()
        self.asked: list[dict[str, Any]] = []
        self.headers: list[Any] = []
        self.paths: list[str] = []
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()
        self.over = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one packet, or the second waits for the first

            def do_POST(self) -> None:
                fields = json.loads(self.rfile.read(int(self.headers["content-length"])))
                with outer._lock:
                    number = len(outer.asked)
                    outer.asked.append(fields)
                    outer.headers.append(self.headers)
                    outer.paths.append(self.path)
                    outer._at_once += 1
                    outer.most_at_once = max(outer.most_at_once, outer._at_once)
                say = outer.behave(fields, number)
                outer.over.wait(say.after) if say.after else None
                with outer._lock:
                    outer._at_once -= 1
                body = say.body if isinstance(say.body, bytes) else json.dumps(say.body).encode()
                try:
                    self.send_response(say.status)
                    for name, value in say.headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body[: len(body) // 2] if say.cut else body)
                    if say.cut:
                        self.wfile.flush()
                        self.connection.shutdown(socket.SHUT_RDWR)
                        self.close_connection = True
                except OSError:  # the client is gone
                    self.close_connection = True

            def log_message(self, *args: Any) -> None:
                pass

        self._server = Listener(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def stop(self) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARROT_BENCH_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-another")


def model_of(server: Server, **options: Any) -> EndpointModel:
    return EndpointModel(Address(MODEL, server.url), ModelOptions(**options), QUICK)


def reports(number: int) -> list[Item]:
    return [Item(f"r{i}", f"{SECRET} {i}.", (), "de", "a", "de") for i in range(number)]


def ask(
    model: EndpointModel, task: Task, space: LabelSpace, items: Sequence[Item] | int = 1
) -> list[Prediction]:
    chosen = reports(items) if isinstance(items, int) else items
    found = {each.report_id: each for each in model.predict(task, space, chosen)}
    return [found[item.report_id] for item in chosen]


@pytest.fixture
def task(make_task: Make) -> Task:
    return make_task("single-label")


# Names and addresses


@pytest.mark.parametrize(
    ("spec", "model", "url"),
    [
        ("openai:llama3.1@http://localhost:11434/v1", "llama3.1", "http://localhost:11434/v1"),
        ("openai:a/b:8b@HTTPS://API.Example.org/V1/", "a/b:8b", "https://api.example.org/V1"),
        ("openai:a@b@http://h:1", "a@b", "http://h:1"),
        ("openai:a@http://one/v1@https://[::1]:8/v1", "a@http://one/v1", "https://[::1]:8/v1"),
    ],
)
def test_spec_is_cut_at_the_last_address(spec: str, model: str, url: str) -> None:
    assert read_address(spec) == Address(model, url)
    assert load_model(spec).info.spec == f"openai:{model}@{url}"
    assert load_model(spec, method="generate").info.name == f"openai:{model}"


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("openai:", "openai:MODEL@BASE_URL"),
        ("openai:gpt", "openai:MODEL@BASE_URL"),
        ("openai:gpt@", "openai:MODEL@BASE_URL"),
        ("openai:@http://h/v1", "openai:MODEL@BASE_URL"),
        ("openai:gpt@ftp://h/v1", "openai:MODEL@BASE_URL"),
        ("openai:g pt@http://h/v1", "openai:MODEL@BASE_URL"),
        ("openai:gpt@http:///v1", "names no host"),
        ("openai:gpt@http://h:port/v1", "not readable"),
        ("openai:gpt@http://[::1/v1", "not readable"),
        ("openai:gpt@http://me:hush@h/v1", "user name or password"),
        ("openai:gpt@https://hush@h/v1", "user name or password"),
        ("openai:gpt@http://h/v1?key=hush", "query"),
        ("openai:gpt@http://h/v1#hush", "fragment"),
        ("openai:gpt@http://h/v1/chat/completions", "leave /chat/completions out"),
    ],
)
def test_bad_specs_are_sentences_without_secrets(spec: str, words: str) -> None:
    with pytest.raises(ParrotError, match=words) as caught:
        load_model(spec)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    "option",
    [
        {"device": "cpu"},
        {"dtype": "float16"},
        {"allow_truncation": True},
        {"quantisation": "int8"},
        {"batch_tokens": 8},
        {"chat_template": False},
    ],
)
def test_options_of_local_models_are_refused(option: dict[str, Any]) -> None:
    name = next(iter(option)).replace("_", "-").replace("chat", "no-chat")
    with pytest.raises(ParrotError, match=f"has no --{name};"):
        load_model("openai:gpt@http://h/v1", options=ModelOptions(**option))


@pytest.mark.parametrize(
    "option", [{"concurrency": 0}, {"retries": -1}, {"timeout": 0.0}, {"timeout": float("nan")}]
)
def test_options_are_checked(option: dict[str, Any]) -> None:
    with pytest.raises(ParrotError, match=f"--{next(iter(option))} is"):
        ModelOptions(**option)


@pytest.mark.parametrize(
    ("host", "leaves"),
    [
        ("localhost", False),
        ("LOCALHOST:8000", False),
        ("127.0.0.1:11434", False),
        ("127.8.9.1", False),
        ("[::1]:80", False),
        ("ip6-localhost", False),
        ("localhost.example.org", True),
        ("127.0.0.1.example.org", True),
        ("192.168.0.7", True),
        ("10.0.0.1", True),
        ("0.0.0.0", True),  # noqa: S104
        ("169.254.1.1", True),
        ("[fe80::1]", True),
        ("pacs", True),
        ("api.openai.com", True),
        ("[broken", True),
    ],
)
def test_consent_is_needed_for_all_but_this_machine(host: str, leaves: bool) -> None:
    assert needs_consent(f"http://{host}/v1") is leaves


def test_model_says_whether_reports_leave_the_machine() -> None:
    assert load_model("openai:m@https://api.example.org/v1").remote is True  # type: ignore[attr-defined]
    assert load_model("openai:m@http://localhost:8000/v1").remote is False  # type: ignore[attr-defined]


# What is sent


def test_request_holds_the_question_and_nothing_else(
    server: Server, task: Task, space: LabelSpace
) -> None:
    item = Item("r", "Knie \ud800 ä", (), "de", "Dr. Author", "de", country="Germany")
    (found,) = ask(model_of(server, seed=3, max_new_tokens=40), task, space, [item])
    assert server.paths == ["/v1/chat/completions"]
    (fields,) = server.asked
    form = fields.pop("response_format")
    assert fields == {
        "model": MODEL,
        "messages": [{"role": "user", "content": task.prompt(item, space)}],
        "temperature": 0,
        "max_tokens": 40,
        "seed": 3,
    }
    assert form["type"] == "json_schema"
    assert form["json_schema"] == {
        "name": "region",
        "strict": True,
        "schema": answer_schema(task, space),
    }
    assert (found.labels, found.strict, found.status) == (("knee",), ("knee",), "ok")
    assert (found.raw, found.tokens_in, found.tokens_out) == ('{"region": "knee"}', 7, 3)
    assert found.seconds > 0


def test_examples_are_turns(server: Server) -> None:
    from parrot_bench.corpus import load_corpus
    from parrot_bench.registry import get_task

    task = get_task("modality")
    labels = task.labels(load_corpus("mini"))
    model = model_of(server, shots=2)
    ask(model, task, labels)
    roles = [turn["role"] for turn in server.asked[0]["messages"]]
    assert roles == ["user", "assistant", "user", "assistant", "user"]
    assert len(model.record["examples"]["modality/de"]) == 2
    assert model.info.settings["shots"] == 2


def test_schema_of_each_kind(make_task: Make, space: LabelSpace) -> None:
    label = {"type": "string", "enum": ["chest", "knee", "head", "abdomen"]}
    for kind, value in (
        ("single-label", label),
        ("binary", label),
        ("multi-label", {"type": "array", "items": label}),
    ):
        assert answer_schema(make_task(kind), space) == {  # type: ignore[arg-type]
            "type": "object",
            "properties": {"region": value},
            "required": ["region"],
            "additionalProperties": False,
        }


def test_schema_of_large_label_spaces(make_task: Make) -> None:
    import re

    from parrot_bench.corpus import load_corpus
    from parrot_bench.corpus.icd10 import load_table
    from parrot_bench.registry import get_task

    task = get_task("icd_coding")
    codes = answer_schema(task, task.labels(load_corpus("mini")))["properties"]["codes"]
    assert codes == {"type": "array", "items": {"type": "string", "pattern": CODE}}
    table = load_table()
    names = [*table.categories, *table.codes_of("S72"), *table.codes_of("J90"), "C7A.1", "R91.1"]
    assert all(re.search(CODE, each) for each in names)
    for wrong in ("", "chest", "j90", "J9", "J90.", "J90.12345", "J90 x"):
        assert not re.search(CODE, wrong)
    words = LabelSpace(Label(f"word {i}", "") for i in range(201))
    made = answer_schema(make_task("single-label"), words)
    assert made["properties"]["region"] == {"type": "string"}


def test_few_requests_are_under_way_and_answers_come_as_they_do(
    server: Server, task: Task, space: LabelSpace
) -> None:
    server.behave = lambda fields, number: Say(
        body=answer().body, after=0.3 if number == 0 else 0.02
    )
    model = model_of(server, concurrency=3)
    names = [each.report_id for each in model.predict(task, space, reports(12))]
    assert sorted(names) == sorted(f"r{i}" for i in range(12))
    assert server.most_at_once == 3
    assert names[0] != server_first(server)


def server_first(server: Server) -> str:
    """The report that the server was asked first."""
    text: str = server.asked[0]["messages"][-1]["content"]
    return "r" + text.split(SECRET)[1].split(".")[0].strip()


def test_no_more_is_asked_than_is_taken(server: Server, task: Task, space: LabelSpace) -> None:
    answers = model_of(server, concurrency=2).predict(task, space, reports(50))
    next(answers)
    time.sleep(0.2)
    assert len(server.asked) <= 6
    answers.close()  # type: ignore[attr-defined]


def test_blank_reports_are_not_sent(server: Server, task: Task, space: LabelSpace) -> None:
    blank = Item("blank", " \n", (), "de", "a", "de")
    found = ask(model_of(server), task, space, [blank, *reports(1)])
    assert [each.status for each in found] == ["empty", "ok"]
    assert ask(model_of(server), task, space, [blank])[0].status == "empty"
    assert len(server.asked) == 1


# What goes wrong


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


# Which model answered


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


# Keys


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
    assert endpoint_client._key(Address("gpt", url))[0] == source
    monkeypatch.setenv("PARROT_BENCH_API_KEY", KEY)
    assert endpoint_client._key(Address("gpt", url)) == ("PARROT_BENCH_API_KEY", KEY)


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
    from parrot_bench.asking import Settings
    from parrot_bench.corpus import load_corpus
    from parrot_bench.runner import evaluate

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


# Stopping


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
