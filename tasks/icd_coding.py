"""ICD coding: which ICD-10 codes does the report support?

Multi-label. Scored at three levels: chapter (22, a fixed set), three-character category (the
headline: two coders agree on it at .88, on full codes at .21) and full code. A predicted code
outside the gold, or one that does not exist, is a false positive; it is never dropped.
Scores follow docs/data.md; the hierarchy is that of ICD-10-CM in data/icd10cm.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from parrot_bench.corpus import Corpus, Report
from parrot_bench.corpus.icd10 import load_table, normalise_code, relation, verdict
from parrot_bench.scoring.metrics import (
    Accuracy,
    ExampleF1,
    MeanCount,
    MicroF1,
    MicroPrecision,
    MicroRecall,
    Share,
)
from parrot_bench.scoring.per_label import MacroF1
from parrot_bench.scoring.ranking import AveragePrecision, RecallAt, RPrecision
from parrot_bench.task import Label, Labels, LabelSpace, Measure, Task

ERRORS = (
    "exact",
    "under_specified",
    "over_specified",
    "sibling",
    "same_category",
    "same_chapter",
    "unrelated",
    "invalid",
)
VALIDITY = ("billable", "valid_not_billable", "who_only", "malformed", "does_not_exist")


def labels(corpus: Corpus) -> LabelSpace:  # noqa: ARG001
    """All three-character categories of ICD-10-CM, whatever the corpus holds."""
    table = load_table()
    return LabelSpace(Label(code, table.description(code)) for code in table.categories)


def gold(report: Report) -> Labels | None:
    """The report's codes as they were written, normalised."""
    return report.icd or None


def full(codes: Labels) -> Labels:
    """Codes in normal form, each once; what is no code stays as it is."""
    return tuple(dict.fromkeys(normalise_code(code) or code for code in codes))


def category(codes: Labels) -> Labels:
    """Three-character categories, each once."""
    return tuple(dict.fromkeys(load_table().category(code) or code for code in full(codes)))


def chapter(codes: Labels) -> Labels:
    """Chapters, each once."""
    return tuple(dict.fromkeys(load_table().chapter(code) or code for code in full(codes)))


@cache
def nodes(code: str, *, with_upper: bool) -> Labels:
    """A code and its ancestors."""
    return code, *load_table().ancestors(code, with_upper=with_upper)


def tree(codes: Labels) -> Labels:
    """Codes and all their ancestors up to the chapter, each once."""
    return tuple(dict.fromkeys(counted_tree(codes)))


def tree_below_block(codes: Labels) -> Labels:
    """Codes and their ancestors up to the category, each once."""
    return tuple(dict.fromkeys(n for code in full(codes) for n in nodes(code, with_upper=False)))


def counted_tree(codes: Labels) -> Labels:
    """Codes and all their ancestors, as often as they are reached."""
    return tuple(node for code in full(codes) for node in nodes(code, with_upper=True))


def error_kinds(wanted: Labels, predicted: Labels) -> tuple[Labels, Labels]:
    """How each predicted code relates to the gold codes."""
    return wanted, tuple(relation(code, wanted) for code in full(predicted))


def verdicts(wanted: Labels, predicted: Labels) -> tuple[Labels, Labels]:
    """Validity of each predicted code as the model wrote it."""
    return wanted, tuple(verdict(code) for code in predicted)


def both(level: Callable[[Labels], Labels]) -> Callable[[Labels, Labels], tuple[Labels, Labels]]:
    """Look at gold and prediction at one level."""
    return lambda wanted, predicted: (level(wanted), level(predicted))


TASK = Task(
    name="icd_coding",
    version="1",
    title="Give the ICD-10-CM codes that the radiology report supports.",
    kind="multi-label",
    labels=labels,
    gold=gold,
    without_gold="A report without a readable code is left out and counted.",
    measures=(
        Measure("category_micro_f1", MicroF1(), both(category)),
        Measure("category_example_f1", ExampleF1(), both(category)),
        Measure("chapter_micro_f1", MicroF1(), both(chapter)),
        Measure("full_micro_f1", MicroF1(), both(full)),
        Measure("category_micro_precision", MicroPrecision(), both(category)),
        Measure("category_micro_recall", MicroRecall(), both(category)),
        Measure("chapter_macro_f1", MacroF1(load_table().chapters), both(chapter)),
        Measure("full_example_f1", ExampleF1(), both(full)),
        Measure("exact_match", Accuracy(), both(full)),
        Measure("mean_codes", MeanCount(), both(full)),
        Measure("hierarchical_f1", MicroF1(), both(tree)),
        Measure("hierarchical_f1_below_block", MicroF1(), both(tree_below_block)),
        Measure("cophe_f1", MicroF1(), both(counted_tree)),
        Measure("category_map", AveragePrecision(), both(category), ranked=True),
        Measure("category_r_precision", RPrecision(), both(category), ranked=True),
        *(
            Measure(f"category_recall_at_{k}", RecallAt(k), both(category), ranked=True)
            for k in (5, 10, 20)
        ),
        *(Measure(f"error_{kind}", Share(kind), error_kinds) for kind in ERRORS),
        *(Measure(f"validity_{kind}", Share(kind), verdicts) for kind in VALIDITY),
    ),
    headline="category_micro_f1",
    answer_key="codes",
    prompts=Path(__file__).parent / "prompts",
)
