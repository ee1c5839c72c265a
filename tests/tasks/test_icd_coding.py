"""The ICD task: what a predicted code earns at each level."""

from __future__ import annotations

import pytest

from parrot_bench.corpus import load_corpus
from parrot_bench.task.registry import get_task

LEVELS = {
    "category_micro_f1": "category",
    "chapter_micro_f1": "chapter",
    "full_micro_f1": "full code",
    "hierarchical_f1": "tree",
    "hierarchical_f1_below_block": "tree up to the category",
    "cophe_f1": "tree, counted",
}


@pytest.fixture(scope="module")
def task():
    return get_task("icd_coding")


@pytest.fixture
def seen(task):
    """What the metric of a measure compares."""
    measures = {measure.name: measure for measure in task.measures}

    def look(name, wanted, predicted):
        return measures[name].view(wanted, predicted)

    return look


@pytest.mark.parametrize("name", LEVELS)
@pytest.mark.parametrize("said", ["{}.ZZ", "{}-{}", "chapter {}", "{}x"])
def test_codes_that_do_not_exist_score_nothing_at_any_level(task, name, said):
    golds = [gold for report in load_corpus("mini").reports() if (gold := task.gold(report))]
    answers = [tuple(said.format(code[:3], code[:3]) for code in gold) for gold in golds]
    (measure,) = (each for each in task.measures if each.name == name)
    pairs = [measure.view(gold, answer) for gold, answer in zip(golds, answers, strict=True)]
    rows = measure.metric.contributions([g for g, _ in pairs], [p for _, p in pairs])
    assert measure.metric.value(rows.sum(axis=0)) == 0


@pytest.mark.parametrize("name", LEVELS)
@pytest.mark.parametrize("said", ["10", "J90-J94", "A00-B99", "hello"])
def test_chapters_blocks_and_words_are_one_false_positive(seen, name, said):
    wanted, predicted = seen(name, ("J90", "A01.0"), (said,))
    assert len(predicted) == 1
    assert not set(predicted) & set(wanted)


def test_a_code_that_does_not_exist_counts_where_the_gold_has_just_it(seen):
    assert seen("category_micro_f1", ("J90.ZZ",), ("j90zz",)) == (("J90",), ("J90",))
    assert seen("category_micro_f1", ("J90.ZY",), ("J90.ZZ",))[1] == ("no code: J90.ZZ",)


def test_codes_of_the_who_and_of_either_writing_count(seen):
    # E14.9 (unspecified diabetes) is only in the WHO's list.
    assert seen("chapter_micro_f1", ("I10",), ("E14.9", "k358")) == (("9",), ("4", "11"))


def test_a_ranking_keeps_its_order(seen):
    _, ranked = seen("category_map", ("J90",), ("J18.9", "J90.ZZ", "J90", "J18"))
    assert ranked == ("J18", "no code: J90.ZZ", "J90")


def test_nodes_are_counted_as_often_as_codes_reach_them(seen):
    _, once = seen("hierarchical_f1", (), ("J90", "J91.8"))
    _, often = seen("cophe_f1", (), ("J90", "J91.8"))
    assert (once.count("10"), often.count("10")) == (1, 2)
    assert seen("hierarchical_f1_below_block", (), ("J91.8",))[1] == ("J91.8", "J91")


def test_measures_of_one_view_share_its_function(task):
    views = {measure.view for measure in task.measures}
    assert len(views) == 8  # six levels, kinds of error, validity
