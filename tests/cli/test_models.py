"""Commands around models: the cache, asking again, consent, failures, energy."""

from __future__ import annotations

import json
import re
import sys

import pytest

from parrot_bench.corpus import load_corpus
from parrot_bench.errors import ParrotError
from parrot_bench.models.base import ModelInfo
from parrot_bench.models.baselines.named import load_baseline
from parrot_bench.resources import tasks_path
from parrot_bench.running.runner import evaluate
from parrot_bench.running.verifying import reask
from parrot_bench.task.item import Prediction
from parrot_bench.task.registry import get_tasks
from tests.models.endpoint.server import MODEL, Server, answer, error


class Scripted:
    """A model that answers as a function says."""

    remote = False

    def __init__(self, answer, **changed):
        fields = {"spec": "scripted", "name": "scripted", "method": "rule"} | changed
        self.info = ModelInfo(**fields)
        self.answer = answer

    def obstacle(self, task, labels):
        return None

    def predict(self, task, labels, items):
        for item in items:
            yield self.answer(task, item)


@pytest.fixture
def scripted(monkeypatch):
    """Makes the command line load a scripted model whatever is named."""

    def use(model):
        monkeypatch.setattr("parrot_bench.models.loading.load_model", lambda *_, **__: model)
        return model

    return use


def right(task, item):
    return Prediction(item.report_id, item.gold)


def test_the_cache_is_shown_and_pruned(command, private_cache):
    assert "0 answers" in command("cache", "info")[1]
    assert command("run", "-m", "baseline:keyword", "-t", "region", "--limit", "14")[0] == 0
    out = command("cache", "info")[1]
    assert f"{private_cache / 'answers.sqlite'}: 14 answers" in out
    found = json.loads(command("cache", "info", "--json")[1])
    assert [(e["model"], e["answers"], e["failed"]) for e in found["models"]] == [
        ("baseline:keyword", 14, 0)
    ]
    assert command("cache", "prune", "--older-than", "1")[1] == "0 answers deleted.\n"
    assert command("cache", "prune", "--model", "baseline:keyword")[1] == "14 answers deleted.\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["prune"], "Say what to delete: --older-than DAYS, --model NAME or --all."),
        (["prune", "--older-than", "-1"], "a number of days was expected"),
        (["prune", "--model", "hf:nothing"], "Unknown model in the cache 'hf:nothing'"),
    ],
)
def test_bad_input_to_prune_is_one_sentence(command, arguments, sentence):
    status, _, err = command("cache", *arguments)
    assert (status, sentence in err, err.count("\n")) == (2, True, 1)


def test_another_out_folder_needs_no_answer_again(command, scripted):
    asked = []

    def answer(task, item):
        asked.append(item.report_id)
        return right(task, item)

    scripted(Scripted(answer))
    for out in ("one", "two"):
        assert command("run", "-m", "x", "-t", "region", "--limit", "14", "--out", out)[0] == 0
    assert len(asked) == 14


def test_failed_items_end_with_status_3_and_are_asked_again_on_request(command, scripted):
    def fails(task, item):
        status = "failed" if item.language == "pl" else "ok"
        return Prediction(item.report_id, item.gold, status=status, note="No memory.")

    arguments = ("run", "-m", "x", "-t", "region", "--limit", "14")
    scripted(Scripted(fails))
    status, out, err = command(*arguments)
    assert status == 3
    assert "Failed: 1 items: No memory." in err
    assert "give the same command with --retry-failed" in err
    assert re.search(r"Polish +0 +0 +100.0 failed", out)
    scripted(Scripted(right))
    assert command(*arguments)[0] == 3
    status, out, _ = command(*arguments, "--retry-failed")
    assert status == 0
    assert re.search(r"Polish +1 +1 +100.0 ok", out)


@pytest.fixture
def private(write, row):
    return str(write([row(str(i)) for i in range(3)]))


def test_private_text_does_not_leave_without_a_word(command, scripted, private, monkeypatch):
    model = scripted(Scripted(right, settings={"base_url": "https://models.example/v1"}))
    model.remote = True
    arguments = ("run", "-m", "x", "-t", "region", "--data", private)
    status, _, err = command(*arguments)
    assert status == 2
    assert "would leave this machine for https://models.example/v1; give --allow-remote" in err
    assert command(*arguments, "--allow-remote")[0] == 0
    model.remote = False
    assert command(*arguments)[0] == 0


@pytest.mark.parametrize(("answer", "status"), [("n", 2), ("y", 0)])
def test_a_person_is_asked_before_private_text_leaves(
    command, scripted, private, monkeypatch, answer, status
):
    model = scripted(Scripted(right, settings={"base_url": "https://models.example/v1"}))
    model.remote = True
    monkeypatch.setattr("parrot_bench.cli.consent.sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", lambda text, err: "3 reports" in text and answer == "y")
    found, _, err = command("run", "-m", "x", "-t", "region", "--data", private)
    assert found == status
    assert ("Nothing was sent." in err) is (answer == "n")


