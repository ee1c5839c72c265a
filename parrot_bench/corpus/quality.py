"""Quality of a corpus: what a careful reader of the data would point out, with row numbers."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from parrot_bench.corpus.corpus import Corpus, active_errata
from parrot_bench.corpus.errata import errata
from parrot_bench.corpus.forms.records import Finding
from parrot_bench.corpus.report import Report
from parrot_bench.corpus.texts.identifying import names_and_dates
from parrot_bench.corpus.texts.language import other_language, untranslated_language
from parrot_bench.corpus.texts.near_copies import clusters, near_duplicates
from parrot_bench.vocabulary.icd10 import verdict
from parrot_bench.vocabulary.icd10_fields import holds_code
from parrot_bench.vocabulary.lexicon import names_own_modality

Progress = Callable[[str, int, int], None]
SHORT = 40
"""A text of fewer characters is pointed out."""
EXAMPLES = 5
_DAMAGED = re.compile("[\ufffd\ue000-\uf8ff\u0080-\u009f]|Ã[\u0080-\u00bf]|â€")


@dataclass(frozen=True, slots=True)
class Quality:
    """Outcome of a check.

    Attributes:
        counts: Rows read, reports, rows left out, languages, contributors and so on.
        findings: Everything found, in order of kind and line.
        fired: Number of reports that each erratum touched.
    """

    counts: dict[str, Any]
    findings: tuple[Finding, ...]
    fired: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        """The check as plain data."""
        return {
            "counts": self.counts,
            "errata": self.fired,
            "findings": [asdict(each) for each in self.findings],
        }


def check_corpus(corpus: Corpus, progress: Progress | None = None) -> Quality:
    """Check a corpus.

    Texts are quoted in no finding: a finding names the row and what to look for there.

    Args:
        corpus: The corpus, in either view; the clean view shows what remains after the errata.
            Near duplicates are found in both.
        progress: Called with a title, the reports checked and all of them.
    """
    reports = _with_clusters(corpus)
    found = list(corpus.findings)
    for at, report in enumerate(reports, start=1):
        found += [
            Finding(corpus.lines[report.id], report.id, kind, message, unit=corpus.unit)
            for kind, message in _of_report(report)
        ]
        if progress:
            progress("reports", at, len(reports))
    found += _duplicates(reports, corpus)
    fired = dict(corpus.fired) | corpus.flagged()
    ordered = sorted(found, key=lambda each: (not each.rejected, each.kind, each.line))
    return Quality(_counts(corpus, reports), tuple(ordered), fired)


def _with_clusters(corpus: Corpus) -> list[Report]:
    """The reports with their near-duplicate clusters, found here where E04 is not applied."""
    reports = list(corpus.reports())
    if "E04" in active_errata(corpus.view, corpus.without):
        return reports
    views = ([each.translation for each in reports], [each.text for each in reports])
    links = [link for texts in views for link in near_duplicates(texts)]
    numbers = clusters(len(reports), links)
    return [replace(each, cluster=n) for each, n in zip(reports, numbers, strict=True)]


def _of_report(report: Report) -> Iterator[tuple[str, str]]:
    """Kinds and messages of findings about one report."""
    texts = [("report", report.text)]
    if report.translation:
        texts.append(("translation", report.translation))
    else:
        yield "no translation", "There is no English translation."
    if not report.regions and not report.raw.get("area", "").strip():
        yield "no area", "Field 'area' is empty; the report has no region gold."
    for code in report.icd:
        judged = verdict(code)
        if judged in ("malformed", "does_not_exist"):
            yield "invalid code", f"{code} exists neither in ICD-10-CM nor in WHO ICD-10."
        elif judged == "who_only":
            yield "WHO-only code", f"{code} exists in WHO ICD-10 but not in ICD-10-CM."
    yield from _language(report)
    for name, text in texts:
        if len(text) < SHORT:
            yield "very short text", f"Field '{name}' has {len(text)} characters."
        if _DAMAGED.search(text):
            yield "damaged characters", f"Field '{name}' holds replacement or private-use marks."
        if holds_code(text):
            yield "code in text", f"Field '{name}' holds an ICD-10 code: the label leaks."
        for kind in names_and_dates(text):
            yield f"{kind} in text", f"Field '{name}' may hold a {kind}."
    if report.modality:
        for name, text, language in (
            ("report", report.text, report.language),
            ("translation", report.translation, "en"),
        ):
            if names_own_modality(report.modality, text, language):
                yield f"modality named in {name}", "The text states its own modality outright."


def _language(report: Report) -> Iterator[tuple[str, str]]:
    """Whether text and translation are in the languages that they should be in."""
    other = other_language(report.text, report.language)
    if other:
        yield "language", f"Labelled '{report.language}', reads like '{other}'."
    other = untranslated_language(report.translation, report.language)
    if other:
        yield "untranslated", f"The translation reads like '{other}', not English."


def _duplicates(reports: list[Report], corpus: Corpus) -> Iterator[Finding]:
    """Every report of a near-duplicate cluster but its first."""
    first: dict[int, Report] = {}
    for report in reports:
        earlier = first.setdefault(report.cluster, report)
        if earlier is not report:
            same = "an exact copy" if earlier.text == report.text else "nearly the same"
            yield Finding(
                corpus.lines[report.id],
                report.id,
                "near duplicate",
                f"The text or its translation is {same} as {corpus.unit} "
                f"{corpus.lines[earlier.id]}.",
                unit=corpus.unit,
            )


def _counts(corpus: Corpus, reports: list[Report]) -> dict[str, Any]:
    codes = [code for report in reports for code in report.icd]
    verdicts = Counter(verdict(code) for code in codes)
    return {
        "corpus": corpus.name,
        "licence": corpus.licence,
        "view": corpus.view,
        "hash": corpus.hash,
        "rows_read": corpus.rows_read,
        "reports": len(reports),
        "left_out": sum(each.rejected for each in corpus.findings),
        "languages": dict(Counter(report.language for report in reports).most_common()),
        "modalities": dict(Counter(report.modality or "none" for report in reports).most_common()),
        "contributors": len({report.author for report in reports}),
        "clusters": len({report.cluster for report in reports}),
        "codes": len(codes),
        "codes_by_verdict": dict(sorted(verdicts.items())),
    }


def check_lines(checked: Quality) -> Iterator[str]:
    """The check as lines for people: counts, errata, then findings by kind with examples."""
    counts = checked.counts
    yield (
        f"{counts['corpus']}: {counts['reports']} reports of {counts['rows_read']} rows "
        f"({counts['left_out']} left out), {counts['contributors']} contributors, "
        f"{counts['clusters']} clusters, {counts['codes']} codes, {counts['view']} view"
    )
    for title in ("languages", "modalities", "codes_by_verdict"):
        listed = ", ".join(f"{name} {count}" for name, count in counts[title].items())
        yield f"  {title.replace('_', ' ')}: {listed}"
    fired = {key: count for key, count in checked.fired.items() if count}
    if fired:
        yield "Errata that fired (reports):"
        for key, count in fired.items():
            yield f"  {key} {count:>5}  {errata()[key].what}"
    groups: dict[tuple[bool, str], list[Finding]] = defaultdict(list)
    for each in checked.findings:
        groups[not each.rejected, each.kind].append(each)
    if not groups:
        yield "No findings."
    for (kept, kind), members in sorted(groups.items()):
        yield f"{kind}: {len(members)}{'' if kept else ' (rows left out)'}"
        for each in members[:EXAMPLES]:
            identifier = f", no {each.id}" if each.id else ""
            yield f"  {each.place}{identifier}: {each.message}"
        if len(members) > EXAMPLES:
            rows = ", ".join(str(each.line) for each in members[EXAMPLES : EXAMPLES + 20])
            more = " ..." if len(members) > EXAMPLES + 20 else ""
            yield f"  and in {members[0].unit}s {rows}{more}"
