"""What a run asks: settings, and for every task and text the sheet of questions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from parrot_bench.corpus import TEXT_VIEWS, Corpus, Report, TextView
from parrot_bench.errors import ParrotError, unknown
from parrot_bench.models.base import Model
from parrot_bench.task.card import Task
from parrot_bench.task.gold import gold_labels, label_space
from parrot_bench.task.item import Item
from parrot_bench.task.labels import LabelSpace
from parrot_bench.vocabulary.lexicon import mask_modality
from parrot_bench.vocabulary.tables import vocabulary

MASKED = "-masked"
"""Ending of the name of a text in which words that name the modality are masked."""
STRICT, TUNED = "-strict", "-tuned"
"""Endings of the names of second readings of the answers: see `readings`."""
READINGS = {STRICT: "strict parser", TUNED: "tuned on the data"}
"""What second readings are called."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What is asked of a run besides model, tasks and corpus.

    Attributes:
        views: Texts to ask about: "original", "translation".
        mask_modality: Whether tasks whose label the texts often name are also asked with those
            words masked.
        languages: Languages to keep; all where None.
        limit: Reports to ask about, a seeded sample stratified by language; all where None.
        seed: Seed of the sample and of models that draw.
    """

    views: tuple[TextView, ...] = ("original",)
    mask_modality: bool = False
    languages: tuple[str, ...] | None = None
    limit: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the values.

        Views and languages that are named twice stand once, in the order given, and languages by
        their code, so that the same question is the same run.

        Raises:
            ParrotError: If a view is unknown or a number out of range.
        """
        for view in self.views:
            if view not in TEXT_VIEWS:
                raise unknown("text view", view, TEXT_VIEWS)
        if not self.views:
            raise ParrotError("No text view is given; 'original', 'translation' or both.")
        if self.languages is not None and not self.languages:
            raise ParrotError("No language is given; leave --languages out to ask about all.")
        if self.seed < 0:
            raise ParrotError(f"--seed is {self.seed}; a whole number of at least 0 was expected.")
        object.__setattr__(self, "views", tuple(dict.fromkeys(self.views)))
        if self.languages is not None:
            codes = (vocabulary("languages").find(each) or each for each in self.languages)
            object.__setattr__(self, "languages", tuple(dict.fromkeys(codes)))


DEFAULT = Settings()
"""The original text of every report, seed 0."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One task asked about one text of every report that has gold and that text.

    Attributes:
        task: The task.
        labels: Its label space.
        variant: The text: a view, with "-masked" where words are masked and "-strict" or "-tuned"
            where the answers are read a second time.
        items: The questions.
        left_out: Number of reports left out, by reason.
    """

    task: Task
    labels: LabelSpace
    variant: str
    items: tuple[Item, ...]
    left_out: dict[str, int]


def sheets_for(
    model: Model, tasks: Sequence[Task], corpus: Corpus, settings: Settings
) -> tuple[list[Sheet], dict[str, str]]:
    """All that is to be asked, and why some tasks cannot be.

    Raises:
        ParrotError: If nothing can be asked at all.
    """
    if settings.mask_modality and not any(task.names_leak for task in tasks):
        names = ", ".join(task.name for task in tasks)
        raise ParrotError(
            f"--mask-modality: texts do not name the labels of {names}; leave the option out, or "
            "add the task modality."
        )
    sheets: list[Sheet] = []
    refused: dict[str, str] = {}
    reports = list(corpus.reports())
    for task in tasks:
        labels = label_space(task, corpus)
        obstacle = model.obstacle(task, labels)
        if obstacle:
            refused[task.name] = obstacle
            continue
        for view in settings.views:
            if view not in task.views:
                refused[f"{task.name}/{view}"] = "the task is not asked about this text."
                continue
            for masked in (False, True) if settings.mask_modality and task.names_leak else (False,):
                items, left_out = build_items(task, labels, reports, view, masked=masked)
                if items:
                    variant = view + MASKED * masked
                    sheets.append(Sheet(task, labels, variant, items, left_out))
                else:
                    refused[f"{task.name}/{view}"] = "no report has both this text and gold."
    if not sheets:
        reasons = "; ".join(f"{name}: {why}" for name, why in refused.items())
        raise ParrotError(f"There is nothing to ask. {reasons or 'No task was given.'}")
    return sheets, refused


def text_of(variant: str) -> tuple[str, str]:
    """The text that was asked about, and the ending of the reading; empty for the first one."""
    for ending in READINGS:
        if variant.endswith(ending):
            return variant.removesuffix(ending), ending
    return variant, ""


def build_items(
    task: Task,
    labels: LabelSpace,
    reports: Iterable[Report],
    view: TextView,
    *,
    masked: bool = False,
) -> tuple[tuple[Item, ...], dict[str, int]]:
    """Questions of a task about one text of each report.

    Args:
        task: The task.
        labels: Its label space.
        reports: The reports.
        view: Which text.
        masked: Whether words that name a modality are masked.

    Returns:
        The items, and the number of reports left out by reason.

    Raises:
        ParrotError: If the task's gold of a report cannot be gold.
    """
    items, left_out = [], Counter({"no gold": 0, "no text": 0})
    for report in reports:
        gold, text = gold_labels(task, labels, report), report.view(view)
        if gold is None:
            left_out["no gold"] += 1
            continue
        if not text.strip():
            left_out["no text"] += 1
            continue
        language = report.language if view == "original" else "en"
        items.append(
            Item(
                report_id=report.id,
                text=mask_modality(text, language) if masked else text,
                gold=gold,
                language=report.language,
                author=report.author,
                text_language=language,
                country=report.country,
                cluster=report.cluster,
                modality=report.modality,
            )
        )
    return tuple(items), dict(left_out)
