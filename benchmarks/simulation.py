"""Corpora like PARROT v1.0 without a text: languages, contributors, labels and answers.

Reports per language are those of PARROT v1.0. Of its contributors 76 are known in all, one for
Afrikaans and Dutch together and about two each for Chinese, Swedish and Korean; the others are
assumed. How many reports each of them wrote is assumed too: log-normal with sigma 0.8.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from parrot_bench.scoring.contract import Labels
from parrot_bench.scoring.estimates.design import Design, make_design
from parrot_bench.scoring.estimates.tabulation import Pairs, make_pairs

LANGUAGES = {
    "pl": (837, 20),
    "fr": (475, 13),
    "de": (296, 8),
    "it": (285, 9),
    "hr": (199, 5),
    "el": (157, 5),
    "es": (146, 5),
    "zh": (100, 2),
    "sv": (99, 2),
    "tr": (48, 3),
    "ko": (43, 2),
    "af": (26, 1),
    "nl": (26, 1),
    "bs": (1, 1),
}
"""Reports and contributors by language; those of "af" and "nl" are one."""
PREVALENCE = {
    3: (0.6, 0.3, 0.1),
    11: (989, 625, 520, 461, 68, 47, 25, 20, 15, 10, 8),
    22: tuple(1 / k for k in range(1, 23)),
}
"""Relative frequency of labels: three; as skewed as PARROT's modalities; Zipf's law."""
Matrix = NDArray[np.float64]
Ints = NDArray[np.intp]


@dataclass(frozen=True)
class Setting:
    """What is true in a simulated world.

    Attributes:
        labels: Number of labels, a key of `PREVALENCE`.
        accuracy: Chance that a report of an average contributor is answered right, 0 to 1.
        icc: Intra-contributor correlation of right answers, 0 to 1.
        uneven: Whether the correlation is nought in every second language and twice as large in
            the others, which breaks what the pooled estimate assumes.
        spread: Standard deviation of the accuracy between languages of ten reports or more.
    """

    labels: int
    accuracy: float
    icc: float
    uneven: bool = False
    spread: float = 0.0

    def __str__(self) -> str:
        """Short name."""
        ending = ", uneven ICC" if self.uneven else ""
        ending += f", languages differ by {self.spread}" if self.spread else ""
        return f"{self.labels} labels, accuracy {self.accuracy}, ICC {self.icc}{ending}"

    def accuracy_of(self, language: str) -> float:
        """Chance of a right answer in a language."""
        large = [name for name, (n, _) in LANGUAGES.items() if n >= 10]
        if language not in large or not self.spread:
            return self.accuracy
        steps = np.linspace(-1, 1, len(large))
        return float(self.accuracy + self.spread * steps[large.index(language)] / steps.std(ddof=1))

    @property
    def prevalence(self) -> Matrix:
        """Chance of each label, shape (L,)."""
        weights = np.array(PREVALENCE[self.labels], dtype=np.float64)
        return np.asarray(weights / weights.sum())

    @property
    def names(self) -> Labels:
        """Names of the labels."""
        return tuple(f"label-{at:02}" for at in range(self.labels))

    def confusion(self, language: str) -> Matrix:
        """Chance of each pair of gold and answer in a language, shape (L, L)."""
        chance, right = self.prevalence, self.accuracy_of(language)
        cells = np.zeros((self.labels, self.labels))
        for gold in range(self.labels):
            cells[gold, gold] += right * chance[gold]
            for wrong in range(self.labels):
                said = (wrong + 1) % self.labels if wrong == gold else wrong
                cells[gold, said] += (1 - right) * chance[gold] * chance[wrong]
        return cells


def design() -> Design:
    """The reports of the simulated corpus."""
    rows: list[tuple[str, str, str]] = []
    for name, (n, groups) in LANGUAGES.items():
        home = "af" if name == "nl" else name
        for author, size in enumerate(_sizes(n, groups)):
            rows += [(f"{name}-{len(rows) + i:05}", name, f"{home}-{author}") for i in range(size)]
    return make_design(*(list(column) for column in zip(*rows, strict=True)))


def _sizes(n: int, groups: int) -> list[int]:
    """Reports of each contributor of a language, at least one."""
    weights = np.random.default_rng([n, groups]).lognormal(0.0, 0.8, groups)
    sizes = 1 + np.floor(weights / weights.sum() * (n - groups)).astype(int)
    sizes[np.argmax(sizes)] += n - sizes.sum()
    return [int(each) for each in sizes]


def ability(where: Design, setting: Setting, generator: np.random.Generator) -> Matrix:
    """Chance of a right answer for each report: that of its contributor, shape (n,)."""
    shown = np.zeros(len(where))
    language = where.language
    for contributor in range(int(where.contributor.max()) + 1):
        rows = where.contributor == contributor
        icc = setting.icc
        if setting.uneven:
            icc *= 2 * (int(language[rows][0]) % 2)
        chance = mean = setting.accuracy_of(where.languages[int(language[rows][0])])
        if icc > 0:
            much = (1 - icc) / icc
            chance = generator.beta(mean * much, (1 - mean) * much)
        shown[rows] = chance
    return shown


def gold_labels(where: Design, setting: Setting, generator: np.random.Generator) -> Ints:
    """Gold label of each report, shape (n,)."""
    return generator.choice(setting.labels, len(where), p=setting.prevalence)


def answers(
    gold: Ints, chance: Matrix, luck: Matrix, setting: Setting, generator: np.random.Generator
) -> Ints:
    """Answers that are right where luck is below chance, else a wrong label by prevalence."""
    wrong = generator.choice(setting.labels, len(gold), p=setting.prevalence)
    wrong = np.where(wrong == gold, (wrong + 1) % setting.labels, wrong)
    return np.where(luck < chance, gold, wrong)


def label_sets(
    where: Design, chance: Matrix, setting: Setting, generator: np.random.Generator
) -> Pairs:
    """Gold and predicted label sets: one and two more labels a report on average, some wrong."""
    names, prevalence = setting.names, setting.prevalence
    cumulated = np.cumsum(prevalence)
    wanted = 1 + generator.poisson(2.0, len(where))
    wrong = generator.poisson((1 - chance) * wanted)
    gold, said = [], []
    for right, n, more in zip(chance.tolist(), wanted.tolist(), wrong.tolist(), strict=True):
        drawn = dict.fromkeys(np.searchsorted(cumulated, generator.random(n)).tolist())
        hits = [
            k for k, luck in zip(drawn, generator.random(len(drawn)), strict=True) if luck < right
        ]
        others = np.searchsorted(cumulated, generator.random(more)).tolist()
        gold.append(tuple(names[k] for k in sorted(drawn)))
        said.append(
            tuple(names[k] for k in sorted({*hits, *(o for o in others if o not in drawn)}))
        )
    return make_pairs(gold, said, np.arange(len(where)))


def as_pairs(gold: Ints, said: Ints, names: Labels) -> Pairs:
    """Gold and single-label answers as the engine reads them."""
    size = len(names)
    cells = [(names[a : a + 1], names[b : b + 1]) for a in range(size) for b in range(size)]
    return Pairs([a for a, _ in cells], [b for _, b in cells], gold * size + said)
