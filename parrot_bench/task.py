"""What a task is: the contract that every module in `tasks/`, bundled or a user's own, fulfils."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from parrot_bench.corpus.report import TEXT_VIEWS, Report, TextView
from parrot_bench.errors import ParrotError, unknown

if TYPE_CHECKING:
    from parrot_bench.corpus import Corpus
    from parrot_bench.scoring.contract import Metric

Labels = tuple[str, ...]
Kind = Literal["single-label", "multi-label", "binary"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Label:
    """One label: the identifier that is scored, and words for a model that reads.

    Attributes:
        id: Identifier, such as "chest" or "J90".
        definition: One English line that says what the label covers.
        names: What it is called, as (language, name), the usual name of a language first.
    """

    id: str
    definition: str
    names: tuple[tuple[str, str], ...] = ()

    def name_in(self, language: str) -> str:
        """Its usual name in a language, else in English, else its definition or identifier."""
        for code in (language, "en"):
            for spoken, name in self.names:
                if spoken == code:
                    return name
        return self.definition or self.id


class LabelSpace:
    """The fixed, ordered labels that a task asks for; never derived from what a model said."""

    def __init__(self, labels: Iterable[Label]) -> None:
        """Keep the labels in order.

        Raises:
            ParrotError: If two labels share an identifier, there are none, or one is no `Label`.
        """
        self.labels = tuple(labels)
        for label in self.labels:
            if not isinstance(label, Label):
                raise ParrotError(
                    f"A label space holds labels, Label(id, definition), and not {label!r}."
                )
        self.ids: Labels = tuple(label.id for label in self.labels)
        self._known = frozenset(self.ids)
        if not self.ids or len(self._known) != len(self.ids):
            raise ParrotError("A label space needs at least one label and no label twice.")

    def __len__(self) -> int:
        """Number of labels."""
        return len(self.labels)

    def __contains__(self, label: object) -> bool:
        """Whether an identifier is a label's."""
        return label in self._known

    def described(self) -> str:
        """The labels for a prompt, one 'id: definition' a line."""
        return described(self.labels)


def described(labels: Iterable[Label]) -> str:
    """Labels for a prompt, one 'id: definition' a line."""
    return "\n".join(f"- {label.id}: {label.definition}" for label in labels)


@dataclass(frozen=True, slots=True)
class LabelTree:
    """A hierarchy over a label space that is too large to score one by one.

    Attributes:
        top: Nodes of the first level, such as the chapters of ICD-10.
        children: Nodes below a node, by its identifier; nothing below a label of the space.
    """

    top: tuple[Label, ...]
    children: Mapping[str, tuple[Label, ...]]


@dataclass(frozen=True, slots=True)
class Item:
    """One question: a report in one text view, with its gold labels and grouping keys."""

    report_id: str
    text: str
    gold: Labels
    language: str
    author: str
    text_language: str
    country: str = ""
    cluster: int = -1
    modality: str | None = None


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

    def has_prompt(self, language: str) -> bool:
        """Whether there is a prompt in a language of its own."""
        return self.prompts is not None and self._prompt_file(language).is_file()

    def _prompt_file(self, language: str) -> Path:
        return (self.prompts or Path()) / f"{self.name}.{language}.txt"

    def prompt_template(self, language: str) -> str:
        """Prompt in one language, or in English where there is none in that language.

        Args:
            language: ISO 639-1 code of the text that is asked about.

        Returns:
            A text with the placeholders `{report}` and, for tasks with few labels, `{labels}`.

        Raises:
            ParrotError: If the prompt is no UTF-8 or has no place for the report.
        """
        for code in (language, "en"):
            if self.has_prompt(code):
                return read_prompt(self._prompt_file(code))
        return (
            f"{self.title}\nThe labels are:\n{{labels}}\n\nReport:\n{{report}}\n\n"
            f'Answer with JSON only, in the form {{"{self.answer_key}": [...]}}:\n'
        )

    def hypothesis(self, language: str) -> str:
        """Sentence that is true of a report if a label is: `<name>.hypothesis.<language>.txt`.

        Args:
            language: ISO 639-1 code of the text that is asked about; English is the fallback.

        Returns:
            A text with the placeholder `{label}`, where a label's name is to stand.

        Raises:
            ParrotError: If the file is no UTF-8 or has no place for the label.
        """
        for code in (language, "en"):
            path = (self.prompts or Path()) / f"{self.name}.hypothesis.{code}.txt"
            if self.prompts is not None and path.is_file():
                return read_prompt(path, "{label}").strip()
        return "This report is about {label}."

    def tree_template(self, language: str) -> str:
        """Prompt to choose among nodes of the tree: `<name>.tree.<language>.txt`.

        Args:
            language: ISO 639-1 code of the text that is asked about; English is the fallback.

        Returns:
            A text with the placeholders `{report}` and, after it, `{labels}`, so that a model reads
            the report once for all questions about it.

        Raises:
            ParrotError: If the file is no UTF-8, lacks a placeholder or has them the wrong way.
        """
        for code in (language, "en"):
            path = (self.prompts or Path()) / f"{self.name}.tree.{code}.txt"
            if self.prompts is not None and path.is_file():
                text = read_prompt(path)
                if text.find("{labels}") < text.find("{report}"):
                    raise ParrotError(f"{path}: {{labels}} must stand after {{report}}.")
                return text
        return (
            f"{self.title}\n\nReport:\n{{report}}\n\nWhich of these fits the report best?\n"
            f'{{labels}}\n\nAnswer with JSON only, in the form {{"{self.answer_key}": [...]}}:\n'
        )

    def wordings(self, languages: Iterable[str]) -> list[str]:
        """Everything that is written around reports in some languages: prompts, hypotheses, tree.

        Raises:
            ParrotError: If a file is no UTF-8 or lacks a placeholder.
        """
        readers = [self.prompt_template, self.hypothesis, self.tree_template][
            : 3 if self.tree else 2
        ]
        return [read(language) for language in languages for read in readers]

    def tree_prompt(self, item: Item, nodes: Iterable[Label]) -> str:
        """The prompt that asks which nodes of the tree fit an item."""
        before, _, after = self.tree_template(item.text_language).partition("{report}")
        return before + item.text + after.replace("{labels}", described(nodes))

    def prompt(self, item: Item, labels: LabelSpace) -> str:
        """The prompt for one item, in the language of its text."""
        template = self.prompt_template(item.text_language)
        return template.replace("{labels}", labels.described()).replace("{report}", item.text)


def read_prompt(path: Path, place: str = "{report}") -> str:
    """Text of a prompt file.

    Args:
        path: The file.
        place: Placeholder that must stand in it.

    Raises:
        ParrotError: If it is no UTF-8 or lacks the placeholder.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except ValueError as error:
        raise ParrotError(f"{path}: this prompt is not UTF-8; save it as UTF-8.") from error
    if place not in text:
        raise ParrotError(
            f"{path}: this prompt has no {place}, where the {place[1:-1]} is to stand."
        )
    return text
