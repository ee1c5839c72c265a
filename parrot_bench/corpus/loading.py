"""Load a corpus, or stream its reports, from wherever it is."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from parrot_bench.corpus.corpus import Corpus, View, active_errata, content_hash, make_dataset
from parrot_bench.corpus.errata import errata, twin
from parrot_bench.corpus.forms.hub_datasets import hub_records
from parrot_bench.corpus.forms.opening import Source, open_source
from parrot_bench.corpus.forms.records import Finding, Place, Row, check_record, rejected
from parrot_bench.corpus.normalising import Normaliser
from parrot_bench.corpus.report import Report
from parrot_bench.corpus.texts import near_copies
from parrot_bench.errors import ParrotError, unknown
from parrot_bench.resources import data_path, user_cache

NAMED = {"mini": "CC0-1.0", "parrot-v1": "CC BY-NC-SA 4.0"}
"""Corpora with a name, and their licences."""


def load_corpus(
    source: str | os.PathLike[str],
    *,
    view: View = "clean",
    without: Iterable[str] = (),
    strict: bool = False,
) -> Corpus:
    """Load a corpus.

    Args:
        source: "mini" (bundled), "parrot-v1" (after `parrot-bench data fetch`), the path of a JSON
            Lines, JSON, CSV or Parquet file or of a saved dataset, or a hub dataset identifier
            "owner/name", optionally with "@revision".
        view: "clean" applies the errata, "raw" none of them.
        without: Identifiers of errata to switch off in the clean view.
        strict: Whether the first bad row is an error instead of a finding.

    Returns:
        The good rows; everything else is in its findings.

    Raises:
        ParrotError: If nothing can be read at all, an erratum is unknown, or `strict` and a row
            is bad.
    """
    without = tuple(sorted(without))
    active = active_errata(view, without)
    name = os.fspath(source)
    normaliser = Normaliser(active)
    reports: list[Report] = []
    findings: list[Finding] = []
    places: dict[str, Place] = {}
    read = 0
    for each in _rows(name):
        read += 1
        for item in _once(each, normaliser, places):
            if isinstance(item, Report):
                reports.append(item)
                places[item.id] = each.place
                continue
            findings.append(item)
            if strict and item.rejected:
                raise ParrotError(
                    f"{name}, {item.place}: {item.message} (Without --strict the row is left "
                    "out and reported.)"
                )
    if not reports:
        reason = f" First: {findings[0].place}: {findings[0].message}" if findings else ""
        raise ParrotError(f"{name}: no readable report among {read} rows.{reason}")
    digest = content_hash(reports)
    reports = _clustered(reports, digest, active, normaliser.fired)
    return Corpus(
        name=name if name in NAMED else Path(name).name if Path(name).exists() else name,
        licence=NAMED.get(name, "unknown"),
        view=view,
        without=without,
        hash=digest,
        dataset=make_dataset(reports),
        findings=tuple(findings),
        fired={key: normaliser.fired[key] for key in errata() if key < "E10"},
        rows_read=read,
        lines={key: place.number for key, place in places.items()},
        unit=places[reports[0].id].unit,
    )


def stream_reports(
    source: str | os.PathLike[str], *, view: View = "clean", without: Iterable[str] = ()
) -> Iterator[Report | Finding]:
    """Reports and findings one by one, in constant memory for files that have lines.

    Reports are not compared with one another: no duplicate is found and no cluster numbered.

    Args:
        source: As in `load_corpus`.
        view: As in `load_corpus`.
        without: As in `load_corpus`.

    Raises:
        ParrotError: If nothing can be read at all or an erratum is unknown.
    """
    normaliser = Normaliser(active_errata(view, tuple(without)))
    for each in _rows(os.fspath(source)):
        yield from _normalised(each, normaliser)


def _once(
    row: Row | Finding, normaliser: Normaliser, places: Mapping[str, Place]
) -> Iterator[Report | Finding]:
    """A row's findings and report, unless its identifier stands already."""
    number = row.fields["no"] if isinstance(row, Row) else ""
    if number in places:
        message = f"Identifier '{number}' stands already in {places[number]}."
        yield rejected(row.place, message, "duplicate id", number)
    else:
        yield from _normalised(row, normaliser)


def _normalised(row: Row | Finding, normaliser: Normaliser) -> Iterator[Report | Finding]:
    if isinstance(row, Finding):
        yield row
        return
    for item in normaliser.reports(row):
        yield replace(item, unit=row.unit) if isinstance(item, Finding) else item


def parrot_path() -> Path:
    """Where `data fetch` puts PARROT v1.0."""
    return user_cache("parrot-v1", "PARROT_v1_0.jsonl")


def _rows(name: str) -> Iterator[Row | Finding]:
    try:
        for place, record in _source(name):
            yield record if isinstance(record, Finding) else check_record(place, record)
    except OSError as error:
        reason = error.strerror or error
        raise ParrotError(
            f"{name}: cannot be read ({reason}); give a file with reports."
        ) from error


def _source(name: str) -> Source:
    if name == "mini":
        return open_source(data_path("mini", "mini.jsonl"))
    if name == "parrot-v1":
        if not parrot_path().exists():
            raise ParrotError(
                "PARROT v1.0 is not on this machine yet: run 'parrot-bench data fetch', or give "
                "the path of a copy."
            )
        return open_source(parrot_path())
    if Path(name).exists() or not _looks_like_hub(name):
        if not Path(name).exists() and os.sep not in name and "." not in name:
            raise unknown("corpus", name, NAMED)
        return open_source(Path(name))
    return hub_records(name)


def _looks_like_hub(name: str) -> bool:
    """Whether a name that is no path reads like "owner/name" or "owner/name@revision"."""
    owner, slash, rest = name.partition("/")
    known = (".jsonl", ".json", ".csv", ".tsv", ".parquet", ".gz")
    return (
        bool(slash and owner.strip(".") and rest)
        and "/" not in rest
        and (not rest.lower().endswith(known))
    )


def _clustered(
    reports: list[Report], digest: str, active: frozenset[str], fired: Counter[str]
) -> list[Report]:
    """Reports with their near-duplicate clusters (E02, E04), kept in the user's cache."""
    position = {report.id: i for i, report in enumerate(reports)}
    twins = []
    if "E02" in active:
        for i, report in enumerate(reports):
            other = position.get(twin(report.id) or "")
            if other is not None and {report.language, reports[other].language} == {"af", "nl"}:
                twins.append((i, other))
    copies = _copies(reports, digest) if "E04" in active else []
    fired["E02"] = len({i for pair in twins for i in pair})
    fired["E04"] = len({i for pair in copies for i in pair})
    numbers = near_copies.clusters(len(reports), [*twins, *copies])
    return [replace(each, cluster=n) for each, n in zip(reports, numbers, strict=True)]


def _copies(reports: list[Report], digest: str) -> list[tuple[int, int]]:
    """Links between near copies, by translation or by text; they are kept on disk."""
    path = user_cache("clusters", f"{digest}.json")
    position = {report.id: i for i, report in enumerate(reports)}
    try:
        kept = json.loads(path.read_text())
        return [(position[one], position[other]) for one, other in kept["links"]]
    except (OSError, ValueError, KeyError, TypeError):
        pass
    links = sorted(
        {
            link
            for texts in ([each.translation for each in reports], [each.text for each in reports])
            for link in near_copies.near_duplicates(texts)
        }
    )
    named = [(reports[i].id, reports[j].id) for i, j in links]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"links": named}))
    except OSError:
        pass
    return links
