"""Where an endpoint is and which model it serves, as named on the command line."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from parrot_bench.errors import ParrotError

PREFIX = "openai:"
EXAMPLE = "openai:llama3.1@http://localhost:11434/v1"
FORM = re.compile(r"(?P<model>\S+)@(?P<url>https?://\S+)", re.IGNORECASE)
LOOPBACK_NAMES = (
    "localhost",
    "localhost.localdomain",
    "localhost4",
    "localhost6",
    "ip6-localhost",
    "ip6-loopback",
)
"""Names that /etc/hosts gives this machine itself."""


@dataclass(frozen=True, slots=True)
class Address:
    """A served model.

    Attributes:
        model: Its name, as requests state it.
        base_url: What stands before "/chat/completions", without a slash at its end.
    """

    model: str
    base_url: str

    @property
    def spec(self) -> str:
        """How it is named on the command line."""
        return f"{PREFIX}{self.model}@{self.base_url}"


def read_address(text: str) -> Address:
    """The model and the base URL in `MODEL@BASE_URL`, cut at the last "@" before http(s)://.

    Args:
        text: The spec, with or without "openai:"; no error repeats its URL, which may be secret.

    Raises:
        ParrotError: If it is not of that form, or its URL holds a password, a query or no host.
    """
    found = FORM.fullmatch(text.removeprefix(PREFIX))
    if found is None:
        raise ParrotError(f"An endpoint is named openai:MODEL@BASE_URL, as in {EXAMPLE}.")
    model, url = found["model"], found["url"].rstrip("/")
    at = f"Model '{PREFIX}{model}'"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ParrotError(f"{at}: its URL is not readable; name it as in {EXAMPLE}.") from error
    if not host:
        raise ParrotError(f"{at}: its URL names no host; name it as in {EXAMPLE}.")
    if "@" in parts.netloc:
        raise ParrotError(
            f"{at}: its URL holds a user name or password; leave them out and give the key in the "
            "environment variable PARROT_BENCH_API_KEY."
        )
    if any(each in url for each in "?#\\"):
        raise ParrotError(
            f"{at}: its URL holds a query, a fragment or a backslash; "
            f"name the part before it, as in {EXAMPLE}."
        )
    if parts.path.endswith("/chat/completions"):
        raise ParrotError(
            f"{at}: leave /chat/completions out of its URL, which is added to it, as in {EXAMPLE}."
        )
    return Address(model, f"{parts.scheme.lower()}://{parts.netloc.lower()}{parts.path}")


def needs_consent(base_url: str) -> bool:
    """Whether text that is sent there leaves this machine; the local network is elsewhere too.

    Args:
        base_url: URL of an endpoint.

    Returns:
        False for localhost and its aliases, 127.0.0.0/8 and ::1; True for all else.
    """
    try:
        host = urlsplit(base_url).hostname or ""
    except ValueError:
        return True
    if host in LOOPBACK_NAMES:
        return False
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return True
