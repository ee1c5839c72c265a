"""JSON lists: elements are counted as rows, and a damaged one costs only itself."""

from __future__ import annotations

import json

import pytest

from parrot_bench.cli.output import say_findings
from parrot_bench.corpus import load_corpus
from parrot_bench.errors import ParrotError


@pytest.fixture
def load(tmp_path):
    def make(content, **options):
        path = tmp_path / "a.json"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return load_corpus(path, **options)

    return make


def ids(corpus):
    return [report.id for report in corpus.reports()]


def left_out(corpus):
    return [(str(each.place), each.kind) for each in corpus.findings if each.rejected]


def test_elements_of_a_list_in_one_line_are_rows_of_their_own(row, load):
    corpus = load(json.dumps([row(..., report=f"Befund {i}") for i in range(3)]))
    assert ids(corpus) == ["row-1", "row-2", "row-3"]
    assert left_out(corpus) == []
    assert (corpus.lines["row-3"], corpus.unit) == (3, "row")


def test_findings_about_an_element_name_its_row(row, load, capsys):
    corpus = load(json.dumps([row("1", icd=""), row("2"), row("3", report=""), row("2")]))
    assert left_out(corpus) == [("row 3", "empty report"), ("row 4", "duplicate id")]
    assert [str(each.place) for each in corpus.findings if each.kind == "no code"] == ["row 1"]
    assert "already in row 2" in corpus.findings[-1].message
    say_findings(corpus.findings, "a.json")
    assert "Left out: row 3: Field 'report' is empty." in capsys.readouterr().err


def test_strict_names_the_row(row, load):
    with pytest.raises(ParrotError, match=r"a\.json, row 2: Field 'report' is empty"):
        load(json.dumps([row("1"), row("2", report="")]), strict=True)


def test_lines_stay_lines_where_the_form_has_them(row, write):
    corpus = load_corpus(write([row("1"), "{"]))
    assert (left_out(corpus), corpus.unit) == ([("line 2", "unreadable row")], "line")


@pytest.mark.parametrize("indent", [None, 1])
def test_an_element_with_nan_is_left_out_alone(row, load, indent):
    rows = [row("1"), row("2", icd=float("nan")), row("3"), row("4")]
    corpus = load(json.dumps(rows, indent=indent))
    assert (ids(corpus), left_out(corpus)) == (["1", "3", "4"], [("row 2", "unreadable row")])
    assert "NaN is not JSON" in corpus.findings[0].message
    assert corpus.rows_read == 4


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace('"report": "', '"report": ', 1),
        lambda text: text.replace('"language"', "language", 1),
        lambda text: text[:-1],
        lambda text: text.rstrip("}\n").rstrip('"'),
        lambda text: text.replace('"translation"', '"inner": {"x": 1}, translation', 1),
        lambda _: "garbage",
    ],
)
def test_reading_goes_on_at_the_next_whole_record(row, load, indent, spoil):
    texts = [json.dumps(row(str(i)), indent=indent) for i in range(1, 5)]
    texts[1] = spoil(texts[1])
    corpus = load(f"[{', '.join(texts)}]")
    assert (ids(corpus), left_out(corpus)) == (["1", "3", "4"], [("row 2", "unreadable row")])
    assert "characters were left out" in corpus.findings[0].message


def test_a_syntax_error_is_named_with_its_line_and_column_in_the_file(row, load):
    corpus = load(f"\n[{json.dumps(row('1'))},\n{{oops}},\n{json.dumps(row('2'))}]")
    assert ids(corpus) == ["1", "2"]
    assert "at line 3, column 2" in corpus.findings[0].message


def test_a_list_that_is_not_closed_is_a_finding(row, load):
    corpus = load(json.dumps([row("1"), row("2")])[:-1])
    assert (ids(corpus), left_out(corpus)) == (["1", "2"], [("row 3", "unreadable row")])
    assert "not closed" in corpus.findings[0].message


@pytest.mark.parametrize("indent", [None, 1])
def test_bytes_that_are_not_utf_8_cost_only_their_element(row, load, indent):
    rows = [row("1", report="eins"), row("2", report="f\u00fcr"), row("3", report="drei")]
    for each in rows:
        each["translation"] = "one"
    text = json.dumps(rows, indent=indent, ensure_ascii=False)
    corpus = load(text.encode("latin-1"))
    assert (ids(corpus), left_out(corpus)) == (["1", "3"], [("row 2", "not UTF-8")])
