"""The main claim, by simulation: intervals hold the truth for new contributors too.

`benchmarks/coverage.py` does it at length; this is small enough to run every time, and large
enough to fail where contributors are forgotten.
"""

from __future__ import annotations

import numpy as np
import pytest

from parrot_bench.scoring.comparisons.paired import Difference
from parrot_bench.scoring.estimates.intervals import wilson
from parrot_bench.scoring.estimates.measured import estimate, macro, measure
from parrot_bench.scoring.metrics.label_sets import Accuracy, MicroF1

# Like the corpus: one language of many contributors, some of few, one of a single one.
SIZES = {
    "pl": [20, 60, 45, 30, 71, 38, 25, 55, 40, 33],
    "de": [20, 71, 37, 52, 29, 44, 33, 10],
    "hr": [60, 25, 38, 52, 25],
    "zh": [64, 36],
    "nl": [26],
}
TRUTH = 0.85
DRAWS = 300


@pytest.fixture(scope="module")
def drawn(make):
    """Estimates of every draw, with the naive interval of one language."""
    found, naive = [], []
    for seed in range(DRAWS):
        languages, authors, right = make.clustered(seed, SIZES, TRUTH, 0.1)
        found.append(estimate(Accuracy(), *make.hits(right), make.design(languages, authors)))
        polish = found[-1]["pl"]
        naive.append(wilson(polish.value, polish.n))
    return found, naive


def covered(intervals, truth=TRUTH):
    return np.mean([low <= truth <= high for low, high in intervals])


@pytest.mark.parametrize("name", [*SIZES, "macro", "pooled"])
def test_accuracy_is_covered_in_every_language(drawn, name):
    # 300 draws of a coverage of .95 lie within .925 and .975 nineteen times in twenty.
    assert 0.90 <= covered([(each[name].low, each[name].high) for each in drawn[0]]) <= 0.99


def test_without_contributors_it_would_not_be(drawn):
    assert covered(drawn[1]) < 0.75


def test_micro_f1_of_label_sets_is_covered(make):
    # Each report has two gold labels; a contributor's labels are hit with a rate of his own, and
    # as often another label is said. F1 = hits / 2 for as many labels said as gold.
    sizes = {"pl": [30] * 12, "de": [25] * 6, "nl": [26]}
    intervals = {name: [] for name in [*sizes, "pooled"]}
    gold = [("a", "b")]
    for seed in range(150):
        languages, authors, _ = make.clustered(seed, sizes)
        generator = np.random.default_rng([seed, 1])
        rate = {name: generator.beta(6, 2) for name in dict.fromkeys(authors)}  # mean .75
        said = [
            tuple(k if generator.random() < rate[name] else f"not {k}" for k in "ab")
            for name in authors
        ]
        found = estimate(MicroF1(), gold * len(said), said, make.design(languages, authors))
        for name, held in intervals.items():
            held.append((found[name].low, found[name].high))
    for name, held in intervals.items():
        assert 0.88 <= covered(held, 0.75) <= 0.995, name


def test_a_paired_difference_is_covered_and_seen_as_often_as_it_says(make):
    # Both are right by chances of the contributor's own: .8 and .75 on average.
    sizes = {"pl": [30] * 10, "de": [25] * 6, "zh": [50, 40]}
    held = {name: [] for name in [*sizes, "macro", "pooled"]}
    for seed in range(150):
        languages, authors, one = make.clustered([seed, 0], sizes, 0.80, 0.1)
        other = make.clustered([seed, 1], sizes, 0.75, 0.1)[2]
        gold, first = make.hits(one)
        both = list(zip(first, make.hits(other)[1], strict=True))
        found = measure(Difference(Accuracy()), gold, both, make.design(languages, authors))
        figures = {**found.languages, "macro": macro(found), "pooled": found.pooled}
        for name, figure in figures.items():
            each = found.estimate(figure)
            held[name].append((each.low, each.high))
    for name, intervals in held.items():
        assert 0.90 <= covered(intervals, 0.05) <= 0.99, name
