"""Which label of a task each output of a classifier means: by its name, or by a user's file."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from parrot_bench.errors import ParrotError, unknown
from parrot_bench.task.card import Task
from parrot_bench.task.labels import LabelSpace

Entries = Mapping[str, str | None]
_LOOSE = re.compile(r"[\s_-]+")


class LabelMap:
    """A file that names labels: for every task, or for each task by name.

    Attributes:
        digest: SHA-256 of the file.
    """

    def __init__(self, path: Path, outputs: Sequence[str]) -> None:
        """Read the file.

        Args:
            path: JSON, {"LABEL_0": "CT"} or {"modality": {"LABEL_0": "CT"}}; null for an output
                that is no label.
            outputs: Names of the classifier's outputs.

        Raises:
            ParrotError: If it cannot be read, has another form, or names an unknown output.
        """
        self._path = path
        try:
            content = path.read_bytes()
            found = json.loads(content, object_pairs_hook=self._once)
        except (OSError, ValueError) as error:
            raise ParrotError(
                f"--label-map {path}: this is no readable JSON file; "
                'write one such as {"LABEL_0": "CT"}.'
            ) from error
        self.digest = hashlib.sha256(content).hexdigest()
        if not isinstance(found, dict) or not found:
            raise self._flaw("it holds no JSON object with entries", '{"LABEL_0": "CT"}')
        nested = [isinstance(each, dict) for each in found.values()]
        if any(nested) and not all(nested):
            raise self._flaw(
                f"entry '{list(found)[nested.index(False)]}' stands beside tasks",
                'either {"LABEL_0": "CT"} or {"modality": {"LABEL_0": "CT"}}',
            )
        self._tasks: dict[str | None, Entries] = found if all(nested) else {None: found}
        for entries in self._tasks.values():
            for output, label in entries.items():
                if output not in outputs:
                    raise self._in_file(unknown("output of the model", output, outputs))
                if label is not None and not isinstance(label, str):
                    raise self._flaw(f"entry '{output}' is {label!r}", "a label's id or null")

    def entries(self, task: Task, labels: LabelSpace) -> dict[str, str | None]:
        """The label of each output that the file names for a task; None where it is no label.

        A file for all tasks says nothing about a task that has none of its labels.

        Raises:
            ParrotError: If it names a label that the task does not have.
        """
        given = self._tasks.get(task.name) or self._tasks.get(None) or {}
        found = {
            output: None if label is None else known(label, task, labels)
            for output, label in given.items()
        }
        if None in self._tasks and not any(found.values()):
            return {}
        for output, label in given.items():
            if label is not None and found[output] is None:
                error = unknown(f"label of task {task.name}", label, labels.ids)
                raise self._in_file(error, f" entry '{output}':")
        return found

    def names_task(self, task: Task) -> bool:
        """Whether the file has entries for a task of this name, or for all tasks."""
        return task.name in self._tasks or None in self._tasks

    def _flaw(self, what: str, expected: str) -> ParrotError:
        return ParrotError(f"--label-map {self._path}: {what}; {expected} was expected.")

    def _in_file(self, error: ParrotError, entry: str = "") -> ParrotError:
        return ParrotError(f"--label-map {self._path}:{entry} {error}")

    def _once(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise self._flaw(f"entry '{twice}' stands there twice", "each once")
        return found


def known(name: str, task: Task, labels: LabelSpace) -> str | None:
    """A label by its identifier; in tasks of codes also a finer code, in normal form."""
    if name in labels:
        return name
    if not task.finer_gold:
        return None
    from parrot_bench.vocabulary.icd10 import normalise_code

    code = normalise_code(name)
    return code if code is not None and (code in labels or code[:3] in labels) else None


def label_of(name: str, task: Task, labels: LabelSpace) -> str | None:
    """The label that an output's name means; None where it means none, or more than one.

    Identifiers come first, then identifiers and names of labels in any language without regard to
    case, spaces, hyphens and underscores.
    """
    found = known(name, task, labels)
    if found is not None:
        return found
    ids = {label.id for label in labels.labels if _plain(label.id) == _plain(name)}
    names = {
        label.id
        for label in labels.labels
        if any(_plain(spoken) == _plain(name) for _, spoken in label.names)
    }
    meant = ids or names
    return meant.pop() if len(meant) == 1 else None


def _plain(name: str) -> str:
    return _LOOSE.sub("", name).casefold()
