"""From the text that a model wrote to labels: a strict and a lenient reading.

The strict reading is the contract that prompts ask for. The lenient one is what a person would take
for the answer. It looks, in this order, for JSON with the answer's key, for other JSON, for what
stands behind words such as "final answer:", for a list of labels, and for a few sentences that
mention labels; the first of them that is there decides. It never guesses: where an answer denies,
doubts, or names several labels and one was asked for, it is "unparsable".
"""

from __future__ import annotations

import json
import re
from collections import deque
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain, takewhile
from typing import Protocol

from parrot_bench.reading.codes import CodeReader, code_reader, once
from parrot_bench.reading.json_answers import UNREAD, from_json
from parrot_bench.reading.named_labels import BULLET, MARKUP, name_reader
from parrot_bench.reading.thinking import without_thinking
from parrot_bench.reading.words import (
    denial,
    either,
    plain,
    refuses,
    squeezed,
    ticked,
    words,
)
from parrot_bench.task.card import Task
from parrot_bench.task.item import Status
from parrot_bench.task.labels import Labels, LabelSpace
from parrot_bench.vocabulary.icd10 import normalise_code

__all__ = ["UNREAD", "Reading", "read_answer"]

MOST_CHARACTERS = 50_000
"""An answer longer than this, thinking left out, is none: its model ran on."""
_FENCE = re.compile(r"(?:`{3,}|~{3,})(?:json5?c?\b|[a-z]+(?=[ \t]*\n))?")
_SPECIAL = re.compile(r"<\|[A-Za-z_]{1,30}\|>|</?s>|<(?:eos|end_of_turn|start_of_turn)>|\[/?INST\]")
_WRITTEN_AS_TEXT = re.compile(r"\\(?:text|textbf|mathrm|mathbf)\{([^{}]{0,200})\}")
_LAST_WORD = re.compile(r"[A-Za-z0-9.]+\Z")
_SENTENCE_END = re.compile(r"[.!?;\u3002](?=\s|\Z)|\u3002")
_EMPTY = " \t\"'*_`[]{}()"
MOST_BEHIND = 2000
"""Characters behind "answer:" that are looked at."""
MOST_LEADS = 50
"""Last occurrences of "answer:" and its kin that are looked at."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer says.

    Attributes:
        labels: Labels by the lenient reading, in the order of the answer, each once. Empty if the
            status is not "ok", and where the answer says that there is none.
        status: "ok", or why there are no labels: "empty", "refused", "truncated", "unparsable".
        strict: Labels by the strict reading; the same as `labels` where its status is "ok".
        strict_status: "ok", "empty", "truncated" or "unparsable".
    """

    labels: Labels
    status: Status
    strict: Labels
    strict_status: Status


class Reader(Protocol):
    """Reads labels of one space; None stands for what is not certain."""

    def value(self, text: str) -> Labels | None:
        """Labels of one text in a JSON answer."""
        ...

    def listed(self, text: str) -> Labels | None:
        """Labels of a list; () where it says that there is none."""
        ...

    def prose(self, text: str) -> Labels | None:
        """Labels of a few sentences."""
        ...

    def mentions(self, text: str) -> bool:
        """Whether any label is named."""
        ...


def read_answer(
    text: str, task: Task, labels: LabelSpace, language: str = "", *, cut: bool = False
) -> Reading:
    """Read an answer; it never raises, and takes time linear in the length of the text.

    Strict: apart from white space around it, the answer is one JSON object with no key but
    `task.answer_key`, once, whose value is the identifier of a label exactly as it is given, or for
    a multi-label task a list of them. For a label space of codes (all of its identifiers are in the
    normal form of ICD-10 codes) a code is in that form, and need not be in the space.

    Lenient, besides: see the module. Of several JSON objects with the key the last one counts, for
    models that revise say the final answer last, and the example of a prompt that is repeated comes
    first; an unclosed one counts too, as its author's last word. Under the key, a text that is no
    label stays as it is, up to 40 characters and five words, and counts as wrong; among readable
    labels a longer one stands as `UNREAD`, for it may be text of the report. Elsewhere, unknown
    words are no labels.

    Args:
        text: The answer; thinking is left out.
        task: What was asked.
        labels: Its label space.
        language: ISO 639-1 code of the text that was asked about: names that differ between
            languages mean what they mean in this one. Empty if not known.
        cut: Whether the answer was cut off: then a label that it ends in may be half of one, and a
            half is not read. What was read before the cut has the status "ok".
    """
    text = text.encode("utf-8", "replace").decode("utf-8")
    if not text.strip():
        return Reading((), "empty", (), "empty")
    codes = _are_codes(labels.ids)
    strict = _strict(text, task, labels, codes=codes)
    if strict is not None:
        return Reading(strict, "ok", strict, "ok")
    failed: Status = "truncated" if cut else "unparsable"
    said, finished = without_thinking(text)
    said = _SPECIAL.sub(" ", said)
    if not said.strip():
        status: Status = "empty" if finished and not cut else failed
        return Reading((), status, (), failed)
    reader: Reader = (
        code_reader(task.answer_key, language) if codes else name_reader(labels.labels, language)
    )
    found = None
    if len(said) <= MOST_CHARACTERS:
        found = _lenient(said, task, reader, language, cut=cut)
    if found is not None:
        return Reading(found, "ok", (), failed)
    return Reading((), "refused" if refuses(said) else failed, (), failed)


@lru_cache(maxsize=64)
def _are_codes(ids: Labels) -> bool:
    return all(normalise_code(each) == each for each in ids)


