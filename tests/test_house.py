"""The house itself: floors, exports, and that the bundled data says what it claims."""

from __future__ import annotations

import ast
from pathlib import Path

import parrot_bench

PACKAGE = Path(parrot_bench.__file__).parent


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def test_scoring_imports_nothing_of_ours_but_itself():
    for path in (PACKAGE / "scoring").glob("*.py"):
        for name in imports(path):
            assert not name.startswith("parrot_bench") or name.startswith("parrot_bench.scoring")


def test_nothing_imports_from_a_stage_to_its_right():
    order = [
        "resources",
        "digests",
        "errors",
        "scoring",
        "vocabulary",
        "corpus",
        "task",
        "models",
        "store",
    ]
    order += ["asking", "manifest", "scores", "runner", "analysis", "cli"]
    floor = {name: at for at, name in enumerate(order)}
    for path in PACKAGE.rglob("*.py"):
        own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if own not in floor:
            continue
        for name in imports(path):
            parts = name.split(".")
            if parts[0] == "parrot_bench" and len(parts) > 1 and parts[1] in floor:
                assert floor[parts[1]] <= floor[own], f"{path.name} imports {name}"


def test_public_names_load_and_are_what_they_say():
    for name in parrot_bench.__all__:
        assert callable(getattr(parrot_bench, name)), name


def test_no_file_is_longer_than_a_reader_can_hold():
    long = {
        path.name: len(path.read_text().splitlines())
        for path in PACKAGE.rglob("*.py")
        if len(path.read_text().splitlines()) > 320
    }
    assert long == {}
