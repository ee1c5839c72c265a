"""What a terminal shows: nothing cut, whatever its width, and runs without any answer too."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
import rich.console

from parrot_bench import cli
from parrot_bench.cli.output import print_table
from parrot_bench.corpus import load_corpus
from parrot_bench.exploring.report import axis, forest, write_report
from parrot_bench.exploring.tables import tables
from parrot_bench.models.base import ModelInfo
from parrot_bench.models.baselines.named import load_baseline
from parrot_bench.running.runner import evaluate
from parrot_bench.task.item import Prediction

COLUMNS = ("language", "n", "contributors", *(f"a_rather_long_measure_{i}" for i in range(5)))
ROWS = [
    ("Afrikaans", "10", "3", *("85.7 (66.7–100.0)" for _ in range(5))),
    ("macro", "1400", "42", *("90.2 (88.0–93.9)" for _ in range(5))),
]


@pytest.fixture
def shown(monkeypatch):
    """Prints the table on a terminal of a width; its lines."""

    def show(width, **options):
        file = io.StringIO()
        real = rich.console.Console

        def console(**settings):
            return real(file=file, width=width, force_terminal=width is not None, **settings)

        monkeypatch.setattr(rich.console, "Console", console)
        print_table("region · original", COLUMNS, ROWS, **options)
        return re.sub(r"\x1b\[[0-9;]*m", "", file.getvalue()).rstrip("\n").split("\n")

    return show


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
def test_a_table_is_split_to_fit_and_keeps_its_first_columns(shown, width):
    lines = shown(width, kept=3)
    text = "\n".join(lines)
    assert "…" not in text
    assert max(map(len, lines)) <= width
    for name in COLUMNS[3:]:
        assert text.count(name) == 1
    heads = [line.split() for line in lines if "a_rather_long" in line]
    assert all(head[:3] == ["language", "n", "contributors"] for head in heads)
    assert len(heads) == {60: 5, 80: 5, 100: 3, 120: 2, 200: 1}[width]
    assert text.count("85.7 (66.7–100.0)") == 5
    if len(heads) > 1:
        assert f"region · original (2 of {len(heads)})" in text


@pytest.mark.parametrize("width", [20, None])
def test_too_narrow_a_terminal_and_a_file_still_cut_nothing(shown, width):
    text = "\n".join(shown(width, kept=3))
    assert "…" not in text
    assert text.count("85.7 (66.7–100.0)") == 5
    assert text.count("contributors") == (5 if width else 1)


def test_show_fits_a_pseudo_terminal_of_80_columns(tmp_path):
    run = evaluate(load_baseline("keyword"), ["region", "icd_coding"], mini(), out=tmp_path)
    terminal, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    variables = {key: value for key, value in os.environ.items() if key != "COLUMNS"}
    variables |= {"PYTHONPATH": str(Path(cli.__file__).parents[2]), "TERM": "xterm"}
    command = [sys.executable, "-m", "parrot_bench", "show", str(run.path)]
    streams = {"stdin": inner, "stdout": inner, "stderr": inner}
    with subprocess.Popen(command, env=variables, **streams):
        os.close(inner)
        out = b""
        with contextlib.suppress(OSError):  # how a closed pseudo-terminal ends
            while piece := os.read(terminal, 65536):
                out += piece
    os.close(terminal)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", out.decode()).split("\r\n")
    assert "…" not in "".join(lines)
    for name in ("micro_f1", "macro_f1", "category_example_f1", "full_micro_f1"):
        (head,) = (line for line in lines if re.search(rf"language .* {name}\b", line))
        assert head.split()[:3] == ["language", "n", "contributors"]
        assert len(head) <= 80


def mini():
    return load_corpus("mini").select(languages=["pl", "de"])


def test_show_all_prints_the_measures_as_rows(command, tmp_path):
    run = evaluate(load_baseline("keyword"), ["icd_coding"], mini(), out=tmp_path)
    status, out, _ = command("show", str(run.path), "--all")
    assert status == 0
    lines = [line.split() for line in out.splitlines()]
    assert ["measure", "macro", "pooled"] in lines
    assert {"category_micro_f1", "hierarchical_f1", "validity_billable"} <= {
        line[0] for line in lines if line
    }
    assert "--json instead of --all" in out
    assert "hierarchical_f1" not in command("show", str(run.path))[1]


def test_a_run_in_which_nothing_was_answered_is_told_and_shown(command, row, write):
    path = write([row(str(i)) for i in range(6)])
    arguments = ("run", "-m", "baseline:tfidf", "-t", "region", "--data", str(path))
    status, out, err = command(*arguments)
    assert status == 3
    assert "Failed: 6 items: the data has a single contributor" in err
    assert "region · original" in out
    assert "6 failed: the data has a single contributor." in out
    assert "Nothing was answered, so there is nothing to score." in out
    folder = re.search(r"Report: (\S+)/report.html", out)[1]
    status, shown, _ = command("show", folder, "--all")
    assert (status, "Nothing was answered" in shown) == (0, True)
    assert command("show", folder, "--json")[0] == 0
    assert command(*arguments)[0] == 3
    assert "Nothing was answered" in (Path(folder) / "report.html").read_text()


def test_one_task_that_failed_does_not_hide_the_others(tmp_path):
    class Half:
        info = ModelInfo("half", "half", "rule")

        def obstacle(self, task, labels):
            return None

        def predict(self, task, labels, items):
            for item in items:
                if task.name == "region":
                    raise RuntimeError
                yield Prediction(item.report_id, item.gold)

    run = evaluate(Half(), ["region", "modality"], mini(), out=tmp_path)
    first, second = tables(run)
    assert (first.task, first.rows, first.measures) == ("region", (), ())
    assert "20 failed: RuntimeError while the model was asked." in first.notes
    assert second.rows[-1][0] == "pooled"
    assert "modality" in write_report(run).read_text()
    assert forest(run, "region", "original", "micro_f1")["rows"] == []


@pytest.mark.parametrize(
    ("numbers", "percent", "ticks"),
    [
        ([], True, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        ([0.3, None, float("nan")], True, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        ([-0.05, 0.9], True, [-0.2, 0, 0.2, 0.4, 0.6, 0.8, 1]),
        ([-1, 1], True, [-1, -0.5, 0, 0.5, 1]),
        ([2.7, 1.1], False, [0, 0.5, 1, 1.5, 2, 2.5, 3]),
        ([240], False, [0, 50, 100, 150, 200, 250]),
        ([0.0], False, [0, 0.2]),
    ],
)
def test_an_axis_holds_all_it_shows(numbers, percent, ticks):
    assert axis(numbers, percent=percent) == ticks


def test_a_correlation_below_zero_stays_within_the_plot(tmp_path):
    class Wrong:
        info = ModelInfo("wrong", "wrong", "rule")

        def obstacle(self, task, labels):
            return None

        def predict(self, task, labels, items):
            for at, item in enumerate(items):
                yield Prediction(item.report_id, (items[(at + 1) % len(items)].gold[0],))

    run = evaluate(Wrong(), "modality", mini(), out=tmp_path)
    plot = forest(run, "modality", "original", "mcc")
    assert {"-50", "0", "50", "100"} <= {tick["label"] for tick in plot["ticks"]}
    seen = [row[key] for row in plot["rows"] for key in ("x", "low", "high")]
    places = [each for each in seen if each is not None]
    assert plot["ticks"][0]["x"] <= min(places) < max(places) <= plot["ticks"][-1]["x"]
