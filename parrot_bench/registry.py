"""Find tasks by name: those in `tasks/`, and a user's own in a folder of theirs."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from parrot_bench.errors import ParrotError, unknown
from parrot_bench.resources import tasks_path
from parrot_bench.task import Task


def task_files(tasks_dir: Path | None = None) -> dict[str, Path]:
    """Files of all tasks by name, without importing any.

    Args:
        tasks_dir: A folder with further task files; none of them may have the name of a bundled
            task.

    Raises:
        ParrotError: If the folder is none, or a name is taken.
    """
    files = {path.stem: path for path in sorted(tasks_path().glob("[a-z]*.py"))}
    if tasks_dir is not None:
        if not tasks_dir.is_dir():
            raise ParrotError(f"--tasks-dir {tasks_dir}: there is no such folder.")
        for path in sorted(tasks_dir.glob("[a-z]*.py")):
            if path.stem in files:
                raise ParrotError(
                    f"{path}: a bundled task is already called '{path.stem}'; rename the file."
                )
            files[path.stem] = path
    return files


def get_task(name: str, tasks_dir: Path | None = None) -> Task:
    """Load one task.

    Args:
        name: Name of the task, which is that of its file.
        tasks_dir: A folder with further task files.

    Raises:
        ParrotError: If no task has the name, or its file does not hold a `TASK` of that name.
    """
    files = task_files(tasks_dir)
    if name not in files:
        raise unknown("task", name, files)
    path = files[name]
    module_name = f"parrot_bench_task_{name}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise ParrotError(f"{path}: not a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except ParrotError:
        raise
    except Exception as error:
        where = error.lineno if isinstance(error, SyntaxError) else _line(error, path)
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


def _line(error: BaseException, path: Path) -> int | str:
    """Last line of a file that an error passed through."""
    at, line = error.__traceback__, 0
    while at is not None:
        if at.tb_frame.f_code.co_filename == str(path):
            line = at.tb_lineno
        at = at.tb_next
    return line or "?"
