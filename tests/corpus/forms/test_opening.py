"""Files that are no plain files, that are damaged or that may not be read."""

from __future__ import annotations

import gzip
import json
import os
import threading
from pathlib import Path

import datasets
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from parrot_bench.corpus import load_corpus
from parrot_bench.errors import ParrotError


def ids(corpus):
    return [report.id for report in corpus.reports()]


@pytest.fixture
def pipe(tmp_path):
    """A function that makes a named pipe with a content."""

    def make(content, name="pipe"):
        path = tmp_path / name
        os.mkfifo(path)
        threading.Thread(target=path.write_bytes, args=(content,), daemon=True).start()
        return path

    return make


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_pipe_is_read(row, pipe, pack):
    content = "".join(json.dumps(row(str(i))) + "\n" for i in range(3)).encode()
    assert ids(load_corpus(pipe(pack(content)))) == ["0", "1", "2"]


def test_an_empty_pipe_is_empty(pipe):
    with pytest.raises(ParrotError, match="the file is empty"):
        load_corpus(pipe(b""))


def test_parquet_through_a_pipe_is_refused_with_the_reason(row, pipe, tmp_path):
    pd.DataFrame([row()]).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(ParrotError, match="Parquet cannot be read from a pipe"):
        load_corpus(pipe((tmp_path / "a.parquet").read_bytes()))


def test_parquet_is_known_by_its_first_bytes(row, tmp_path):
    pd.DataFrame([row("1"), row("2")]).to_parquet(tmp_path / "data.bin")
    assert ids(load_corpus(tmp_path / "data.bin")) == ["1", "2"]


def test_parquet_with_damaged_pages_costs_only_their_rows(row, tmp_path):
    path = tmp_path / "a.parquet"
    table = pa.Table.from_pylist([row(str(i), report=f"Befund {i} " * 50) for i in range(30)])
    pq.write_table(table, path, row_group_size=10, compression="zstd")
    group = pq.ParquetFile(path).metadata.row_group(1)
    start = group.column(4).data_page_offset
    content = bytearray(path.read_bytes())
    content[start : start + group.column(4).total_compressed_size - 50] = b"\xff" * (
        group.column(4).total_compressed_size - 50
    )
    path.write_bytes(content)
    corpus = load_corpus(path)
    assert ids(corpus) == [str(i) for i in (*range(10), *range(20, 30))]
    (left_out,) = (each for each in corpus.findings if each.rejected)
    assert (str(left_out.place), left_out.kind) == ("row 11", "damaged Parquet")
    assert "Rows up to 20" in left_out.message


def test_a_name_that_is_too_long(tmp_path):
    with pytest.raises(ParrotError, match=r"cannot be read .*too long"):
        load_corpus("a" * 300)
    with pytest.raises(ParrotError, match=r"cannot be read .*too long"):
        load_corpus(tmp_path / ("a" * 300 + ".jsonl"))


def test_a_file_that_may_not_be_read(row, write, monkeypatch):
    path = write([row()])

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ParrotError, match=r"reports\.jsonl: cannot be read \(Permission denied\)"):
        load_corpus(path)


def test_a_saved_dataset_that_may_not_be_read(tmp_path, monkeypatch):
    def refuse(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(datasets, "load_from_disk", refuse)
    with pytest.raises(ParrotError, match="Permission denied"):
        load_corpus(tmp_path)


def test_a_class_label_of_minus_one_is_no_label(row, tmp_path):
    saved = datasets.Dataset.from_list([row("1"), row("2")])
    saved = saved.remove_columns("modality")
    saved = saved.add_column("modality", [0, -1], feature=datasets.ClassLabel(names=["CT"]))
    saved.save_to_disk(tmp_path / "saved")
    reports = load_corpus(tmp_path / "saved").reports()
    assert [report.modality for report in reports] == ["CT", None]
