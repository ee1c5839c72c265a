"""What is written around a report: a task's prompts, hypotheses and questions about its tree."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from parrot_bench.errors import ParrotError
from parrot_bench.task.card import Task
from parrot_bench.task.item import Item
from parrot_bench.task.labels import Label, LabelSpace, described


def render_prompt(task: Task, item: Item, labels: LabelSpace) -> str:
    """The prompt for one item, in the language of its text.

    Raises:
        ParrotError: If the task's prompt is no UTF-8 or has no place for the report.
    """
    template = prompt_template(task, item.text_language)
    return template.replace("{labels}", labels.described()).replace("{report}", item.text)


def render_tree_prompt(task: Task, item: Item, nodes: Iterable[Label]) -> str:
    """The prompt that asks which nodes of a task's tree fit an item.

    Raises:
        ParrotError: As `tree_template`.
    """
    before, _, after = tree_template(task, item.text_language).partition("{report}")
    return before + item.text + after.replace("{labels}", described(nodes))


def has_prompt(task: Task, language: str) -> bool:
    """Whether a task has a prompt in a language of its own."""
    return task.prompts is not None and (task.prompts / f"{task.name}.{language}.txt").is_file()


def prompt_template(task: Task, language: str) -> str:
    """Prompt in one language: `<name>.<language>.txt`, or in English where there is none in that.

    Args:
        task: The task.
        language: ISO 639-1 code of the text that is asked about.

    Returns:
        A text with the placeholders `{report}` and, for tasks with few labels, `{labels}`.

    Raises:
        ParrotError: If the prompt is no UTF-8 or has no place for the report.
    """
    path = _file(task, "", language)
    if path is not None:
        return read_prompt(path)
    return (
        f"{task.title}\nThe labels are:\n{{labels}}\n\nReport:\n{{report}}\n\n"
        f'Answer with JSON only, in the form {{"{task.answer_key}": [...]}}:\n'
    )


def hypothesis(task: Task, language: str) -> str:
    """Sentence that is true of a report if a label is: `<name>.hypothesis.<language>.txt`.

    Args:
        task: The task.
        language: ISO 639-1 code of the text that is asked about; English is the fallback.

    Returns:
        A text with the placeholder `{label}`, where a label's name is to stand.

    Raises:
        ParrotError: If the file is no UTF-8 or has no place for the label.
    """
    path = _file(task, ".hypothesis", language)
    return "This report is about {label}." if path is None else read_prompt(path, "{label}").strip()


def tree_template(task: Task, language: str) -> str:
    """Prompt to choose among nodes of the tree: `<name>.tree.<language>.txt`.

    Args:
        task: The task.
        language: ISO 639-1 code of the text that is asked about; English is the fallback.

    Returns:
        A text with the placeholders `{report}` and, after it, `{labels}`, so that a model reads
        the report once for all questions about it.

    Raises:
        ParrotError: If the file is no UTF-8, lacks a placeholder or has them the wrong way.
    """
    path = _file(task, ".tree", language)
    if path is None:
        return (
            f"{task.title}\n\nReport:\n{{report}}\n\nWhich of these fits the report best?\n"
            f'{{labels}}\n\nAnswer with JSON only, in the form {{"{task.answer_key}": [...]}}:\n'
        )
    text = read_prompt(path)
    if text.find("{labels}") < text.find("{report}"):
        raise ParrotError(f"{path}: {{labels}} must stand after {{report}}.")
    return text


def wordings(task: Task, languages: Iterable[str]) -> list[str]:
    """Everything that is written around reports in some languages: prompts, hypotheses, tree.

    Raises:
        ParrotError: If a file is no UTF-8 or lacks a placeholder.
    """
    readers = (prompt_template, hypothesis, *((tree_template,) if task.tree else ()))
    return [read(task, language) for language in languages for read in readers]


def check_prompts(task: Task) -> None:
    """Read every prompt file of a task.

    Raises:
        ParrotError: If one is no UTF-8 or lacks a placeholder.
    """
    for path in sorted(task.prompts.glob(f"{task.name}.*.txt")) if task.prompts else ():
        about_label = path.name.startswith(f"{task.name}.hypothesis.")
        read_prompt(path, "{label}" if about_label else "{report}")


def _file(task: Task, part: str, language: str) -> Path | None:
    """File of a wording in a language, or in English; None where there is neither."""
    if task.prompts is None:
        return None
    names = (f"{task.name}{part}.{code}.txt" for code in (language, "en"))
    return next((path for name in names if (path := task.prompts / name).is_file()), None)


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
