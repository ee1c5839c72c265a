"""Fixtures of all tests: a private cache, and one good row to spoil."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from parrot_bench import cli

REPOSITORY = Path(__file__).parent.parent
SAMPLE = REPOSITORY.parent / "shared" / "parrot" / "sample.jsonl"
COUNTS = REPOSITORY.parent / "shared" / "facts" / "parrot_v1_counts.json"


@pytest.fixture(autouse=True)
def private_cache(tmp_path_factory, monkeypatch):
    """No test reads or writes the user's cache."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("PARROT_BENCH_CACHE", str(folder))
    return folder


@pytest.fixture
def command(capsys, tmp_path, monkeypatch):
    """Run the command line in this process; returns status, standard output and error."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        status = 0
        try:
            cli.main(list(arguments))
        except SystemExit as stop:
            status = int(stop.code or 0)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


@pytest.fixture
def row():
    """A function that makes a row in the published form."""

    def make(number="1", **changed):
        fields = {
            "no": number,
            "language": "German",
            "modality": "CT",
            "area": "chest",
            "report": f"CT Thorax {number}: kein Pleuraerguss, Lunge frei belüftet.",
            "translation": f"CT of the chest {number}: no pleural effusion, lungs clear.",
            "icd": "Z00",
            "contributor_code": "Somebody Real",
            "country": "Germany",
            "subspecialty": "CH",
        }
        fields.update(changed)
        return {name: value for name, value in fields.items() if value is not ...}

    return make


@pytest.fixture
def write(tmp_path):
    """A function that writes rows as JSON Lines and returns the path."""

    def make(rows, name="reports.jsonl", end="\n"):
        path = tmp_path / name
        lines = [each if isinstance(each, str) else json.dumps(each) for each in rows]
        path.write_bytes("".join(line + end for line in lines).encode())
        return path

    return make


@pytest.fixture(scope="session")
def sample():
    """Path of the real records; tests that use it are skipped where they are absent."""
    if not SAMPLE.is_file():
        pytest.skip("no PARROT records here")
    return SAMPLE


@pytest.fixture(scope="session")
def published_counts():
    """Value counts of PARROT v1.0."""
    if not COUNTS.is_file():
        pytest.skip("no PARROT counts here")
    return json.loads(COUNTS.read_text())
