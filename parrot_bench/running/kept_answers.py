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
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from parrot_bench.errors import ParrotError
from parrot_bench.models.acceptance import accepted
from parrot_bench.resources import user_cache
from parrot_bench.task.item import Prediction

FILE = "answers.sqlite"
LAYOUT = 1
"""Version of the tables; a file of another layout is set aside, never read."""
_LOCK_SECONDS = 30.0
_DAMAGED = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR)
"""Codes of errors that no room on the disk would cure: no database, or one without its tables."""
_BESIDE = ("-wal", "-shm")
"""Endings of the files that SQLite keeps beside its own: a log, and what processes share."""
_FIELDS = {each.name for each in fields(Prediction)}
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

    def __init__(self, path: Path | None = None, *, read_only: bool = False) -> None:
        """Open the file, by default in the user's cache; it is made where there is none.

        Args:
            path: The file.
            read_only: Only to look: nothing is made or written, and no other process waited for.

        Raises:
            ParrotError: If it cannot be opened.
        """
        self.path = path or user_cache(FILE)
        self._damaged: set[bytes] = set()
        with _in_a_sentence(self.path):
            if read_only:
                self._database = _to_look_at(self.path)
            else:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                # Every group of answers is its own transaction: it outlives the process, however
                # that ends, and no lock is held while a model thinks.
                self._database = _connect(self.path, "mode=rwc")
                self._database.execute("PRAGMA journal_mode=WAL")
                self._database.execute("PRAGMA synchronous=NORMAL")
            (layout,) = self._database.execute("PRAGMA user_version").fetchone()
            if layout not in (0, LAYOUT):
                raise ParrotError(
                    f"{self.path}: its layout is {layout} and this version reads {LAYOUT}; move "
                    "the file away, or set PARROT_BENCH_CACHE to another folder."
                )
            if not read_only:
                self._database.executescript(f"PRAGMA user_version={LAYOUT}; {_TABLES}")

    def known(self, keys: Sequence[bytes]) -> dict[bytes, Prediction]:
        """Answers that are kept, by key; a damaged one counts as not kept.

        Raises:
            ParrotError: If they cannot be read.
        """
        found: dict[bytes, Prediction] = {}
        one = "SELECT CAST(answer AS BLOB) FROM answers WHERE key = ?"
        with _in_a_sentence(self.path):
            for key in keys:
                row = self._database.execute(one, (key,)).fetchone()
                answer = _prediction(row[0]) if row else None
                if answer is not None:
                    found[key] = answer
                elif row:
                    self._damaged.add(key)
        return found

    def keep(
        self, model: str, method: str, task: str, answers: Iterable[tuple[bytes, Prediction]]
    ) -> None:
        """Keep answers, all or none of them; from then on they outlive the process.

        What stands under a key stays, unless it is a failure or damaged: two runs at once agree on
        the first answer. A power cut may take the last ones, and leaves those before them whole.

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
        broken = [(key,) for key, *_ in rows if key in self._damaged]
        with _in_a_sentence(self.path), self._transaction():
            self._database.executemany("DELETE FROM answers WHERE key = ?", broken)
            self._database.executemany(
                "INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET "
                "kept = excluded.kept, status = excluded.status, answer = excluded.answer "
                "WHERE answers.status = 'failed'",
                rows,
            )
        self._damaged.difference_update(key for (key,) in broken)

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
        one = "SELECT CAST(record AS BLOB) FROM records WHERE key = ?"
        with _in_a_sentence(self.path):
            row = self._database.execute(one, (key,)).fetchone()
        try:
            return dict(json.loads(str(row[0], "utf-8"))) if row else {}
        except (TypeError, ValueError):  # damaged
            return {}

    def keep_record(self, key: bytes, record: dict[str, Any]) -> None:
        """Note what is known of a model only after loading, in plain JSON.

        Raises:
            ParrotError: If it cannot be written.
        """
        with _in_a_sentence(self.path):
            self._database.execute(
                "INSERT OR REPLACE INTO records VALUES (?, ?, ?)",
                (key, int(time.time()), json.dumps(record, ensure_ascii=False)),
            )

    def kept(self) -> list[Kept]:
        """What is kept, by model and method."""
        with _in_a_sentence(self.path):
            rows = self._database.execute(
                "SELECT model, method, count(*), sum(status = 'failed'), min(kept), max(kept) "
                "FROM answers GROUP BY model, method ORDER BY model, method"
            ).fetchall()
        return [Kept(*row) for row in rows]

    def prune(self, *, model: str | None = None, before: int | None = None) -> int:
        """Delete answers and give their room back; what is noted of models goes with any of them.

        Args:
            model: Only those of this model.
            before: Only those kept before this time, in seconds since 1970.

        Returns:
            Number of answers deleted.

        Raises:
            ParrotError: If they cannot be deleted.
        """
        with _in_a_sentence(self.path):
            deleted = self._database.execute(
                "DELETE FROM answers WHERE (?1 IS NULL OR model = ?1) "
                "AND (?2 IS NULL OR kept < ?2)",
                (model, before),
            ).rowcount
            self._database.execute("DELETE FROM records")
            self._database.execute("VACUUM")
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return deleted

    def close(self) -> None:
        """Close the file."""
        self._database.close()


@contextlib.contextmanager
def open_cache(path: Path | None = None, *, read_only: bool = False) -> Iterator[AnswerCache]:
    """The answer cache, closed whatever happens; arguments as of `AnswerCache`."""
    cache = AnswerCache(path, read_only=read_only)
    try:
        yield cache
    finally:
        cache.close()


def delete_all(path: Path | None = None) -> int | None:
    """Delete the file, which works where it is damaged and the disk is full.

    Where another process has it open, only the answers in it are deleted.

    Returns:
        Number of answers deleted; None where the file was too damaged to tell.

    Raises:
        ParrotError: If it cannot be deleted.
    """
    path = path or user_cache(FILE)
    with _in_a_sentence(path):
        try:
            number: int | None = _number_if_alone(path)
        except sqlite3.Error as error:
            if _code(error) == sqlite3.SQLITE_BUSY:
                with open_cache(path) as cache:
                    return cache.prune()
            number = None if path.exists() else 0
        for ending in (*_BESIDE, ""):
            path.with_name(path.name + ending).unlink(missing_ok=True)
    return number


def _number_if_alone(path: Path) -> int:
    """Number of answers in a file; an error where another process has it open."""
    with contextlib.closing(_connect(path, "mode=rw", seconds=0)) as database:
        # Without it, reading needs room for a file that processes share.
        database.execute("PRAGMA locking_mode=EXCLUSIVE")
        return int(database.execute("SELECT count(*) FROM answers").fetchone()[0])


def _to_look_at(path: Path) -> sqlite3.Connection:
    """A connection that only reads; to nothing where there is no file."""
    if not path.exists() or not path.stat().st_size:
        empty = sqlite3.connect(":memory:")
        empty.executescript(_TABLES)
        return empty
    log, shared = (path.with_name(path.name + ending) for ending in _BESIDE)
    # Where no process has left a log, the file is whole and no other is needed to read it.
    logged = shared.exists() and log.exists() and log.stat().st_size
    return _connect(path, "mode=ro" if logged else "immutable=1")


def _connect(path: Path, how: str, seconds: float | None = None) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?{how}"
    wait = _LOCK_SECONDS if seconds is None else seconds
    return sqlite3.connect(uri, uri=True, timeout=wait, isolation_level=None)


def _code(error: BaseException) -> int:
    """SQLite's code of an error, without its details; 0 of any other error."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


