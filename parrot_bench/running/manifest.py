"""The manifest of a run: what determines its answers, and what became of them."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import platform
import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

from parrot_bench.corpus import Corpus
from parrot_bench.digests import source_digest, text_digest
from parrot_bench.models.base import Model
from parrot_bench.running.sheets import READINGS, Settings, Sheet, text_of
from parrot_bench.scoring import VERSION
from parrot_bench.scoring.estimates.intervals import LEVEL
from parrot_bench.scoring.estimates.measured import MACRO_MINIMUM
from parrot_bench.task.card import Task
from parrot_bench.task.examples import example_languages
from parrot_bench.task.item import STATUSES, Prediction
from parrot_bench.task.prompts import wordings


def asked(sheet: Sheet, found: Sequence[Prediction]) -> dict[str, Any]:
    """Counts of one sheet: items, reports left out, statuses, texts that were too long."""
    statuses = Counter(answer.status for answer in found)
    text, reading = text_of(sheet.variant)
    return {
        "task": sheet.task.name,
        "text": sheet.variant,
        "first_reading": text if reading else "",
        "reading": READINGS.get(reading, ""),
        "items": len(found),
        "left_out": sheet.left_out,
        "failures": failures(found),
        "statuses": {status: statuses[status] for status in STATUSES},
        "statuses_by_language": _by_language(sheet, found),
        "truncated_inputs": sum(answer.truncated_input for answer in found),
        "outside_label_space": _outside(sheet, found),
    }


def _by_language(sheet: Sheet, found: Sequence[Prediction]) -> dict[str, dict[str, int]]:
    """Number of answers of each status that occurs, by language."""
    counts: dict[str, Counter[str]] = {}
    for item, answer in zip(sheet.items, found, strict=True):
        counts.setdefault(item.language, Counter())[answer.status] += 1
    return {
        language: {
            status: counts[language][status] for status in STATUSES if counts[language][status]
        }
        for language in sorted(counts)
    }


def failures(found: Iterable[Prediction]) -> dict[str, int]:
    """Number of failed items by reason, the commonest first."""
    notes = (answer.note for answer in found if answer.status == "failed")
    return dict(Counter(note or "The model gave no reason." for note in notes).most_common())


def _outside(sheet: Sheet, found: Sequence[Prediction]) -> int | None:
    """Predicted labels outside the label space; None where the task scores finer labels."""
    if sheet.task.finer_gold:
        return None
    return sum(label not in sheet.labels for answer in found for label in answer.labels)


def identity_of(
    model: Model, sheets: Sequence[Sheet], corpus: Corpus, settings: Settings
) -> dict[str, Any]:
    """All that determines the answers and the scores."""
    languages = sorted({item.text_language for sheet in sheets for item in sheet.items})
    if model.info.settings.get("shots"):  # worked examples may be in any language
        languages = sorted({*languages, *example_languages()})
    return {
        "model": asdict(model.info),
        "data": {
            "name": corpus.name,
            "hash": corpus.hash,
            "view": corpus.view,
            "without": list(corpus.without),
        },
        "tasks": [
            {
                "name": task.name,
                "version": task.version,
                "kind": task.kind,
                "headline": task.headline,
                "labels": len(labels),
                "labels_hash": text_digest(labels.described()),
                "prompt_hash": text_digest("".join(wordings(task, languages))),
                "source_hash": _source_digest(task),
                "measures": [measure.name for measure in task.measures],
            }
            for task, labels in {s.task.name: (s.task, s.labels) for s in sheets}.values()
        ],
        "scorer": VERSION,
        "settings": asdict(settings) | {"level": LEVEL, "macro_minimum": MACRO_MINIMUM},
        "texts": sorted({sheet.variant for sheet in sheets}),
        "code": _code_digest(),
    }


def run_id(model: Model, corpus: Corpus, identity: dict[str, Any]) -> str:
    """Name of a run: model, data and a hash of its identity."""
    slugs = [_slug(model.info.name.removeprefix("hf:")), _slug(Path(corpus.name).stem)]
    return "-".join([*slugs, text_digest(json.dumps(identity, sort_keys=True))[:12]])


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40]


def _code_digest() -> str:
    """SHA-256 over the library's modules and tables: another scorer or lexicon, another run."""
    return source_digest("", tables=("vocabulary", "icd10cm"))


def _source_digest(task: Task) -> str:
    """SHA-256 over the file that says what a task's gold is; empty where it stands in none."""
    try:
        return hashlib.sha256(Path(inspect.getfile(task.gold)).read_bytes()).hexdigest()
    except (OSError, TypeError):
        return ""


def partial(corpus: Corpus, part: Corpus, settings: Settings) -> str:
    """Why a run is partial; empty where it covers the whole corpus."""
    reasons = []
    if settings.languages is not None and part.languages != corpus.languages:
        reasons.append(f"languages {', '.join(part.languages)} of {', '.join(corpus.languages)}")
    if settings.limit is not None and len(part) < len(corpus):
        reasons.append(f"{len(part)} of {len(corpus)} reports, sampled by language")
    return "; ".join(reasons)


def language_counts(corpus: Corpus) -> dict[str, int]:
    """Number of reports by language."""
    return dict(sorted(Counter(report.language for report in corpus.reports()).items()))


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that are loaded."""
    names = ("numpy", "pandas", "pyarrow", "datasets", "sklearn", "scipy", "torch", "transformers")
    wheels = {"sklearn": "scikit-learn"}
    found = {
        each: metadata.version(wheels.get(each, each)) for each in names if each in sys.modules
    }
    return found | {"python": platform.python_version(), "parrot-bench": _own_version()}


def hardware() -> dict[str, Any]:
    """The machine: system, processors, memory in GiB (None where it cannot be told), GPUs."""
    try:
        memory = round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1)
    except (AttributeError, OSError, ValueError):  # Windows
        memory = None
    torch = sys.modules.get("torch")  # a run that did not load it did not use a GPU
    count = torch.cuda.device_count() if torch is not None and torch.cuda.is_available() else 0
    return {
        "machine": platform.machine(),
        "system": platform.system(),
        "processors": os.cpu_count(),
        "memory_gib": memory,
        "gpus": [torch.cuda.get_device_name(i) for i in range(count)] if torch else [],
    }


def _own_version() -> str:
    return metadata.version("parrot-bench")


def data_of(corpus: Corpus, part: Corpus) -> dict[str, Any]:
    """What was read, and the part of it that is asked about."""
    return {
        "corpus_hash": corpus.hash,
        "licence": part.licence,
        "rows_read": part.rows_read,
        "rejected": sum(each.rejected for each in part.findings),
        "reports": len(part),
        "languages": language_counts(part),
    }
