"""What stands under a table."""

from __future__ import annotations

import pandas as pd
import pytest

from parrot_bench.exploring.notes import cell, scoring_notes, slice_name
from parrot_bench.running.run_folder import Run

ESTIMATE = {"value": 0.8, "low": 0.7, "high": 0.9, "percent": True}


def row(name, kind="language", metric="micro_f1", **changed):
    fields = {
        "task": "region",
        "text": "original",
        "slice": name,
        "slice_kind": kind,
        "metric": metric,
        "method": "Wilson",
        "n": 30,
        "estimand": "B",
        "note": "",
        **ESTIMATE,
    }
    return fields | changed


def notes(tmp_path, *rows, correlations=()):
    run = Run(tmp_path, {"correlations": list(correlations)}, pd.DataFrame(), pd.DataFrame())
    return list(scoring_notes(run, pd.DataFrame(rows), "micro_f1"))


def test_intervals_say_how_they_were_made_and_of_whom_they_speak(tmp_path):
    assert notes(tmp_path, row("pl"), row("macro", "macro", method="Student's t")) == [
        "Intervals at 95 %: Wilson; Student's t. They speak of reports of new contributors."
    ]
    (alone,) = notes(tmp_path, row("nl", estimand="A"))
    assert alone.endswith("of the same contributors, who are too few to say anything of others.")


def test_a_note_of_several_slices_stands_once(tmp_path):
    found = notes(tmp_path, row("pl", note="odd; rare"), row("de", note="rare"))
    assert found[:2] == ["Polish: odd.", "German, Polish: rare."]


def test_differences_between_languages_and_the_worst_are_named(tmp_path):
    found = notes(
        tmp_path,
        row("pl"),
        row("spread", "spread", value=0.04, low=0.01, high=0.09),
        row("worst", "worst", value=0.7, note="el, shrunk towards the mean of languages"),
    )
    assert found[0] == "Standard deviation between languages: 4.0 (1.0–9.0) points."
    assert found[1] == (
        "Worst language: Greek, 70.0 (70.0–90.0), shrunk towards the mean of languages."
    )


def test_the_agreement_of_two_codings_is_given_for_every_level(tmp_path):
    found = notes(
        tmp_path,
        row("pl"),
        row("twins", "twins", "category_micro_f1", n=26),
        row("twins", "twins", "full_micro_f1", n=26, value=0.2, low=0.1, high=0.3),
        row("twins", "twins", "exact_match", n=26),
    )
    assert found[0] == (
        "Two codings of the same 26 reports agree by category_micro_f1 80.0 (70.0–90.0), "
        "full_micro_f1 20.0 (10.0–30.0)."
    )


def test_the_correlation_is_given_with_one_language_left_out(tmp_path):
    each = {"task": "region", "text": "original", "metric": "micro_f1", "value": 0.08}
    found = notes(tmp_path, row("pl"), correlations=[each | {"without": {"pl": 0.05, "de": 0.1}}])
    assert found[0] == (
        "Correlation within contributors: 0.08 (0.05 to 0.10 with one language left out)."
    )


@pytest.mark.parametrize(
    ("changed", "shown"),
    [
        ({}, "80.0 (70.0–90.0)"),
        ({"low": None}, "80.0"),
        ({"value": float("nan")}, "–"),
        ({"percent": False}, "0.80 (0.70–0.90)"),
    ],
)
def test_cells(changed, shown):
    assert cell(ESTIMATE | changed) == shown


def test_slices_have_names():
    assert [slice_name(each) for each in ("pl", "macro")] == ["Polish", "macro"]
