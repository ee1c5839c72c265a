"""Open a file of any form in which people have reports; a damaged part costs only itself."""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from parrot_bench.corpus.records import REQUIRED, Finding, canonical_field, rejected
from parrot_bench.errors import ParrotError

_DELIMITERS = (",", ";", "\t", "|")

Source = Iterator[tuple[int, Any]]
"""Line, or row where the form has no lines, with its record; a damaged one is a `Finding`."""


def open_source(path: Path) -> Source:
    """Records of a file or a saved dataset folder with their lines, damaged ones as findings.

    Args:
        path: JSON Lines, JSON list, CSV (any of them gzipped), Parquet, or a folder written by
            `Dataset.save_to_disk`. Files with lines are read in constant memory.

    Raises:
        ParrotError: If there is nothing readable at `path` at all.
    """
    if not path.exists():
        raise ParrotError(f"{path}: there is no such file or folder; give a file with reports.")
    if path.is_dir():
        return _saved_dataset(path)
    if path.stat().st_size == 0:
        raise ParrotError(f"{path}: the file is empty; a file with reports was expected.")
    names = path.name.lower().removesuffix(".gz")
    if names.endswith(".parquet"):
        return _parquet(path)
    if names.endswith((".csv", ".tsv")):
        return _csv(path)
    return _json(path)


def _bytes(path: Path) -> IO[bytes] | gzip.GzipFile:
    """Open a file for reading, through gzip where its first bytes say so."""
    with path.open("rb") as file:
        magic = file.read(4)
    if magic[:2] == b"\x1f\x8b":
        return gzip.open(path)
    if magic[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise ParrotError(f"{path}: the file is UTF-16; save it as UTF-8 and try again.")
    return path.open("rb")


def _lines(path: Path) -> Iterator[tuple[int, bytes | Finding]]:
    r"""Lines split at \n only, so that U+2028 inside a string stays where it is."""
    number = 0
    with _bytes(path) as file:
        try:
            for number, line in enumerate(file, start=1):
                yield number, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            yield (
                number + 1,
                rejected(
                    number + 1,
                    f"The gzip data ends or breaks here ({error}); the {number} lines before it "
                    "were read. Fetch the file again.",
                    "damaged gzip",
                ),
            )


def _decoded(path: Path) -> Iterator[tuple[int, str | Finding]]:
    for number, line in _lines(path):
        if isinstance(line, Finding):
            yield number, line
            continue
        try:
            yield number, line.decode("utf-8")
        except UnicodeDecodeError as error:
            yield (
                number,
                rejected(
                    number,
                    f"Byte {error.start + 1} of the line is not UTF-8; save the file as UTF-8.",
                    "not UTF-8",
                ),
            )


def _json(path: Path) -> Source:
    """JSON Lines, or a JSON list where the first character says so."""
    lines = _decoded(path)
    nothing = True
    for number, line in lines:
        if isinstance(line, Finding):
            nothing = False
            yield number, line
            continue
        text = line.strip("\r\n\t ")
        if not text:
            continue
        if nothing and text.startswith("["):
            yield from _json_list(path, number, line, lines)
            return
        nothing = False
        yield number, _json_record(number, text)
    if nothing:
        raise ParrotError(f"{path}: the file holds only blank lines; reports were expected.")


def _json_record(number: int, text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        return rejected(number, f"Not a complete JSON object: {_reason(error)}.")


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at column {error.colno}"
    return str(error) or "nested too deeply"


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _json_list(
    path: Path, first_line: int, first: str, rest: Iterator[tuple[int, str | Finding]]
) -> Source:
    """The v0 form: one list of objects, each kept as long as the JSON before it is sound.

    What follows the list is read as JSON Lines, so that a stray list in a first line costs nothing.
    """
    parts, damage = [first], []
    for number, line in rest:
        if isinstance(line, Finding):
            damage.append((number, line))
        else:
            parts.append(line)
    text = "".join(parts)
    decoder = json.JSONDecoder(parse_constant=_no_constant)
    at, row, counted = text.index("[") + 1, first_line, 0
    while True:
        while at < len(text) and text[at] in " \t\r\n,":
            at += 1
        row += text.count("\n", counted, at)
        counted = at
        if at < len(text) and text[at] == "]":
            for offset, after in enumerate(text[at + 1 :].split("\n")):
                if after.strip():
                    yield row + offset, _json_record(row + offset, after)
            break
        try:
            record, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            message = f"The JSON list breaks off here: {_reason(error)}; rows before it were read."
            yield row, rejected(row, message)
            break
        yield row, record
    if "".join(text.split()) == "[]":
        raise ParrotError(f"{path}: the list is empty; reports were expected.")
    yield from damage


def _csv(path: Path) -> Source:
    """CSV with the delimiter that its header shows."""
    csv.field_size_limit(2**31 - 1)
    damage: list[Finding] = []

    def good() -> Iterator[str]:
        for _, line in _decoded(path):
            if isinstance(line, Finding):
                damage.append(line)
            else:
                yield line

    lines = good()
    header = next(lines, "")
    delimiter = max(_DELIMITERS, key=header.count)
    names = next(csv.reader([header], delimiter=delimiter), [])
    if not {canonical_field(name) for name in names} & set(REQUIRED):
        raise ParrotError(
            f"{path}, line 1: no column is named 'language' or 'report'; the first line must "
            f"hold the column names, separated by one of {' '.join(map(repr, _DELIMITERS))}."
        )
    reader = csv.reader(lines, delimiter=delimiter)
    start = 2
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield start, rejected(start, f"Not a CSV row: {error}.")
            start = reader.line_num + 2
            continue
        while damage:
            yield damage[0].line, damage.pop(0)
        if cells is None:
            break
        if len(cells) == len(names):
            yield start, dict(zip(names, cells, strict=True))
        elif cells:
            message = f"{len(cells)} cells where the header names {len(names)} columns."
            yield start, rejected(start, message)
        start = reader.line_num + 2


def _parquet(path: Path) -> Source:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except pa.ArrowInvalid as error:
        raise ParrotError(f"{path}: not a Parquet file ({error}).") from error
    row = 0
    for batch in file.iter_batches(batch_size=1024):
        for record in batch.to_pylist():
            row += 1
            yield row, record


def _saved_dataset(path: Path) -> Source:
    import datasets

    try:
        saved = datasets.load_from_disk(str(path))
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
    names = {
        column: feature
        for column, feature in saved.features.items()
        if isinstance(feature, datasets.ClassLabel)
    }
    for row, record in enumerate(saved, start=1):
        for column, feature in names.items():
            if record[column] is not None:
                record[column] = feature.int2str(record[column])
        yield row, record
