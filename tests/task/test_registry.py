"""Tasks of one's own, and the page that teaches to write one."""

from __future__ import annotations

import re

import pytest

from parrot_bench.corpus import load_corpus
from parrot_bench.errors import ParrotError
from parrot_bench.models.baselines.named import load_baseline
from parrot_bench.resources import tasks_path
from parrot_bench.running.runner import evaluate
from parrot_bench.task.prompts import has_prompt, hypothesis, prompt_template
from parrot_bench.task.registry import get_task, task_files

GUIDE = tasks_path().parent / "docs" / "adding-a-task.md"


@pytest.fixture
def guide_folder(tmp_path):
    """The very file that the guide builds."""
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    (tmp_path / "normal_study.py").write_text(code)
    assert len([line for line in code.splitlines() if line.strip()]) <= 30
    return tmp_path


def test_the_task_of_the_guide_runs(guide_folder, tmp_path):
    task = get_task("normal_study", guide_folder)
    run = evaluate(load_baseline("majority"), [task], load_corpus("mini"), out=tmp_path / "runs")
    pooled = run.results[(run.results["slice"] == "pooled")].set_index("metric")
    assert pooled.loc["balanced_accuracy", "value"] == 0.5
    assert pooled.loc["accuracy", "value"] > 0.5


def test_a_bundled_name_cannot_be_taken(tmp_path):
    (tmp_path / "region.py").write_text("")
    with pytest.raises(ParrotError, match="already called 'region'"):
        task_files(tmp_path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("x = 1", "no 'TASK = Task"),
        ("import nothing_at_all", "line 1: .*ModuleNotFoundError"),
        ("x = 1\ny = (", "line 2: .*SyntaxError"),
        ("from tasks import nope", "cannot be loaded"),
    ],
)
def test_a_bad_task_file_is_one_sentence(tmp_path, content, sentence):
    (tmp_path / "mine.py").write_text(content)
    with pytest.raises(ParrotError, match=sentence):
        get_task("mine", tmp_path)


@pytest.mark.parametrize("name", ["modality", "region", "icd_coding"])
def test_prompts_exist_in_every_language_of_parrot_and_english(name):
    task = get_task(name)
    for language in "af bs de el en es fr hr it ko nl pl sv tr zh".split():  # noqa: SIM905
        assert has_prompt(task, language), language
        template = prompt_template(task, language)
        assert template.count("{report}") == 1
        assert template.count("{labels}") == (0 if name == "icd_coding" else 1)
        assert f'"{task.answer_key}"' in template
    assert prompt_template(task, "fi") == prompt_template(task, "en")


@pytest.mark.parametrize("name", ["modality", "region", "icd_coding"])
def test_hypotheses_exist_in_every_language_of_parrot_and_english(name):
    task = get_task(name)
    sentences = {
        language: hypothesis(task, language)
        for language in "af bs de el en es fr hr it ko nl pl sv tr zh".split()  # noqa: SIM905
    }
    for language, sentence in sentences.items():
        assert sentence.count("{label}") == 1, language
        assert (tasks_path("prompts") / f"{name}.hypothesis.{language}.txt").is_file(), language
        # Before a colon any name is right, whatever its gender, number and case.
        assert sentence.rstrip(".。").replace("：", ": ").endswith(": {label}"), language
    assert hypothesis(task, "fi") == sentences["en"]


@pytest.mark.parametrize("name", ["modality", "region"])
def test_labels_are_called_by_their_names(name):
    labels = get_task(name).labels(load_corpus("mini"))
    assert labels.described().startswith(f"- {labels.ids[0]}: {labels.labels[0].definition}\n")
    named = {label.name_in("de") for label in labels.labels}
    assert len(named) == len(labels)
    assert {"modality": "Sonographie", "region": "Wirbelsäule"}[name] in named


@pytest.mark.parametrize("name", ["modality", "region", "icd_coding"])
def test_a_label_space_does_not_depend_on_the_reports(name):
    task = get_task(name)
    corpus = load_corpus("mini")
    assert task.labels(corpus).ids == task.labels(corpus.select(limit=5)).ids
