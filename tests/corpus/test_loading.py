"""Every form that people have reports in, and every way in which a file can be bad."""

from __future__ import annotations

import gzip
import json

import datasets
import pandas as pd
import pytest

from parrot_bench.corpus import load_corpus, stream_reports
from parrot_bench.corpus.report import Report
from parrot_bench.errors import ParrotError


def rejected(corpus):
    return [(each.line, each.kind) for each in corpus.findings if each.rejected]


def ids(corpus):
    return [report.id for report in corpus.reports()]


def test_json_lines_with_crlf_a_byte_order_mark_and_line_separators_in_strings(row, tmp_path):
    rows = [row("1", report="eins\u2028zwei\u2028drei"), row("2")]
    text = "\ufeff" + "".join(json.dumps(r, ensure_ascii=False) + "\r\n" for r in rows)
    path = tmp_path / "a.jsonl"
    path.write_bytes(text.encode())
    raw = load_corpus(path, view="raw")
    assert ids(raw) == ["1", "2"]
    assert next(raw.reports()).text == "eins\u2028zwei\u2028drei"
    assert next(load_corpus(path).reports()).text == "eins\nzwei\ndrei"


def test_gzip(row, tmp_path):
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(row()).encode()))
    assert ids(load_corpus(path)) == ["1"]


V0 = {
    "Language": "Polish",
    "DICOM Modality": "CT",
    "Area": "abdomen",
    "Report": "TK jamy brzusznej bez zmian.",
    "English translation": "CT of the abdomen without changes.",
    "ICD-10 codes": "r50.9",
}


def test_the_v0_form_as_a_json_list(tmp_path):
    path = tmp_path / "v0.json"
    path.write_text(json.dumps([V0, {**V0, "Area": "pelvis"}], indent=1))
    first, second = load_corpus(path).reports()
    assert (first.language, first.modality, first.regions, first.icd) == (
        "pl",
        "CT",
        ("abdomen",),
        ("R50.9",),
    )
    assert second.regions == ("pelvis",)
    assert first.id != second.id


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_with_any_delimiter(tmp_path, delimiter):
    path = tmp_path / "v0.csv"
    frame = pd.DataFrame([{**V0, "Report": "Zeile eins\nZeile zwei; mit, allem|"}, V0])
    frame.to_csv(path, sep=delimiter, index=False)
    first, second = load_corpus(path).reports()
    assert first.text == "Zeile eins\nZeile zwei; mit, allem|"
    assert second.language == "pl"


def test_parquet_with_lists(row, tmp_path):
    path = tmp_path / "a.parquet"
    pd.DataFrame([row(icd=["J90", "R91.1"], area=["chest", "abdomen"])]).to_parquet(path)
    (report,) = load_corpus(path).reports()
    assert report.icd == ("J90", "R91.1")
    assert report.regions == ("chest", "abdomen")


def test_a_saved_dataset_with_class_labels(row, tmp_path):
    saved = datasets.Dataset.from_list([row("1"), row("2", language="Greek")])
    saved = saved.class_encode_column("language")
    saved.save_to_disk(tmp_path / "saved")
    assert [report.language for report in load_corpus(tmp_path / "saved").reports()] == ["de", "el"]


def test_a_hub_dataset_laid_out_in_a_local_folder(row, tmp_path, monkeypatch):
    folder = tmp_path / "somebody" / "reports"
    folder.mkdir(parents=True)
    (folder / "test.jsonl").write_text(json.dumps(row()) + "\n")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    load = datasets.load_dataset
    monkeypatch.setattr(datasets, "load_dataset", lambda name, **_: load(str(tmp_path / name)))
    monkeypatch.chdir(tmp_path / "somebody")
    assert ids(load_corpus("somebody/reports")) == ["1"]


def test_a_corpus_has_proper_features(row, write):
    features = load_corpus(write([row()])).dataset.features
    assert isinstance(features["language"], datasets.ClassLabel)
    assert isinstance(features["modality"], datasets.ClassLabel)
    assert features["icd"] == datasets.List(datasets.Value("string"))


