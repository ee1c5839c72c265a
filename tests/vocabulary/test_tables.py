"""Every published metadata string maps, and the paper's shares come out."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from parrot_bench.vocabulary.lexicon import fold
from parrot_bench.vocabulary.tables import (
    headline_region,
    headline_regions,
    label_names,
    map_area,
    map_subspecialties,
    vocabulary,
)

TABLES = ("languages", "countries", "modalities", "regions", "subspecialties", "fields")


@pytest.mark.parametrize(
    ("field", "table"),
    [("language", "languages"), ("modality", "modalities"), ("country", "countries")],
)
def test_every_published_string_maps(published_counts, field, table):
    unmapped = [raw for raw in published_counts[field] if vocabulary(table).find(raw) is None]
    assert unmapped == []


def test_every_published_area_and_subspecialty_maps(published_counts):
    for field, mapped in (("area", map_area), ("subspecialty", map_subspecialties)):
        for raw in published_counts[field]:
            assert mapped(raw).ids, raw
            assert not mapped(raw).unknown, raw


def test_shares_over_mentions_are_those_of_the_paper(published_counts):
    mentions: Counter[str] = Counter()
    for raw, rows in published_counts["area"].items():
        for region in map_area(raw).ids:
            mentions["head" if region == "brain" else region] += rows
    total = sum(mentions.values())
    share = {region: 100 * count / total for region, count in mentions.items()}
    assert share["chest"] == pytest.approx(19.9, abs=0.5)
    assert share["abdomen"] == pytest.approx(18.6, abs=0.5)
    assert share["pelvis"] == pytest.approx(14.1, abs=0.5)
    assert share["head"] == pytest.approx(17.3, abs=1.2)


def test_twenty_real_countries_are_published(published_counts):
    countries = {vocabulary("countries").find(raw) for raw in published_counts["country"]}
    assert len(published_counts["country"]) == 21
    assert len(countries) == 20


def test_every_country_of_iso_3166_is_known_by_its_usual_names():
    table = vocabulary("countries")
    assert len(table.rows) == 249
    assert all(len(key) == 2 and key.isupper() and row["name"] for key, row in table.rows.items())
    named = {
        "CI": ["Ivory Coast", "Côte d'Ivoire", "Côte d\u2019Ivoire", "Cote d\u2019Ivoire", "CIV"],
        "CN": ["China", "People's Republic of China", "People\u2019s Republic of China"],
        "KP": ["North Korea", "DPRK"],
        "MK": ["North Macedonia", "Macedonia"],
        "MM": ["Burma"],
        "PK": ["Pakistan"],
        "TR": ["Turkey", "Türkiye", "Turkiye"],
        "US": ["USA", "U.S."],
        "VN": ["Vietnam", "Viet Nam"],
    }
    for code, names in named.items():
        assert {table.find(name, repair=False) for name in names} == {code}
    assert table.find("Korea") == "KR"


@pytest.mark.parametrize(
    ("raw", "regions"),
    [
        ("abdomen,pelvis", ["abdomen", "pelvis"]),
        ("head\nneck\nchest\nabdomen", ["head", "neck", "chest", "abdomen"]),
        ("chest abdomen,pelvis", ["chest", "abdomen", "pelvis"]),
        ("abdomen and chest", ["abdomen", "chest"]),
        ("lumber spine", ["lumbar spine"]),
        ("lubar spine", ["lumbar spine"]),
        ("head- head", ["head"]),
        ("head native", ["head"]),
        ("abdomen (endoscopic)", ["abdomen"]),
        ("cervical", ["cervical spine"]),
        ("Chest", ["chest"]),
        ("pituitary gland", ["pituitary"]),
        ("body", ["whole body"]),
        ("lower limbs", ["lower limb"]),
        ("abdomen-pelvis", ["abdomen", "pelvis"]),
        ("Chest-abdomen-pelvis", ["chest", "abdomen", "pelvis"]),
        ("c-spine", ["cervical spine"]),
        ("pancreas, gallbladder", ["abdomen"]),
        ("axilla", ["breast"]),
        ("hip joint", ["hip"]),
    ],
)
def test_areas_as_published(raw, regions):
    assert list(map_area(raw).ids) == regions


@pytest.mark.parametrize(
    ("raw", "modality"),
    [("RX", "XR"), ("OPH", "OP"), ("US ", "US"), ("PET/CT", "PT/CT"), ("ENDOSCOPY", "ES")],
)
def test_modalities_as_published(raw, modality):
    assert vocabulary("modalities").find(raw) == modality


def test_unknown_strings_are_named_and_the_known_part_is_kept():
    mapped = map_area("chest, flux capacitor")
    assert (mapped.ids, mapped.unknown) == (("chest",), ("flux", "capacitor"))
    assert vocabulary("modalities").find("telepathy") is None


def test_a_repair_counts_only_where_it_maps_something():
    assert map_area("chest and abdomen").repaired
    assert not map_area("chest, abdomen").repaired
    assert not map_area("chest, flux").repaired
    assert not map_area("flux").repaired
    assert map_subspecialties("GI;GU").repaired
    assert not map_subspecialties("GI, GU").repaired
    assert not map_subspecialties("GI, flux").repaired


def test_a_subspecialty_of_several_words_is_tried_as_a_whole():
    for raw in ("head and neck", "Head and Neck", "head and neck, GI", "GI,head and neck"):
        mapped = map_subspecialties(raw)
        assert "NR" in mapped.ids
        assert mapped.unknown == ()
        assert not mapped.repaired
    assert map_subspecialties("GI and GU").ids == ("GI", "GU")
    assert map_subspecialties("GI and GU", repair=False).unknown == ("GI and GU",)


def test_without_repair_only_regular_strings_map():
    assert map_area("chest, abdomen", repair=False).ids == ("chest", "abdomen")
    assert map_area("chest and abdomen", repair=False).ids == ()
    assert vocabulary("modalities").find("US ", repair=False) is None
    assert vocabulary("countries").find("German", repair=False) is None


def test_fine_regions_belong_to_the_ten_headline_regions():
    assert headline_regions() == (
        "head",
        "neck",
        "chest",
        "breast",
        "abdomen",
        "pelvis",
        "spine",
        "upper limb",
        "lower limb",
        "whole body",
    )
    pairs = {"brain": "head", "testis": "pelvis", "lumbar spine": "spine", "knee": "lower limb"}
    assert {fine: headline_region(fine) for fine in pairs} == pairs


@pytest.mark.parametrize("table", TABLES)
def test_no_string_means_two_things(table):
    owner: dict[str, str] = {}
    for key, row in vocabulary(table).rows.items():
        names = {key, row.get("name") or key, *row["aliases"].split("|")}
        for name in {each.casefold() for each in names if each}:
            assert owner.setdefault(name, key) == key, name


LANGUAGES = "af bs de el en es fr hr it ko nl pl sv tr zh".split()  # noqa: SIM905
LABELS = {"modalities": vocabulary("modalities").ids, "regions": headline_regions()}


@pytest.mark.parametrize("table", LABELS)
def test_every_label_has_a_name_in_every_language(table):
    names = label_names(table)
    assert tuple(names) == LABELS[table]
    for label, named in names.items():
        assert list(dict.fromkeys(each for each, _ in named)) == [
            "en",
            *(each for each in LANGUAGES if each != "en"),
        ], label
        assert all(name == name.strip() and name for _, name in named)


@pytest.mark.parametrize("table", LABELS)
def test_no_name_of_a_language_means_two_labels(table):
    ids = {fold(each) for each in LABELS[table]}
    owner: dict[tuple[str, str], str] = {}
    for label, named in label_names(table).items():
        written = [
            (language, " ".join(fold(name).replace("-", " ").split())) for language, name in named
        ]
        assert len(set(written)) == len(written), label
        for language, name in written:
            assert owner.setdefault((language, name), label) == label, (language, name)
            assert name not in ids - {fold(label)}, name


@pytest.mark.parametrize(
    ("table", "language", "names"),
    [
        ("modalities", "pl", ["tomografia komputerowa", "rezonans magnetyczny"]),
        ("modalities", "tr", ["bilgisayarlı tomografi", "manyetik rezonans görüntüleme"]),
        ("regions", "de", ["Kopf", "Hals", "Thorax", "Mamma", "Abdomen", "Becken"]),
        ("regions", "zh", ["头部", "颈部", "胸部", "乳腺", "腹部", "盆腔", "脊柱", "上肢", "下肢"]),
    ],
)
def test_the_first_name_is_the_usual_one(table, language, names):
    first = [dict(reversed(named))[language] for named in label_names(table).values()]
    assert first[: len(names)] == names


@given(st.text(max_size=40))
@example("CONTRAST")
@example("with contrast")
def test_mapping_never_raises_and_loses_no_word(raw):
    mapped = map_area(raw)
    # "with contrast" names no area, and every other word is understood or handed back.
    only_qualifiers = set(raw.casefold().split()) <= {"native", "contrast", "with", "without"}
    assert mapped.ids or mapped.unknown or not any(c.isalnum() for c in raw) or only_qualifiers
    map_subspecialties(raw)


@pytest.mark.parametrize("mapped", [map_area, map_subspecialties])
def test_strings_that_never_come_again_are_not_remembered_for_ever(mapped):
    for number in range(10_100):
        mapped(f"chest {number}")
    assert mapped.cache_info().currsize <= 10_000
