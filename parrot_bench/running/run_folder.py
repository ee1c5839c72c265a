"""The run folder: a manifest, predictions and results.

    runs/<run id>/
        run.json             what ran: model, data, tasks, settings, versions, timings
        predictions.parquet  one row per report, task and text: labels, scores, status
        results.parquet      one row per task, text, slice and metric: value and interval
        report.html          the results as a page

None of them holds report text, gold labels or a contributor's name. What a model wrote in its own
words stays in the answer cache.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from parrot_bench.errors import ParrotError

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = 2
"""Version of the run folder's layout."""
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
    "asked": (
        "task text first_reading reading items left_out statuses statuses_by_language "
        "truncated_inputs"
    ),
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
        if folder.is_dir():
            hint = " If it was cut off, give the same 'run' command again and it goes on."
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


def prepare_folder(folder: Path) -> None:
    """Make a run's folder, before hours are spent on what could not be written.

    Raises:
        ParrotError: If it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ParrotError(
            f"{folder}: the run cannot be written here ({error}); choose another --out."
        ) from error
