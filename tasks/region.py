"""Region: which headline regions of the body does the report cover?

Multi-label over the ten headline regions of data/vocabulary/regions.csv; fine regions such as
"orbit" or "knee" count as their headline region.
"""

from __future__ import annotations

from pathlib import Path

from parrot_bench.corpus import Corpus, Report
from parrot_bench.scoring.metrics.label_sets import (
    Accuracy,
    Jaccard,
    MicroF1,
    MicroPrecision,
    MicroRecall,
)
from parrot_bench.scoring.metrics.per_label import MacroF1
from parrot_bench.task import Label, Labels, LabelSpace, Measure, Task
from parrot_bench.vocabulary.tables import (
    headline_region,
    headline_regions,
    label_names,
    vocabulary,
)

IDS = headline_regions()


def labels(corpus: Corpus) -> LabelSpace:  # noqa: ARG001
    """The ten headline regions, whatever the corpus holds."""
    rows = vocabulary("regions").rows
    names = label_names("regions")
    return LabelSpace(Label(each, rows[each]["definition"], names[each]) for each in IDS)


def gold(report: Report) -> Labels | None:
    """The headline regions of the report's fine ones."""
    return tuple(dict.fromkeys(map(headline_region, report.regions))) or None


TASK = Task(
    name="region",
    version="1",
    title="Name every region of the body that the radiology report covers.",
    kind="multi-label",
    labels=labels,
    gold=gold,
    without_gold="A report whose area is missing or unmapped is left out and counted.",
    measures=(
        Measure("micro_f1", MicroF1()),
        Measure("micro_precision", MicroPrecision()),
        Measure("micro_recall", MicroRecall()),
        Measure("macro_f1", MacroF1(IDS)),
        Measure("subset_accuracy", Accuracy()),
        Measure("jaccard", Jaccard()),
    ),
    headline="micro_f1",
    answer_key="regions",
    prompts=Path(__file__).parent / "prompts",
)
