"""A real endpoint on this machine that answers well, badly or not at all, and how it is asked."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from parrot_bench.models.endpoint.address import Address
from parrot_bench.models.endpoint.client import Backoff
from parrot_bench.models.endpoint.model import EndpointModel
from parrot_bench.models.options import ModelOptions
from parrot_bench.task.card import Kind, Task
from parrot_bench.task.item import Item, Prediction
from parrot_bench.task.labels import LabelSpace

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
