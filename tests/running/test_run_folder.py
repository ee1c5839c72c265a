"""Run folders, and the answers of a run under way: what survives, what a damaged one says."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from parrot_bench import cli
from parrot_bench.corpus import load_corpus
from parrot_bench.errors import ParrotError
from parrot_bench.models.base import ModelInfo
from parrot_bench.models.baselines.named import load_baseline
from parrot_bench.running import kept_answers, run_folder
from parrot_bench.running.kept_answers import open_cache
from parrot_bench.running.run_folder import load_run
from parrot_bench.running.runner import evaluate
from parrot_bench.task.item import Prediction

SLOW = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where a shell starts us aside
from parrot_bench import evaluate, load_corpus
from parrot_bench.models.base import ModelInfo, Prediction

class Slow:
    info = ModelInfo("slow", "slow", "rule")
    def obstacle(self, task, labels):
        return None
    def predict(self, task, labels, items):
        for i, item in enumerate(items):
            if i == 5:
                print("five", flush=True)
                time.sleep(60)
            yield Prediction(item.report_id, item.gold)

evaluate(Slow(), "region", load_corpus("mini"), out=sys.argv[1])
"""


class Right:
    """A model that is right, and counts what it was asked."""

    def __init__(self, during=None):
        self.info = ModelInfo("right", "right", "rule")
        self.during = during
        self.asked = 0

    def obstacle(self, task, labels):
        return None

    def predict(self, task, labels, items):
        for item in items:
            self.asked += 1
            if self.during:
                self.during()
            yield Prediction(item.report_id, item.gold)


@pytest.fixture
def mini():
    return load_corpus("mini").select(limit=14)


@pytest.fixture
def environment():
    return os.environ | {"PYTHONPATH": str(Path(cli.__file__).parents[2])}


def number_kept():
    with open_cache() as cache:
        return sum(each.answers for each in cache.kept())


def test_every_answer_outlives_a_killed_process(tmp_path, environment):
    command = [sys.executable, "-c", SLOW, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout.readline() == b"five\n"
        process.kill()
    assert number_kept() == 5


def test_no_lock_is_held_while_a_model_thinks(mini, tmp_path, private_cache):
    def write_beside():
        with sqlite3.connect(private_cache / "answers.sqlite", timeout=0.1) as other:
            other.execute("CREATE TABLE IF NOT EXISTS other (x)")
            other.execute("INSERT INTO other VALUES (1)")

    assert evaluate(Right(write_beside), "region", mini, out=tmp_path).status == "complete"


def test_a_locked_database_is_no_failure_of_the_model(mini, tmp_path, private_cache, monkeypatch):
    monkeypatch.setattr(kept_answers, "_LOCK_SECONDS", 0.1)
    others = []

    def lock():
        path = private_cache / "answers.sqlite"
        others.append(sqlite3.connect(path, isolation_level=None))
        others[-1].execute("BEGIN IMMEDIATE")

    with pytest.raises(ParrotError, match=r"answers.sqlite: .*database is locked.*goes on from"):
        evaluate(Right(lock), "region", mini, out=tmp_path)
    others[-1].close()
    assert evaluate(Right(), "region", mini, out=tmp_path).status == "complete"


@pytest.mark.parametrize("damaged", ["results.parquet", "predictions.parquet", "run.json"])
@pytest.mark.parametrize("how", ["junk", "cut", "gone"])
def test_a_damaged_run_is_written_anew_from_the_kept_answers(mini, tmp_path, damaged, how):
    first = evaluate(Right(), "region", mini, out=tmp_path)
    file = first.path / damaged
    whole = file.read_bytes()
    if how == "gone":
        file.unlink()
    else:
        file.write_bytes(b"junk" if how == "junk" else whole[: len(whole) // 2])
    with pytest.raises(ParrotError):
        load_run(first.path)
    model = Right()
    again = evaluate(model, "region", mini, out=tmp_path)
    assert model.asked == 0
    assert load_run(again.path).results.equals(first.results)


@pytest.mark.parametrize("part", ["", "model", "data", "asked", "tasks", "settings", "versions"])
def test_a_manifest_without_what_its_readers_need_says_what(mini, tmp_path, capsys, part):
    run = evaluate(load_baseline("majority"), "region", mini, out=tmp_path)
    whole = json.loads((run.path / "run.json").read_text())
    inner = whole[part] if part else whole
    inner = inner[0] if isinstance(inner, list) else inner
    for key in sorted(set(inner) & set(run_folder._REQUIRED[part].split())):
        changed = json.loads((run.path / "run.json").read_text())
        where = changed[part] if part else changed
        del (where[0] if isinstance(where, list) else where)[key]
        (run.path / "run.json").write_text(json.dumps(changed))
        with pytest.raises(SystemExit) as stop:
            cli.main(["show", str(run.path)])
        assert stop.value.code == 2
        assert f"'{part}{'.' if part else ''}{key}' is missing from this" in capsys.readouterr().err
        (run.path / "run.json").write_text(json.dumps(whole))


@pytest.mark.parametrize("part", ["model", "asked"])
def test_a_part_of_another_type_is_one_sentence(mini, tmp_path, part):
    run = evaluate(load_baseline("majority"), "region", mini, out=tmp_path)
    changed = run.manifest | {part: "something"}
    (run.path / "run.json").write_text(json.dumps(changed))
    with pytest.raises(ParrotError, match=f"'{part}\\..*' is missing"):
        load_run(run.path)


def test_an_output_folder_is_given_as_text_too_and_a_task_by_name(mini, tmp_path):
    run = evaluate(Right(), ["region", "modality", "region"], mini, out=str(tmp_path / "runs"))
    assert run.path.parent == tmp_path / "runs"
    assert [each["task"] for each in run.manifest["asked"]] == ["region", "modality"]


def test_the_machine_is_in_the_manifest(mini, tmp_path):
    found = evaluate(Right(), "region", mini, out=tmp_path).manifest["hardware"]
    assert found["processors"] == os.cpu_count()
    assert found["memory_gib"] > 0.1
    assert isinstance(found["gpus"], list)


def test_ctrl_c_keeps_the_answers_and_says_how_to_go_on(tmp_path, environment):
    slow = SLOW.replace(
        'evaluate(Slow(), "region", load_corpus("mini"), out=sys.argv[1])',
        "import parrot_bench.models.loading as loading\n"
        "loading.load_model = lambda *_, **__: Slow()\n"
        "from parrot_bench.cli import main\n"
        "main(['run', '-m', 'slow', '-t', 'region', '--out', sys.argv[1]])",
    )
    command = [sys.executable, "-c", slow, str(tmp_path)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=environment, **pipes) as process:
        assert process.stdout.readline() == b"five\n"
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.decode() == (
        "Interrupted; the answers so far are kept, give the same command to go on.\n"
    )
    assert number_kept() == 5
