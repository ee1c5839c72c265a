from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from parrot_bench.errors import ParrotError
from parrot_bench.models.base import ModelInfo
from parrot_bench.models.check import check_model, check_spec, synthetic_items
from parrot_bench.models.loading import load_model
from parrot_bench.models.options import ModelOptions
from parrot_bench.task.card import Kind, Task
from parrot_bench.task.item import Item, Prediction
from parrot_bench.task.labels import Label, LabelSpace

Make = Callable[[Kind], Task]


class Scripted:
    """A model that answers what a function says."""

    info = ModelInfo(spec="scripted", name="scripted", method="rule")

    def __init__(self, answer: Callable[[Item], Any], hindrance: str | None = None) -> None:
        self.answer = answer
        self.hindrance = hindrance

    def obstacle(self, task: Task, labels: LabelSpace) -> str | None:
        return self.hindrance

    def predict(
        self, task: Task, labels: LabelSpace, items: Sequence[Item]
    ) -> Iterator[Prediction]:
        for item in items:
            yield self.answer(item)


def raising(error: Exception) -> Callable[[Item], Prediction]:
    def answer(item: Item) -> Prediction:
        raise error

    return answer


def test_every_task_gets_a_row_in_order(space: LabelSpace, make_task: Make) -> None:
    model = Scripted(lambda item: Prediction(item.report_id, ("chest",), {"chest": 1.0}))
    rows = check_model(model, [(make_task("single-label"), space), (make_task("binary"), space)])
    assert [(row.task, row.outcome) for row in rows] == [("region", "works")] * 2
    assert rows[0].why == "3 of 3 answers are usable, with scores."
    assert rows[0].seconds >= 0


def test_obstacle_is_not_applicable(space: LabelSpace, make_task: Make) -> None:
    model = Scripted(raising(AssertionError("must not be asked")), "It answers with codes.")
    (row,) = check_model(model, [(make_task("single-label"), space)])
    assert (row.outcome, row.why) == ("not applicable", "It answers with codes.")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (raising(ParrotError("The wheel came off.")), "The wheel came off."),
        (raising(RuntimeError("first line\nsecond")), "RuntimeError: first line"),
        (lambda item: Prediction("else", ("chest",)), "It answered for another report"),
        (lambda item: Prediction(item.report_id, ()), "0 labels where exactly one"),
        (lambda item: Prediction(item.report_id, ("chest", "knee")), "2 labels where exactly one"),
        (lambda item: Prediction(item.report_id, ("chest",), {"chest": float("nan")}), "finite"),
        (lambda item: Prediction(item.report_id, (), status="broken"), "Its status is none of"),
        (lambda item: Prediction(item.report_id, (), status="unparsable"), "'unparsable'"),
        (lambda item: Prediction(item.report_id, (), status="failed", note="No room."), "No room."),
        (lambda item: None, "It answered a NoneType where a Prediction was expected"),
        (lambda item: Prediction(item.report_id, "chest"), "Its labels are a str"),
    ],
)
def test_failures(answer: Any, words: str, space: LabelSpace, make_task: Make) -> None:
    (row,) = check_model(Scripted(answer), [(make_task("single-label"), space)])
    assert row.outcome == "fails"
    assert words in row.why
    assert "\n" not in row.why
    assert not row.why.endswith("..")


def test_some_usable_answers_are_partly(space: LabelSpace, make_task: Make) -> None:
    def answer(item: Item) -> Prediction:
        if item.language == "de":
            return Prediction(item.report_id, (), status="failed", note="No room.")
        return Prediction(item.report_id, ("chest",))

    (row,) = check_model(Scripted(answer), [(make_task("single-label"), space)])
    assert row.outcome == "partly"
    assert row.why == "2 of 3 answers are usable, without scores; another is not: No room."


def test_a_model_that_stops_early_fails(space: LabelSpace, make_task: Make) -> None:
    class Short(Scripted):
        def predict(
            self, task: Task, labels: LabelSpace, items: Sequence[Item]
        ) -> Iterator[Prediction]:
            return super().predict(task, labels, items[:2])

    model = Short(lambda item: Prediction(item.report_id, ("chest",)))
    (row,) = check_model(model, [(make_task("single-label"), space)])
    assert (row.outcome, row.why) == ("fails", "It gave 2 answers where 3 were asked for.")


@pytest.mark.parametrize(("given", "times"), [({}, "2 times"), ({"retries": 0}, "once")])
def test_an_endpoint_where_nobody_listens_fails_in_seconds(
    given: dict[str, int], times: str, space: LabelSpace, make_task: Make
) -> None:
    asked = [(make_task("single-label"), space)] * 3
    began = time.monotonic()
    rows = check_spec("openai:m@http://127.0.0.1:9/v1", asked, options=ModelOptions(**given))
    assert time.monotonic() - began < 10
    why = f"The endpoint was asked {times} and did not answer: no connection"
    assert [row.outcome for row in rows] == ["fails"] * 3
    assert why in rows[0].why
    assert [row.why for row in rows[1:]] == ["Not asked, for the same reason as region."] * 2


def test_an_endpoint_that_fails_at_one_task_is_asked_the_others(
    space: LabelSpace, make_task: Make
) -> None:
    asked: list[Item] = []

    def answer(item: Item) -> Prediction:
        asked.append(item)
        note = "The endpoint was asked once and did not answer: HTTP 500 (Internal Server Error)."
        return Prediction(item.report_id, (), status="failed", note=note)

    check_model(Scripted(answer), [(make_task("single-label"), space)] * 2)
    assert len(asked) == 6


def test_object_that_is_no_model(space: LabelSpace, make_task: Make) -> None:
    found = check_model(object(), [(make_task("single-label"), space)])  # type: ignore[arg-type]
    assert found[0].outcome == "fails"
    assert "predict()" in found[0].why


def test_items_suit_models_that_learn_from_them(space: LabelSpace) -> None:
    items = synthetic_items(space)
    assert len({item.author for item in items}) == 3
    assert len({item.language for item in items}) == 3
    assert len({item.gold for item in items}) == 3


@pytest.mark.parametrize("kind", ["single-label", "multi-label"])
@pytest.mark.parametrize("name", ["majority", "prior", "tfidf"])
def test_baselines_work(name: str, kind: Kind, space: LabelSpace, make_task: Make) -> None:
    (row,) = check_model(load_model(f"baseline:{name}"), [(make_task(kind), space)])
    assert (row.outcome, row.why.split(",")[0]) == ("works", "3 of 3 answers are usable")


def test_choose_is_not_applicable_to_a_large_space(
    gpt2_folder: Path, space: LabelSpace, make_task: Make
) -> None:
    model = load_model(f"hf:{gpt2_folder}", options=ModelOptions(device="cpu"))
    many = LabelSpace(Label(f"L{i}", "") for i in range(300))
    task = make_task("multi-label")
    outcomes = [row.outcome for row in check_model(model, [(task, space), (task, many)])]
    assert outcomes == ["works", "not applicable"]