def test_contributors_are_pseudonyms_from_the_moment_of_reading(row, write):
    path = write([row("1"), row("2", contributor_code="Else Other"), row("3")])
    corpus = load_corpus(path)
    assert [report.author for report in corpus.reports()] == ["c001", "c002", "c001"]
    everything = json.dumps(corpus.dataset.to_list()) + repr(corpus.findings)
    assert "Somebody" not in everything
    assert "Other" not in everything


def test_the_hash_of_a_corpus_does_not_depend_on_the_order_of_its_rows(row, write):
    rows = [row(str(i), contributor_code=f"Somebody {i % 3}") for i in range(9)]
    shuffled = [rows[i] for i in (4, 8, 1, 0, 7, 2, 6, 3, 5)]
    one, other = load_corpus(write(rows)), load_corpus(write(shuffled))
    assert one.hash == other.hash
    assert one.select(limit=9).hash == other.hash
    rows[0]["contributor_code"] = "Somebody 1"
    assert load_corpus(write(rows)).hash != one.hash


# Bad input -----------------------------------------------------------------------------------


def test_missing_file(tmp_path):
    with pytest.raises(ParrotError, match=r"nowhere\.jsonl: there is no such file"):
        load_corpus(tmp_path / "nowhere.jsonl")


def test_misspelt_name_of_a_corpus():
    with pytest.raises(ParrotError, match="did you mean 'mini'"):
        load_corpus("minii")


@pytest.mark.parametrize("content", [b"", b"\n\n  \n"])
def test_empty_file(tmp_path, content):
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    with pytest.raises(ParrotError, match=r"a\.jsonl: .*(empty|blank)"):
        load_corpus(path)