def test_a_public_corpus_is_sent_without_a_question(command, scripted):
    model = scripted(Scripted(right))
    model.remote = True
    assert command("run", "-m", "x", "-t", "region", "--limit", "14")[0] == 0


def test_a_file_called_like_a_public_corpus_is_private(write, row):
    assert not load_corpus(write([row()], name="mini")).public
    assert load_corpus("mini").public


def test_examples_never_come_from_the_evaluated_corpus(tmp_path):
    model = Scripted(right, settings={"shots": 2})
    with pytest.raises(ParrotError, match="--shots takes its examples from the corpus mini"):
        evaluate(model, "region", load_corpus("mini").select(limit=14), out=tmp_path)


def test_every_kind_of_model_is_listed(command):
    out = command("models", "list")[1]
    assert all(f"\n{each}" in f"\n{out}" for each in ("baseline:keyword", "hf:NAME", "openai:NAME"))


def test_verify_prints_differences_and_flips(command, scripted):
    def answer(task, item):
        return Prediction(item.report_id, item.gold, {"chest": 0.5, "head": 0.25})

    scripted(Scripted(answer))
    out = command("run", "-m", "x", "-t", "region")[1]
    folder = re.search(r"Report: (\S+)/report.html", out)[1]
    status, out, _ = command("verify", folder, "--items", "7")
    assert status == 0
    assert re.search(r"region · original +7 +0.00e\+00 +0 flipped +0 changed", out)

    def moved(task, item):
        return Prediction(item.report_id, ("nothing",), {"chest": 0.5, "head": 0.375})

    scripted(Scripted(moved))
    (row,) = json.loads(command("verify", folder, "--items", "7", "--json")[1])
    assert row["largest_difference"] == 0.125
    assert len(row["flips"]) == 7
    assert "other labels for" in command("verify", folder)[1]


def test_verify_takes_the_run_s_own_baseline(command):
    out = command("run", "-m", "baseline:keyword", "-t", "region,modality")[1]
    folder = re.search(r"Report: (\S+)/report.html", out)[1]
    status, out, err = command("verify", folder)
    assert (status, out.count("0 flipped")) == (0, 2), err


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"digest": "0" * 64}, "This is not the model of .*: its digest is 0000.* and was none"),
        ({"settings": {"dtype": "bfloat16"}}, "dtype is bfloat16 and was float32; give the opt"),
        ({"trained_on_data": True}, "learns from all reports at once"),
        (
            {"name": "other", "settings": {}, "trained_on_data": True},
            "Another model was named than that of .*: its name is other and was scripted; name",
        ),
        (
            {"method": "fit", "settings": {}},
            "Another model was named than that of .*: its method is fit and was rule; name",
        ),
    ],
)
def test_only_the_model_of_the_run_is_asked_again(tmp_path, changed, sentence):
    settings = {"settings": {"dtype": "float32"}}
    corpus = load_corpus("mini").select(limit=14)
    run = evaluate(Scripted(right, **settings), "region", corpus, out=tmp_path)
    other = Scripted(right, **(settings | changed))
    with pytest.raises(ParrotError, match=sentence):
        reask(run, other, get_tasks("region"), corpus)


def test_another_model_is_named_as_such_on_the_command_line(command):
    folder = run_folder(command, "-m", "baseline:prior")
    status, _, err = command("verify", folder, "--model", "baseline:keyword")
    assert (status, err.count("\n")) == (2, 1)
    assert "its name is baseline:keyword and was baseline:prior" in err


def run_folder(command, *arguments):
    status, out, err = command("run", "-t", "region", *arguments)
    assert status == 0, err
    return re.search(r"Report: (\S+)/report.html", out)[1]


@pytest.fixture
def endpoint():
    server = Server()
    yield server
    server.stop()


def test_what_cannot_be_asked_again_is_no_flip(command, endpoint):
    folder = run_folder(command, "-m", f"openai:{MODEL}@{endpoint.url}", "--limit", "14")
    endpoint.behave = lambda fields, number: error(500)
    arguments = ("verify", folder, "--items", "2", "--retries", "0")
    status, out, err = command(*arguments)
    assert status == 3
    assert re.search(r"region · original +0 +– +0 flipped +0 changed", out)
    assert "Failed: region · original: 2 items: The endpoint was asked once and did not" in err
    assert "2 of 2 questions could not be asked again and are not compared" in err
    status, out, _ = command(*arguments, "--json")
    (row,) = json.loads(out)
    assert (status, row["items"], row["flips"], row["status_changes"]) == (3, 0, [], [])
    assert sum(row["failures"].values()) == 2


