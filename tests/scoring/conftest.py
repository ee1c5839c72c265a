"""Seeded answers over four labels, with the slips that models make, and the value of a metric."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from parrot_bench.scoring.estimates.design import make_design

LABELS = ("a", "b", "c", "d")


def sets(seed, n=60):
    """Gold and predicted label sets; some predictions are empty."""
    generator = np.random.default_rng(seed)

    def draw():
        return tuple(label for label in LABELS if generator.random() < 0.4)

    return [draw() or ("a",) for _ in range(n)], [draw() for _ in range(n)]


def single(seed, n=80, slips=()):
    """Gold and predicted single labels; `slips` are further answers that may be given."""
    generator = np.random.default_rng(seed)
    answers = [(label,) for label in LABELS] + list(slips)
    gold = [answers[generator.integers(len(LABELS))] for _ in range(n)]
    right = generator.random(n) < 0.5
    other = generator.integers(len(answers), size=n)
    return gold, [g if ok else answers[i] for g, ok, i in zip(gold, right, other, strict=True)]


def probabilities(seed, n=80, ties=True):
    """Gold and probabilities that lean to it; with ties they are multiples of a tenth."""
    generator = np.random.default_rng(seed)
    gold = generator.integers(len(LABELS), size=n)
    table = [generator.dirichlet(1 + 2.0 * (np.arange(len(LABELS)) == g)) for g in gold]
    if ties:
        table = [generator.multinomial(10, row) / 10 for row in table]
    said = [dict(zip(LABELS, map(float, row), strict=True)) for row in table]
    return [(LABELS[g],) for g in gold], said


def rankings(seed, n=60):
    """Gold sets and rankings of all labels, some cut short."""
    generator = np.random.default_rng(seed)
    gold, _ = sets(seed, n)
    orders = [generator.permutation(LABELS)[: generator.integers(1, 5)] for _ in range(n)]
    return gold, [tuple(map(str, order)) for order in orders]


@pytest.fixture(scope="session")
def draw():
    """Makers of gold and predictions by what they are."""
    return SimpleNamespace(
        labels=LABELS, sets=sets, single=single, probabilities=probabilities, rankings=rankings
    )


@pytest.fixture(scope="session")
def value():
    """The metric of all reports together."""

    def of(metric, gold, predicted):
        return float(metric.value(metric.contributions(gold, predicted).sum(axis=0)))

    return of


def designed(languages, authors, copies=None, ids=None):
    """A design; reports are named in the order given unless they have identifiers."""
    return make_design(
        ids or [f"r{i:05d}" for i in range(len(languages))], languages, authors, copies
    )


def hits(right):
    """Gold "a" for every report, and answers that are right where they are said to be."""
    return [("a",)] * len(right), [("a",) if each else ("b",) for each in right]


def clustered(seed, sizes, p=0.85, icc=0.1):
    """Right and wrong answers of contributors whose own accuracy is beta distributed.

    `sizes` holds the reports of each contributor by language. Two reports of one contributor
    correlate by `icc`.
    """
    generator = np.random.default_rng(seed)
    languages, authors, right = [], [], []
    for language, counts in sizes.items():
        for number, n in enumerate(counts):
            own = p if not icc else generator.beta(p * (1 / icc - 1), (1 - p) * (1 / icc - 1))
            languages += [language] * n
            authors += [f"{language}{number}"] * n
            right += list(generator.random(n) < own)
    return languages, authors, np.array(right)


@pytest.fixture(scope="session")
def make():
    """Makers of designs, and of answers of contributors who differ."""
    return SimpleNamespace(design=designed, hits=hits, clustered=clustered)
