"""Each erratum on rows like the published ones: clean view, raw view, switched off."""

from __future__ import annotations

import pytest

from parrot_bench.corpus import load_corpus
from parrot_bench.corpus.errata import english_part, errata, repair_rx, without_form
from parrot_bench.corpus.quality import check_corpus
from parrot_bench.errors import ParrotError

DUTCH = "Echografie van het rechteroog: er is geen loslating van het netvlies, zien wij niet."
AFRIKAANS = "Ultraklank van die regteroog: daar is nie 'n loslating van die retina nie."


@pytest.fixture
def one(row, write):
    """Load a single row in any view."""

    def load(number="1", view="clean", without=(), **changed):
        return load_corpus(write([row(number, **changed)]), view=view, without=without)

    return load


def only(corpus):
    (report,) = corpus.reports()
    return report


def test_all_thirteen_are_in_the_table():
    assert list(errata()) == [f"E{number:02}" for number in range(1, 14)]


@pytest.mark.parametrize(
    ("number", "label", "text", "expected"),
    [
        ("2150", "Afrikaans", DUTCH, "nl"),
        ("2180", "Dutch", AFRIKAANS, "af"),
        ("2150", "Dutch", DUTCH, "nl"),
        ("17", "Afrikaans", DUTCH, "af"),
    ],
)
def test_swapped_labels_are_swapped_back_in_the_published_rows_only(
    one, number, label, text, expected
):
    corpus = one(number, language=label, report=text)
    assert only(corpus).language == expected
    raw = one(number, language=label, report=text, view="raw")
    assert only(raw).language == {"Afrikaans": "af", "Dutch": "nl"}[label]


def test_twins_share_a_cluster_although_their_texts_differ(row, write):
    rows = [
        row("2150", language="Afrikaans", report=DUTCH, translation="One wording of it."),
        row("2176", language="Dutch", report=AFRIKAANS, translation="Quite another one here."),
        row("2177", language="Dutch", report="Iets heel anders wordt hier niet gezien."),
    ]
    first, second, third = load_corpus(write(rows)).reports()
    assert first.cluster == second.cluster != third.cluster
    assert load_corpus(write(rows)).fired["E02"] == 2
    apart = list(load_corpus(write(rows), without=["E02", "E04"]).reports())
    assert len({report.cluster for report in apart}) == 3


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("wiRXh of 3 cm", "en", "width of 3 cm"),
        ("WiRXh", "en", "Width"),
        ("ponaRXo", "pl", "ponadto"),
        ("poRXorebkowej", "pl", "podtorebkowej"),
        ("3RXOF sequence", "es", "3DTOF sequence"),
        ("RX-angiografi", "sv", "DT-angiografi"),
        ("RX thorax", "sv", "DT thorax"),
        ("RX torace", "it", "RX torace"),
        ("RXthorax", "nl", "RXthorax"),
    ],
)
def test_words_damaged_by_rx_are_repaired_where_that_is_certain(text, language, expected):
    assert repair_rx(text, language)[0] == expected


def test_doubtful_words_are_flagged_and_left(one):
    corpus = one(report="CRX of the chest, see RX")
    assert only(corpus).text == "CRX of the chest, see RX"
    assert [each.kind for each in corpus.findings] == ["doubtful RX"] * 2
    radiograph = one(report="RX thorax in two views", modality="RX")
    assert radiograph.findings == ()


def test_near_copies_share_a_cluster(row, write):
    words = [f"word{i}" for i in range(60)]
    rows = [
        row("1", report=" ".join(words), translation=""),
        row("2", report=" ".join([*words[:58], "other", "end"]), translation=""),
        row("3", report=" ".join(reversed(words)), translation=""),
    ]
    first, second, third = load_corpus(write(rows)).reports()
    assert first.cluster == second.cluster != third.cluster
    assert load_corpus(write(rows)).fired["E04"] == 2


def test_clusters_are_kept_with_the_corpus_hash(row, write, private_cache):
    corpus = load_corpus(write([row("1"), row("2")]))
    assert (private_cache / "clusters" / f"{corpus.hash}.json").is_file()
    again = load_corpus(write([row("1"), row("2")]))
    assert [r.cluster for r in again.reports()] == [r.cluster for r in corpus.reports()]


