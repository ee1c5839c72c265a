"""Modality: which imaging modality does the report describe?

Single label over the canonical modalities of data/vocabulary/modalities.csv. Texts often name
their own modality (erratum E12), so the task can also be asked with those words masked.
"""

from __future__ import annotations

from pathlib import Path

from parrot_bench.corpus import Corpus, Report
from parrot_bench.scoring.metrics.agreement import MatthewsCorrelation
from parrot_bench.scoring.metrics.discrimination import AreaUnderGeneralisedRiskCoverage
from parrot_bench.scoring.metrics.label_sets import Accuracy
from parrot_bench.scoring.metrics.per_label import BalancedAccuracy, MacroF1
from parrot_bench.scoring.metrics.probability import (
    BrierScore,
    BrierSkill,
    ExpectedCalibrationError,
    LogLoss,
)
from parrot_bench.task import Label, Labels, LabelSpace, Measure, Task
from parrot_bench.vocabulary.tables import label_names, vocabulary

MODALITIES = vocabulary("modalities").rows


def labels(corpus: Corpus) -> LabelSpace:  # noqa: ARG001
    """Every canonical modality, whatever the corpus holds."""
    names = label_names("modalities")
    return LabelSpace(Label(key, row["definition"], names[key]) for key, row in MODALITIES.items())


def gold(report: Report) -> Labels | None:
    """The report's modality."""
    return (report.modality,) if report.modality else None


IDS = tuple(MODALITIES)

TASK = Task(
    name="modality",
    version="1",
    title="Name the imaging modality that the radiology report describes.",
    kind="single-label",
    labels=labels,
    gold=gold,
    without_gold="A report whose modality is missing or unmapped is left out and counted.",
    measures=(
        Measure("balanced_accuracy", BalancedAccuracy(IDS)),
        Measure("accuracy", Accuracy()),
        Measure("macro_f1", MacroF1(IDS)),
        Measure("mcc", MatthewsCorrelation(IDS)),
        Measure("brier", BrierScore(IDS)),
        Measure("brier_skill", BrierSkill(IDS)),
        Measure("log_loss", LogLoss(IDS)),
        Measure("ece", ExpectedCalibrationError()),
        Measure("augrc", AreaUnderGeneralisedRiskCoverage()),
    ),
    headline="balanced_accuracy",
    answer_key="modality",
    prompts=Path(__file__).parent / "prompts",
    names_leak=True,
)
