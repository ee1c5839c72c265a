"""The corpus: reports over a `datasets.Dataset`, with what was found while reading them."""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from parrot_bench.corpus.errata import errata, flags
from parrot_bench.corpus.forms.records import Finding, Unit
from parrot_bench.corpus.report import Report
from parrot_bench.errors import ParrotError, unknown
from parrot_bench.vocabulary.icd10_fields import holds_code
from parrot_bench.vocabulary.lexicon import names_own_modality
from parrot_bench.vocabulary.tables import vocabulary

if TYPE_CHECKING:
    import datasets
    import pandas as pd

View = Literal["clean", "raw"]
_HASHED = (
    "id",
    "language",
    "text",
    "translation",
    "modality",
    "regions",
    "icd",
    "icd_invalid",
    "country",
)


@dataclass(frozen=True)
class Corpus:
    """Reports in one view, with their findings.

    Attributes:
        name: "mini", "parrot-v1", or the path or hub identifier it was loaded from.
        licence: Licence of the reports; "unknown" for a file of yours.
        view: "clean" (errata applied) or "raw".
        without: Errata that were switched off.
        hash: SHA-256 of the contents, independent of the order of rows.
        dataset: One row per report, with ClassLabel features for language and modality.
        findings: Everything found while reading, rejected rows included.
        fired: Number of reports that each repairing erratum touched, E01 to E09; `flagged` counts
            those that are only pointed out.
        rows_read: Rows of the source, rejected ones included.
        lines: Line (row, where `unit` says so) in which each report stands, by identifier.
        unit: What `lines` counts: "line", or "row" where the form has no lines.
    """

    name: str
    licence: str
    view: View
    without: tuple[str, ...]
    hash: str
    dataset: datasets.Dataset
    findings: tuple[Finding, ...] = ()
    fired: Mapping[str, int] = field(default_factory=dict)
    rows_read: int = 0
    lines: Mapping[str, int] = field(default_factory=dict)
    unit: Unit = "line"

    def __len__(self) -> int:
        """Number of reports."""
        return len(self.dataset)

    @property
    def public(self) -> bool:
        """Whether anybody may read its texts: only the named corpora have a known licence.

        Not told by the name, which a file of yours may share.
        """
        return self.licence != "unknown"

    @property
    def languages(self) -> tuple[str, ...]:
        """ISO 639-1 codes of the languages present, in alphabetical order."""
        names = self.dataset.features["language"].names
        return tuple(sorted({names[i] for i in self.dataset["language"][:]}))

    def reports(self) -> Iterator[Report]:
        """The reports, in the order of the source."""
        languages = self.dataset.features["language"].names
        modalities = self.dataset.features["modality"].names
        for row in self.dataset.to_list():
            modality = row["modality"]
            yield Report(
                **(
                    row
                    | {
                        "language": languages[row["language"]],
                        "modality": None if modality is None else modalities[modality],
                        "regions": tuple(row["regions"]),
                        "icd": tuple(row["icd"]),
                        "icd_invalid": tuple(row["icd_invalid"]),
                        "subspecialties": tuple(row["subspecialties"]),
                        "raw": json.loads(row["raw"]),
                    }
                )
            )

    def select(
        self, *, languages: Iterable[str] | None = None, limit: int | None = None, seed: int = 0
    ) -> Corpus:
        """Part of the corpus.

        Args:
            languages: ISO 639-1 codes or English names to keep; all where None.
            limit: Reports to keep, drawn at random in proportion to the languages, each language
                at least one where `limit` allows.
            seed: Seed of that draw.

        Raises:
            ParrotError: If a language is unknown or not in the corpus, or the limit is below one.
        """
        rows = list(range(len(self)))
        names = self.dataset.features["language"].names
        spoken = [names[i] for i in self.dataset["language"][:]]
        if languages is not None:
            wanted = {self._language(each) for each in languages}
            rows = [i for i in rows if spoken[i] in wanted]
        if limit is not None:
            if limit < 1:
                raise ParrotError(f"--limit is {limit}; a whole number of at least 1 was expected.")
            rows = _stratified(rows, spoken, limit, seed)
        if len(rows) == len(self):
            return self
        part = replace(self, dataset=self.dataset.select(rows))
        return replace(part, hash=content_hash(part.reports()))

    def flagged(self) -> dict[str, int]:
        """Number of reports that each erratum only points out: E10 to E13.

        Zero for all of them in the raw view, and for those that are switched off.
        """
        counts: Counter[str] = Counter()
        for report in self.reports():
            fired = flags(report.id, report.text, report.translation)
            if any(
                holds_code(text)
                or (report.modality and names_own_modality(report.modality, text, language))
                for text, language in ((report.text, report.language), (report.translation, "en"))
            ):
                fired.add("E12")
            counts.update(fired)
        on = active_errata(self.view, self.without)
        return {key: counts[key] * (key in on) for key in ("E10", "E11", "E12", "E13")}

    def to_pandas(self) -> pd.DataFrame:
        """The reports as a data frame, with names instead of class numbers."""
        import pandas as pd

        return pd.DataFrame([asdict(report) for report in self.reports()]).drop(columns="raw")

    def _language(self, name: str) -> str:
        code = vocabulary("languages").find(name)
        if code is None:
            table = vocabulary("languages").rows
            raise unknown("language", name, [*table, *(row["name"] for row in table.values())])
        if code not in self.languages:
            present = ", ".join(self.languages)
            raise ParrotError(f"No report of '{self.name}' is in '{code}'; it has {present}.")
        return code


