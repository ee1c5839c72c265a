"""Baselines do what their names say, with results known beforehand."""

from __future__ import annotations

import pytest

from parrot_bench.errors import ParrotError
from parrot_bench.models.base import Model
from parrot_bench.models.baselines.named import BASELINES, load_baseline
from parrot_bench.task.item import Item
from parrot_bench.task.registry import get_task


def items(golds, authors=None, texts=None):
    return [
        Item(
            report_id=str(i),
            text=texts[i] if texts else f"text {i}",
            gold=gold,
            language="de",
            author=authors[i] if authors else f"c{i}",
            text_language="de",
        )
        for i, gold in enumerate(golds)
    ]


def answers(name, task, asked, seed=0):
    task = get_task(task)
    return [each.labels for each in load_baseline(name, seed).predict(task, None, asked)]


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_is_a_model(name):
    assert isinstance(load_baseline(name), Model)


def test_majority_answers_the_most_frequent_label():
    asked = items([("chest",), ("chest", "abdomen"), ("head",)])
    assert answers("majority", "region", asked) == [("chest",)] * 3


def test_prior_draws_gold_answers_by_seed_and_report_alone():
    asked = items([("chest",), ("abdomen", "pelvis"), ("head",)] * 40)
    first = answers("prior", "region", asked)
    assert set(first) == {("chest",), ("abdomen", "pelvis"), ("head",)}
    assert answers("prior", "region", asked) == first
    assert answers("prior", "region", list(reversed(asked))) == list(reversed(first))
    assert answers("prior", "region", asked, seed=1) != first


def test_always_z00():
    assert answers("always-z00", "icd_coding", items([("J90",)])) == [("Z00",)]


def test_an_unknown_baseline_is_named():
    with pytest.raises(ParrotError, match="did you mean 'majority'"):
        load_baseline("majorty")


WORDS = {"CT": "Dichte Hounsfield Fenster", "MR": "Signal Sequenz Gadolinium"}


def test_tfidf_learns_from_other_contributors_and_never_from_the_one_it_answers():
    golds = [("CT",), ("MR",)] * 30
    texts = [WORDS[gold[0]] for gold in golds]
    authors = [f"c{i // 12}" for i in range(60)]
    assert answers("tfidf", "modality", items(golds, authors, texts)) == golds
    # One contributor whose labels are the other way round is answered as the others teach.
    turned = [golds[i] if i >= 12 else golds[i + 1 - 2 * (i % 2)] for i in range(60)]
    said = answers("tfidf", "modality", items(turned, authors, texts))
    assert said[:12] == golds[:12]


def test_tfidf_says_that_a_single_contributor_is_too_few():
    task = get_task("modality")
    asked = items([("CT",), ("MR",)], ["c1", "c1"])
    found = list(load_baseline("tfidf").predict(task, None, asked))
    assert {each.status for each in found} == {"failed"}
    assert "single contributor" in found[0].note


def test_tfidf_decides_several_labels_where_it_is_sure():
    golds = [("chest",), ("chest", "abdomen"), ("head",)] * 20
    texts = ["thorax lunge", "thorax lunge leber bauch", "schädel gehirn"] * 20
    said = answers("tfidf", "region", items(golds, [f"c{i % 10}" for i in range(60)], texts))
    assert [set(each) for each in said] == [set(each) for each in golds]


@pytest.mark.parametrize("task", ["modality", "region"])
def test_tfidf_predicts_the_only_class_it_has_seen(task):
    gold = ("CT",) if task == "modality" else ("chest",)
    asked = items([gold] * 6, authors=[f"c{i % 3}" for i in range(6)])
    assert answers("tfidf", task, asked) == [gold] * 6


@pytest.mark.parametrize("name", ["majority", "prior", "tfidf"])
def test_reports_to_which_no_label_applies_are_answered_with_none(name):
    asked = items([()] * 6, authors=[f"c{i % 3}" for i in range(6)])
    assert answers(name, "region", asked) == [()] * 6