@contextlib.contextmanager
def _in_a_sentence(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        what = f"answers cannot be written or read here ({error}); make room on the disk or set "
        what += (
            "PARROT_BENCH_CACHE to a folder with room. What was kept before stays, and the same "
        )
        what += "command goes on from there."
        if _code(error) in _DAMAGED:
            what = f"this file is damaged or no answer cache ({error}); `parrot-bench cache prune "
            what += "--all` deletes it, and what it held is asked again."
        elif _code(error) == sqlite3.SQLITE_BUSY:
            what = f"another process has been writing here for long ({error}); wait until it is "
            what += "done. What was kept before stays, and the same command goes on from there."
        raise ParrotError(f"{path}: {what}") from error


def _text(answer: Prediction) -> str:
    return json.dumps(asdict(answer), ensure_ascii=False)


def _prediction(text: bytes) -> Prediction | None:
    """A kept answer; None where it is damaged."""
    try:
        found = json.loads(str(text, "utf-8"))
        if not isinstance(found, dict) or found.keys() != _FIELDS:
            return None
        for name in ("labels", "strict"):
            if isinstance(found[name], list):
                found[name] = tuple(found[name])
        answer = Prediction(**found)
        return answer if accepted(answer, answer.report_id) == answer else None
    except (TypeError, ValueError, OverflowError):
        return None
