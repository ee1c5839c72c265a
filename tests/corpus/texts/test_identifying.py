"""Names and dates in texts (E10): what is found, and what only looks like it."""

from __future__ import annotations

from collections import Counter

import pytest

from parrot_bench.corpus import load_corpus
from parrot_bench.corpus.quality import check_corpus
from parrot_bench.corpus.texts.identifying import has_date, has_name, names_and_dates
from parrot_bench.resources import data_path, read_table

LANGUAGES = {*"af bs de el en es fr hr it ko nl pl sv tr zh".split()}  # noqa: SIM905
DATES = """March 27, 2018|27 marca 2018|07/12/24|2022/04/23|April 2020|04/23/2022|2018年3月27日
2018년 3월 27일|2018年三月|3月27日|27. März 2018|27 de marzo de 2018|1er avril 2019|5. travnja
24 Δεκεμβρίου|27 Μαρτίου 2018|12 Ağustos 2021|3 mrt 2020|12-Mar-2024|June 24th|5. 4. 2022.
31 december 2020|2 maj 2019|6 Mei 2021|15. listopada 2020.|du 21 août 2013|iz 11./2022|28.03.24.
01.02.2023|2024-07-23, 11:01|(02.2017)|7 novembre 2021|12 Kasım 2022|4. januara 2020"""
NAMES = """Dr. C. Smith|DR. SMITH|dr n. med. Jan Kowalski|lek. med. Anna Nowak|Dott.ssa Rossi
Dr.ssa Bianchi|Δρ. Παπαδόπουλος|Docteur Dupont|Pr Dupont|Dr.med. Müller|报告医师：张伟
판독의: 김철수|Dr. C. CHAVIHOT|Dr. P. O.P|dr. van den Berg|Uzm. Dr. Ayşe Yılmaz
Prim. dr. Amra Hodžić
prof. dr hab. n. med. Piotr Zieliński|Ana Horvat, dr. med.|John Smith, MD|Radiologist: Jan Kowalski
överläkare Svensson|Dra. López|Doctor García|PD Dr. Müller|drs. Jansen|Mrs. Jones|Dr Ahmed"""
NEITHER = """3.2.1 Liver|L3/4/5 discs|12/10/8 mm|12/10/18 mm|size 10.02.20 cm|segments 2/3/4|Th12/L1
1.3 x 2.1.3 cm|C5/6/7|image 12/45/60|ratio 1/2/3|2000 IU|seen in 2019 may be|w 2012 r.|RR 120/80
5 mm may correspond|a slice thickness of 2.5/1.25/0.6 mm|Drain in place|Drains Left|DR Thorax
PR Interval 120|DRS Kopf|the doctor. The liver|the referring physician by phone|Prof of it
Babić i dr. Nalaz|MAG3 Scan|Patient: Male|Patient: Age 45
Referring physician: Dr.  \n\nTECHNIQUE|PD Dr. Dr. *
Radiologist: CT of the Chest|REFERRING PHYSICIAN: SACRED HEART CLINIC|全科医生会诊
L4-5 aralık 3 mm"""


def each(table):
    return [entry for line in table.split("\n") for entry in line.split("|")]


@pytest.mark.parametrize("text", each(DATES))
def test_dates_are_found_in_a_sentence_of_any_language(text):
    assert has_date(text)
    assert has_date(f"x {text}")


@pytest.mark.parametrize("text", each(NAMES))
def test_names_are_found_behind_titles_and_labels(text):
    assert has_name(text)
    assert has_name(f"Normal.\n{text}\n")


@pytest.mark.parametrize("text", each(NEITHER))
def test_measurements_levels_and_plain_words_are_neither(text):
    assert names_and_dates(text) == []


def test_every_language_has_its_months_and_its_titles_or_labels():
    months = read_table(data_path("vocabulary", "month_words.csv"))
    per_language: dict[str, set[str]] = {}
    for row in months:
        per_language.setdefault(row["language"], set()).add(row["month"])
        assert row["needs"] in ("day", "year", "day and year")
        assert row["source"]
    assert set(per_language) == LANGUAGES
    assert all(len(found) == 12 for found in per_language.values())
    words = read_table(data_path("vocabulary", "name_words.csv"))
    assert {row["language"] for row in words} == LANGUAGES | {"*"}
    assert all(row["source"] for row in words)


def test_a_year_may_stand_with_every_month():
    for row in read_table(data_path("vocabulary", "month_words.csv")):
        text = f"12 {row['form']} 2021" if row["language"] not in ("ko", "zh") else ""
        assert has_date(text or f"2021年{row['form']}"), row


def test_a_finding_names_the_kind_and_quotes_nothing(row, write):
    path = write([row("1", report="Befund vom 27. März 2018 wie oben. Dr.med. Müllerhausen")])
    found = [each for each in check_corpus(load_corpus(path)).findings if "in text" in each.kind]
    assert Counter(each.kind for each in found) == {"name in text": 1, "date in text": 1}
    assert not any("ller" in each.message or "2018" in each.message for each in found)


def test_what_the_translations_of_the_whole_dataset_hold(sample):
    """Counted by eye: every hit was read when the words were chosen."""
    text = (sample.parent / "translations.txt").read_text(encoding="utf-8")
    lines = [line.replace("\\n", "\n") for line in text.split("\n")[:-1]]
    kinds = Counter(kind for line in lines for kind in names_and_dates(line))
    assert kinds["name"] == 26
    assert kinds["date"] > 480
