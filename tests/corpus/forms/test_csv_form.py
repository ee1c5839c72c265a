"""CSV: lines are counted as an editor counts them, and an open quote swallows nothing."""

from __future__ import annotations

import pytest

from parrot_bench.corpus import load_corpus
from parrot_bench.corpus.forms import csv_form
from parrot_bench.errors import ParrotError

HEADER = "no,language,report\n"


@pytest.fixture
def load(tmp_path):
    def make(content):
        path = tmp_path / "a.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return load_corpus(path)

    return make


def ids(corpus):
    return [report.id for report in corpus.reports()]


def left_out(corpus):
    return [(each.line, each.kind) for each in corpus.findings if each.rejected]


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
def test_every_line_end_that_spreadsheets_write(load, end):
    corpus = load((HEADER + '1,German,CT Thorax\n2,Greek,"eins\nzwei"\n3,,\n').replace("\n", end))
    assert [report.language for report in corpus.reports()] == ["de", "el"]
    assert left_out(corpus) == [(5, "empty report")]


def test_lines_after_one_that_is_not_utf_8_keep_their_numbers(load):
    corpus = load((HEADER + "1,German,für\n2,German,ok\n3,German,\n").encode("latin-1"))
    assert ids(corpus) == ["2"]
    assert left_out(corpus) == [(2, "not UTF-8"), (4, "empty report")]


def test_a_row_over_several_lines_is_left_out_whole_where_one_is_not_utf_8(load):
    rows = '1,German,"eins\nf\xfcr\ndrei"\n2,German,ok\n'
    corpus = load((HEADER + rows).encode("latin-1"))
    assert (ids(corpus), left_out(corpus)) == (["2"], [(3, "not UTF-8")])


def test_an_open_quote_costs_only_its_row(load):
    rows = '1,German,ok\n2,German,"open\n3,German,ok\n4,German,ok\n5,German,"a ""b""\nc"\n'
    corpus = load(HEADER + rows)
    assert ids(corpus) == ["1", "3", "4", "5"]
    assert left_out(corpus) == [(3, "unreadable row")]
    assert "line 3, column 10" in next(e.message for e in corpus.findings if e.rejected)
    assert corpus.rows_read == 5


def test_an_open_quote_before_the_end_of_the_file(load):
    corpus = load(HEADER + '1,German,"open\n2,German,ok\n3,German,ok\n')
    assert (ids(corpus), left_out(corpus)) == (["2", "3"], [(2, "unreadable row")])


def test_an_open_quote_that_another_cell_happens_to_close(load):
    corpus = load(HEADER + '1,German,"open\n2,German,", well"\n3,German,ok\n')
    assert ids(corpus) == ["2", "3"]
    assert left_out(corpus) == [(2, "unreadable row")]


def test_the_lines_of_a_cut_report_are_one_finding(load):
    corpus = load(HEADER + '1,German,ok\n2,German,"eins\nzwei\ndrei')
    assert (ids(corpus), left_out(corpus)) == (["1"], [(3, "unreadable row")])
    assert "2 lines after it" in next(e.message for e in corpus.findings if e.rejected)


def test_the_second_cell_in_quotes_of_a_row_is_the_one_that_is_named(load):
    corpus = load(HEADER + '"1","Ger\nman","open\n2,German,ok\n')
    assert ids(corpus) == ["2"]
    assert "line 3, column 6" in next(e.message for e in corpus.findings if e.rejected)


def test_a_quote_inside_a_cell_that_is_not_doubled(load):
    corpus = load(HEADER + '1,German,"a "b" c"\n2,German,ok\n')
    assert (ids(corpus), left_out(corpus)) == (["2"], [(2, "unreadable row")])
    assert "must be doubled" in next(e.message for e in corpus.findings if e.rejected)


def test_an_open_quote_holds_no_more_than_a_row_in_memory(load, monkeypatch):
    monkeypatch.setattr(csv_form, "_LONGEST_ROW", 100)
    rows = "".join(f"{i},German,ok\n" for i in range(2, 50))
    corpus = load(f'{HEADER}1,German,"open\n{rows}')
    assert ids(corpus) == [str(i) for i in range(2, 50)]
    assert "no end within 100 characters" in next(e.message for e in corpus.findings if e.rejected)


def test_columns_without_a_report_are_refused_whatever_the_line_end(load):
    with pytest.raises(ParrotError, match="line 1: no column"):
        load("x,y\r1,2\r")
