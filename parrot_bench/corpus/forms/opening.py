"""Open a file of any form in which people have reports; a damaged part costs only itself."""

from __future__ import annotations

from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import Any

from parrot_bench.corpus.forms.csv_form import csv_records
from parrot_bench.corpus.forms.json_form import json_records
from parrot_bench.corpus.forms.records import Place, rejected
from parrot_bench.corpus.forms.text_lines import text_lines
from parrot_bench.errors import ParrotError

_PARQUET = b"PAR1"

Source = Iterator[tuple[Place, Any]]
"""Records with their places; a damaged one is a `Finding`."""


def open_source(path: Path) -> Source:
    """Records of a file or a saved dataset folder with their places, damaged ones as findings.

    Args:
        path: JSON Lines, JSON list, CSV (any of them gzipped), Parquet, or a folder written by
            `Dataset.save_to_disk`. JSON Lines, CSV and Parquet are read in constant memory, and
            text from a pipe too.

    Raises:
        ParrotError: If there is nothing readable at `path` at all.
        OSError: If it cannot be opened or read.
    """
    if not path.exists():
        raise ParrotError(f"{path}: there is no such file or folder; give a file with reports.")
    return _saved_dataset(path) if path.is_dir() else _file(path)


def _file(path: Path) -> Source:
    """Records of a file, whose form its name says, or its first bytes where it is Parquet."""
    names = path.name.lower().removesuffix(".gz")
    with path.open("rb") as file:
        beginning = file.peek(4)[:4]
        if not beginning:
            raise ParrotError(f"{path}: the file is empty; a file with reports was expected.")
        if beginning == _PARQUET or names.endswith(".parquet"):
            yield from _parquet(file, path)
        elif names.endswith((".csv", ".tsv")):
            yield from csv_records(text_lines(file, str(path)), str(path))
        else:
            yield from json_records(text_lines(file, str(path)), str(path))


def _parquet(file: BufferedReader, path: Path) -> Source:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not file.seekable():
        raise ParrotError(f"{path}: Parquet cannot be read from a pipe; give the file itself.")
    try:
        parquet = pq.ParquetFile(file)
    except (pa.ArrowException, OSError) as error:
        raise ParrotError(f"{path}: not a Parquet file ({error}).") from error
    row = 0
    for group in range(parquet.num_row_groups):
        end = row + parquet.metadata.row_group(group).num_rows
        try:
            for batch in parquet.iter_batches(batch_size=1024, row_groups=[group]):
                for record in batch.to_pylist():
                    row += 1
                    yield Place(row, "row"), record
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            place = Place(row + 1, "row")
            message = f"Rows up to {end} cannot be read ({error}); fetch the file again."
            yield place, rejected(place, message, "damaged Parquet")
            row = end


def _saved_dataset(path: Path) -> Source:
    import datasets

    try:
        saved = datasets.load_from_disk(str(path))
    except PermissionError:
        raise
    except (FileNotFoundError, ValueError, OSError) as error:
        raise ParrotError(
            f"{path}: a folder without a saved dataset; give a file, or a folder written by "
            "Dataset.save_to_disk."
        ) from error
    yield from dataset_rows(saved, str(path))


def dataset_rows(saved: Any, name: str) -> Source:
    """Rows of a `datasets.Dataset`, or of the only or the test split of a `DatasetDict`.

    Raises:
        ParrotError: If it has several splits and none is called "test".
    """
    import datasets

    if isinstance(saved, dict):
        split = "test" if "test" in saved else next(iter(saved), "")
        if split != "test" and len(saved) != 1:
            raise ParrotError(
                f"{name}: has the splits {', '.join(saved)}; a single one, or one named 'test', "
                "was expected."
            )
        saved = saved[split]
    labels = {
        column: feature.names
        for column, feature in saved.features.items()
        if isinstance(feature, datasets.ClassLabel)
    }
    for row, record in enumerate(saved, start=1):
        for column, names in labels.items():
            known = record[column] in range(len(names))  # -1 says that there is none.
            record[column] = names[record[column]] if known else None
        yield Place(row, "row"), record
