"""Probes learn what a plain scikit-learn pipeline learns from the same vectors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from parrot_bench.models.hub.source import resolve
from parrot_bench.models.options import ModelOptions
from parrot_bench.models.probe.model import ProbeModel
from parrot_bench.models.probe.regressions import fit_together, standardised
from parrot_bench.task.card import Kind, Task
from parrot_bench.task.item import Item, Prediction
from parrot_bench.task.labels import Labels, LabelSpace

Make = Callable[[Kind], Task]
WORDS = {
    "chest": "CT of the chest: lungs clear",
    "knee": "Röntgen des Knies, kein Erguss",
    "head": "MRI of the head: no bleeding",
}


def probe(folder: Path, **options: Any) -> ProbeModel:
    return ProbeModel(resolve(f"hf:{folder}"), ModelOptions(device="cpu", **options))


def reports(golds: list[Labels], authors: int = 6) -> list[Item]:
    """Items whose texts hold words of their labels, and a number of their own."""
    return [
        Item(
            str(i),
            " ".join([*(WORDS[label] for label in gold), f"size {i % 7}"]),
            gold,
            "en",
            f"a{i % authors}",
            "en",
        )
        for i, gold in enumerate(golds)
    ]


def reference(model: ProbeModel, items: list[Item]) -> Any:
    """Training part and asked part of every fold, with standardised features."""
    from sklearn.model_selection import GroupKFold
    from sklearn.preprocessing import StandardScaler

    vectors = model.encoder.embed([item.text for item in items], "").vectors.numpy()
    vectors = vectors.astype(float)
    for train, test in GroupKFold(5).split(vectors, groups=[item.author for item in items]):
        scaler = StandardScaler().fit(vectors[train])
        width = vectors.shape[1] ** 0.5
        yield train, test, *(scaler.transform(vectors[part]) / width for part in (train, test))


def test_single_label_answers_are_those_of_scikit_learn(
    bert_folder: Path, space: LabelSpace, make_task: Make
) -> None:
    from sklearn.linear_model import LogisticRegression

    names = sorted(WORDS)
    items = reports([(names[(i * i) % 3],) for i in range(48)])
    model = probe(bert_folder)
    assert (model.info.trained_on_data, model.info.probabilities) == (True, True)
    answers = list(model.predict(make_task("single-label"), space, items))
    assert [answer.report_id for answer in answers] == [item.report_id for item in items]
    for train, test, learnt, asked in reference(model, items):
        plain = LogisticRegression(C=10, max_iter=1000).fit(
            learnt, [items[i].gold[0] for i in train]
        )
        for i, row in zip(test, plain.predict_proba(asked), strict=True):
            expected = dict(zip(plain.classes_, row, strict=True))
            assert answers[i].scores == pytest.approx(expected, abs=1e-3)
            assert answers[i].labels == (max(expected, key=lambda each: expected[each]),)
            assert answers[i].tokens_in > 0


def test_multi_label_answers_are_one_regression_a_label(
    bert_folder: Path, space: LabelSpace, make_task: Make
) -> None:
    from sklearn.linear_model import LogisticRegression

    golds: list[Labels] = [("chest",), ("chest", "knee"), ("head",), (), ("head", "knee")]
    items = reports([golds[(i * i + i // 6) % 5] for i in range(50)])
    items[0] = Item("0", "CT", ("abdomen",), "en", "a0", "en")  # too rare to be learnt
    model = probe(bert_folder)
    answers = list(model.predict(make_task("multi-label"), space, items))
    for train, test, learnt, asked in reference(model, items):
        for label in sorted(WORDS):
            target = [label in items[i].gold for i in train]
            plain = LogisticRegression(C=10, tol=1e-6, max_iter=1000).fit(learnt, target)
            chances = plain.predict_proba(asked)[:, 1]
            found = [answers[i].scores[label] for i in test]
            assert found == pytest.approx(chances, abs=1e-3)
    for answer in answers:
        assert sorted(answer.scores) == sorted(WORDS)
        sure = {label for label, score in answer.scores.items() if score >= 0.5}
        assert set(answer.labels) == (sure or set(answer.ranking[:1]))


def test_regressions_fitted_together_are_those_fitted_alone() -> None:
    from sklearn.linear_model import LogisticRegression

    draw = np.random.default_rng(5)
    rows = draw.normal(size=(260, 20)) @ draw.normal(size=(20, 30)) + 3
    learnt, asked = standardised(rows[:200], rows[200:])
    assert learnt.mean(axis=0) == pytest.approx(np.zeros(30), abs=1e-9)
    assert np.linalg.norm(learnt, axis=1).mean() == pytest.approx(1, abs=0.05)
    logits = 8 * learnt @ draw.normal(size=(30, 12)) - np.linspace(0, 3, 12)
    targets = draw.random((200, 12)) < 1 / (1 + np.exp(-logits))
    targets[:2] = [[True] * 12, [False] * 12]
    found = fit_together(learnt, targets, asked)
    for chances, target in zip(found.T, targets.T, strict=True):
        plain = LogisticRegression(C=10, tol=1e-8, max_iter=5000).fit(learnt, target)
        assert chances == pytest.approx(plain.predict_proba(asked)[:, 1], abs=1e-3)


def test_the_same_question_has_the_same_answer_to_the_last_bit(
    bert_folder: Path, space: LabelSpace, make_task: Make
) -> None:
    items = reports([("chest",), ("chest", "knee"), ("head",)] * 10)
    task = make_task("multi-label")

    def scores() -> list[dict[str, float]]:
        return [answer.scores for answer in probe(bert_folder).predict(task, space, items)]

    assert scores() == scores()


def test_batches_change_little(bert_folder: Path, space: LabelSpace, make_task: Make) -> None:
    items = reports([("chest",), ("knee",), ("head",)] * 10)
    task = make_task("single-label")
    one, many = (
        list(probe(bert_folder, batch_tokens=tokens).predict(task, space, items))
        for tokens in (1, 4096)
    )
    for left, right in zip(one, many, strict=True):
        assert left.labels == right.labels
        assert left.scores == pytest.approx(right.scores, abs=1e-4)


def test_reports_without_a_vector_teach_nothing(
    bert_folder: Path, space: LabelSpace, make_task: Make
) -> None:
    items = reports([("chest",), ("knee",), ("head",)] * 8)
    task = make_task("single-label")
    plain = list(probe(bert_folder).predict(task, space, items))
    blank = Item("blank", " \n", ("knee",), "en", "a0", "en")
    long = Item("long", "lungs clear " * 99, ("knee",), "en", "a1", "en")
    found = list(probe(bert_folder).predict(task, space, [blank, *items, long]))
    assert found[0] == Prediction("blank", (), status="empty")
    assert (found[-1].status, found[-1].note[:19]) == ("failed", "The prompt does not")
    for one, two in zip(plain, found[1:-1], strict=True):
        assert one.scores == pytest.approx(two.scores, abs=1e-4)
    cut = list(probe(bert_folder, allow_truncation=True).predict(task, space, [*items, long]))
    assert (cut[-1].status, cut[-1].truncated_input) == ("ok", True)


def test_near_copies_are_not_answered_by_each_other(
    bert_folder: Path, space: LabelSpace, make_task: Make
) -> None:
    golds: list[Labels] = [("chest",), ("knee",)] * 4
    items = [
        Item(str(i), WORDS[gold[0]], gold, "en", f"a{i // 2}", "en", cluster=i // 4)
        for i, gold in enumerate(golds)
    ]
    found = list(probe(bert_folder).predict(make_task("single-label"), space, items))
    assert {answer.status for answer in found} == {"ok"}
    joined = [Item(*_fields(item), cluster=1) for item in items]
    found = list(probe(bert_folder).predict(make_task("single-label"), space, joined))
    assert {answer.note for answer in found} == {"the data has a single contributor"}


def _fields(item: Item) -> tuple[Any, ...]:
    return (item.report_id, item.text, item.gold, item.language, item.author, item.text_language)


def test_no_items(bert_folder: Path, space: LabelSpace, make_task: Make) -> None:
    assert list(probe(bert_folder).predict(make_task("single-label"), space, [])) == []
