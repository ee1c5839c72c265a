"""From a row as published to a `Report`: canonical labels, errata, a pseudonym."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from parrot_bench.corpus import errata
from parrot_bench.corpus.forms.records import Finding, Row
from parrot_bench.corpus.report import Report
from parrot_bench.vocabulary.icd10_fields import parse_codes
from parrot_bench.vocabulary.tables import Mapped, map_area, map_subspecialties, vocabulary

_OPTIONAL = ("modality", "area", "translation", "icd")
_REPAIRS = (
    ("E05", errata.without_line_marks),
    ("E06", errata.without_odd_characters),
    ("E09", errata.without_form),
)


@dataclass(slots=True)
class Normaliser:
    """Turns rows into reports and remembers what it met.

    Attributes:
        active: Identifiers of the errata that are applied.
        fired: Number of reports that each erratum touched.
        authors: Pseudonym of every contributor met. It is never written anywhere.
    """

    active: frozenset[str]
    fired: Counter[str] = field(default_factory=Counter)
    authors: dict[str, str] = field(default_factory=dict)

    def reports(self, row: Row) -> Iterator[Report | Finding]:
        """Findings about a row, and last its report."""
        fields, fired = row.fields, set[str]()
        number = fields["no"]
        repair = "E08" in self.active
        findings: list[tuple[str, str]] = [
            ("missing field", f"Field '{name}' is missing and is taken as empty.")
            for name in row.missing
            if name in _OPTIONAL
        ]
        found: dict[str, str | None] = {}
        for name, table in (
            ("language", "languages"),
            ("modality", "modalities"),
            ("country", "countries"),
        ):
            raw = fields[name]
            found[name] = vocabulary(table).find(raw, repair=repair)
            if found[name] is None and raw.strip():
                findings.append(
                    (f"unmapped {name}", f"'{raw[:60]}' is no known {name}; it is left open.")
                )
            elif found[name] != vocabulary(table).find(raw, repair=False):
                fired.add("E08")
        regions, atoms = self._several(fields, repair, findings, fired)
        language = found["language"] or "und"
        if "E01" in self.active:
            true = errata.true_language(number, language, fields["report"])
            if true != language:
                language = true
                fired.add("E01")
        text, doubtful = self._repaired(fields["report"], language, fired)
        translation, also = self._repaired(fields["translation"], "en", fired)
        for word in dict.fromkeys((*doubtful, *also)):
            if word != "RX" or found["modality"] != "XR":
                fired.add("E03")
                message = f"'{word[:40]}' may be damaged ('dt' replaced by 'RX')."
                findings.append(("doubtful RX", message))
        if "E07" in self.active:
            english = errata.english_part(translation)
            if english != translation:
                translation = english
                fired.add("E07")
        codes = parse_codes(fields["icd"])
        findings += [
            ("unreadable code", f"'{each[:40]}' cannot be read as an ICD-10 code.")
            for each in codes.invalid
        ]
        if not fields["icd"].strip():
            findings.append(("no code", "Field 'icd' is empty; the report has no ICD gold."))
        self.fired.update(fired)
        for kind, message in findings:
            yield Finding(row.line, number, kind, message)
        public = {k: v for k, v in fields.items() if k != "contributor_code"}
        yield Report(
            id=number,
            language=language,
            text=text,
            translation=translation,
            modality=found["modality"],
            regions=regions,
            icd=codes.codes,
            icd_invalid=codes.invalid,
            author=self._pseudonym(fields["contributor_code"]),
            country=found["country"] or "",
            subspecialties=atoms,
            raw=public | row.extra,
        )

    def _pseudonym(self, name: str) -> str:
        """Pseudonym numbered in order of appearance; reports without a name share one."""
        key = " ".join(name.casefold().split())
        if key not in self.authors:
            self.authors[key] = f"c{len(self.authors) + 1:03}"
        return self.authors[key]

    def _several(
        self,
        fields: dict[str, str],
        repair: bool,
        findings: list[tuple[str, str]],
        fired: set[str],
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Regions and subspecialties, in vocabulary order."""
        result: list[tuple[str, ...]] = []
        mapped: tuple[tuple[str, str, Mapped], ...] = (
            ("area", "regions", map_area(fields["area"], repair=repair)),
            (
                "subspecialty",
                "subspecialties",
                map_subspecialties(fields["subspecialty"], repair=repair),
            ),
        )
        for name, table, each in mapped:
            findings += [
                (f"unmapped {name}", f"'{piece[:60]}' is no known {name}; it is left out.")
                for piece in each.unknown
            ]
            if each.repaired:
                fired.add("E08")
            order = vocabulary(table).ids
            result.append(tuple(sorted(each.ids, key=order.index)))
        return result[0], result[1]

    def _repaired(self, text: str, language: str, fired: set[str]) -> tuple[str, list[str]]:
        """A text with the errata that are on applied, and words that E03 leaves in doubt."""
        for key, repair in _REPAIRS:
            if key in self.active and (mended := repair(text)) != text:
                fired.add(key)
                text = mended
        if "E03" not in self.active:
            return text, []
        mended, doubtful = errata.repair_rx(text, language)
        if mended != text:
            fired.add("E03")
        return mended, doubtful
