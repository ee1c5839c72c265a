"""Canonical vocabularies: what people write in metadata, and what it means.

Every vocabulary is a table in `data/vocabulary`. Its `aliases` are regular other names; its
`misspelt` forms, and whatever needs trimming or another separator, count as erratum E08 and are
understood only where that erratum is on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache

from parrot_bench.resources import data_path, read_table

_SEPARATORS = re.compile(r"[,;/\n|&+]| and ")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """One table: canonical identifiers and the strings that mean them.

    Attributes:
        name: Name of the table.
        rows: The table's rows by identifier, in file order.
        exact: Regular strings, casefolded, to identifiers.
        misspelt: Strings that only erratum E08 understands, casefolded, to identifiers.
    """

    name: str
    rows: dict[str, dict[str, str]]
    exact: dict[str, str]
    misspelt: dict[str, str]

    @property
    def ids(self) -> tuple[str, ...]:
        """Canonical identifiers in file order."""
        return tuple(self.rows)

    def find(self, raw: str, *, repair: bool = True) -> str | None:
        """Identifier that a raw string means; None where it means none.

        Args:
            raw: The string as published.
            repair: Whether to trim, fold white space and understand misspelt forms (E08).
        """
        key = raw.casefold()
        if key in self.exact or not repair:
            return self.exact.get(key)
        key = " ".join(key.split())
        return self.exact.get(key) or self.misspelt.get(key)


@cache
def vocabulary(name: str) -> Vocabulary:
    """Read a vocabulary.

    Args:
        name: "languages", "countries", "modalities", "regions", "subspecialties" or "fields".
    """
    rows = {row["id"]: row for row in read_table(data_path("vocabulary", f"{name}.csv"))}
    exact: dict[str, str] = {}
    misspelt: dict[str, str] = {}
    for key, row in rows.items():
        names = [key, row.get("name") or key, *_split(row["aliases"])]
        exact.update((each.casefold(), key) for each in names)
        misspelt.update((each.casefold(), key) for each in _split(row.get("misspelt") or ""))
    return Vocabulary(name, rows, exact, misspelt)


def _split(cell: str) -> list[str]:
    return [each for each in cell.split("|") if each]


@cache
def headline_regions() -> tuple[str, ...]:
    """The headline regions, in file order."""
    return tuple(dict.fromkeys(row["headline"] for row in vocabulary("regions").rows.values()))


def headline_region(region: str) -> str:
    """Headline region that a fine region belongs to."""
    return vocabulary("regions").rows[region]["headline"]


@cache
def label_names(name: str) -> dict[str, tuple[tuple[str, str], ...]]:
    """What the labels of a vocabulary are called, in English and the languages of PARROT.

    Args:
        name: "modalities", or "regions" for the headline ones.

    Returns:
        By identifier (language, name), the usual name of a language first, further ones after it.
    """
    named: dict[str, list[tuple[str, str]]] = {}
    for row in read_table(data_path("vocabulary", "label_names.csv")):
        if row["vocabulary"] == name:
            named.setdefault(row["id"], []).append((row["language"], row["name"]))
    return {key: tuple(names) for key, names in named.items()}


@cache
def _area_qualifiers() -> frozenset[str]:
    return frozenset(row["word"] for row in read_table(data_path("vocabulary/area_qualifiers.csv")))


@dataclass(frozen=True, slots=True)
class Mapped:
    """What became of a raw string that may name several things.

    Attributes:
        ids: Canonical identifiers, in order of mention, each once.
        unknown: Pieces that mean nothing known.
        repaired: Whether erratum E08 mapped something that is unknown without it.
    """

    ids: tuple[str, ...]
    unknown: tuple[str, ...]
    repaired: bool


@lru_cache(maxsize=10_000)
def map_area(raw: str, *, repair: bool = True) -> Mapped:
    """Fine regions named by an area string, such as "chest abdomen,pelvis".

    Args:
        raw: The string as published.
        repair: Whether to understand separators other than a comma, misspelt words, qualifiers
            and words run together (E08). Without it, such pieces are unknown.
    """
    regions = vocabulary("regions")
    pieces = raw.replace(", ", ",").split(",")
    plain = [(piece, regions.find(piece, repair=False)) for piece in pieces]
    regular = tuple(dict.fromkeys(each for _, each in plain if each))
    left = tuple(piece for piece, each in plain if each is None and piece.strip())
    if not repair or all(each for _, each in plain):
        return Mapped(regular, left, False)
    ids: list[str] = []
    unknown = []
    for piece in _SEPARATORS.split(raw.casefold()):
        whole = regions.find(piece)
        found, rest = ([whole], []) if whole else _words_of_area(piece)
        ids += found
        unknown += rest
    found_now = tuple(dict.fromkeys(ids))
    return Mapped(found_now, tuple(unknown), set(found_now) != set(regular))


def _words_of_area(piece: str) -> tuple[list[str], list[str]]:
    """Longest known names in a run of words, and the words that mean nothing."""
    regions = vocabulary("regions")
    words = _WORD.findall(piece)
    ids, unknown, at = [], [], 0
    while at < len(words):
        for end in range(min(len(words), at + 3), at, -1):
            region = regions.find(" ".join(words[at:end]))
            if region:
                ids.append(region)
                at = end
                break
        else:
            if "-" in words[at]:
                words[at : at + 1] = words[at].split("-")
                continue
            if words[at] not in _area_qualifiers():
                unknown.append(words[at])
            at += 1
    if not words and piece.strip():
        unknown.append(piece.strip())
    return ids, unknown


@lru_cache(maxsize=10_000)
def map_subspecialties(raw: str, *, repair: bool = True) -> Mapped:
    """Subspecialties named by a comma-separated string, such as "GI, GU".

    Args:
        raw: The string as published.
        repair: Whether to understand other separators and misspelt forms (E08).
    """
    table = vocabulary("subspecialties")
    regular = [(piece, table.find(piece.strip(), repair=False)) for piece in raw.split(",")]
    named = []
    for piece in raw.split(",") if repair else ():
        # "Head and neck" is one name, although "and" parts names elsewhere.
        whole = table.find(piece)
        pieces = [piece] if whole else _SEPARATORS.split(piece)
        named += [(each.strip(), table.find(each)) for each in pieces]
    named = [(piece, each) for piece, each in (named if repair else regular) if piece.strip()]
    ids = tuple(dict.fromkeys(each for _, each in named if each))
    repaired = set(ids) != {each for _, each in regular if each}
    return Mapped(ids, tuple(piece for piece, each in named if each is None), repaired)
