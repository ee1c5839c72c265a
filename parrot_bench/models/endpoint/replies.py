"""What an endpoint's HTTP answers mean: an answer, a failure, or a reason to ask again."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

AGAIN = (408, 409, 425, 429)
"""Client errors that pass; so do all server errors but 501."""
REFUSABLE = (
    # An error about the answer's length names the field that is to replace this one.
    ("max_tokens", ("max_completion_tokens",)),
    ("response_format", ("response_format", "schema", "structured", "guided", "grammar")),
    ("temperature", ("temperature",)),
    ("seed", ("seed",)),
)
"""Fields that some servers do not know, and words of their errors about them."""
TOO_LONG = re.compile(
    r"context.{0,3}(length|window|size)|maximum context|max_model_len|exceed_context"
    r"|prompt is too long|input is too long|too many (input )?tokens|tokens.{0,80}must be <="
    r"|exceeds the maximum number of tokens"
)
FILTERED = re.compile(r"content_filter|content management policy|responsibleaipolicy")
NO_ROOM = "The prompt and the longest answer do not fit into the endpoint's context."


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer.

    Attributes:
        text: What the model said; empty where it said nothing.
        model: Name of the model that answered; None where it is not stated.
        refused: Whether it, or a filter before it, refused to answer.
        cut: Whether it was cut off at the most tokens.
        tokens_in: Tokens read, as the endpoint counts them; 0 where it does not.
        tokens_out: Tokens written, likewise.
        seconds: Time of the request that was answered, without earlier ones and waits.
    """

    text: str
    model: str | None = None
    refused: bool = False
    cut: bool = False
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Failure:
    """No answer.

    Attributes:
        note: Why, in one sentence that quotes nothing of the report or the server.
        of_item: Whether this one prompt is at fault and not the endpoint.
    """

    note: str
    of_item: bool = False


@dataclass(frozen=True, slots=True)
class Again:
    """A reason to send the request once more.

    Attributes:
        reason: What went wrong, such as "HTTP 429".
        after: Seconds that the server asks to wait; None where it says nothing.
    """

    reason: str
    after: float | None = None


@dataclass(frozen=True, slots=True)
class Without:
    """The server does not know a field: send the request again without it."""

    field: str


def status_text(status: int) -> str:
    """An HTTP status and its usual name, such as "HTTP 404 (Not Found)"."""
    try:
        return f"HTTP {status} ({HTTPStatus(status).phrase})"
    except ValueError:
        return f"HTTP {status}"


def read_body(body: bytes, seconds: float) -> Reply | Again:
    """The answer in the body of a successful HTTP answer."""
    try:
        return _reply(json.loads(body), seconds)
    except (ValueError, RecursionError):
        return Again("invalid JSON")
    except (TypeError, KeyError, IndexError, AttributeError):
        return Again("JSON without an answer")


def _reply(body: Any, seconds: float) -> Reply:
    choice = body["choices"][0]
    message = choice["message"]
    model, refusal = body.get("model"), message.get("refusal")
    usage = body.get("usage") or {}
    said = _text(message.get("content"))
    refused = bool(refusal) or choice.get("finish_reason") == "content_filter"
    return Reply(
        text=said or str(refusal or ""),
        model=model if isinstance(model, str) and model else None,
        refused=refused,
        cut=choice.get("finish_reason") == "length",
        tokens_in=_count(usage, "prompt_tokens"),
        tokens_out=_count(usage, "completion_tokens"),
        seconds=seconds,
    )


def _text(content: object) -> str:
    """Text of a message, which some servers give in parts."""
    if isinstance(content, list):
        parts = (each.get("text") for each in content if isinstance(each, dict))
        return "".join(each for each in parts if isinstance(each, str))
    if content is None or isinstance(content, str):
        return content or ""
    raise TypeError


def _count(usage: Any, name: str) -> int:
    value = usage.get(name) if isinstance(usage, dict) else 0
    return value if isinstance(value, int) and value > 0 else 0


def read_error(
    status: int, body: bytes, headers: Mapping[str, str], sent: Mapping[str, Any]
) -> Reply | Failure | Again | Without:
    """What an HTTP error of one request means; errors of key and address are not among them.

    Args:
        status: HTTP status, 400 or higher.
        body: The error; it is searched for words and never quoted.
        headers: Its headers.
        sent: The request's fields.
    """
    if status in AGAIN or (status >= 500 and status != 501):
        return Again(status_text(status), retry_after(headers.get("retry-after")))
    text = body[:100_000].decode("utf-8", "replace").casefold()
    if status == 413 or TOO_LONG.search(text):
        return Failure(NO_ROOM, of_item=True)
    if FILTERED.search(text):
        return Reply("", refused=True)
    for field, words in REFUSABLE:
        if field in sent and any(word in text for word in words):
            return Without(field)
    if status == 501 and "response_format" in sent:
        return Without("response_format")
    return Failure(f"The endpoint refused the request with {status_text(status)}.")


def retry_after(value: str | None) -> float | None:
    """Seconds in a Retry-After header, which holds seconds or a date; None where it says nothing.

    Source: RFC 9110, section 10.2.3.
    """
    if not value:
        return None
    try:
        return max(0.0, float(value)) if value.strip()[:1].isdigit() else _until(value)
    except (ValueError, TypeError, OverflowError):
        return None


def _until(date: str) -> float:
    return max(0.0, parsedate_to_datetime(date).timestamp() - time.time())
