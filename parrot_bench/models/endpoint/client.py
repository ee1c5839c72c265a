"""Send requests to an endpoint: the key, the time they have, and when they are sent again."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from parrot_bench.errors import ParrotError
from parrot_bench.models.endpoint.address import Address, needs_consent
from parrot_bench.models.endpoint.replies import (
    Again,
    Failure,
    Reply,
    Without,
    read_body,
    read_error,
    status_text,
)
from parrot_bench.models.options import ModelOptions

if TYPE_CHECKING:
    import httpx

KEY, OPENAI_KEY = "PARROT_BENCH_API_KEY", "OPENAI_API_KEY"
"""Environment variables that may hold a key: the first for the endpoint that is named, whichever it
is, the second for OpenAI's own alone, since other programs set it too."""
OPENAI_HOST = "api.openai.com"


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds to wait before a request is sent again: doubled every time, and without chance.

    Attributes:
        first: The first wait.
        most: The longest one, also where the server asks for more.
    """

    first: float = 1.0
    most: float = 60.0

    def wait(self, again: int, asked: float | None = None) -> float:
        """Seconds before sending again for the n-th time, n from 1; at least what was asked for."""
        return min(self.most, max(self.first * 2.0 ** min(again - 1, 30), asked or 0.0))


BACKOFF = Backoff()


class Client:
    """Asks one served model; says what it had to leave out and to repeat.

    Attributes:
        retried: How often a request was sent again, by reason.
        left_out: Fields that the server does not know, by the name of the task.
    """

    def __init__(self, address: Address, options: ModelOptions, backoff: Backoff) -> None:
        """Nothing is sent yet."""
        self._address, self._options, self._backoff = address, options, backoff
        self.retried: Counter[str] = Counter()
        self.left_out: dict[str, set[str]] = {}

    @asynccontextmanager
    async def connect(
        self, task: str
    ) -> AsyncIterator[Callable[[dict[str, Any]], Awaitable[Reply | Failure]]]:
        """A function that sends the fields of a request about a task, and gives what came back.

        Raises:
            ParrotError: There, if the endpoint refuses the key or has no such model, so that no
                other request could be answered either; here, if the key cannot be one.
        """
        import httpx

        source, key = _key(self._address)
        headers = {"Content-Type": "application/json"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        at_once = self._options.concurrency
        with _in_silence():
            async with httpx.AsyncClient(
                headers=headers,
                timeout=None,  # noqa: S113  # a request as a whole has its time, see _post
                limits=httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once),
                # What stays on this machine must not take the way over a proxy.
                trust_env=needs_consent(self._address.base_url),
            ) as http:
                left_out = self.left_out.setdefault(task, set())

                async def ask(fields: dict[str, Any]) -> Reply | Failure:
                    return await self._ask(http, fields, left_out, source)

                yield ask

    async def _ask(
        self,
        http: httpx.AsyncClient,
        fields: dict[str, Any],
        left_out: set[str],
        source: str,
    ) -> Reply | Failure:
        again = 0
        while True:
            sent = _without(fields, left_out)
            came = await self._post(http, sent, source)
            if isinstance(came, Without):
                left_out.add(came.field)  # once per field: it is not in what is sent next
            elif not isinstance(came, Again):
                return came
            elif again == self._options.retries:
                times = f"{again + 1} times" if again else "once"
                return Failure(f"The endpoint was asked {times} and did not answer: {came.reason}.")
            else:
                again += 1
                self.retried[came.reason] += 1
                await asyncio.sleep(self._backoff.wait(again, came.after))

    async def _post(
        self, http: httpx.AsyncClient, sent: dict[str, Any], source: str
    ) -> Reply | Failure | Again | Without:
        import httpx

        began = time.perf_counter()
        # Escaped to ASCII, so that no character of a report can fail to be encoded.
        content = json.dumps(sent).encode("ascii")
        url = f"{self._address.base_url}/chat/completions"
        try:
            async with asyncio.timeout(self._options.timeout):
                response = await http.post(url, content=content)
        except TimeoutError:
            return Again("no answer in time")
        except httpx.ConnectError:
            return Again("no connection")
        except httpx.TransportError:
            return Again("connection cut")
        except httpx.HTTPError:  # a body that is not packed as it says
            return Again("unreadable answer")
        if 200 <= response.status_code < 300:
            return read_body(response.content, time.perf_counter() - began)
        self._check(response.status_code, source)
        return read_error(response.status_code, response.content, response.headers, sent)

    def _check(self, status: int, source: str) -> None:
        """Stop at an error that every other request would meet too."""
        at = f"The endpoint {self._address.base_url}"
        if status in (401, 403):
            raise ParrotError(
                f"{at} refuses the key in {source} ({status_text(status)}); set another one."
                if source
                else f"{at} asks for a key ({status_text(status)}); set the environment variable "
                f"{KEY} to it."
            )
        if status == 402:
            raise ParrotError(f"{at} asks for payment ({status_text(status)}); see to the account.")
        if status in (404, 405):
            raise ParrotError(
                f"{at} has no model '{self._address.model}' or no chat completions there "
                f"({status_text(status)}); check the name, and whether the URL ends in /v1."
            )
        if status < 400:
            raise ParrotError(
                f"{at} sends requests elsewhere ({status_text(status)}), where no report follows; "
                "name the URL that it leads to."
            )


def _key(address: Address) -> tuple[str, str]:
    """The variable that holds the key, and the key; both empty where there is none."""
    own = urlsplit(address.base_url).hostname == OPENAI_HOST
    for name in (KEY, OPENAI_KEY) if own else (KEY,):
        key = os.environ.get(name, "").strip()
        if not key:
            continue
        if not key.isascii() or not key.isprintable() or " " in key:
            raise ParrotError(f"{name} holds characters that no key has; set it again.")
        return name, key
    return "", ""


def _without(fields: dict[str, Any], left_out: set[str]) -> dict[str, Any]:
    """The fields that the server knows; "max_tokens" has a newer name."""
    kept = {name: value for name, value in fields.items() if name not in left_out}
    if "max_tokens" in left_out:
        kept["max_completion_tokens"] = fields["max_tokens"]
    return kept


@contextmanager
def _in_silence() -> Iterator[None]:
    """No line in the user's log for each request, with its URL."""
    loggers = [logging.getLogger(name) for name in ("httpx", "httpcore")]
    levels = [each.level for each in loggers]
    for each in loggers:
        each.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for each, level in zip(loggers, levels, strict=True):
            each.setLevel(level)
