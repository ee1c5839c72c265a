"""Names of endpoints, and whether reports leave the machine."""

from __future__ import annotations

from typing import Any

import pytest

from parrot_bench.errors import ParrotError
from parrot_bench.models.endpoint.address import Address, read_address
from parrot_bench.models.endpoint.model import needs_consent
from parrot_bench.models.loading import load_model
from parrot_bench.models.options import ModelOptions


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
