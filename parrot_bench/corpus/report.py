"""One radiology report, as every stage after reading sees it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

TextView = Literal["original", "translation"]
TEXT_VIEWS: tuple[TextView, ...] = ("original", "translation")


@dataclass(frozen=True, slots=True)
class Report:
    """One report with its canonical labels and grouping keys.

    Attributes:
        id: The published number or identifier, unique in its corpus.
        language: ISO 639-1 code of the language of `text`.
        text: The report as written.
        translation: Its English translation; empty where there is none.
        modality: Canonical modality (data/vocabulary/modalities.csv); None where unknown.
        regions: Fine anatomical regions (data/vocabulary/regions.csv), sorted.
        icd: Normalised ICD-10 codes, in the order in which they were written.
        icd_invalid: Pieces of the published codes that could not be read as a code.
        author: Pseudonym of the contributor, such as "c07".
        country: ISO 3166-1 alpha-2 code; empty where unknown.
        subspecialties: Canonical subspecialty codes, sorted.
        cluster: Number of the group of near-duplicate reports that this one belongs to.
        raw: The row as published, without the contributor's name.
    """

    id: str
    language: str
    text: str
    translation: str
    modality: str | None
    regions: tuple[str, ...]
    icd: tuple[str, ...]
    icd_invalid: tuple[str, ...] = ()
    author: str = ""
    country: str = ""
    subspecialties: tuple[str, ...] = ()
    cluster: int = -1
    raw: dict[str, str] = field(default_factory=dict)

    def view(self, view: TextView) -> str:
        """Text in one view: the original or the English translation."""
        return self.text if view == "original" else self.translation
