"""What a model may say, and what is said of the rest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from parrot_bench.models.acceptance import accepted
from parrot_bench.task.item import Prediction


def test_numbers_and_texts_become_plain_and_labels_stand_once() -> None:
    answer: Any = Prediction(
        "1",
        [np.str_("chest"), "head", "chest"],  # type: ignore[arg-type]
        {np.str_("chest"): np.float32(0.5), "head": 1},  # type: ignore[dict-item]
        tokens_in=np.int64(7),  # type: ignore[arg-type]
        seconds=np.float64(0.25),
        truncated_input=np.bool_(True),  # type: ignore[arg-type]
    )
    found = accepted(answer, "1")
    assert found == Prediction(
        "1", ("chest", "head"), {"chest": 0.5, "head": 1.0}, tokens_in=7, seconds=0.25,
        truncated_input=True,
    )  # fmt: skip
    assert [type(label) for label in found.labels] == [str, str]
    assert {type(score) for score in found.scores.values()} == {float}
    assert {type(label) for label in found.scores} == {str}
    assert (type(found.tokens_in), type(found.seconds), type(found.truncated_input)) == (
        int,
        float,
        bool,
    )


@pytest.mark.parametrize(
    ("answer", "note"),
    [
        (None, "It answered a NoneType where a Prediction was expected."),
        (("chest",), "It answered a tuple where a Prediction was expected."),
        (Prediction("2", ("chest",)), "It answered for another report than was asked."),
        (Prediction("1", "chest"), "Its labels are a str, not a tuple of texts."),
        (Prediction("1", (1,)), "Its labels are a tuple, not a tuple of texts."),
        (Prediction("1", None), "Its labels are a NoneType, not a tuple of texts."),
        (Prediction("1", (), {"a": float("nan")}), "Its score of a label is not a finite number."),
        (
            Prediction("1", (), {"a": np.float32("inf")}),
            "Its score of a label is not a finite number.",
        ),
        (Prediction("1", (), {"a": "high"}), "Its score of a label is a str, not a number."),
        (Prediction("1", (), {"a": None}), "Its score of a label is a NoneType, not a number."),
        (Prediction("1", (), {0: 1.0}), "Its scores are a dict, not numbers by label."),
        (Prediction("1", (), [0.5]), "Its scores are a list, not numbers by label."),
        (Prediction("1", (), tokens_in=None), "Its tokens_in is a NoneType, not a number."),
    ],
)
def test_what_cannot_be_used_has_failed_and_says_why(answer: Any, note: str) -> None:
    assert accepted(answer, "1") == Prediction("1", (), status="failed", note=note)


def test_an_unknown_status_has_failed() -> None:
    answer: Any = Prediction("1", (), status="broken")  # type: ignore[arg-type]
    assert accepted(answer, "1").note.startswith("Its status is none of ok, ")


def test_a_failure_stays_one_with_its_own_note() -> None:
    answer = Prediction("1", (), status="failed", note="No room.")
    assert accepted(answer, "1") == answer
