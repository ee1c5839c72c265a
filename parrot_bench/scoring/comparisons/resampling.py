"""Bootstrap resamples, drawn once and shared by every metric, text and model.

Contributors are drawn within languages. They serve what has no formula, such as ranks; intervals
come from `estimates`, because a bootstrap over few contributors covers less than it promises.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from parrot_bench.scoring.contract import FloatArray
from parrot_bench.scoring.estimates.design import Design, IntArray
from parrot_bench.scoring.estimates.tabulation import CHUNK, Table


@dataclass(frozen=True, eq=False)
class Stratum:
    """Reports whose units are drawn among themselves.

    Attributes:
        languages: Languages that share contributors; mostly one.
        unit: Number of the unit of each of their reports, in canonical order.
        drawn: How often each unit is drawn in each resample, whole numbers, shape (resamples,
            units).
        weight: What a draw counts.
    """

    languages: tuple[str, ...]
    unit: IntArray
    drawn: FloatArray
    weight: float

    @property
    def units(self) -> int:
        """Number of units."""
        return int(self.drawn.shape[1])

    def sums(self, per_unit: FloatArray, part: slice) -> FloatArray:
        """Sums of some resamples; exact up to the weight, so that chunks cannot show in them."""
        return np.asarray((self.drawn[part] @ per_unit) * self.weight)


@dataclass(frozen=True, eq=False)
class Resamples:
    """Resamples of a set of reports.

    Attributes:
        design: The reports.
        strata: Their strata.
        count: Number of resamples.
    """

    design: Design
    strata: tuple[Stratum, ...]
    count: int

    def sums(self, table: Table, language: str) -> Iterator[FloatArray]:
        """Sums of the contributions of a language's reports, some resamples at a time.

        Args:
            table: Contributions of the language's reports.
            language: The language.

        Yields:
            Shape (some, K).
        """
        stratum = next(each for each in self.strata if language in each.languages)
        sizes = [self.design.rows(each) for each in stratum.languages]
        start = 0
        for each, rows in zip(stratum.languages, sizes, strict=True):
            if each == language:
                break
            start += rows.stop - rows.start
        unit = stratum.unit[start : start + len(table.code)]
        per_unit = table.per_group(unit, stratum.units)
        for part in _parts(self.count, per_unit.shape[1]):
            yield stratum.sums(per_unit, part)

    def pooled(self, table: Table) -> FloatArray:
        """The metric of all reports in every resample, shape (resamples,).

        Args:
            table: Contributions of all reports.
        """
        parts = []
        for part in _parts(self.count, table.sums(table.counts).shape[0]):
            total: FloatArray | float = 0.0
            for stratum in self.strata:
                rows = np.concatenate([np.r_[self.design.rows(k)] for k in stratum.languages])
                own = replace(table, code=table.code[rows])
                total = total + stratum.sums(own.per_group(stratum.unit, stratum.units), part)
            parts.append(table.metric.value(np.asarray(total)))
        return np.concatenate(parts)

    def values(self, table: Table, language: str) -> FloatArray:
        """The metric of a language in every resample, shape (resamples,)."""
        return np.concatenate([table.metric.value(each) for each in self.sums(table, language)])


def resample(design: Design, count: int, seed: int) -> Resamples:
    """Draw resamples of contributors within languages.

    Of G contributors G - 1 are drawn with replacement and count G / (G - 1) times, which makes the
    variance of a mean unbiased. Languages that share contributors are drawn together. Where there
    is a single contributor, groups of near copies are drawn instead, mostly single reports.

    Args:
        design: The reports.
        count: Number of resamples, at least 1.
        seed: Seed. A stratum's draws depend on it and on the names of its languages alone.

    Source: Rao and Wu 1988, Journal of the American Statistical Association 83:231.
    """
    strata = []
    for languages in _sharing(design):
        rows = np.concatenate([np.r_[design.rows(each)] for each in languages])
        unit = np.unique(design.contributor[rows], return_inverse=True)[1]
        if unit.max() == 0:
            unit = np.unique(design.copy[rows], return_inverse=True)[1]
        units = int(unit.max()) + 1
        generator = np.random.default_rng([seed, *"/".join(languages).encode()])
        drawn = max(units - 1, 1)
        counts = generator.multinomial(drawn, np.full(units, 1 / units), size=count)
        strata.append(Stratum(languages, unit, counts.astype(float), units / drawn))
    return Resamples(design, tuple(strata), count)


def report_values(table: Table, count: int, seed: int) -> FloatArray:
    """A metric in resamples of single reports, as if they were independent.

    How often each distinct row stands in a resample is drawn from a Poisson distribution, so that
    neither the reports nor their number is: for ratios of sums the two bootstraps agree.

    Args:
        table: Contributions of the reports.
        count: Number of resamples, at least 1.
        seed: Seed.

    Returns:
        Shape (count,).

    Source: Hanley and MacGibbon 2006, Computer Methods and Programs in Biomedicine 83:57.
    """
    generator = np.random.default_rng(seed)
    counts = table.counts
    parts = []
    for part in _parts(count, max(table.width, 1 if table.rows is None else table.rows.shape[1])):
        drawn = generator.poisson(counts, size=(part.stop - part.start, len(counts)))
        parts.append(table.metric.value(table.sums(drawn.astype(float))))
    return np.concatenate(parts)


def _parts(count: int, width: int) -> Iterator[slice]:
    """Ranges of resamples whose sums fit in memory together."""
    size = max(1, CHUNK // max(1, width))
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def _sharing(design: Design) -> list[tuple[str, ...]]:
    """Groups of languages that share a contributor, each in alphabetical order."""
    groups: list[tuple[set[int], list[str]]] = []
    for name in design.languages:
        own, names = set(design.contributor[design.rows(name)].tolist()), [name]
        apart = []
        for members, languages in groups:
            if members & own:
                own |= members
                names = [*languages, *names]
            else:
                apart.append((members, languages))
        groups = [*apart, (own, names)]
    return sorted(tuple(sorted(languages)) for _, languages in groups)
