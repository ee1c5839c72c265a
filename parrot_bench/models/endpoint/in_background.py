"""Answers of many requests at once, for a caller that knows nothing of asyncio.

The event loop runs in a thread of its own, since a caller such as a notebook may run one already.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Awaitable, Callable, Generator, Iterable
from contextlib import AbstractAsyncContextManager, suppress
from typing import Generic, TypeVar

Job = TypeVar("Job")
Answer = TypeVar("Answer")
LOOK = 0.2
"""Seconds between looks for Ctrl-C, where a wait for an answer cannot be interrupted (Windows)."""
PATIENCE = 5.0
"""Seconds that requests in flight have to be cancelled; the thread never keeps the process."""


class _End(Generic[Answer]):
    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def as_they_come(
    jobs: Iterable[Job],
    connect: Callable[[], AbstractAsyncContextManager[Callable[[Job], Awaitable[Answer]]]],
    at_once: int,
) -> Generator[tuple[Job, Answer], None, None]:
    """Every job with its answer, in the order in which answers come.

    At most `at_once` jobs are under way, and at most as many answers wait for the caller: one that
    stops taking them stops the asking. Requests under way are cancelled when the iterator is closed
    or an exception, such as Ctrl-C, passes through it.

    Args:
        jobs: What to ask; drawn one by one, in the background thread.
        connect: Opens what is asked, inside the event loop.
        at_once: Most jobs under way, at least 1.

    Raises:
        Exception: Whatever asking raises, after the answers that came before it.
    """
    ready: queue.Queue[tuple[Job, Answer] | _End[Answer]] = queue.Queue()
    loop = asyncio.new_event_loop()
    room = asyncio.Semaphore(2 * at_once)
    waiting = iter(jobs)

    async def work(ask: Callable[[Job], Awaitable[Answer]]) -> None:
        for job in waiting:  # one iterator, of which every worker draws
            await room.acquire()
            ready.put((job, await ask(job)))

    async def work_all() -> None:
        async with connect() as ask:
            workers = [asyncio.ensure_future(work(ask)) for _ in range(at_once)]
            try:
                await asyncio.gather(*workers)
            finally:
                for worker in workers:
                    worker.cancel()
                await asyncio.gather(*workers, return_exceptions=True)

    main = loop.create_task(work_all())

    def run() -> None:
        error: BaseException | None = None
        try:
            loop.run_until_complete(main)
        except BaseException as raised:  # raised again, in the caller's thread
            error = raised
        loop.close()
        ready.put(_End(error))

    thread = threading.Thread(target=run, name="parrot-bench-endpoint", daemon=True)
    thread.start()
    try:
        while not isinstance(come := _next(ready), _End):
            with suppress(RuntimeError):  # the loop is closed: nothing is left to ask
                loop.call_soon_threadsafe(room.release)
            yield come
        if come.error is not None:
            raise come.error
    finally:
        _stop(loop, main, thread)


def _next(
    ready: queue.Queue[tuple[Job, Answer] | _End[Answer]],
) -> tuple[Job, Answer] | _End[Answer]:
    while True:
        try:
            return ready.get(timeout=LOOK)
        except queue.Empty:
            continue


def _stop(
    loop: asyncio.AbstractEventLoop, main: asyncio.Task[None], thread: threading.Thread
) -> None:
    with suppress(RuntimeError):  # the loop is closed: all is done
        loop.call_soon_threadsafe(main.cancel)
    thread.join(PATIENCE)
