"""Reports in canonical order, and who depends on whom."""

from __future__ import annotations

import numpy as np
import pytest

from parrot_bench.scoring.estimates.design import make_design

IDS = ["4", "2", "9", "1", "7"]
LANGUAGES = ["pl", "de", "pl", "de", "da"]
AUTHORS = ["x", "y", "x", "z", "w"]


def test_reports_stand_by_language_and_then_identifier():
    design = make_design(IDS, LANGUAGES, AUTHORS)
    # da: 7; de: 1, 2; pl: 4, 9. Given at positions 4; 3, 1; 0, 2.
    assert design.ids == ("7", "1", "2", "4", "9")
    assert design.order.tolist() == [4, 3, 1, 0, 2]
    assert design.languages == ("da", "de", "pl")
    assert design.starts.tolist() == [0, 1, 3, 5]
    assert design.language.tolist() == [0, 1, 1, 2, 2]
    assert len(design) == 5
    assert design.rows() == slice(0, 5)
    assert design.rows("de") == slice(1, 3)
    assert design.contributor.tolist() == [0, 1, 2, 3, 3]
    assert design.contributors() == 4
    assert design.contributors("pl") == 1
    assert design.sizes("pl").tolist() == [2]
    assert sorted(design.sizes("de")) == [1, 1]


def test_the_order_in_which_reports_come_changes_nothing():
    generator = np.random.default_rng(0)
    n = 60
    ids = [f"{i}" for i in range(n)]
    languages = [str(each) for each in generator.choice(["de", "pl", "fr"], n)]
    authors = [str(each) for each in generator.choice(list("uvwxyz"), n)]
    copies = [int(each) for each in generator.integers(-1, 40, n)]
    first = make_design(ids, languages, authors, copies)
    for _ in range(5):
        at = generator.permutation(n)
        parts = ([each[i] for i in at] for each in (ids, languages, authors, copies))
        other = make_design(*parts)
        assert other.ids == first.ids
        assert at[other.order].tolist() == first.order.tolist()
        assert other.contributor.tolist() == first.contributor.tolist()
        assert other.copy.tolist() == first.copy.tolist()


def test_contributors_who_share_a_near_copy_count_as_one():
    # x and y share copy 5, y and z share copy 6: three names, one contributor. w stays apart.
    design = make_design(
        ["1", "2", "3", "4", "5", "6"],
        ["de"] * 6,
        ["x", "y", "y", "z", "w", "w"],
        [5, 5, 6, 6, 7, 8],
    )
    assert design.contributor.tolist() == [0, 0, 0, 0, 1, 1]
    assert design.copy.tolist() == [0, 0, 1, 1, 2, 3]
    assert sorted(design.sizes("de")) == [2, 4]


def test_contributors_are_joined_across_languages():
    # The Afrikaans and the Dutch report are one text; so all reports of both authors hang together.
    design = make_design(
        ["1", "2", "3", "4"], ["af", "nl", "nl", "nl"], ["x", "y", "y", "v"], [1, 1, 2, 3]
    )
    assert design.contributor.tolist() == [0, 0, 0, 1]
    assert design.contributors() == 2


def test_contributors_joined_late_are_joined_for_all_their_reports():
    # a-b, c-d, then b-c: found only at the last pair.
    design = make_design([str(i) for i in range(6)], ["de"] * 6, list("abcdbc"), [0, 0, 1, 1, 2, 2])
    assert set(design.contributor.tolist()) == {0}


def test_reports_without_a_group_are_alone():
    design = make_design(["1", "2", "3"], ["de"] * 3, ["x", "y", "z"], [-1, -1, -5])
    assert len(set(design.copy.tolist())) == 3
    assert design.contributors() == 3
    assert make_design(["1", "2", "3"], ["de"] * 3, ["x", "y", "z"]).copy.tolist() == [0, 1, 2]


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="No report is selected"):
        make_design([], [], [])
    with pytest.raises(ValueError, match="An identifier stands twice"):
        make_design(["1", "1"], ["de", "pl"], ["x", "y"])
    for wrong in (
        (["1", "2"], ["de"], ["x", "y"]),
        (["1", "2"], ["de", "de"], ["x"]),
        (["1", "2"], ["de", "de"], ["x", "y"], [0]),
    ):
        with pytest.raises(ValueError, match="differ in number"):
            make_design(*wrong)