def test_empty_list(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("[ ]")
    with pytest.raises(ParrotError, match="the list is empty"):
        load_corpus(path)


def test_directory_without_a_dataset(tmp_path):
    with pytest.raises(ParrotError, match="a folder without a saved dataset"):
        load_corpus(tmp_path)


def test_not_utf_8_costs_only_that_line(row, tmp_path):
    path = tmp_path / "a.jsonl"
    bad = json.dumps(row("2", report="Befund für"), ensure_ascii=False).encode("latin-1")
    path.write_bytes(json.dumps(row("1")).encode() + b"\n" + bad + b"\n")
    corpus = load_corpus(path)
    assert (ids(corpus), rejected(corpus)) == (["1"], [(2, "not UTF-8")])


def test_utf_16_is_named(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes('{"a": 1}'.encode("utf-16"))
    with pytest.raises(ParrotError, match="UTF-16; save it as UTF-8"):
        load_corpus(path)


def test_truncated_json_costs_only_that_line(row, write):
    corpus = load_corpus(write([row("1"), json.dumps(row("2"))[:50], row("3")]))
    assert (ids(corpus), rejected(corpus)) == (["1", "3"], [(2, "unreadable row")])


def test_a_json_list_where_lines_are_expected_is_read_as_a_list(row, write):
    corpus = load_corpus(write([json.dumps([row("1"), row("2")])]))
    assert ids(corpus) == ["1", "2"]


def test_a_list_in_one_line_costs_only_that_line(row, write):
    first = load_corpus(write(["[1, 2]", row("1")]))
    assert (ids(first), [line for line, _ in rejected(first)]) == (["1"], [1, 2])
    later = load_corpus(write([row("1"), "[1, 2]", row("2")]))
    assert (ids(later), rejected(later)) == (["1", "2"], [(2, "unreadable row")])


def test_a_json_list_cut_short_keeps_the_rows_before_the_cut(row, tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps([row("1"), row("2"), row("3")], indent=1)[:-60])
    corpus = load_corpus(path)
    assert ids(corpus) == ["1", "2"]
    assert rejected(corpus) == [(3, "unreadable row")]


@pytest.mark.parametrize("name", ["language", "report"])
def test_missing_required_field(row, write, name):
    corpus = load_corpus(write([row("1"), row("2", **{name: ...})]))
    assert (ids(corpus), rejected(corpus)) == (["1"], [(2, "missing field")])


def test_missing_optional_field_is_a_finding_and_the_row_is_kept(row, write):
    corpus = load_corpus(write([row("1", translation=...)]))
    assert ids(corpus) == ["1"]
    assert [(each.line, each.kind) for each in corpus.findings] == [(1, "missing field")]


def test_extra_field_is_kept(row, write):
    (report,) = load_corpus(write([row("1", scanner="big", year=2024)])).reports()
    assert (report.raw["scanner"], report.raw["year"]) == ("big", "2024")


@pytest.mark.parametrize("value", [7, 1.5, True, ["a"], {"a": 1}])
def test_wrong_type(row, write, value):
    corpus = load_corpus(write([row("1"), row("2", report=value)]))
    assert (ids(corpus), rejected(corpus)) == (["1"], [(2, "wrong type")])


def test_a_value_that_is_no_json_is_rejected(row, write):
    corpus = load_corpus(write([row("1"), json.dumps(row("2", icd=float("nan")))]))
    assert rejected(corpus) == [(2, "unreadable row")]


def test_half_a_surrogate_pair_is_rejected(row, write):
    corpus = load_corpus(write([row("1"), row("2", report="a \ud83d b")]))
    assert rejected(corpus) == [(2, "damaged characters")]


def test_duplicate_id_names_the_first_line(row, write):
    corpus = load_corpus(write([row("1"), row("2"), row("1")]))
    assert (ids(corpus), rejected(corpus)) == (["1", "2"], [(3, "duplicate id")])
    assert "line 1" in next(each.message for each in corpus.findings if each.rejected)


def test_empty_report(row, write):
    corpus = load_corpus(write([row("1"), row("2", report=" \n")]))
    assert rejected(corpus) == [(2, "empty report")]


def test_empty_icd_is_a_finding_and_the_row_is_kept(row, write):
    corpus = load_corpus(write([row("1", icd="")]))
    assert [(each.kind, each.rejected) for each in corpus.findings] == [("no code", False)]


def test_ten_megabytes_in_one_record(row, write):
    corpus = load_corpus(write([row("1"), row("2", report="x" * 10_000_000), row("3")]))
    assert (ids(corpus), rejected(corpus)) == (["1", "3"], [(2, "oversized record")])


def test_csv_with_a_row_of_another_width(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("language,report\nGerman,CT Thorax\nGerman,a,b\nGreek,ΑΞΟΝΙΚΗ\n")
    corpus = load_corpus(path)
    assert [report.language for report in corpus.reports()] == ["de", "el"]
    assert rejected(corpus) == [(3, "unreadable row")]


def test_csv_without_known_columns(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("x,y\n1,2\n")
    with pytest.raises(ParrotError, match="line 1: no column is named 'language' or 'report'"):
        load_corpus(path)


def test_gzip_cut_short_keeps_the_lines_before_the_cut(row, tmp_path):
    path = tmp_path / "a.jsonl.gz"
    rows = [row(str(i), report=f"Befund {i}: {i * 7919:x}" * 20) for i in range(400)]
    whole = gzip.compress("".join(json.dumps(r) + "\n" for r in rows).encode())
    path.write_bytes(whole[: len(whole) // 2])
    corpus = load_corpus(path)
    assert 0 < len(corpus) < 400
    assert [kind for _, kind in rejected(corpus)][-1] == "damaged gzip"


def test_damaged_parquet(tmp_path):
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1 nonsense")
    with pytest.raises(ParrotError, match="not a Parquet file"):
        load_corpus(path)


def test_strict_makes_the_first_bad_row_fatal(row, write):
    path = write([row("1"), "{", row("2")])
    with pytest.raises(ParrotError, match="line 2"):
        load_corpus(path, strict=True)


def test_nothing_but_bad_rows(write):
    with pytest.raises(ParrotError, match=r"no readable report among 2 rows.*line 1"):
        load_corpus(write(["{", "{"]))


def test_streaming_gives_the_same_reports_one_by_one(row, write):
    path = write([row("1"), "{", row("2")])
    streamed = [each for each in stream_reports(path) if isinstance(each, Report)]
    assert [each.id for each in streamed] == ["1", "2"]
    assert [each.text for each in streamed] == [each.text for each in load_corpus(path).reports()]
