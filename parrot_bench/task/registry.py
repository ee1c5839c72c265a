"""Find tasks by name: those in `tasks/`, and a user's own in a folder of theirs."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from parrot_bench.errors import ParrotError, line_in, unknown
from parrot_bench.resources import tasks_path
from parrot_bench.task.card import Task
from parrot_bench.task.prompts import check_prompts

NAME = re.compile(r"[a-z][a-z0-9_]*")


def task_files(tasks_dir: str | os.PathLike[str] | None = None) -> dict[str, Path]:
    """Files of all tasks by name, without importing any.

    Args:
        tasks_dir: A folder with further task files; none of them may have the name of a bundled
            task. Files whose name begins with "_" are no tasks.

    Raises:
        ParrotError: If the folder is none, or a name is taken.
    """
    files = {path.stem: path for path in _task_files(tasks_path())}
    if tasks_dir is not None:
        folder = Path(tasks_dir)
        if not folder.is_dir():
            raise ParrotError(f"--tasks-dir {folder}: there is no such folder.")
        for path in _task_files(folder):
            if path.stem in files:
                raise ParrotError(
                    f"{path}: a bundled task is already called '{path.stem}'; rename the file."
                )
            files[path.stem] = path
    return files


def _task_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.py") if path.name[0] not in "_.")


def get_task(name: str, tasks_dir: str | os.PathLike[str] | None = None) -> Task:
    """Load one task.

    Args:
        name: Name of the task, which is that of its file.
        tasks_dir: A folder with further task files.

    Returns:
        The task; the same object while its file stays the same.

    Raises:
        ParrotError: If no task has the name, its file does not hold a `TASK` of that name, or a
            prompt cannot be used.
    """
    files = task_files(tasks_dir)
    if name not in files:
        raise unknown("task", name, files)
    path = files[name]
    if not NAME.fullmatch(name):
        raise ParrotError(
            f"{path}: a task's file is named by small letters, digits and _, a letter first; "
            "rename it, or let its name begin with _ if it holds no task."
        )
    task = _load(name, path.absolute(), path.read_bytes())
    check_prompts(task)
    return task


def get_tasks(
    wanted: str | Task | Iterable[str | Task], tasks_dir: str | os.PathLike[str] | None = None
) -> tuple[Task, ...]:
    """Several tasks, each once, in the order in which they are first named.

    Args:
        wanted: Names, or tasks as they are.
        tasks_dir: A folder with further task files.

    Raises:
        ParrotError: As `get_task`; or if two different tasks have one name.
    """
    found: dict[str, Task] = {}
    for each in (wanted,) if isinstance(wanted, (str, Task)) else wanted:
        task = get_task(each, tasks_dir) if isinstance(each, str) else each
        if not isinstance(task, Task):
            raise ParrotError(f"A task or its name was expected, not a {type(task).__name__}.")
        if found.setdefault(task.name, task) != task:
            raise ParrotError(f"Two different tasks are called '{task.name}'; rename one.")
    return tuple(found.values())


@lru_cache(maxsize=64)
def _load(name: str, path: Path, content: bytes) -> Task:  # noqa: ARG001
    module_name = f"parrot_bench_task_{name}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise ParrotError(f"{path}: not a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except ParrotError as error:
        raise ParrotError(f"{path}, line {line_in(path, error)}: {error}") from error
    except (Exception, SystemExit) as error:
        where = error.lineno if isinstance(error, SyntaxError) else line_in(path, error)
        raise ParrotError(
            f"{path}, line {where}: the task file cannot be loaded: {type(error).__name__}: {error}"
        ) from error
    task = getattr(module, "TASK", None)
    if not isinstance(task, Task):
        raise ParrotError(f"{path}: no 'TASK = Task(...)' in it; see docs/adding-a-task.md.")
    if task.name != name:
        raise ParrotError(
            f"{path}: its task is called '{task.name}'; give the file or the task the other's name."
        )
    return task
