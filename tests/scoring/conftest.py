"""Seeded answers over four labels, with the slips that models make, and the value of a metric."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

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


@pytest.fixture
def draw():
    """Makers of gold and predictions by what they are."""
    return SimpleNamespace(
        labels=LABELS, sets=sets, single=single, probabilities=probabilities, rankings=rankings
    )


@pytest.fixture
def value():
    """The metric of all reports together."""

    def of(metric, gold, predicted):
        return float(metric.value(metric.contributions(gold, predicted).sum(axis=0)))

    return of
