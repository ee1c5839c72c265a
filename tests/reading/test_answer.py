"""Answers of models, read strictly and leniently."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parrot_bench.corpus import load_corpus
from parrot_bench.reading.answer import read_answer
from parrot_bench.task.labels import Label, LabelSpace
from parrot_bench.task.registry import get_task

TASKS = {name: get_task(name) for name in ("modality", "region", "icd_coding")}
SPACES = {name: task.labels(load_corpus("mini")) for name, task in TASKS.items()}
PARROT = "af bs de el es fr hr it ko nl pl sv tr zh".split()  # noqa: SIM905
LINES = (Path(__file__).parent / "data" / "answers.jsonl").read_text(encoding="utf-8").splitlines()
ANSWERS = [json.loads(line) for line in LINES]


def read(text, task="modality", language="", *, cut=False):
    return read_answer(text, TASKS[task], SPACES[task], language, cut=cut)


@pytest.mark.parametrize("number", range(len(ANSWERS)))
def test_answers_written_by_hand(number):
    case = ANSWERS[number]
    found = read(case["text"], case["task"], case["language"], cut=case["cut"])
    assert (list(found.labels), found.status) == (case["labels"], case["status"]), case
    strict = list(found.strict) if found.strict_status == "ok" else None
    assert strict == case["strict"], case


def test_the_answers_are_of_every_task_language_and_status():
    assert len(ANSWERS) >= 170
    seen = {(case["task"], case["language"]) for case in ANSWERS}
    assert {language for _, language in seen} == {"en", *PARROT}
    assert {case["status"] for case in ANSWERS} == {
        "ok",
        "unparsable",
        "empty",
        "refused",
        "truncated",
    }


NAMES = [
    (name, label.id, language, written)
    for name in ("modality", "region")
    for label in SPACES[name].labels
    for language, written in label.names
]


def test_every_name_of_a_label_is_read_in_its_own_language():
    for task, label, language, written in NAMES:
        for text in (written, f"Answer: {written}", json.dumps({"label": written})):
            assert read(text, task, language).labels == (label,), (text, language)


def test_a_name_of_two_labels_is_read_only_where_the_language_decides():
    labels = SPACES["modality"].labels
    twins = LabelSpace(
        [
            replace(labels[0], names=(("de", "Schichtbild"),)),
            replace(labels[1], names=(("nl", "Schichtbild"),)),
        ]
    )
    task = TASKS["modality"]
    assert read_answer("Schichtbild", task, twins, "de").labels == ("CT",)
    assert read_answer("Schichtbild", task, twins, "nl").labels == ("MR",)
    assert read_answer("Schichtbild", task, twins, "sv").status == "unparsable"
    assert read_answer("Schichtbild", task, twins).status == "unparsable"


@pytest.mark.parametrize(
    ("kind", "ids", "text", "labels"),
    [
        ("binary", ["yes", "no"], "No.", ("no",)),
        ("binary", ["yes", "no"], "Answer: yes", ("yes",)),
        ("binary", ["yes", "no"], "yes and no", None),
        ("binary", ["yes", "no"], "Yes, because there is no effusion.", None),
        ("binary", ["normal", "abnormal"], "The study is abnormal.", ("abnormal",)),
        ("binary", ["normal", "abnormal"], "not normal", None),
        ("single-label", ["3", "4", "5"], '{"mine": 4}', ("4",)),
        ("single-label", ["3", "4", "5"], "4 or 5", None),
        ("single-label", ["+", "-"], '{"mine": "+"}', ("+",)),
        ("multi-label", ["1", "2", "12"], "1, 2", ("1", "2")),
        ("multi-label", ["1", "2", "12"], "1 2", ("1", "2")),
        ("multi-label", ["none", "effusion"], "none", ("none",)),
        ("multi-label", ["none", "effusion"], "- no effusion", None),
    ],
)
def test_labels_of_a_task_of_ones_own(kind, ids, text, labels):
    task = replace(TASKS["modality"], name="mine", kind=kind, answer_key="mine")
    found = read_answer(text, task, LabelSpace(Label(each, "") for each in ids), "en")
    assert (found.labels, found.status) == (labels or (), "ok" if labels else "unparsable")


def test_text_of_the_report_never_becomes_a_label():
    sentence = "Small bilateral pleural effusions with adjacent compressive atelectasis"
    for task in TASKS:
        key = TASKS[task].answer_key
        for value in (sentence, [sentence], [{"finding": sentence}], {"finding": sentence}):
            found = read(json.dumps({key: value}), task)
            assert (found.labels, found.status) == ((), "unparsable")
    chinese = "双侧少量胸腔积液伴邻近肺组织受压不张考虑感染可能建议复查"
    assert read(json.dumps({"modality": chinese}, ensure_ascii=False)).labels == ()
    long_word = "x" * 1000
    assert read(json.dumps({"regions": [long_word]}), "region").labels == ("x" * 40,)


texts = st.text(alphabet=st.characters(exclude_categories=())) | st.text(
    alphabet="{}[]\":,'“”‘„ \n\\/*-.()|CTMRJ901abe=：，不是"
)
pieces = st.lists(
    st.sampled_from(
        [*(case["text"] for case in ANSWERS), "{", "}", "[", "]", '"', "<think>", "</think>", "```"]
    )
    | texts,
    max_size=4,
)
names = st.sampled_from(sorted(TASKS))
languages = st.sampled_from(["", "de", "el", "en", "ko", "tr", "zh", "xx"])


@settings(max_examples=300, deadline=None)
@given(pieces.map("".join), names, languages, st.booleans())
def test_reading_never_raises_and_says_what_it_found(text, name, language, cut):
    found = read(text, name, language, cut=cut)
    if found.status != "ok":
        assert found.labels == ()
    if found.strict_status == "ok":
        assert (found.strict, "ok") == (found.labels, found.status)
    else:
        assert found.strict == ()
    assert len(set(found.labels)) == len(found.labels)
    assert all(len(label) <= 40 for label in found.labels)
    json.dumps(found.labels, ensure_ascii=False).encode()
    if TASKS[name].kind == "single-label" and found.status == "ok":
        assert len(found.labels) == 1


@st.composite
def answers(draw):
    name = draw(names)
    ids = SPACES[name].ids
    if TASKS[name].kind == "single-label":
        chosen = (draw(st.sampled_from(ids)),)
        value = chosen[0]
    else:
        chosen = tuple(draw(st.lists(st.sampled_from(ids), unique=True, max_size=30)))
        value = list(chosen)
    return name, chosen, {TASKS[name].answer_key: value}


@given(answers(), st.sampled_from([None, 2]), st.sampled_from(["", " ", "\n\n"]))
def test_what_was_asked_for_round_trips(answer, indent, around):
    name, chosen, value = answer
    found = read(around + json.dumps(value, indent=indent) + around, name)
    assert (found.labels, found.status) == (chosen, "ok")
    assert (found.strict, found.strict_status) == (chosen, "ok")


WRAPPINGS = [
    "```json\n{}\n```",
    "~~~\n{}\n~~~",
    "Here is the answer:\n{}\nI hope that this helps.",
    "<think>Is it CT or MR, or J90 of the chest?</think>{}",
    "CT, J90 and the chest come to mind.</think>\n{}",
    '<thinking>\n{{"modality": "MR"}}\n</thinking>\n```\n{}\n```',
    "Die Antwort lautet: {} (ohne Gewähr, nicht geprüft)",
    '{{"answer": {}}}',
    "[{}]",
]


@given(answers(), st.sampled_from(WRAPPINGS))
def test_what_stands_around_json_does_not_change_the_reading(answer, wrapping):
    name, chosen, value = answer
    found = read(wrapping.format(json.dumps(value)), name)
    assert (found.labels, found.status) == (chosen, "ok")
    assert (found.strict, found.strict_status) == ((), "unparsable")


@given(answers())
def test_a_label_more_or_another_key_is_not_strict(answer):
    name, chosen, value = answer
    ((key, labels),) = value.items()
    for other in ({key: labels, "why": ""}, {"label": labels}, [value], {key.upper(): labels}):
        found = read(json.dumps(other), name)
        assert found.strict_status == "unparsable"
        if chosen:
            assert found.labels == chosen


def test_a_key_that_stands_twice_is_not_strict():
    assert read('{"modality": "CT", "modality": "MR"}').strict_status == "unparsable"


@pytest.mark.parametrize(
    "unit",
    [
        *("[", "{", '{"a":', '["', "<think>", "</think>", "' ", "// ", "answer: ", "J90 ", " "),
        *("\n", " \n", "a-", "```", "CT, ", "- CT\n", "(", "not ", ": ", "\\", '{"codes":"', '"'),
        *(
            "- [ ] ",
            "- [x] J90\n",
            "\u2705 ",
            "~~a",
            "Report:\n",
            "without ",
            "a: no, ",
            "not absent ",
        ),
    ],
)
@pytest.mark.parametrize("name", ["modality", "icd_coding"])
def test_long_answers_take_no_time(unit, name):
    for length in (49_000, 1_000_000):
        text = unit * (length // len(unit)) + "x"
        for said in (text, json.dumps({TASKS[name].answer_key: text})):
            began = time.perf_counter()
            read(said, name, "de", cut=True)
            assert time.perf_counter() - began < 4, length
