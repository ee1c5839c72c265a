"""The command line as a person meets it: help, good input, bad input, exit status."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys

import pytest
import typer.main

from parrot_bench import cli

HEAVY = ("torch", "transformers", "datasets", "evaluate", "sklearn", "scipy", "pandas", "numpy")


def every_command(group=None, path=()):
    """Path and object of every command, groups included."""
    group = group or typer.main.get_command(cli.app)
    for name, each in group.commands.items():
        yield (*path, name), each
        if hasattr(each, "commands"):
            yield from every_command(each, (*path, name))


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nfrom parrot_bench.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("[]")
    assert "run" in done.stdout


def shown_examples(out):
    _, _, tail = out.partition("\n  Examples:\n")
    return [line.strip() for line in tail.rstrip().split("\n")]


@pytest.mark.parametrize("path", [(), *(path for path, _ in every_command())])
@pytest.mark.parametrize("width", ["40", "200"])
def test_every_help_has_examples_that_can_be_pasted(command, monkeypatch, path, width):
    monkeypatch.setenv("COLUMNS", width)
    status, out, _ = command(*path, "--help")
    assert status == 0
    lines = shown_examples(out)
    assert lines
    commands = dict(every_command())
    for line in lines:
        program, *words = shlex.split(line)
        assert program == "parrot-bench"
        depth = max((n for n in (1, 2) if tuple(words[:n]) in commands), default=0)
        assert depth, line
        assert tuple(words[: len(path)]) == path
        # Parses options, their values and arguments, and runs nothing.
        chosen = commands[tuple(words[:depth])]
        if "--help" not in words:
            chosen.make_context(line, words[depth:])


@pytest.mark.parametrize("path", [path for path, _ in every_command() if len(path) > 1])
def test_every_argument_says_what_it_is(path):
    for parameter in dict(every_command())[path].params:
        assert getattr(parameter, "help", None), (path, parameter.name)


def test_data_arguments_say_what_can_be_loaded(command):
    for path in (("data", "check"), ("data", "describe")):
        out = " ".join(command(*path, "--help")[1].split())
        assert "mini, parrot-v1, a file, a folder or a hub dataset" in out


def test_the_version_is_printed(command):
    assert command("--version")[1].startswith("parrot-bench 0.")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "--model", "baseline:keywrd"], "did you mean 'keyword'?"),
        (["run", "--model", "basline:keyword"], "baseline:"),
        (["run", "--model", "baseline:keyword", "--tasks", "regoin"], "did you mean 'region'?"),
        (["run", "-m", "baseline:keyword", "--languages", "Polsh"], "did you mean 'Polish'"),
        (["run", "-m", "baseline:keyword", "--text", "originel"], "did you mean 'original'?"),
        (["run", "-m", "baseline:keyword", "--data", "nowhere.jsonl"], "there is no such file"),
        (["run", "-m", "baseline:keyword", "--limit", "0"], "at least 1"),
        (["run", "-m", "baseline:keyword", "--without", "E77"], "Unknown erratum"),
        (["run", "-m", "hf:no/such/folder", "--tasks", "region"], "no/such/folder"),
        (["run", "-m", "baseline:keyword", "--seed", "-1"], "at least 0 was expected"),
        (["run", "-m", "baseline:keyword", "--languages", ""], "No language is given"),
        (["run", "-m", "baseline:keyword", "--tasks", ","], "No task was given"),
        (["run", "-m", "baseline:keyword", "--device", "cpu"], "has no --device; leave it out"),
        (["run", "-m", "baseline:keyword", "--dtype", "float32"], "has no --dtype; leave it out"),
        (["run", "-m", "baseline:keyword", "-t", "region", "--mask-modality"], "labels of region"),
        (["show", "nowhere"], "no finished run"),
        (["tasks", "show", "modalty"], "did you mean 'modality'?"),
        (["tasks", "list", "--tasks-dir", "nowhere"], "there is no such folder"),
        (["data", "check", "nowhere.csv"], "there is no such file"),
        (["data", "describe", "parrot-v1"], "data fetch"),
        (["data", "fetch"], "--accept-licence"),
        (["models", "check", "baseline:nothing"], "Unknown baseline"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(command, arguments, sentence):
    status, out, err = command(*arguments)
    assert status == 2, (out, err)
    assert sentence in err
    assert "Traceback" not in err
    assert err.startswith("Error: ")
    assert err.count("\n") == 1


def test_unknown_options_and_commands_are_refused(command):
    assert command("rnu")[0] == 2
    assert command("run", "--modle", "x")[0] == 2


def test_run_prints_a_table_per_task_and_the_path_of_the_report(command, tmp_path):
    status, out, err = command("run", "--model", "baseline:keyword", "--mask-modality")
    assert status == 0, err
    for title in ("modality · original", "modality · original-masked", "region", "icd_coding"):
        assert title in out
    for name in ("Polish", "Korean", "macro", "pooled"):
        assert name in out
    report = re.search(r"Report: (\S+)", out)[1]
    page = (tmp_path / report).read_text()
    assert "<script" not in page
    assert "category_micro_f1" in page
    assert "figures on it mean nothing" in page


def test_show_prints_the_same_tables_and_json(command):
    _, out, _ = command("run", "--model", "baseline:majority", "--tasks", "region")
    folder = re.search(r"Report: (\S+)/report.html", out)[1]
    status, shown, _ = command("show", folder)
    assert status == 0
    assert shown.strip() in out
    records = json.loads(command("show", folder, "--json")[1])
    assert records["run"]["model"]["name"] == "baseline:majority"
    assert {each["slice"] for each in records["results"]} > {"pl", "macro", "pooled"}


def test_what_is_named_twice_is_asked_once(command, tmp_path):
    once = command("run", "-m", "baseline:majority", "-t", "region", "--languages", "pl")
    twice = command(
        *("run", "-m", "baseline:majority", "-t", "region,region", "--text", "original,original"),
        *("--languages", "pl,Polish"),
    )
    assert once == twice
    assert once[0] == 0
    assert len(list((tmp_path / "runs").iterdir())) == 1


def test_a_sample_is_marked_partial(command):
    _, out, _ = command("run", "-m", "baseline:majority", "-t", "modality", "--limit", "20")
    assert "Partial run: 20 of" in out


def test_bad_rows_are_named_and_the_rest_is_run(command, row, write):
    path = write([*(row(str(i), contributor_code=str(i % 3)) for i in range(12)), "{broken"])
    arguments = ("run", "-m", "baseline:majority", "-t", "region", "--data", str(path))
    status, out, err = command(*arguments)
    assert status == 0
    assert "line 13: Not a complete JSON object" in err
    assert "German" in out
    status, _, err = command(*arguments, "--strict")
    assert status == 2
    assert "line 13" in err


def test_data_check_lists_findings_with_rows(command, row, write):
    path = write(
        [
            row("1", area="chest, nowhere", icd="J90, I84, E14.9, hello"),
            row(
                "2", report="kurz", translation="CT of the chest on 01.02.2023 by Dr. Nobody, J91.8"
            ),
            row(
                "3",
                language="German",
                report="Le scanner thoracique ne montre pas d'anomalie. " * 5,
            ),
            "{",
        ]
    )
    status, out, _ = command("data", "check", str(path))
    assert status == 0
    for expected in (
        "line 1, no 1: 'nowhere' is no known area",
        "I84 exists neither",
        "E14.9 exists in WHO",
        "'hello' cannot be read",
        "line 3, no 3: Labelled 'de', reads like 'fr'.",
        "very short text",
        "name in text",
        "date in text",
        "code in text",
        "modality named in translation",
        "unreadable row: 1 (rows left out)",
    ):
        assert expected in out
    assert "Nobody" not in out
    checked = json.loads(command("data", "check", str(path), "--json")[1])
    assert checked["counts"]["reports"] == 3
    assert {"line": 4, "id": ""}.items() <= next(
        each for each in checked["findings"] if each["rejected"]
    ).items()


def test_data_check_finds_duplicates_in_every_view(command, row, write):
    text = "Dieselbe lange Beschreibung eines unauffälligen Befundes, " * 5
    path = str(write([row("1", report=text), row("2", report=text, translation="Another.")]))
    for options in ([], ["--raw"], ["--without", "E04"]):
        checked = json.loads(command("data", "check", path, "--json", *options)[1])
        found = [each for each in checked["findings"] if each["kind"] == "near duplicate"]
        assert [each["id"] for each in found] == ["2"]
        assert checked["counts"]["clusters"] == 1
        assert checked["counts"]["view"] == ("raw" if "--raw" in options else "clean")


def test_data_commands_switch_errata_off_in_any_case(command, row, write):
    path = str(write([row("1", country="German", modality="US "), "{broken"]))
    for option in ("e08", "E08"):
        status, out, err = command("data", "describe", path, "--without", option)
        assert status == 0
        assert "line 2: Not a complete JSON object" in err
        assert "Germany" not in out
    assert "Germany" in command("data", "describe", path)[1]
    assert "Germany" not in command("data", "describe", path, "--raw")[1]
    kept = command("data", "check", path, "--without", "e08,E03")[1]
    assert "unmapped modality" in kept
    assert "unmapped modality" not in command("data", "check", path)[1]


def test_a_long_check_shows_progress_to_who_watches(monkeypatch, capsys):
    import io

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stderr", watched := Terminal())
    monkeypatch.setenv("TERM", "xterm")
    with pytest.raises(SystemExit):
        cli.main(["data", "check", "mini", "--json"])
    assert "140/140" in watched.getvalue()
    assert json.loads(capsys.readouterr().out)["counts"]["reports"] == 140


def test_data_describe_and_errata_print_their_tables(command):
    assert "ICD-10 categories" in command("data", "describe", "mini")[1]
    out = command("data", "errata")[1]
    assert all(f"E{number:02}" in out for number in range(1, 14))


def test_tasks_list_and_show(command):
    out = command("tasks", "list")[1]
    assert [line.split()[0] for line in out.splitlines()] == ["icd_coding", "modality", "region"]
    shown = command("tasks", "show", "region")[1]
    assert "micro_f1 is the headline" in shown
    assert "whole body" in shown


def test_models_check_says_what_a_baseline_can_do(command):
    status, out, _ = command("models", "check", "baseline:always-z00")
    assert status == 0
    lines = {line.split()[1]: line for line in out.splitlines()}
    assert "works" in lines["icd_coding"]
    assert "not applicable" in lines["region"]
