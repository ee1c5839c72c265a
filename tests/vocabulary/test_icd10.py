"""The code table against simple-icd-10-cm, verdicts and counts that others measured, the parser."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parrot_bench.vocabulary.icd10 import in_who, load_table, normalise_code, relation, verdict
from parrot_bench.vocabulary.icd10_fields import parse_codes

BILLABLE = "C71.3 R90.82 I65.23 I60.52 M47.012 M50.20 R10.9 H35.81 U07.1 Z03.89 J01.01 R50.9"
VALID = "Z00 I63.4 S06.2 R18 N40 S06.5X M48.06 K80.2 S82.002 R10.82 I83 W54.0"
NEITHER = "J01.13 Q75.89 H85.9 I84"


def test_the_table_agrees_with_simple_icd_10_cm_on_every_code():
    cm = pytest.importorskip("simple_icd_10_cm")
    table = load_table()
    items = cm.get_all_codes(True)
    blocks = {item for item in items if cm.is_block(item)}
    single = {item for item in blocks if "-" not in item}
    expected = [i for i in dict.fromkeys(items) if i in single or not cm.is_chapter_or_block(i)]
    # The library names a block of one category like the category itself.
    assert set(table.codes()) == set(expected)
    for code in expected:
        assert table.description(code) == " ".join(cm.get_description(code).split()), code
        if code not in single:
            assert table.is_billable(code) == cm.is_leaf(code), code
            parent = cm.get_parent(code)
            wanted = parent if len(code) > 3 or "-" in parent else f"{parent}-{parent}"
            assert table.parent(code) == wanted, code


def test_the_committed_table_is_what_its_script_makes(monkeypatch, tmp_path, capsys):
    pytest.importorskip("simple_icd_10_cm")
    import importlib.util

    from parrot_bench.resources import data_path

    spec = importlib.util.spec_from_file_location("make", data_path("icd10cm", "make_table.py"))
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    committed = make.TARGET.read_bytes()
    monkeypatch.setattr(make, "TARGET", tmp_path / "table.gz")
    make.main()
    assert (tmp_path / "table.gz").read_bytes() == committed


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        (BILLABLE, "billable"),
        (VALID, "valid_not_billable"),
        ("E14.9", "who_only"),
        (NEITHER, "does_not_exist"),
        ("M47. A00-B99 9 X Z0O hello", "malformed"),
    ],
)
def test_verdicts(codes, expected):
    assert {code: verdict(code) for code in codes.split()} == dict.fromkeys(codes.split(), expected)


def test_a_stray_dot_is_valid_once_it_is_read():
    assert verdict(normalise_code("M47.")) == "valid_not_billable"


def test_the_published_codes_come_out_as_measured(published_counts):
    table = load_table()
    counts: Counter[str] = Counter()
    for text, rows in published_counts["icd"].items():
        parsed = parse_codes(text)
        assert not parsed.invalid
        for written in parsed.written:
            judged = verdict(written)
            code = normalise_code(written)
            counts["tokens"] += rows
            counts["in ICD-10-CM"] += rows * (judged in ("billable", "valid_not_billable"))
            counts["billable"] += rows * (judged == "billable")
            counts["in WHO ICD-10"] += rows * (judged != "malformed" and in_who(code))
            counts["in neither"] += rows * (judged in ("malformed", "does_not_exist"))
        assert all(table.category(code) for code in parsed.codes)
    assert counts == {
        "tokens": 8377,
        "in ICD-10-CM": 8168,
        "billable": 5847,
        "in WHO ICD-10": 4865,
        "in neither": 174,
    }


@pytest.mark.parametrize(
    ("text", "codes", "invalid"),
    [
        ("C71.3", ["C71.3"], []),
        ("c713", ["C71.3"], []),
        ("r50,9", ["R50.9"], []),
        ("M47.", ["M47"], []),
        ("M.47.8", ["M47.8"], []),
        (".R10", ["R10"], []),
        ("M 47.8", ["M47.8"], []),
        ("M47 . 8", ["M47.8"], []),
        ("M47 8", ["M47.8"], []),
        ("J90 R91.1", ["J90", "R91.1"], []),
        ("1. J90\n2) R91.1 nodule\n3.i10", ["J90", "R91.1", "I10"], []),
        ("- J90\n\u2022 R91.1\n* I10", ["J90", "R91.1", "I10"], []),
        ("2 J90", [], ["2 J90"]),
        ("Z00, R51", ["Z00", "R51"], []),
        ("C71.2,C71.3,R90.82", ["C71.2", "C71.3", "R90.82"], []),
        ("I63.4;I65.2/J90\nK76.0|N20.0", ["I63.4", "I65.2", "J90", "K76.0", "N20.0"], []),
        ("I10 and E11.9", ["I10", "E11.9"], []),
        ("Z00, Z00.", ["Z00"], []),
        ("M50.20-M50.23", ["M50.20", "M50.21", "M50.22", "M50.23"], []),
        ("M50.20 \u2013 M50.22", ["M50.20", "M50.21", "M50.22"], []),
        ("C00-C14", [f"C{number:02}" for number in range(15)], []),
        ("J90-J92", ["J90", "J91", "J92"], []),
        ("i60 \u2013 i63", ["I60", "I61", "I62", "I63"], []),
        ("C75-C7B", ["C75", "C7A", "C7B"], []),
        ("J90-J90", ["J90"], []),
        # Too long, or no range: reported, not shortened to its ends.
        ("C00-D49", [], ["C00-D49"]),
        ("J92-J90", [], ["J92-J90"]),
        ("J90.1-J92.3", [], ["J90.1-J92.3"]),
        ("J90-R91.1, I10", ["I10"], ["J90-R91.1"]),
        (
            "J90\u3001R91.1\uff0cI10\uff1bE11.9\u3002N20.0",
            ["J90", "R91.1", "I10", "E11.9", "N20.0"],
            [],
        ),
        ("\u201cJ90\u201d, \u00abR91.1\u00bb \u300cI10\u300d", ["J90", "R91.1", "I10"], []),
        ("J90\u2022R91.1", ["J90", "R91.1"], []),
        ("J90R91.1", ["J90", "R91.1"], []),
        ("J90.R91.1", ["J90", "R91.1"], []),
        ("J90R911", ["J90", "R91.1"], []),
        ("M50.20M50.21", ["M50.20", "M50.21"], []),
        ("C71.3R90.82I10", ["C71.3", "R90.82", "I10"], []),
        ("T79.A11A", ["T79.A11A"], []),
        ("S82.-", ["S82"], []),
        ("M90.7*", ["M90.7"], []),
        ("A17.0\u2020", ["A17.0"], []),
        ("J90 pleural effusion", ["J90"], []),
        ("J90 (pleural effusion)", ["J90"], []),
        ("J90: Pleural effusion", ["J90"], []),
        ("[J90]", ["J90"], []),
        ("\uff2a\uff19\uff10", ["J90"], []),
        ("S06.5X0A", ["S06.5X0A"], []),
        ("JO1.2", [], ["JO1.2"]),
        ("none", [], ["none"]),
        ("", [], []),
        (" - , .", [], []),
        ("normal; J90", ["J90"], ["normal"]),
        ("J90; normal", ["J90"], ["normal"]),
        # I, E and Y are words for "and" and letters of chapters.
        ("M47.8, I 63.9", ["M47.8", "I63.9"], []),
        ("J90; E 11.9", ["J90", "E11.9"], []),
        ("I10 i E11.9", ["I10", "E11.9"], []),
        ("I 63.9 E 11.9", ["I63.9", "E11.9"], []),
        ("J90\nand R91.1", ["J90", "R91.1"], []),
        ("A17.0\u2020G01*", ["A17.0", "G01"], []),
        ("A17.0+ G01*", ["A17.0", "G01"], []),
        ("J90 u A41", ["J90"], ["u A41"]),
        ("J90, a A41.9", ["J90"], ["a A41.9"]),
        ("S065X0A traumatic bleeding", ["S06.5X0A"], []),
        ("J90: Effusion, not elsewhere classified", ["J90"], []),
        ("J90 effusion and collapse, R91.1 nodule", ["J90", "R91.1"], []),
        ("J90, none", ["J90"], ["none"]),
        # What a description names may be meant or not: it is reported, not taken.
        ("J90 with R91.1", ["J90"], ["with R91.1"]),
        ("J90 effusion, JO1.2", ["J90"], ["JO1.2"]),
        ("M50.20-22", ["M50.20"], ["-22"]),
        ("S22.08 wedge of T12", ["S22.08"], []),
    ],
)
def test_what_people_write(text, codes, invalid):
    parsed = parse_codes(text)
    assert (list(parsed.codes), list(parsed.invalid)) == (codes, invalid)


@given(st.text(max_size=60) | st.text("JM479.0-, ;/XAz\n", max_size=40))
def test_parsing_never_raises_and_reads_its_own_output(text):
    parsed = parse_codes(text)
    assert parse_codes(", ".join(parsed.codes)).codes == parsed.codes
    assert all(normalise_code(code) == code for code in parsed.codes)


def test_two_codes_never_become_one_that_does_not_exist():
    assert normalise_code("J90R91.1") is None
    assert normalise_code("J90.R91.1") is None
    assert normalise_code("M.47.8") == "M47.8"
    assert normalise_code("\u201cJ90\u201d") == "J90"


CODES = st.sampled_from(load_table().codes())
SPACED = CODES.filter(lambda code: code[1].isdigit())
"""Codes whose letter may stand apart: not QA0, for "u A41" is a word and the code A41."""


@given(CODES, CODES, st.sampled_from(["with", "to", "bis", "u", "\u2192", "see also", "R ("]))
def test_no_second_code_is_lost_without_a_word(first, second, between):
    parsed = parse_codes(f"{first} {between} {second}")
    assert parsed.codes[:1] == (first,)
    assert second in parsed.codes or any(second in piece for piece in parsed.invalid)


@given(
    SPACED, SPACED, st.sampled_from([", ", ",", "; ", "/", "\n", " ", " and ", " i ", " e ", "|"])
)
def test_every_pair_of_codes_is_read_with_a_space_behind_the_letter(first, second, between):
    written = between.join(f"{code[0]} {code[1:]}" for code in (first, second))
    parsed = parse_codes(written)
    assert (parsed.codes, parsed.invalid) == (tuple(dict.fromkeys((first, second))), ())


@given(st.lists(CODES, min_size=2, max_size=5))
def test_codes_without_anything_between_them_are_codes_that_exist(codes):
    table = load_table()
    parsed = parse_codes("".join(codes))
    assert all(table.exists(code) for code in parsed.codes) or parsed.invalid


@given(CODES)
def test_every_code_is_read_however_it_is_written(code):
    wide = "".join(chr(ord(character) + 0xFEE0) for character in code)
    spaced = f"{code[0]} {code[1:]}" if code[1].isdigit() else code
    table = load_table()
    for written in (code, code.lower(), code.replace(".", ""), f" {code}. ", spaced, wide):
        assert normalise_code(written) == code
        assert table.exists(written)
        assert table.nearest(written) == code
        assert table.category(written) == code[:3]
        assert table.description(written) == table.description(code)
        assert table.ancestors(written) == table.ancestors(code)
    assert parse_codes(f"{code.replace('.', '')} and its name").codes == (code,)


@pytest.mark.parametrize(
    ("predicted", "gold", "expected"),
    [
        ("I63.4", ["I63.4"], "exact"),
        ("I63", ["I63.4"], "under_specified"),
        ("I63.41", ["I63.4"], "over_specified"),
        ("I63.9", ["I63.4"], "sibling"),
        ("I63.9", ["I63.41"], "same_category"),
        ("I10", ["I63.4"], "same_chapter"),
        ("J90", ["I63.4"], "unrelated"),
        ("E14.9", ["E11.9"], "same_chapter"),
        ("I84", ["I83"], "invalid"),
        ("nonsense", ["J90"], "invalid"),
        ("N50.2", ["N50.2"], "exact"),
        ("J90", [], "unrelated"),
        ("I63", ["J90", "I63.4"], "under_specified"),
    ],
)
def test_relation_of_a_predicted_code_to_the_gold(predicted, gold, expected):
    assert relation(predicted, gold) == expected


def test_the_hierarchy_of_a_code_with_a_placeholder():
    table = load_table()
    assert table.ancestors("S06.5X0A") == ("S06.5X0", "S06.5X", "S06.5", "S06", "S00-S09", "19")
    assert table.ancestors("S06.5X0A", with_upper=False) == ("S06.5X0", "S06.5X", "S06.5", "S06")


def test_codes_outside_the_release_keep_their_place():
    table = load_table()
    assert (table.category("E14.9"), table.chapter("E14.9")) == ("E14", "4")
    assert table.ancestors("N50.2") == ("N50", "N40-N53", "14")
    assert table.chapter("nonsense") is None
    assert not table.exists("9")
    assert not table.exists("A00-B99")


def test_codes_of_the_who_alone_are_in_the_chapter_of_the_who():
    import simple_icd_10 as who

    table = load_table()
    roman = [code for code in who.get_all_codes() if who.is_chapter(code)]
    alone = [c for c in who.get_all_codes() if who.is_category(c) and not table.exists(c)]
    placed = {code: table.chapter(code) for code in alone}
    expected = {code: str(roman.index(who.get_ancestors(code)[-1]) + 1) for code in alone}
    assert {c for c in alone if placed[c] is None} == set()
    assert placed == expected


def test_a_table_cannot_be_changed():
    with pytest.raises(AttributeError):
        load_table().release = "another"
    assert load_table().release == "ICD-10-CM April 2026"
    assert len(load_table().chapters) == 22


def test_hierarchical_f1_of_two_spine_codes_is_that_of_the_literature():
    """M47.012 against M50.20: .18 with chapter and block, 0 without."""
    from parrot_bench.scoring.metrics.label_sets import MicroF1

    table = load_table()

    def f1(with_upper):
        gold, said = (
            (code, *table.ancestors(code, with_upper=with_upper)) for code in ("M50.20", "M47.012")
        )
        metric = MicroF1()
        return float(metric.value(metric.contributions([gold], [said]).sum(axis=0)))

    assert f1(with_upper=True) == pytest.approx(0.18, abs=0.005)
    assert f1(with_upper=False) == 0


def test_a_block_or_a_word_has_no_ancestors():
    assert load_table().ancestors("A00-B99") == ()
    assert load_table().ancestors("pneumonia") == ()