def test_a_model_that_breaks_down_when_asked_again_is_asked_three_times(command, scripted):
    scripted(Scripted(right))
    folder = run_folder(command, "-m", "x", "--limit", "14")
    asked = []

    def breaks(task, item):
        asked.append(item)
        raise MemoryError

    scripted(Scripted(breaks))
    status, _, err = command("verify", folder)
    assert (status, len(asked)) == (3, 3)
    assert "3 items: MemoryError while the model was asked." in err
    assert "11 items: Not asked after 3 failures in a row." in err


def test_another_version_behind_an_endpoint_is_said(command, endpoint):
    def version(day):
        endpoint.behave = lambda fields, number: answer(model=f"{MODEL}-2024-{day}")

    version("08-06")
    folder = run_folder(command, "-m", f"openai:{MODEL}@{endpoint.url}", "--limit", "14")
    assert command("verify", folder, "--items", "2")[0] == 0
    version("11-20")
    status, out, err = command("verify", folder, "--items", "2")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert f"now answers with the model '{MODEL}-2024-11-20'" in err
    assert f"was answered by '{MODEL}-2024-08-06'" in err


@pytest.mark.parametrize(("file", "what"), [("prompts/side.en.txt", "prompt"), ("side.py", "file")])
def test_a_changed_task_is_not_an_unstable_model(command, scripted, tmp_path, file, what):
    tasks = tmp_path / "my_tasks"
    (tasks / "prompts").mkdir(parents=True)
    source = tasks_path("region.py").read_text()
    (tasks / "side.py").write_text(source.replace('name="region"', 'name="side"'))
    (tasks / "prompts" / "side.en.txt").write_text("Name it: {report}")
    scripted(Scripted(right))
    out = command("run", "-m", "x", "-t", "side", "--tasks-dir", str(tasks))[1]
    folder = re.search(r"Report: (\S+)/report.html", out)[1]
    assert command("verify", folder, "--tasks-dir", str(tasks))[0] == 0
    changed = tasks / file
    changed.write_text(changed.read_text() + "\n# \n")
    status, out, err = command("verify", folder, "--tasks-dir", str(tasks))
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert f"Task 'side' is not as in {folder}: its {what} has changed" in err


def test_the_sample_has_a_seed_of_its_own(command, monkeypatch):
    asked = []

    def answer(task, item):
        asked.append(item.report_id)
        return right(task, item)

    monkeypatch.setattr(
        "parrot_bench.models.loading.load_model",
        lambda *_, options, **__: Scripted(answer, settings={"seed": options.seed}),
    )
    folder = run_folder(command, "-m", "x", "--seed", "7")
    samples = set()
    for seed in ("0", "1"):
        asked.clear()
        arguments = ("verify", folder, "--seed", "7", "--items", "5", "--sample-seed", seed)
        assert command(*arguments)[0] == 0
        assert len(asked) == 5
        samples.add(tuple(asked))
    assert len(samples) == 2
    assert "seed is 8 and was 7" in command("verify", folder, "--seed", "8")[2]
    assert "--seed is that of the model" in " ".join(command("verify", "--help")[1].split())


def test_costs_are_sums_by_task_text_and_language(tmp_path):
    def answer(task, item):
        return Prediction(item.report_id, item.gold, tokens_in=10, tokens_out=2, seconds=0.5)

    corpus = load_corpus("mini").select(languages=["pl", "de"])
    run = evaluate(Scripted(answer), ["region", "modality"], corpus, out=tmp_path)
    rows = run.manifest["costs"]
    assert [(row["task"], row["language"]) for row in rows] == [
        ("region", "de"),
        ("region", "pl"),
        ("modality", "de"),
        ("modality", "pl"),
    ]
    assert all(
        (row["items"], row["seconds"], row["tokens_in"], row["tokens_out"]) == (10, 5.0, 100, 20)
        for row in rows
    )


def test_what_is_known_after_loading_is_in_the_manifest_of_a_cached_run_too(tmp_path):
    model = Scripted(right)
    model.record = {"max_tokens": 512}
    corpus = load_corpus("mini").select(limit=14)
    first = evaluate(model, "region", corpus, out=tmp_path / "a").manifest["record"]
    assert first["max_tokens"] == 512
    assert first["peak_memory_mib"] > 10
    cached = Scripted(right)
    assert evaluate(cached, "region", corpus, out=tmp_path / "b").manifest["record"] == first


def test_energy_is_measured_by_codecarbon(tmp_path):
    pytest.importorskip("codecarbon")
    corpus = load_corpus("mini").select(limit=14)
    run = evaluate(load_baseline("keyword"), "region", corpus, out=tmp_path, energy=True)
    assert run.manifest["energy"]["kwh"] > 0
    assert run.manifest["energy"]["by"].startswith("codecarbon ")


def test_energy_without_codecarbon_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr("parrot_bench.running.costs.find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "codecarbon", None)
    corpus = load_corpus("mini").select(limit=14)
    with pytest.raises(ParrotError, match=r"parrot-bench\[energy\]"):
        evaluate(load_baseline("keyword"), "region", corpus, out=tmp_path, energy=True)
