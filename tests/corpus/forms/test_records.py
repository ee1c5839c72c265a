"""One record: numbers as identifiers, names that must not leak, sizes."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from parrot_bench.corpus import load_corpus
from parrot_bench.corpus.forms.records import Finding, Place, Row, check_record


def check(record):
    return check_record(Place(7), record)


def test_a_second_column_of_names_is_dropped(row, write):
    corpus = load_corpus(write([row(author="Other Real"), row("2", Contributor="Third Real")]))
    assert "Real" not in json.dumps(corpus.dataset.to_list()) + repr(corpus.findings)
    assert [report.author for report in corpus.reports()] == ["c001", "c001"]


def test_an_empty_column_of_names_does_not_hide_the_other(row):
    found = check(row(contributor_code=" ", author="Somebody Real"))
    assert found.fields["contributor_code"] == "Somebody Real"
    assert found.extra == {}


@pytest.mark.parametrize(
    ("value", "text"), [(7, "7"), (7.0, "7"), (1.5, "1.5"), (2**60, "1152921504606846976")]
)
def test_numbers_are_identifiers(row, value, text):
    found = check(row(value, contributor_code=value))
    assert (found.fields["no"], found.fields["contributor_code"]) == (text, text)


def test_no_number_is_no_identifier(row):
    assert check(row(float("nan"))).fields["no"] == "row-7"


@pytest.mark.parametrize("value", [True, float("inf"), -float("inf"), [1]])
def test_what_can_be_no_identifier(row, value):
    assert check(row(value)).kind == "wrong type"


def test_a_data_frame_that_made_numbers_of_the_identifiers(row, tmp_path):
    path = tmp_path / "a.parquet"
    frame = pd.DataFrame([row(1, contributor_code=3), row(2, contributor_code=4), row(3)])
    frame["contributor_code"] = [3, 4, 3]
    frame.assign(no=[1.0, 2.0, np.nan]).to_parquet(path)
    corpus = load_corpus(path)
    assert [report.id for report in corpus.reports()] == ["1", "2", "row-3"]
    assert [report.author for report in corpus.reports()] == ["c001", "c002", "c001"]


@pytest.mark.parametrize("field", ["no", "area", "icd", "contributor_code", "scanner"])
def test_no_field_may_be_longer_than_a_record(row, field):
    found = check({**row(), field: "x" * 1_000_001})
    assert isinstance(found, Finding)
    assert found.kind == "oversized record"
    assert f"Field '{field}' has 1,000,001 characters" in found.message
    assert isinstance(check({**row(), field: "x" * 1_000_000}), Row)


def test_half_a_surrogate_pair_in_the_name_of_a_field(row, write):
    corpus = load_corpus(write([row("1"), row("2", **{"a \ud83d b": "x"})]))
    assert [(e.line, e.kind) for e in corpus.findings] == [(2, "damaged characters")]


def test_an_extra_field_that_is_nested_deeply(row):
    deep = []
    for _ in range(100_000):
        deep = [deep]
    assert isinstance(check(row(deep=deep)), Row)
