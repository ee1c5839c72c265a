"""Broken tasks of a user's own: one sentence each, that names the task and the report."""

from __future__ import annotations

from pathlib import Path

import pytest

from parrot_bench import cli
from parrot_bench.errors import ParrotError
from parrot_bench.task.registry import get_task

CARD = """
from pathlib import Path

from parrot_bench.scoring.metrics.label_sets import Accuracy
from parrot_bench.task import Label, LabelSpace, Measure, Task

TASK = Task(
    name="size", version="1", title="How long?", kind="single-label", answer_key="size",
    labels=lambda corpus: LabelSpace([Label("short", ""), Label("long", "")]),
    gold=lambda report: ("long",),
    without_gold="", measures=(Measure("accuracy", Accuracy()),), headline="accuracy",
)
"""
GOLD = 'lambda report: ("long",)'
SPACE = 'LabelSpace([Label("short", ""), Label("long", "")])'
END = 'headline="accuracy",'


@pytest.fixture
def command(capsys, tmp_path, monkeypatch):
    """Writes a changed card and runs the command line on it; status, output and error."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()

    def run(old, new, *arguments, name="size.py"):
        assert old in CARD
        (tmp_path / "mine" / name).write_text(CARD.replace(old, new))
        given = arguments or ("run", "-m", "baseline:majority", "-t", "size")
        status = 0
        try:
            cli.main([*given, "--tasks-dir", "mine"])
        except SystemExit as stop:
            status = int(stop.code or 0)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def test_the_card_works_before_it_is_broken(command):
    assert command("How", "How")[0] == 0


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (GOLD, "lambda report: report.size", "gold() of report '1' raised AttributeError"),
        (GOLD, "lambda report: report.size", "size.py, line 10)"),
        (GOLD, 'lambda report: "long"', "the text 'long'; a tuple of labels was expected"),
        (GOLD, 'lambda report: ["long"]', "['long']; a tuple of label ids was expected"),
        (GOLD, "lambda report: (1,)", "(1,); a tuple of label ids was expected"),
        (GOLD, 'lambda report: ("lnog",)', "outside its label space. Unknown label 'lnog': did"),
        (GOLD, 'lambda report: ("long", "short")', "2 labels; a single-label task has exactly one"),
        (GOLD, "lambda report: ()", "0 labels; a single-label task has exactly one"),
        (SPACE, "1 / 0", "Task 'size': labels() raised ZeroDivisionError"),
        (SPACE, '["short", "long"]', "Task 'size': labels() returned a list; a LabelSpace was"),
        (SPACE, 'LabelSpace(["short"])', "holds labels, Label(id, definition), and not 'short'"),
        (SPACE, "LabelSpace([])", "Task 'size': labels(): A label space needs at least one"),
        ('"single-label"', '"singel-label"', "Unknown kind 'singel-label': did you mean"),
        ('"single-label"', "[]", "Unknown kind '[]'"),
        (END, END + 'prompts="prompts"', "prompts is a str; a path was expected"),
        (END, END + 'prompts=Path("nowhere")', "there is no folder of prompts nowhere"),
        (END, END + 'views=("originel",)', "Unknown text view 'originel': did you mean 'original'"),
        (END, END + 'views="original"', "views is 'original'; a tuple was expected"),
        ("lambda corpus: " + SPACE, SPACE, "labels is a LabelSpace; a function was expected"),
        ('(Measure("accuracy", Accuracy()),)', "(Accuracy(),)", "measures is no tuple of measures"),
        ("TASK = ", "import sys\nsys.exit(1)\nTASK = ", "line 8: the task file cannot be loaded"),
    ],
)
def test_a_broken_task_is_one_sentence_and_status_2(command, old, new, sentence):
    status, _, err = command(old, new)
    assert status == 2
    assert sentence in err
    assert "size" in err
    assert err.startswith("Error: ")
    assert err.count("\n") == 1


def test_gold_twice_is_refused_for_several_labels_too(command):
    card = CARD.replace("single-label", "multi-label")
    status, _, err = command(CARD, card.replace(GOLD, 'lambda report: ("long", "long")'))
    assert (status, "a label twice: long, long" in err) == (2, True)


def test_a_card_that_breaks_while_it_is_read_names_file_and_line(command):
    status, _, err = command('"single-label"', '"none"')
    assert status == 2
    assert "mine/size.py, line 7: Task 'size': Unknown kind 'none'" in err


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"What is it?", "has no {report}"), (b"{report} \xff", "is not UTF-8")],
)
def test_a_prompt_that_cannot_be_used_is_named(command, tmp_path, content, sentence):
    (tmp_path / "mine" / "size.pl.txt").write_bytes(content)
    status, _, err = command(END, END + "prompts=Path(__file__).parent")
    assert status == 2
    assert f"size.pl.txt: this prompt {sentence}" in err


@pytest.mark.parametrize("name", ["Size.py", "2size.py", "my-size.py"])
def test_a_file_name_that_is_no_task_name_is_said(command, name):
    stem = name.removesuffix(".py")
    status, _, err = command("How", "How", "run", "-m", "baseline:majority", "-t", stem, name=name)
    assert status == 2
    assert f"mine/{name}: a task's file is named by small letters" in err


def test_files_that_begin_with_an_underscore_are_no_tasks(command):
    status, out, err = command("How", "1 / 0", "tasks", "list", name="_size.py")
    assert (status, err) == (0, "")
    assert "size" not in out


@pytest.mark.parametrize("name", ["size.py", "Size.py"])
@pytest.mark.parametrize("arguments", [("tasks", "list"), ("models", "check", "baseline:majority")])
def test_lists_name_a_bad_file_and_go_on(command, arguments, name):
    status, out, err = command('"single-label"', '"none"', *arguments, name=name)
    assert status == 2
    assert f"mine/{name}" in err
    assert err.count("\n") == 1
    at = 0 if arguments[0] == "tasks" else 1
    assert [line.split()[at] for line in out.splitlines()] == ["icd_coding", "modality", "region"]


def test_models_check_names_a_task_without_a_label_space_and_goes_on(command):
    status, out, err = command(SPACE, "1 / 0", "models", "check", "baseline:majority")
    assert status == 2
    assert "Task 'size': labels() raised ZeroDivisionError" in err
    assert len(out.splitlines()) == 3


def test_showing_a_task_checks_its_gold(command):
    status, _, err = command(GOLD, 'lambda report: "long"', "tasks", "show", "size")
    assert (status, "the text 'long'" in err) == (2, True)


def test_a_task_stays_the_same_object_while_its_file_does(tmp_path):
    file = Path(tmp_path) / "size.py"
    file.write_text(CARD)
    first = get_task("size", tmp_path)
    assert get_task("size", str(tmp_path)) is first
    file.write_text(CARD.replace('"1"', '"2"'))
    assert get_task("size", tmp_path).version == "2"
    file.write_text("")
    with pytest.raises(ParrotError, match="no 'TASK = Task"):
        get_task("size", tmp_path)
