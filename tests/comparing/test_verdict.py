"""What a contrast says, in words."""

from __future__ import annotations

import pytest

from parrot_bench.comparing.verdict import verdict


def row(**changed):
    fields = {
        "first": "A",
        "second": "B",
        "difference": 0.042,
        "low": 0.011,
        "high": 0.073,
        "better": "higher",
        "p_adjusted": 0.01,
        "detectable": 0.031,
        "percent": True,
        "n": 100,
        "note": "",
    }
    return fields | changed


def test_a_difference_names_the_better_one_and_turns_the_interval_its_way():
    assert verdict(row()) == "A is 4.2 points better, interval 1.1 to 7.3"
    behind = row(difference=-0.042, low=-0.073, high=-0.011)
    assert verdict(behind) == "B is 4.2 points better, interval 1.1 to 7.3"


def test_less_of_a_loss_is_better():
    assert verdict(row(better="lower")) == "B is 4.2 points better, interval 1.1 to 7.3"
    behind = row(better="lower", difference=-0.042, low=-0.073, high=-0.011)
    assert verdict(behind) == "A is 4.2 points better, interval 1.1 to 7.3"


def test_where_neither_is_better_one_is_higher():
    assert verdict(row(better="neither")) == "A is 4.2 points higher, interval 1.1 to 7.3"
    behind = row(better="neither", difference=-0.042, low=-0.073, high=-0.011)
    assert verdict(behind) == "B is 4.2 points higher, interval 1.1 to 7.3"


@pytest.mark.parametrize("p", [0.05, 0.8, None])
def test_no_difference_is_said_with_what_would_have_been_seen(p):
    said = verdict(row(difference=0.004, low=-0.018, high=0.026, p_adjusted=p))
    assert said == (
        "no difference shown, interval -1.8 to 2.6; one of 3.1 points or more would have been "
        "seen four times in five"
    )


def test_two_texts_are_the_same_only_where_that_was_tested():
    near = {"difference": 0.004, "low": -0.011, "high": 0.019, "p_adjusted": 0.6, "margin": 0.03}
    assert verdict(row(**near, equivalence_p=0.01)) == (
        "the same within 3.0 points, interval -1.1 to 1.9"
    )
    for p in (0.05, 0.4, None):
        assert verdict(row(**near, equivalence_p=p)).startswith("no difference shown")
    # A difference that is shown is said, however small.
    assert verdict(row(margin=0.03, equivalence_p=0.01)).startswith("A is 4.2 points better")


def test_slices_without_figure_or_interval_say_so():
    bare = {"difference": None, "low": None, "high": None, "p_adjusted": None, "detectable": None}
    assert verdict(row(**bare, note="undefined here")) == "no figure: undefined here"
    one = bare | {"difference": 1.0}
    assert verdict(row(**one, n=1)) == "no interval: too few reports"
    assert verdict(row(**one)) == "no interval"


def test_counts_are_in_their_own_unit_and_a_change_is_not_better():
    counts = row(difference=-1.5, low=-2.25, high=-0.75, percent=False, better="neither")
    assert verdict(counts) == "B is 1.50 higher, interval 0.75 to 2.25"


def test_an_interval_without_zero_is_not_enough_when_p_is_adjusted():
    assert verdict(row(p_adjusted=0.2)) == (
        "not shown once p is adjusted (0.20), interval 1.1 to 7.3"
    )
