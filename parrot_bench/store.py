"""The run folder: a manifest, predictions and results, and the answers of a run still under way.

    runs/<run id>/
        run.json             what ran: model, data, tasks, settings, versions, timings
        predictions.parquet  one row per report, task and text: labels, scores, status
        results.parquet      one row per task, text, slice and metric: value and interval
        report.html          the results as a page
        answers.sqlite       answers so far; gone when the run is complete

None of the shareable files holds report text, gold labels or a contributor's name.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from parrot_bench.errors import ParrotError
from parrot_bench.models.base import Prediction

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = 1
"""Version of the run folder's layout."""
_LOCK_SECONDS = 30.0
_REQUIRED = {
    "": (
        "id status failures partial refused model data tasks settings asked created seconds "
        "versions hardware"
    ),
    "model": "spec name method revision parameters trained_on_data",
    "data": "name view without hash corpus_hash licence reports",
    "settings": "seed",
    "versions": "parrot-bench",
    "tasks": "name version headline labels_hash source_hash",
    "asked": "task text items left_out statuses truncated_inputs",
}
"""Keys of a manifest that its readers rely on: its own, and those of its parts."""


@dataclass(frozen=True)
class Run:
    """A finished run, read from its folder.

    Attributes:
        path: The folder.
        manifest: Contents of run.json.
        predictions: One row per report, task and text.
        results: Tidy results: one row per task, text, slice and metric.
    """

    path: Path
    manifest: dict[str, Any]
    predictions: pd.DataFrame
    results: pd.DataFrame

    @property
    def id(self) -> str:
        """Name of the run, which is a hash of all that determines its answers."""
        return str(self.manifest["id"])

    @property
    def status(self) -> Literal["complete", "incomplete"]:
        """Whether every item was answered."""
        return "complete" if self.manifest["status"] == "complete" else "incomplete"


def load_run(path: str | os.PathLike[str]) -> Run:
    """Read a run folder.

    Args:
        path: The folder, or its run.json.

    Raises:
        ParrotError: If it holds no finished run, or one of another layout.
    """
    import pandas as pd
    import pyarrow

    folder = Path(path)
    folder = folder.parent if folder.name == "run.json" else folder
    manifest = read_manifest(folder)
    if manifest is None:
        hint = ""
        if (folder / "answers.sqlite").exists():
            hint = " It was cut off: give the same 'run' command again and it goes on."
        raise ParrotError(f"{folder}: no finished run (run.json) is in this folder.{hint}")
    frames = []
    for name in ("predictions", "results"):
        file = folder / f"{name}.parquet"
        try:
            frames.append(pd.read_parquet(file))
        except (OSError, ValueError, pyarrow.ArrowException) as error:
            raise ParrotError(
                f"{file}: cannot be read ({type(error).__name__}); run the command again."
            ) from error
    return Run(folder, manifest, *frames)


