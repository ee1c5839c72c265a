"""Answers, kept in the user's cache as they come, so that nothing is asked twice.

One SQLite file, `answers.sqlite`, one row for every answered item. The key of a row is a hash of
everything that could change the answer (see `answer_keys`), so two models, two revisions or two
prompts never share one. A row holds what the model wrote in its own words, which may repeat report
text: the file stays on this machine and nothing in a run folder comes from that field.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from parrot_bench.errors import ParrotError
from parrot_bench.models.base import Prediction
from parrot_bench.resources import user_cache

FILE = "answers.sqlite"
LAYOUT = 1
"""Version of the tables; a file of another layout is set aside, never read."""
_LOCK_SECONDS = 30.0
_AT_ONCE = 500
"""Keys of one question to the database; SQLite takes no more than some thousands."""
_TABLES = """
CREATE TABLE IF NOT EXISTS answers (
    key BLOB PRIMARY KEY, model TEXT NOT NULL, method TEXT NOT NULL, task TEXT NOT NULL,
    kept INTEGER NOT NULL, status TEXT NOT NULL, answer TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS records (
    key BLOB PRIMARY KEY, kept INTEGER NOT NULL, record TEXT NOT NULL
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """What the cache holds of one model.

    Attributes:
        model: Name of the model.
        method: How it answers.
        answers: Number of answers.
        failed: How many of them are failures.
        oldest: When the first was kept, in seconds since 1970.
        newest: When the last was kept, in seconds since 1970.
    """

    model: str
    method: str
    answers: int
    failed: int
    oldest: int
    newest: int


class AnswerCache:
    """The answers of all runs on this machine."""

    def __init__(self, path: Path | None = None) -> None:
        """Open or create the file; by default in the user's cache.

        Raises:
            ParrotError: If it cannot be opened.
        """
        self.path = path or user_cache(FILE)
        with self._in_a_sentence():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Every group of answers is its own transaction: it outlives the process, however that
            # ends, and no lock is held while a model thinks.
            self._database = sqlite3.connect(self.path, timeout=_LOCK_SECONDS, isolation_level=None)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=NORMAL")
            (layout,) = self._database.execute("PRAGMA user_version").fetchone()
            if layout not in (0, LAYOUT):
                raise ParrotError(
                    f"{self.path}: its layout is {layout} and this version reads {LAYOUT}; move "
                    "the file away, or set PARROT_BENCH_CACHE to another folder."
                )
            self._database.executescript(f"PRAGMA user_version={LAYOUT}; {_TABLES}")

    @contextlib.contextmanager
    def _in_a_sentence(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            raise ParrotError(
                f"{self.path}: answers cannot be written or read here ({error}); make room on the "
                "disk or set PARROT_BENCH_CACHE to a folder with room. What was kept before stays, "
                "and the same command goes on from there."
            ) from error

    def known(self, keys: Sequence[bytes]) -> dict[bytes, Prediction]:
        """Answers that are kept, by key.

        Raises:
            ParrotError: If they cannot be read.
        """
        found: dict[bytes, Prediction] = {}
        with self._in_a_sentence():
            for start in range(0, len(keys), _AT_ONCE):
                some = keys[start : start + _AT_ONCE]
                marks = ",".join("?" * len(some))
                rows = self._database.execute(
                    f"SELECT key, answer FROM answers WHERE key IN ({marks})",  # noqa: S608
                    some,
                )
                found.update((key, _prediction(answer)) for key, answer in rows)
        return found

    def keep(
        self, model: str, method: str, task: str, answers: Iterable[tuple[bytes, Prediction]]
    ) -> None:
        """Keep answers, all or none of them; from then on they outlive the process.

        What stands under a key stays, unless it is a failure: two runs at once agree on the first
        answer. A power cut may take the last ones, and leaves those before them whole.

        Args:
            model: Name of the model, for `kept`.
            method: How it answers.
            task: Name of the task.
            answers: Keys and answers.

        Raises:
            ParrotError: If they cannot be written.
        """
        now = int(time.time())
        rows = [(k, model, method, task, now, a.status, _text(a)) for k, a in answers]
        with self._in_a_sentence(), self._transaction():
            self._database.executemany(
                "INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET "
                "kept = excluded.kept, status = excluded.status, answer = excluded.answer "
                "WHERE answers.status = 'failed'",
                rows,
            )

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            with contextlib.suppress(sqlite3.Error):  # a full disk has rolled back by itself
                self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def record(self, key: bytes) -> dict[str, Any]:
        """What was noted of a model when it was last loaded; empty where it never was."""
        with self._in_a_sentence():
            row = self._database.execute("SELECT record FROM records WHERE key = ?", (key,))
            found = row.fetchone()
        return dict(json.loads(found[0])) if found else {}

    def keep_record(self, key: bytes, record: dict[str, Any]) -> None:
        """Note what is known of a model only after loading, in plain JSON.

        Raises:
            ParrotError: If it cannot be written.
        """
        with self._in_a_sentence():
            self._database.execute(
                "INSERT OR REPLACE INTO records VALUES (?, ?, ?)",
                (key, int(time.time()), json.dumps(record, ensure_ascii=False)),
            )

    def kept(self) -> list[Kept]:
        """What is kept, by model and method."""
        with self._in_a_sentence():
            rows = self._database.execute(
                "SELECT model, method, count(*), sum(status = 'failed'), min(kept), max(kept) "
                "FROM answers GROUP BY model, method ORDER BY model, method"
            ).fetchall()
        return [Kept(*row) for row in rows]

    def prune(self, *, model: str | None = None, before: int | None = None) -> int:
        """Delete answers and give their room back.

        Args:
            model: Only those of this model.
            before: Only those kept before this time, in seconds since 1970.

        Returns:
            Number of answers deleted.

        Raises:
            ParrotError: If they cannot be deleted.
        """
        wanted, values = ["1"], []
        if model is not None:
            wanted.append("model = ?")
            values.append(str(model))
        if before is not None:
            wanted.append("kept < ?")
            values.append(str(before))
        with self._in_a_sentence():
            deleted = self._database.execute(
                f"DELETE FROM answers WHERE {' AND '.join(wanted)}",  # noqa: S608
                values,
            ).rowcount
            self._database.execute("VACUUM")
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return deleted

    def close(self) -> None:
        """Close the file."""
        self._database.close()


@contextlib.contextmanager
def open_cache(path: Path | None = None) -> Iterator[AnswerCache]:
    """The answer cache, closed whatever happens."""
    cache = AnswerCache(path)
    try:
        yield cache
    finally:
        cache.close()


def _text(answer: Prediction) -> str:
    return json.dumps(asdict(answer), ensure_ascii=False)


def _prediction(text: str) -> Prediction:
    fields = json.loads(text)
    fields["labels"] = tuple(fields["labels"])
    fields["strict"] = None if fields["strict"] is None else tuple(fields["strict"])
    return Prediction(**fields)
