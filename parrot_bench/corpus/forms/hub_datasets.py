"""Datasets on the Hugging Face hub, or from its cache where the hub does not answer."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from parrot_bench.corpus.forms.opening import Source, dataset_rows
from parrot_bench.errors import ParrotError

PATIENCE = 5.0
"""Seconds that the hub has to answer at all, name look-up included."""


def hub_records(name: str) -> Source:
    """Rows of a hub dataset "owner/name" or "owner/name@revision".

    Raises:
        ParrotError: If the hub has no such dataset, or does not answer and none is in its cache.
    """
    import datasets

    identifier, _, revision = name.partition("@")
    datasets.disable_progress_bars()
    online = _hub_answers()
    try:
        with nullcontext() if online else _offline():
            loaded: Any = datasets.load_dataset(identifier, revision=revision or None)
    except Exception as error:
        first = str(error).strip().splitlines()
        reason = f": {first[0] if first else type(error).__name__}"
        if not online:
            reason = (
                ", since the hub cannot be reached and no copy is in its cache; connect this "
                "machine, or give the path of a file."
            )
        raise ParrotError(
            f"'{name}' is no file here, and could not be loaded as a hub dataset{reason}"
        ) from error
    return dataset_rows(loaded, name)


def _hub_answers() -> bool:
    """Whether the hub answers anything soon; its own client would try again for half a minute."""
    answers: queue.SimpleQueue[bool] = queue.SimpleQueue()

    def knock() -> None:
        from huggingface_hub import constants, get_session

        try:
            get_session().head(constants.ENDPOINT, timeout=PATIENCE)
        except Exception:
            answers.put(False)
        else:
            answers.put(True)

    threading.Thread(target=knock, daemon=True).start()
    try:
        return answers.get(timeout=PATIENCE)
    except queue.Empty:
        return False


@contextmanager
def _offline() -> Iterator[None]:
    """Let the libraries of the hub look into their caches only."""
    from datasets import config
    from huggingface_hub import constants

    before = config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE
    config.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE = before
