"""What is sent to an endpoint."""

from __future__ import annotations

import time

from parrot_bench.models.endpoint.answer_schema import answer_schema
from parrot_bench.task.card import Task
from parrot_bench.task.item import Item
from parrot_bench.task.labels import Label, LabelSpace
from parrot_bench.task.prompts import render_prompt
from parrot_bench.vocabulary.icd10 import CODE
from tests.models.endpoint.server import (
    MODEL,
    SECRET,
    Make,
    Say,
    Server,
    answer,
    ask,
    model_of,
    reports,
)


def test_request_holds_the_question_and_nothing_else(
    server: Server, task: Task, space: LabelSpace
) -> None:
    item = Item("r", "Knie \ud800 ä", (), "de", "Dr. Author", "de", country="Germany")
    (found,) = ask(model_of(server, seed=3, max_new_tokens=40), task, space, [item])
    assert server.paths == ["/v1/chat/completions"]
    (fields,) = server.asked
    form = fields.pop("response_format")
    assert fields == {
        "model": MODEL,
        "messages": [{"role": "user", "content": render_prompt(task, item, space)}],
        "temperature": 0,
        "max_tokens": 40,
        "seed": 3,
    }
    assert form["type"] == "json_schema"
    assert form["json_schema"] == {
        "name": "region",
        "strict": True,
        "schema": answer_schema(task, space),
    }
    assert (found.labels, found.strict, found.status) == (("knee",), ("knee",), "ok")
    assert (found.raw, found.tokens_in, found.tokens_out) == ('{"region": "knee"}', 7, 3)
    assert found.seconds > 0


def test_examples_are_turns(server: Server) -> None:
    from parrot_bench.corpus import load_corpus
    from parrot_bench.task.registry import get_task

    task = get_task("modality")
    labels = task.labels(load_corpus("mini"))
    model = model_of(server, shots=2)
    ask(model, task, labels)
    roles = [turn["role"] for turn in server.asked[0]["messages"]]
    assert roles == ["user", "assistant", "user", "assistant", "user"]
    assert len(model.record["examples"]["modality/de"]) == 2
    assert model.info.settings["shots"] == 2


def test_schema_of_each_kind(make_task: Make, space: LabelSpace) -> None:
    label = {"type": "string", "enum": ["chest", "knee", "head", "abdomen"]}
    for kind, value in (
        ("single-label", label),
        ("binary", label),
        ("multi-label", {"type": "array", "items": label}),
    ):
        assert answer_schema(make_task(kind), space) == {  # type: ignore[arg-type]
            "type": "object",
            "properties": {"region": value},
            "required": ["region"],
            "additionalProperties": False,
        }


def test_schema_of_large_label_spaces(make_task: Make) -> None:
    import re

    from parrot_bench.corpus import load_corpus
    from parrot_bench.task.registry import get_task
    from parrot_bench.vocabulary.icd10 import load_table

    task = get_task("icd_coding")
    codes = answer_schema(task, task.labels(load_corpus("mini")))["properties"]["codes"]
    assert codes == {"type": "array", "items": {"type": "string", "pattern": CODE}}
    table = load_table()
    names = [*table.categories, *table.codes_of("S72"), *table.codes_of("J90"), "C7A.1", "R91.1"]
    assert all(re.search(CODE, each) for each in names)
    for wrong in ("", "chest", "j90", "J9", "J90.", "J90.12345", "J90 x"):
        assert not re.search(CODE, wrong)
    words = LabelSpace(Label(f"word {i}", "") for i in range(201))
    made = answer_schema(make_task("single-label"), words)
    assert made["properties"]["region"] == {"type": "string"}


def test_few_requests_are_under_way_and_answers_come_as_they_do(
    server: Server, task: Task, space: LabelSpace
) -> None:
    server.behave = lambda fields, number: Say(
        body=answer().body, after=0.3 if number == 0 else 0.02
    )
    model = model_of(server, concurrency=3)
    names = [each.report_id for each in model.predict(task, space, reports(12))]
    assert sorted(names) == sorted(f"r{i}" for i in range(12))
    assert server.most_at_once == 3
    assert names[0] != server_first(server)


def server_first(server: Server) -> str:
    """The report that the server was asked first."""
    text: str = server.asked[0]["messages"][-1]["content"]
    return "r" + text.split(SECRET)[1].split(".")[0].strip()


def test_no_more_is_asked_than_is_taken(server: Server, task: Task, space: LabelSpace) -> None:
    answers = model_of(server, concurrency=2).predict(task, space, reports(50))
    next(answers)
    time.sleep(0.2)
    assert len(server.asked) <= 6
    answers.close()  # type: ignore[attr-defined]


def test_blank_reports_are_not_sent(server: Server, task: Task, space: LabelSpace) -> None:
    blank = Item("blank", " \n", (), "de", "a", "de")
    found = ask(model_of(server), task, space, [blank, *reports(1)])
    assert [each.status for each in found] == ["empty", "ok"]
    assert ask(model_of(server), task, space, [blank])[0].status == "empty"
    assert len(server.asked) == 1