def test_odd_characters_become_plain_ones(one):
    corpus = one(report="\uf06c a\u00a0b\u200bc\u2028d")
    assert only(corpus).text == "\u2022 a bc\nd"
    assert {key for key, count in corpus.fired.items() if count} == {"E05", "E06"}
    assert only(one(report="\uf06c a\u00a0b\u2028d", without=["E06"])).text == "\uf06c a\u00a0b\nd"
    assert only(one(report="\uf06c a\u00a0b", view="raw")).text == "\uf06c a\u00a0b"


@pytest.mark.parametrize("mark", ["\x0b", "\x0c", "\x85"])
def test_old_line_and_page_ends_part_words(one, mark):
    corpus = one(report=f"kein Pleuraerguss{mark}Lunge frei")
    assert only(corpus).text == "kein Pleuraerguss\nLunge frei"
    assert corpus.fired["E06"] == 1


POLISH = "Badanie TK głowy wykonano bez środka kontrastowego. Układ komorowy nieposzerzony, mózg."


def test_untranslated_translations_count_as_missing(one):
    corpus = one(translation=POLISH)
    assert only(corpus).translation == ""
    assert corpus.fired["E07"] == 1
    assert only(one(translation=POLISH, view="raw")).translation == POLISH


def test_a_translation_behind_foreign_lines_is_kept():
    assert english_part(f"{POLISH}\nd) ENG: CT of the head.\nNormal.") == "CT of the head.\nNormal."
    english = "CT of the head without contrast, façade of the cranium é, the rest is normal here."
    assert english_part(english) == english


@pytest.mark.parametrize(
    "text", [":\n\n\n\nTK kości", " in Polish: \nTK kości", "TK kości\n\n\n", "   TK kości"]
)
def test_remains_of_a_form_are_removed(text):
    assert without_form(text) == "TK kości"


def test_metadata_repairs_count(one):
    corpus = one(country="German", modality="US ", area="lumber spine")
    report = only(corpus)
    assert (report.country, report.modality, report.regions) == ("DE", "US", ("lumbar spine",))
    assert corpus.fired["E08"] == 1
    off = one(country="German", modality="US ", area="lumber spine", without=["E08"])
    report = only(off)
    assert (report.country, report.modality, report.regions) == ("", None, ())
    assert len(off.findings) == 3


def test_an_unknown_string_is_no_repair(one):
    assert one(area="flux capacitor", subspecialty="XX").fired["E08"] == 0
    assert one(subspecialty="GI;GU").fired["E08"] == 1


def test_flagged_errata_are_counted_and_change_nothing(one):
    corpus = one(
        number="2234",
        report="CT Thorax vom 01.02.2023, Dr. Mustermann",
        translation="**Findings** and no evidence of",
    )
    assert corpus.flagged() == {"E10": 1, "E11": 1, "E12": 1, "E13": 1}
    assert only(corpus).text == "CT Thorax vom 01.02.2023, Dr. Mustermann"


def test_a_coloscanner_is_named_as_a_ct(one):
    text = "Coloscanner à l'eau : pas de lésion."
    assert one(language="French", report=text, translation="").flagged()["E12"] == 1


def test_a_code_in_a_text_counts_as_a_leak_wherever_it_is_counted(one):
    corpus = one(report="Verdacht auf Pneumonie, J18.9.", translation="Suspected pneumonia.")
    assert corpus.flagged()["E12"] == 1
    assert "code in text" in {each.kind for each in check_corpus(corpus).findings}
    assert one(report="Stenose bei L4.5.", translation="Level Q99.Z9.").flagged()["E12"] == 0


def test_an_unknown_erratum_is_named(one):
    with pytest.raises(ParrotError, match="Unknown erratum 'E99'"):
        one(without=["E99"])


def test_the_real_records_fire_as_known(sample):
    corpus = load_corpus(sample)
    fired = corpus.fired
    # Five Dutch and five Afrikaans rows, all twins of one another, all swapped.
    assert (fired["E01"], fired["E02"]) == (10, 10)
    assert fired["E07"] == 0
    assert fired["E09"] > 0
    texts = " ".join(report.text for report in corpus.reports())
    assert "ponaRXo" not in texts
    assert "3RXOF" not in texts
    assert corpus.languages == tuple("af bs de el es fr hr it ko nl pl sv tr zh".split())  # noqa: SIM905


def test_the_translations_of_the_whole_dataset_hold_three_that_are_not_english(sample):
    text = (sample.parent / "translations.txt").read_text(encoding="utf-8")
    translations = [line.replace("\\n", "\n") for line in text.split("\n")[:-1]]
    changed = [i for i, each in enumerate(translations) if english_part(each) != each]
    assert changed == [1489, 1535, 1626]
