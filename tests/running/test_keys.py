"""Everything that is written around a report is in the key of its answer, and in the run's name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from parrot_bench.corpus import load_corpus
from parrot_bench.models.base import ModelInfo
from parrot_bench.running import keys
from parrot_bench.running.manifest import identity_of
from parrot_bench.running.sheets import Settings, Sheet
from parrot_bench.task.item import Item
from parrot_bench.task.labels import Label, LabelSpace, LabelTree
from parrot_bench.task.registry import get_task

SPACE = LabelSpace([Label("chest", "lungs"), Label("head", "brain")])
ITEM = Item("1", "CT of the chest.", ("chest",), "de", "c001", "de")
TREE = LabelTree((Label("chest", "lungs"), Label("head", "brain")), {})


class Model:
    def __init__(self, **settings):
        self.info = ModelInfo("hf:a/b", "hf:a/b", "choose", settings=settings)


def identities(model, task):
    sheet = Sheet(task, SPACE, "original", (ITEM,), {})
    identity = identity_of(model, [sheet], load_corpus("mini"), Settings())
    return keys.answer_keys(model, sheet)[0], identity["tasks"][0]["prompt_hash"]


def own_task(folder):
    return replace(
        get_task("region"),
        prompts=folder,
        labels=lambda corpus: SPACE,
        gold=lambda report: ("chest",),
    )


@pytest.fixture
def folder(tmp_path):
    texts = {
        "region.de.txt": "Nenne: {report}",
        "region.el.txt": "Πες: {report}",
        "region.en.txt": "Name: {report}",
        "region.hypothesis.de.txt": "Es geht um {label}.",
        "region.tree.en.txt": "Name: {report} {labels}",
        "region.tree.de.txt": "Nenne: {report} {labels}",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("file", "settings", "changes"),
    [
        ("region.de.txt", {}, True),
        ("region.hypothesis.de.txt", {}, True),
        ("region.tree.de.txt", {}, True),
        ("region.el.txt", {}, False),
        ("region.tree.en.txt", {}, False),
        # Twenty of the bundled corpus's reports are German or fewer: others are Greek too.
        ("region.el.txt", {"shots": 130}, True),
    ],
)
def test_another_wording_is_another_question(file, settings, changes, folder):
    task = replace(own_task(folder), tree=lambda: TREE)
    before = identities(Model(**settings), task)
    path = folder / file
    path.write_text(path.read_text(encoding="utf-8").replace(":", ";").replace(".", "!"), "utf-8")
    after = identities(Model(**settings), task)
    assert [one != other for one, other in zip(before, after, strict=True)] == [changes] * 2


def test_other_answers_of_worked_examples_are_another_question(folder):
    task = own_task(folder)
    other = replace(task, gold=lambda report: ("head",))
    for settings, differ in (({}, False), ({"shots": 2}, True)):
        keys = {identities(Model(**settings), each)[0] for each in (task, other)}
        assert (len(keys) == 2) is differ
