"""ICD coding: which ICD-10 codes does the report support?

Multi-label. Scored at three levels: chapter (22, a fixed set), three-character category (the
headline: two coders agree on it at .88, on full codes at .21) and full code. A predicted code
outside the gold, or one that does not exist, is a false positive; it is never dropped.
Scores follow docs/data.md; the hierarchy is that of ICD-10-CM in data/icd10cm.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import chain
from pathlib import Path

from parrot_bench.corpus import Corpus, Report
from parrot_bench.scoring.metrics.label_sets import (
    Accuracy,
    ExampleF1,
    MeanCount,
    MicroF1,
    MicroPrecision,
    MicroRecall,
    Share,
)
from parrot_bench.scoring.metrics.per_label import MacroF1
from parrot_bench.scoring.metrics.ranking import AveragePrecision, RecallAt, RPrecision
from parrot_bench.task import Label, Labels, LabelSpace, LabelTree, Measure, Task
from parrot_bench.vocabulary.icd10 import load_table, normalise_code, relation, verdict

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


@cache
def hierarchy() -> LabelTree:
    """Chapters, the blocks of each, and the categories of each block."""
    table = load_table()
    children: dict[str, dict[str, None]] = {}
    for code in table.categories:
        block, chapter = table.ancestors(code)
        children.setdefault(chapter, {})[block] = None
        children.setdefault(block, {})[code] = None
    return LabelTree(
        top=tuple(Label(name, table.description(name)) for name in table.chapters),
        children={
            name: tuple(Label(each, table.description(each)) for each in below)
            for name, below in children.items()
        },
    )


def gold(report: Report) -> Labels | None:
    """The report's codes as they were written, normalised."""
    return report.icd or None


Level = Callable[[str], Labels]
View = Callable[[Labels, Labels], tuple[Labels, Labels]]


def full(code: str) -> Labels:
    """The code itself."""
    return (code,)


def category(code: str) -> Labels:
    """Three-character category of a code."""
    return (load_table().category(code) or code,)


def chapter(code: str) -> Labels:
    """Chapter of a code."""
    return (load_table().chapter(code) or code,)


@cache
def tree(code: str) -> Labels:
    """A code and its ancestors up to the chapter."""
    return code, *load_table().ancestors(code)


@cache
def tree_below_block(code: str) -> Labels:
    """A code and its ancestors up to the category."""
    return code, *load_table().ancestors(code, with_upper=False)


def normal(codes: Labels) -> Labels:
    """Codes in normal form, each once; what is no code stays as it is."""
    return tuple(dict.fromkeys(normalise_code(code) or code for code in codes))


@cache
def exists(code: str) -> bool:
    """Whether a code stands in ICD-10-CM or the WHO's ICD-10."""
    return verdict(code) not in ("malformed", "does_not_exist")


def both(level: Level, *, counted: bool = False) -> View:
    """Look at gold and prediction at one level, in their order.

    A predicted code that does not exist, and does not stand in the gold just so, earns nothing at
    any level: it becomes a label of its own that no gold ever has.

    Args:
        level: What a code is at the level.
        counted: Whether a label that several codes reach counts as often; else once.
    """

    def view(wanted: Labels, predicted: Labels) -> tuple[Labels, Labels]:
        gold_codes = normal(wanted)
        found = []
        for codes in (gold_codes, normal(predicted)):
            known = (
                level(code) if code in gold_codes or exists(code) else (f"no code: {code}",)
                for code in codes
            )
            reached = chain.from_iterable(known)
            found.append(tuple(reached if counted else dict.fromkeys(reached)))
        return found[0], found[1]

    return view


# Constants, so that measures of one view share one function, and what it gives for a report.
CATEGORY, CHAPTER, FULL = both(category), both(chapter), both(full)
TREE, BELOW_BLOCK, COUNTED = both(tree), both(tree_below_block), both(tree, counted=True)


def error_kinds(wanted: Labels, predicted: Labels) -> tuple[Labels, Labels]:
    """How each predicted code relates to the gold codes."""
    return wanted, tuple(relation(code, wanted) for code in normal(predicted))


def verdicts(wanted: Labels, predicted: Labels) -> tuple[Labels, Labels]:
    """Validity of each predicted code as the model wrote it."""
    return wanted, tuple(verdict(code) for code in predicted)


TASK = Task(
    name="icd_coding",
    version="2",
    title="Give the ICD-10-CM codes that the radiology report supports.",
    kind="multi-label",
    labels=labels,
    gold=gold,
    without_gold="A report without a readable code is left out and counted.",
    measures=(
        Measure("category_micro_f1", MicroF1(), CATEGORY),
        Measure("category_example_f1", ExampleF1(), CATEGORY),
        Measure("chapter_micro_f1", MicroF1(), CHAPTER),
        Measure("full_micro_f1", MicroF1(), FULL),
        Measure("category_micro_precision", MicroPrecision(), CATEGORY),
        Measure("category_micro_recall", MicroRecall(), CATEGORY),
        Measure("chapter_macro_f1", MacroF1(load_table().chapters), CHAPTER),
        Measure("full_example_f1", ExampleF1(), FULL),
        Measure("exact_match", Accuracy(), FULL),
        Measure("mean_codes", MeanCount(), FULL),
        Measure("hierarchical_f1", MicroF1(), TREE),
        Measure("hierarchical_f1_below_block", MicroF1(), BELOW_BLOCK),
        Measure("cophe_f1", MicroF1(), COUNTED),
        Measure("category_map", AveragePrecision(), CATEGORY),
        Measure("category_r_precision", RPrecision(), CATEGORY),
        *(Measure(f"category_recall_at_{k}", RecallAt(k), CATEGORY) for k in (5, 10, 20)),
        *(Measure(f"error_{kind}", Share(kind), error_kinds) for kind in ERRORS),
        *(Measure(f"validity_{kind}", Share(kind), verdicts) for kind in VALIDITY),
    ),
    headline="category_micro_f1",
    answer_key="codes",
    prompts=Path(__file__).parent / "prompts",
    finer_gold=True,
    tree=hierarchy,
)