def active_errata(view: View, without: tuple[str, ...]) -> frozenset[str]:
    """Errata that a view applies; those that are switched off may be named in any case.

    Raises:
        ParrotError: If the view or an erratum is unknown.
    """
    off = {each.upper(): each for each in without}
    for key, each in off.items():
        if key not in errata():
            raise unknown("erratum", each, errata())
    if view not in ("clean", "raw"):
        raise unknown("view", view, ("clean", "raw"))
    return frozenset(errata()) - off.keys() if view == "clean" else frozenset()


def content_hash(reports: Iterable[Report]) -> str:
    """SHA-256 over what a model or a scorer can see, whatever the order of the reports.

    An author counts as the smallest identifier among his or her reports: pseudonyms depend on who
    comes first.
    """
    reports = list(reports)
    authors: dict[str, str] = {}
    for each in reports:
        authors[each.author] = min(each.id, authors.get(each.author, each.id))
    digests = sorted(
        hashlib.sha256(
            repr([*(getattr(each, name) for name in _HASHED), authors[each.author]]).encode()
        ).digest()
        for each in reports
    )
    return hashlib.sha256(b"".join(digests)).hexdigest()


def make_dataset(reports: list[Report]) -> datasets.Dataset:
    """Reports as a `datasets.Dataset` with ClassLabel and list features."""
    import datasets
    import pyarrow as pa

    string = datasets.Value("string")
    languages = datasets.ClassLabel(names=list(vocabulary("languages").ids))
    modalities = datasets.ClassLabel(names=list(vocabulary("modalities").ids))
    features = datasets.Features(
        {
            "id": string,
            "language": languages,
            "text": string,
            "translation": string,
            "modality": modalities,
            "regions": datasets.List(string),
            "icd": datasets.List(string),
            "icd_invalid": datasets.List(string),
            "author": string,
            "country": string,
            "subspecialties": datasets.List(string),
            "cluster": datasets.Value("int32"),
            "raw": string,
        }
    )
    columns = {name: [getattr(report, name) for report in reports] for name in features}
    columns["language"] = [languages.str2int(each) for each in columns["language"]]
    columns["modality"] = [
        None if each is None else modalities.str2int(each) for each in columns["modality"]
    ]
    columns["raw"] = [json.dumps(each, ensure_ascii=False) for each in columns["raw"]]
    return datasets.Dataset(pa.table(columns, schema=features.arrow_schema))


def _stratified(rows: list[int], groups: list[str], limit: int, seed: int) -> list[int]:
    """Seeded sample of rows in proportion to their groups, largest remainders first."""
    members: dict[str, list[int]] = {}
    for row in rows:
        members.setdefault(groups[row], []).append(row)
    limit = min(limit, len(rows))
    shares = {name: limit * len(each) / len(rows) for name, each in members.items()}
    sizes = {name: max(int(share), 1) for name, share in shares.items()}
    by_remainder = sorted(shares, key=lambda name: (int(shares[name]) - shares[name], name))
    by_size = sorted(members, key=lambda name: (-len(members[name]), name))
    turn = 0
    while sum(sizes.values()) < limit:
        name = by_remainder[turn % len(by_remainder)]
        sizes[name] += sizes[name] < len(members[name])
        turn += 1
    while sum(sizes.values()) > limit:
        name = max(by_size, key=lambda each: sizes[each])
        sizes[name] -= 1
    generator = random.Random(seed)  # noqa: S311
    kept = [row for name in sorted(members) for row in generator.sample(members[name], sizes[name])]
    return sorted(kept)