def finished_run(folder: Path) -> Run | None:
    """The complete run in a folder; None where there is none that can be read."""
    try:
        run = load_run(folder)
    except ParrotError:
        return None
    return run if run.status == "complete" else None


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Contents of a folder's run.json; None where there is none.

    Raises:
        ParrotError: If the file is damaged or of another layout.
    """
    file = folder / "run.json"
    if not file.is_file():
        return None
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
        schema = manifest["schema"]
    except (ValueError, KeyError, TypeError) as error:
        raise ParrotError(f"{file}: not the manifest of a run; delete the folder.") from error
    if schema != SCHEMA:
        raise ParrotError(f"{file}: written by layout {schema}, this version reads {SCHEMA}.")
    for name in _missing(manifest):
        raise ParrotError(
            f"{file}: '{name}' is missing from this manifest; delete the folder and run the "
            "command again."
        )
    return dict(manifest)


def _missing(manifest: dict[str, Any]) -> Iterator[str]:
    for part, keys in _REQUIRED.items():
        found = manifest[part] if part else manifest  # its own keys were checked first
        for each in found if isinstance(found, list) else [found]:
            have = each if isinstance(each, dict) else {}
            yield from (f"{part}.{key}".lstrip(".") for key in keys.split() if key not in have)


def write_run(
    folder: Path, manifest: dict[str, Any], predictions: pd.DataFrame, results: pd.DataFrame
) -> Run:
    """Write a run folder, run.json last, each file by an atomic rename.

    Raises:
        ParrotError: If it cannot be written.
    """
    text = json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    try:
        for name, frame in (("predictions", predictions), ("results", results)):
            temporary = folder / f".{name}.parquet"
            frame.to_parquet(temporary, index=False)
            temporary.replace(folder / f"{name}.parquet")
        temporary = folder / ".run.json"
        temporary.write_text(text + "\n", encoding="utf-8")
        temporary.replace(folder / "run.json")
    except OSError as error:
        raise ParrotError(
            f"{folder}: the run cannot be written ({error}); its answers are kept: make room and "
            "give the same command again."
        ) from error
    return Run(folder, manifest, predictions, results)


class Answers:
    """Answers of a run under way, kept as they come, so that nothing is asked twice."""

    def __init__(self, folder: Path) -> None:
        """Open or create `answers.sqlite` in a run folder.

        Raises:
            ParrotError: If the folder cannot be written to.
        """
        self.path = folder / "answers.sqlite"
        with self._in_a_sentence():
            folder.mkdir(parents=True, exist_ok=True)
            # Every answer is its own transaction: it outlives the process, however that ends, and
            # no lock is held while the model thinks.
            self._database = sqlite3.connect(self.path, timeout=_LOCK_SECONDS, isolation_level=None)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=NORMAL")
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS answers (task TEXT, variant TEXT, report_id TEXT, "
                "answer TEXT NOT NULL, PRIMARY KEY (task, variant, report_id)) WITHOUT ROWID"
            )

    @contextlib.contextmanager
    def _in_a_sentence(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            raise ParrotError(
                f"{self.path}: answers cannot be written or read here ({error}); end any other run "
                "of the same command, make room on the disk, or choose another --out."
            ) from error

    def known(self, task: str, variant: str) -> dict[str, Prediction]:
        """Answers kept for one task and text, by report.

        Raises:
            ParrotError: If they cannot be read.
        """
        with self._in_a_sentence():
            rows = self._database.execute(
                "SELECT answer FROM answers WHERE task = ? AND variant = ?", (task, variant)
            ).fetchall()
        kept = (_prediction(row[0]) for row in rows)
        return {each.report_id: each for each in kept}

    def keep(self, task: str, variant: str, answer: Prediction) -> None:
        """Keep one answer; from then on it outlives the process.

        A power cut may take the last ones, and leaves those before them whole.

        Raises:
            ParrotError: If it cannot be written.
        """
        with self._in_a_sentence():
            self._database.execute(
                "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)",
                (task, variant, answer.report_id, _text(answer)),
            )

    def close(self, *, discard: bool = False) -> None:
        """Close; with `discard`, delete the file: the run is complete."""
        with self._in_a_sentence():
            self._database.close()
            if discard:
                for suffix in ("", "-wal", "-shm"):
                    self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)


@contextlib.contextmanager
def answers(folder: Path) -> Iterator[Answers]:
    """Answers of a run folder, closed whatever happens."""
    kept = Answers(folder)
    try:
        yield kept
    finally:
        with contextlib.suppress(ParrotError):  # nothing waits, and the first error says more
            kept.close()


def _text(answer: Prediction) -> str:
    return json.dumps(
        {
            "report_id": answer.report_id,
            "labels": answer.labels,
            "scores": answer.scores,
            "status": answer.status,
            "raw": answer.raw,
            "tokens_in": answer.tokens_in,
            "tokens_out": answer.tokens_out,
            "seconds": answer.seconds,
            "truncated_input": answer.truncated_input,
            "strict": answer.strict,
        },
        ensure_ascii=False,
    )


def _prediction(text: str) -> Prediction:
    fields = json.loads(text)
    fields["labels"] = tuple(fields["labels"])
    fields["strict"] = None if fields["strict"] is None else tuple(fields["strict"])
    return Prediction(**fields)