def _strict(text: str, task: Task, labels: LabelSpace, *, codes: bool) -> Labels | None:
    try:
        # Pairs instead of a dictionary, which would hide a key that stands twice.
        value = json.loads(text, object_pairs_hook=tuple)
    except (ValueError, RecursionError):
        return None
    if not (isinstance(value, tuple) and len(value) == 1 and value[0][0] == task.answer_key):
        return None
    content = value[0][1]
    multi = task.kind == "multi-label"
    if isinstance(content, list) != multi:
        return None
    given = content if multi else [content]
    for each in given:
        if not isinstance(each, str):
            return None
        if each not in labels and not (codes and normalise_code(each) == each):
            return None
    return tuple(dict.fromkeys(given))  # in normal form, so that no code has two spellings


def _lenient(said: str, task: Task, reader: Reader, language: str, *, cut: bool) -> Labels | None:
    unfenced = ticked(_WRITTEN_AS_TEXT.sub(r"\1", _FENCE.sub("\n", said)))
    found = _before_next_report(unfenced, task, reader)
    if found is None:
        found = _whole(unfenced, task, reader, language, cut=cut)
    if found is None or (task.kind != "multi-label" and len(found) != 1):
        return None
    return once(found) if isinstance(reader, CodeReader) else found


def _before_next_report(text: str, task: Task, reader: Reader) -> Labels | None:
    """The answer before a heading of prompts, where a model made up the next report to answer.

    Instructions that are repeated before a report hold neither JSON nor a list of labels, and no
    sentence is read here, so that they are no answer.
    """
    heading = _report_heading().search(text)
    if heading is None or not text[: heading.start()].strip():
        return None
    first = text[: heading.start()]
    multi = task.kind == "multi-label"
    decided, found = from_json(first, task.answer_key, reader, multi=multi, cut=False)
    if decided:
        return found
    bare = squeezed(plain(MARKUP.sub("", first)))
    led, found = _announced(bare, task, reader, cut=False)
    return found if led else reader.listed(bare)


@cache
def _report_heading() -> re.Pattern[str]:
    """Finds what stands before a report in prompts, such as "Report:", at the head of a line."""
    return re.compile(
        rf"^[ \t#*]{{0,8}}(?:{either(words('report'))})[ *]{{0,3}}[:\uff1a]", re.MULTILINE
    )


def _whole(said: str, task: Task, reader: Reader, language: str, *, cut: bool) -> Labels | None:
    multi = task.kind == "multi-label"
    decided, found = from_json(said, task.answer_key, reader, multi=multi, cut=cut)
    return found if decided else _from_text(MARKUP.sub("", said), task, reader, language, cut=cut)


def _from_text(text: str, task: Task, reader: Reader, language: str, *, cut: bool) -> Labels | None:
    line_ended = text.rstrip(" ").endswith("\n")
    text = squeezed(plain(text))
    if cut and not line_ended and isinstance(reader, CodeReader):
        text = _LAST_WORD.sub("", text)
    led, found = _announced(text, task, reader, cut=cut)
    if led or _denying_heading(text, language):
        return found
    found = reader.listed(text)
    if found is None and not refuses(text):
        found = reader.prose(_finished(text) if cut else text)
    return found


def _finished(text: str) -> str:
    """The sentences of a text that came to an end."""
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    return text[: ends[-1]] if ends else ""


def _announced(text: str, task: Task, reader: Reader, *, cut: bool) -> tuple[bool, Labels | None]:
    """Whether words such as "answer:" lead to labels, and the labels if they agree.

    The last of those that say "final" counts. Else all of a kind must say the same; but what stands
    behind several "code:" of a task for several labels is put together.
    """
    multi = task.kind == "multi-label"
    for kind in ("final", "answer", task.answer_key):
        read = []
        for match in deque(_leading(kind).finditer(text), maxlen=MOST_LEADS):
            found = _behind(text[match.end() :], reader, multi=multi, cut=cut)
            if found is not None:
                read.append(found)
        if not read:
            continue
        if kind == "final":
            return True, read[-1]
        if multi and kind == task.answer_key:
            return True, tuple(dict.fromkeys(label for each in read for label in each))
        return True, read[0] if len(set(map(frozenset, read))) == 1 else None
    return False, None


@cache
def _leading(kind: str) -> re.Pattern[str]:
    names, verbs = either({kind, *words(kind)}), either(words("is"))
    return re.compile(
        rf"(?:{names})(?:\s?\([^)\n]{{0,30}}\))?[\"'*_`\s]{{0,4}}"
        rf"(?:(?:{verbs})(?:\s{{0,2}}[:=])?|[:=]|->|\u2192)"
    )


def _behind(text: str, reader: Reader, *, multi: bool, cut: bool) -> Labels | None:
    """Labels on the line that begins here and, of several labels, on lists in the lines below."""
    lines = [line for line in text[:MOST_BEHIND].splitlines() if line.strip(_EMPTY)]
    if not lines:
        return None
    bullets = list(takewhile(BULLET.match, lines))
    found = reader.listed("\n".join(bullets) or lines[0])
    if found is None and not bullets:
        found = reader.prose(_finished(lines[0]) if cut and len(lines) == 1 else lines[0])
        if not multi and (found is None or len(found) != 1):
            found = reader.listed(_SENTENCE_END.split(lines[0], maxsplit=1)[0])
    if found is None or not multi:
        return found
    below = takewhile(bool, map(reader.listed, lines[len(bullets) or 1 :]))
    return tuple(dict.fromkeys(chain(found, *filter(None, below))))


def _denying_heading(text: str, language: str) -> bool:
    """Whether a line such as "Not covered:" says that what follows is no answer."""
    headings = (line for line in text.splitlines() if line.rstrip().endswith(":"))
    return any(denial(language).search(line) for line in headings)
