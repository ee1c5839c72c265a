"""The house itself: the order of its folders, its faces, and how long its files are."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import parrot_bench

PACKAGE = Path(parrot_bench.__file__).parent
ORDER = (
    "errors",
    "resources",
    "digests",
    "scoring",
    "vocabulary",
    "corpus",
    "task",
    "reading",
    "models",
    "running",
    "comparing",
    "exploring",
    "integrations",
    "cli",
)
"""Folders and files of the package from the ground up: none imports what stands after it."""
DOORS = ("__init__", "__main__")
"""Modules that lead into the house and may name anything in it."""
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "_bundled" not in path.parts)


def place(path):
    """The folder or file of the order that a module belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def test_the_order_knows_every_folder_and_nothing_else():
    assert {place(path) for path in MODULES} - {*DOORS} == {*ORDER}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_imports_what_stands_above_it(path):
    if place(path) in DOORS:
        return
    floor = ORDER.index(place(path))
    for name in imports(path):
        first, _, rest = name.partition(".")
        if first == "parrot_bench":
            other = rest.partition(".")[0]
            assert other in ORDER[: floor + 1], f"{path.relative_to(PACKAGE)} imports {name}"


def test_scoring_imports_nothing_of_ours_but_itself():
    for path in (PACKAGE / "scoring").rglob("*.py"):
        for name in imports(path):
            assert not name.startswith("parrot_bench") or name.startswith("parrot_bench.scoring")


def test_running_and_what_stands_above_it_never_import_torch():
    above = ORDER[ORDER.index("running") :]
    for path in MODULES:
        if place(path) in above:
            assert not {name.partition(".")[0] for name in imports(path)} & {"torch"}, path


def test_public_names_load_and_are_what_they_say():
    for name in parrot_bench.__all__:
        assert callable(getattr(parrot_bench, name)), name


def test_no_file_is_longer_than_a_reader_can_hold():
    sizes = {
        str(path.relative_to(PACKAGE)): len(path.read_text(encoding="utf-8").splitlines())
        for path in MODULES
    }
    assert {name: size for name, size in sizes.items() if size > 320} == {}
