"""Near duplicates against their definition evaluated directly, and that copies cost nothing."""

from __future__ import annotations

import itertools
import json
import random
import re
import tracemalloc

import pytest

from parrot_bench.corpus import load_corpus
from parrot_bench.corpus.texts import near_copies
from parrot_bench.corpus.texts.near_copies import clusters, near_duplicates


def shingles(text):
    words = re.findall(r"\w+", text.casefold())
    width = min(5, len(words))
    return {tuple(words[i : i + width]) for i in range(len(words) - width + 1)} if words else set()


def by_definition(texts):
    """Clusters from every pair of texts."""
    sets = [shingles(text) for text in texts]
    return clusters(
        len(texts),
        [
            (i, j)
            for i, j in itertools.combinations(range(len(texts)), 2)
            if sets[i] | sets[j] and len(sets[i] & sets[j]) / len(sets[i] | sets[j]) >= 0.5
        ],
    )


def made_up(generator):
    """Texts of few words, some of them copies with a change, so that many are near others."""
    texts = []
    for _ in range(generator.randrange(1, 30)):
        words = [generator.choice("abc") for _ in range(generator.randrange(0, 14))]
        if texts and generator.random() < 0.6:
            words = generator.choice(texts).split()
            for _ in range(generator.randrange(0, 3)):
                words.insert(generator.randrange(0, len(words) + 1), generator.choice("abcd"))
        texts.append(" ".join(words))
    return texts


@pytest.mark.parametrize("block", [1, 20, 2_000_000])
def test_clusters_are_those_of_the_definition(block, monkeypatch):
    monkeypatch.setattr(near_copies, "BLOCK", block)
    generator = random.Random(0)  # noqa: S311
    for _ in range(150):
        texts = made_up(generator)
        links = near_duplicates(texts)
        assert clusters(len(texts), links) == by_definition(texts)
        assert all(i < j for i, j in links)
        assert len(links) < len(texts)


def test_links_name_the_first_text_and_every_near_copy_once():
    copy = "no pleural effusion in this chest"
    texts = ["", "liver of normal size and shape", copy, "", copy, f"{copy} today", copy]
    assert near_duplicates(texts) == [(2, 4), (2, 5), (2, 6)]


def test_no_texts_and_empty_texts_have_no_links():
    assert near_duplicates([]) == near_duplicates(["", " ", "."]) == []


def test_memory_is_bounded_where_many_distinct_texts_share_their_wording(monkeypatch):
    monkeypatch.setattr(near_copies, "BLOCK", 20_000)
    texts = [f"the lungs are clear and the heart is normal {i} {i + 1}" for i in range(2_000)]
    near_duplicates(texts[:10])
    tracemalloc.start()
    links = near_duplicates(texts)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # 4 million pairs of at least 8 bytes each would be held at once.
    assert peak < 16e6
    assert len(links) == 1_999


def test_twenty_thousand_copies_need_twenty_thousand_links():
    assert len(near_duplicates(["no pleural effusion in this chest"] * 20_000)) == 19_999


@pytest.mark.parametrize(
    "kept",
    [
        {"links": [["1", "9"]]},
        {"links": [[0, 99]]},
        {"links": [[["1"], "2"]]},
        {"links": 7},
        {"ids": ["1", "2", "3"], "pairs": [[0, 99]]},
        [],
    ],
)
def test_a_damaged_cache_of_clusters_is_made_anew(row, write, private_cache, kept):
    text = "Die Lunge ist frei und das Herz ist normal"
    path = write([row(str(i), report=text, translation="") for i in (1, 2, 3)])
    first = load_corpus(path)
    (cache,) = (private_cache / "clusters").iterdir()
    good = cache.read_text()
    cache.write_text(json.dumps(kept))
    again = load_corpus(path)
    assert [report.cluster for report in again.reports()] == [0, 0, 0]
    assert again.fired == first.fired
    assert cache.read_text() == good
