"""What a task is: the contract that every module in `tasks/`, bundled or a user's own, fulfils."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from parrot_bench.corpus.report import TEXT_VIEWS, Report, TextView
from parrot_bench.errors import ParrotError, unknown
from parrot_bench.task.labels import Labels, LabelSpace, LabelTree

if TYPE_CHECKING:
    from parrot_bench.corpus import Corpus
    from parrot_bench.scoring.contract import Metric

Kind = Literal["single-label", "multi-label", "binary"]
KINDS: tuple[Kind, ...] = get_args(Kind)


def as_given(gold: Labels, predicted: Labels) -> tuple[Labels, Labels]:
    """Score the labels as they are: the default view of a measure."""
    return gold, predicted


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric under the name that a task reports it by.

    Attributes:
        name: Name in the results, such as "category_micro_f1".
        metric: The metric, which knows label tuples and nothing else.
        view: Turns one report's gold and predicted labels into what the metric compares, such as
            codes into their categories.
    """

    name: str
    metric: Metric
    view: Callable[[Labels, Labels], tuple[Labels, Labels]] = as_given


@dataclass(frozen=True, slots=True)
class Task:
    """One question asked of every report, and how the answers are scored.

    Attributes:
        name: Name on the command line and in the results.
        version: Raised whenever labels, gold, prompts or scoring change.
        title: One line for people.
        kind: How many labels an answer may hold.
        labels: The label space for a corpus.
        gold: Gold labels of a report; None where it has none.
        without_gold: One sentence: what happens to a report without gold.
        measures: What is reported; names are unique.
        headline: Name of the measure that stands for the task.
        answer_key: Key of the JSON answer that the prompt asks for.
        prompts: Folder that holds the prompts, `<name>.<language>.txt`; English is the fallback.
        views: Text views that the task takes.
        names_leak: Whether texts often state the label outright (`--mask-modality`).
        finer_gold: Whether gold may hold labels that are finer than the label space's, as full
            codes are finer than categories; else gold outside the label space is an error.
        tree: The hierarchy over its labels, for methods that cannot score all of them; None where
            there are few.
    """

    name: str
    version: str
    title: str
    kind: Kind
    labels: Callable[[Corpus], LabelSpace]
    gold: Callable[[Report], Labels | None]
    without_gold: str
    measures: tuple[Measure, ...]
    headline: str
    answer_key: str
    prompts: Path | None = None
    views: tuple[TextView, ...] = TEXT_VIEWS
    names_leak: bool = False
    finer_gold: bool = False
    tree: Callable[[], LabelTree] | None = None

    def __post_init__(self) -> None:
        """Check the card.

        Raises:
            ParrotError: If a field does not hold what it should.
        """
        for flaw in self._flaws():
            raise ParrotError(f"Task '{self.name}': {flaw}")

    def _flaws(self) -> Iterator[str]:
        if self.kind not in KINDS:
            yield str(unknown("kind", str(self.kind), KINDS))
        for name, function in (("labels", self.labels), ("gold", self.gold)):
            if not callable(function):
                given = type(function).__name__
                yield f"{name} is a {given}; a function was expected, such as 'lambda corpus: ...'."
        if isinstance(self.measures, Measure) or any(
            not isinstance(each, Measure) for each in self.measures
        ):
            yield "measures is no tuple of measures, (Measure(...), ...)."
        names = [measure.name for measure in self.measures]
        if len(set(names)) != len(names):
            yield "it names a measure twice."
        if self.headline not in names:
            yield f"headline '{self.headline}' is none of its measures."
        if isinstance(self.views, str) or not self.views:
            yield f"views is {self.views!r}; a tuple was expected, such as ('original',)."
        for view in self.views:
            if view not in TEXT_VIEWS:
                yield str(unknown("text view", str(view), TEXT_VIEWS))
        if self.prompts is not None and not isinstance(self.prompts, Path):
            given = type(self.prompts).__name__
            yield f"prompts is a {given}; a path was expected: Path(__file__).parent / 'prompts'."
        elif self.prompts is not None and not self.prompts.is_dir():
            yield f"there is no folder of prompts {self.prompts}."
