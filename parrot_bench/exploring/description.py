"""The tables that a paper about a corpus would print."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median

from parrot_bench.corpus import Corpus, Report
from parrot_bench.vocabulary.icd10 import load_table
from parrot_bench.vocabulary.tables import headline_region, vocabulary

TableRows = tuple[str, tuple[str, ...], Sequence[tuple[str, ...]]]
COMMONEST = 20


def describe(corpus: Corpus) -> Iterator[TableRows]:
    """Title, column names and rows of each table."""
    reports = list(corpus.reports())
    yield _languages(corpus, reports)
    yield _modalities(reports)
    yield _regions(reports)
    yield _shares(
        "Countries", [vocabulary("countries").rows[r.country]["name"] for r in reports if r.country]
    )
    yield _shares("Subspecialties (mentions)", [s for r in reports for s in r.subspecialties])
    yield _codes(reports)


def _languages(corpus: Corpus, reports: list[Report]) -> TableRows:
    columns = (
        "language",
        "reports",
        "contributors",
        "clusters",
        "characters, median",
        "translation, median",
        "codes a report",
        "Z00, %",
    )
    rows = []
    names = vocabulary("languages").rows
    for language in (*corpus.languages, "all"):
        own = [r for r in reports if language in (r.language, "all")]
        translated = [len(r.translation) for r in own if r.translation]
        rows.append(
            (
                names[language]["name"] if language != "all" else "all",
                str(len(own)),
                str(len({r.author for r in own})),
                str(len({r.cluster for r in own})),
                f"{median(len(r.text) for r in own):g}",
                f"{median(translated):g}" if translated else "–",
                f"{sum(len(r.icd) for r in own) / len(own):.2f}",
                f"{100 * sum(any(c.startswith('Z00') for c in r.icd) for r in own) / len(own):.1f}",
            )
        )
    return f"{corpus.name} ({corpus.view} view, {corpus.licence})", columns, rows


def _modalities(reports: list[Report]) -> TableRows:
    """Modalities by language: where a class stands in one language only, the two are confounded."""
    present = [m for m in vocabulary("modalities").ids if any(r.modality == m for r in reports)]
    languages = sorted({r.language for r in reports})
    rows = []
    for language in (*languages, "all"):
        own = [r for r in reports if language in (r.language, "all")]
        counts = Counter(r.modality for r in own)
        name = vocabulary("languages").rows[language]["name"] if language != "all" else "all"
        rows.append((name, *(str(counts[m]) for m in present)))
    return "Modalities", ("language", *present), rows


def _regions(reports: list[Report]) -> TableRows:
    mentions = Counter(region for report in reports for region in report.regions)
    total = sum(mentions.values()) or 1
    rows = [
        (region, headline_region(region), str(count), f"{100 * count / total:.1f}")
        for region, count in mentions.most_common()
    ]
    return "Regions (mentions)", ("region", "headline", "mentions", "%"), rows


def _shares(title: str, values: list[str]) -> TableRows:
    counts = Counter(values)
    rows = [(v, str(n), f"{100 * n / len(values):.1f}") for v, n in counts.most_common()]
    return title, ("value", "n", "%"), rows


def _codes(reports: list[Report]) -> TableRows:
    table = load_table()
    categories = Counter(
        category
        for report in reports
        for category in dict.fromkeys(table.category(code) for code in report.icd)
        if category
    )
    distinct = len({code for report in reports for code in report.icd})
    rows = [
        (code, table.description(code) if table.exists(code) else "", str(n))
        for code, n in categories.most_common(COMMONEST)
    ]
    title = (
        f"ICD-10 categories, the commonest {COMMONEST} of {len(categories)} "
        f"({distinct} distinct codes, {table.release})"
    )
    return title, ("category", "description", "reports"), rows
