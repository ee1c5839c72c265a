"""The design of a set of reports: which language, contributor and near copy each belongs to.

Everything that is estimated runs over the reports in one order, by language and identifier, so
that the order in which they came in changes no figure, not even in its last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Design:
    """Reports in canonical order, with what makes them dependent.

    Attributes:
        ids: Identifiers of the reports in canonical order: by language, then identifier.
        order: Position of each of them in the order in which they were given, shape (n,).
        languages: The languages, in alphabetical order.
        starts: Where each language's reports begin, and their end, shape (languages + 1,).
        contributor: Number of each report's contributor, shape (n,). Contributors who share a near
            copy of a report count as one, for their reports are not independent.
        copy: Number of each report's group of near copies, shape (n,).
    """

    ids: tuple[str, ...]
    order: IntArray
    languages: tuple[str, ...]
    starts: IntArray
    contributor: IntArray
    copy: IntArray

    def __len__(self) -> int:
        """Number of reports."""
        return len(self.order)

    @property
    def language(self) -> IntArray:
        """Number of each report's language, shape (n,)."""
        return np.repeat(np.arange(len(self.languages)), np.diff(self.starts))

    def rows(self, language: str | None = None) -> slice:
        """Where the reports of a language stand; all reports for None."""
        if language is None:
            return slice(0, len(self))
        at = self.languages.index(language)
        return slice(int(self.starts[at]), int(self.starts[at + 1]))

    def contributors(self, language: str | None = None) -> int:
        """Number of contributors to a language, or to all."""
        return len(np.unique(self.contributor[self.rows(language)]))

    def sizes(self, language: str) -> IntArray:
        """Reports of each contributor to a language, shape (contributors,)."""
        return np.unique(self.contributor[self.rows(language)], return_counts=True)[1]


def make_design(
    ids: Sequence[str],
    languages: Sequence[str],
    contributors: Sequence[str],
    copies: Sequence[int] | None = None,
) -> Design:
    """Bring reports into canonical order.

    Args:
        ids: Identifier of each report, unique, shape (n,).
        languages: Language of each report, shape (n,).
        contributors: Contributor of each report, shape (n,).
        copies: Group of near copies of each report, shape (n,); negative for none of any. Every
            report is alone where None.

    Raises:
        ValueError: If there are no reports, lengths differ or an identifier stands twice.
    """
    n = len(ids)
    if not n:
        raise ValueError("No report is selected; at least one was expected.")
    if not n == len(languages) == len(contributors) == (n if copies is None else len(copies)):
        raise ValueError("Identifiers, languages, contributors and copies differ in number.")
    if len(set(ids)) < n:
        raise ValueError("An identifier stands twice; every report needs one of its own.")
    order = sorted(range(n), key=lambda i: (languages[i], ids[i]))
    groups = range(n) if copies is None else [c if c >= 0 else -2 - i for i, c in enumerate(copies)]
    copy = _numbered([groups[i] for i in order])
    contributor = _numbered([contributors[i] for i in order])
    names = sorted(set(languages))
    counts = [0, *(sum(1 for each in languages if each == name) for name in names)]
    return Design(
        ids=tuple(ids[i] for i in order),
        order=np.array(order, dtype=np.intp),
        languages=tuple(names),
        starts=np.cumsum(counts, dtype=np.intp),
        contributor=_connected(contributor, copy),
        copy=copy,
    )


def _numbered(keys: Sequence[object]) -> IntArray:
    """Numbers for keys, from 0 in order of first appearance."""
    numbers: dict[object, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.intp)


def _connected(contributor: IntArray, copy: IntArray) -> IntArray:
    """Contributors joined where a group of near copies connects them, numbered as they appear."""
    leader = list(range(int(contributor.max()) + 1))

    def find(at: int) -> int:
        while leader[at] != at:
            leader[at] = leader[leader[at]]
            at = leader[at]
        return at

    first: dict[int, int] = {}
    for author, group in zip(contributor.tolist(), copy.tolist(), strict=True):
        low, high = sorted((find(author), find(first.setdefault(group, author))))
        leader[high] = low
    return _numbered([find(author) for author in contributor.tolist()])
