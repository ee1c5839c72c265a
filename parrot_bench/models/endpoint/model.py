"""Models behind an endpoint that speaks the OpenAI protocol: hosted ones, vLLM, Ollama, TGI ...

They write, and so the method is "generate". Reports are sent to the endpoint: whether that is
allowed is asked by whoever calls, see `needs_consent`.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from typing import Any

from parrot_bench.errors import ParrotError
from parrot_bench.models.acceptance import failed
from parrot_bench.models.base import TEXT_FIELDS, ModelInfo
from parrot_bench.models.endpoint.address import Address, needs_consent, read_address
from parrot_bench.models.endpoint.answer_schema import response_format
from parrot_bench.models.endpoint.client import BACKOFF, Backoff, Client
from parrot_bench.models.endpoint.in_background import as_they_come
from parrot_bench.models.endpoint.replies import Failure, Reply
from parrot_bench.models.options import DEFAULT, ModelOptions
from parrot_bench.reading.answer import read_answer
from parrot_bench.task.card import Task
from parrot_bench.task.examples import Prompting
from parrot_bench.task.item import Item, Prediction, Status
from parrot_bench.task.labels import LabelSpace

__all__ = ["EndpointModel", "load_endpoint", "needs_consent"]

VERSION = re.compile(r"-\d{4}-\d{2}-\d{2}|-\d{8}|:latest")
"""What services add to the name of a model that they keep at its newest version."""
MOST_FAILURES = 20
"""Failures in a row after which an endpoint counts as gone; each has cost all its retries."""
LOCAL_ONLY = (
    "device",
    "dtype",
    "attention",
    "quantisation",
    "device_map",
    "allow_pickle",
    "trust_remote_code",
    "allow_truncation",
    "batch_tokens",
    "chat_template",
    "label_map",
)
"""Options that say how a network is run here."""


def load_endpoint(spec: str, options: ModelOptions) -> EndpointModel:
    """The model that `openai:MODEL@BASE_URL` names; nothing is sent yet.

    Raises:
        ParrotError: If the spec is not of that form, or an option is for local models alone.
    """
    address = read_address(spec)
    for option in LOCAL_ONLY:
        if getattr(options, option) != getattr(DEFAULT, option):
            name = option.replace("_", "-").replace("chat-template", "no-chat-template")
            raise ParrotError(f"Model '{address.spec}': an endpoint has no --{name}; leave it out.")
    return EndpointModel(address, options)


class EndpointModel:
    """A served model of method "generate".

    Attributes:
        info: Its identity, without anything secret.
        remote: Whether reports leave this machine.
    """

    def __init__(self, address: Address, options: ModelOptions, backoff: Backoff = BACKOFF) -> None:
        """Remember where the model is; nothing is sent yet."""
        self._address, self._options = address, options
        self._prompting = Prompting(options.shots, options.seed)
        self._client = Client(address, options, backoff)
        self._served: str | None = None
        self._served_before: str | None = None
        self._unstated = 0
        self.remote = needs_consent(address.base_url)
        self.info = ModelInfo(
            spec=address.spec,
            name=f"openai:{address.model}",
            method="generate",
            reads=TEXT_FIELDS,
            settings={
                "base_url": address.base_url,
                **self._prompting.settings,
                "max_new_tokens": options.max_new_tokens,
                "temperature": 0,
                "seed": options.seed,
                "structured_output": "requested",
            },
        )

    def recall(self, record: dict[str, Any]) -> None:
        """Take over which model gave the answers that are kept, from an earlier `record`."""
        named = record.get("served_model", "not stated")
        self._served_before = None if named == "not stated" else named

    @property
    def record(self) -> dict[str, Any]:
        """What turned out while it answered; empty before the first answer.

        Returns:
            served_model: the model that said it answered, or "not stated"; unstated: answers that
            did not say; structured_output: whether all tasks' answers were kept to their schema;
            left_out: fields that the server does not know, by task; retries: requests that were
            sent again, by reason; examples: reports that were shown as examples.
        """
        if not self._served and not self._unstated:
            return {}
        left_out = {task: sorted(found) for task, found in self._client.left_out.items() if found}
        return {
            "served_model": self._served or "not stated",
            "unstated": self._unstated,
            "structured_output": all("response_format" not in each for each in left_out.values()),
            "left_out": left_out,
            "retries": dict(sorted(self._client.retried.items())),
            "examples": self._prompting.record,
        }

    def obstacle(self, task: Task, labels: LabelSpace) -> str | None:  # noqa: ARG002
        """Any task with a prompt can be answered, and every task has one."""
        return None

    def predict(
        self, task: Task, labels: LabelSpace, items: Sequence[Item]
    ) -> Iterator[Prediction]:
        """The labels in what the model wrote; items in the order in which answers come.

        Seconds are those of the request that was answered, without waits and earlier attempts.

        Raises:
            ParrotError: If another model answers, the key is refused, there is no such model, or
                the endpoint no longer answers at all.
        """
        for item in items:
            if not item.text.strip():
                yield Prediction(item.report_id, (), status="empty")
        asked = [item for item in items if item.text.strip()]
        at_once = min(self._options.concurrency, len(asked))
        if not at_once:
            return
        answers = as_they_come(asked, lambda: self._connect(task, labels), at_once)
        # Kept back until the endpoint answers something: one that is gone says nothing of a report.
        failures: list[Prediction] = []
        with closing(answers):
            for item, answer in answers:
                if isinstance(answer, Failure) and not answer.of_item:
                    failures.append(failed(item.report_id, answer.note))
                    self._check_alive(failures)
                    continue
                yield from failures
                failures.clear()
                yield self._prediction(task, labels, item, answer)
        yield from failures

    def _connect(
        self, task: Task, labels: LabelSpace
    ) -> AbstractAsyncContextManager[Callable[[Item], Awaitable[Reply | Failure]]]:
        form = response_format(task, labels)

        @asynccontextmanager
        async def connected() -> Any:
            async with self._client.connect(task.name) as ask:
                yield lambda item: ask(self._fields(task, labels, item, form))

        return connected()

    def _fields(
        self, task: Task, labels: LabelSpace, item: Item, form: dict[str, Any]
    ) -> dict[str, Any]:
        turns = self._prompting.turns(task, labels, item)
        return {
            "model": self._address.model,
            "messages": [{"role": turn.role, "content": turn.text} for turn in turns],
            "temperature": 0,
            "max_tokens": self._options.max_new_tokens,
            "seed": self._options.seed,
            "response_format": form,
        }

    def _prediction(
        self, task: Task, labels: LabelSpace, item: Item, answer: Reply | Failure
    ) -> Prediction:
        if isinstance(answer, Failure):
            return failed(item.report_id, answer.note)
        self._check_served(answer.model)
        given: dict[str, Any] = {
            "raw": answer.text,
            "tokens_in": answer.tokens_in,
            "tokens_out": answer.tokens_out,
            "seconds": answer.seconds,
        }
        if answer.refused:
            return Prediction(item.report_id, (), status="refused", strict=(), **given)
        if not answer.text.strip():
            status: Status = "truncated" if answer.cut else "empty"
            return Prediction(item.report_id, (), status=status, strict=(), **given)
        read = read_answer(answer.text, task, labels, item.text_language, cut=answer.cut)
        return Prediction(
            item.report_id, read.labels, status=read.status, strict=read.strict, **given
        )

    def _check_alive(self, failures: Sequence[Prediction]) -> None:
        """Stop where the endpoint is gone: every further report would cost all its retries."""
        if len(failures) >= MOST_FAILURES:
            raise ParrotError(
                f"The endpoint {self._address.base_url} failed {len(failures)} times in a row and "
                f"the run stops; the same command goes on. {failures[-1].note}"
            )

    def _check_served(self, name: str | None) -> None:
        """Stop where another model answers than was asked, or than answered before."""
        if name is None:
            self._unstated += 1
            return
        asked = self._address.model
        version = name[len(asked) :] if name.startswith(asked) else None
        if version is None or (version and not VERSION.fullmatch(version)):
            raise ParrotError(
                f"The endpoint {self._address.base_url} was asked for the model '{asked}' and "
                f"'{_short(name)}' answered; name that one, or serve the right one."
            )
        if self._served not in (None, name):
            raise ParrotError(
                f"The endpoint {self._address.base_url} answered with the model '{self._served}' "
                f"and then with '{_short(name)}'; name one version, so that one model answers."
            )
        if self._served_before not in (None, name):
            raise ParrotError(
                f"The endpoint {self._address.base_url} now answers with the model "
                f"'{_short(name)}', and the answers that are kept are by '{self._served_before}'; "
                "serve that one, or delete what is kept: parrot-bench cache prune --model "
                f"{self.info.name}."
            )
        self._served = name


def _short(name: str) -> str:
    """A name from elsewhere, fit for a message."""
    return "".join(each if each.isprintable() else "?" for each in name[:100])
