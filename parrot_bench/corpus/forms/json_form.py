"""Records of JSON Lines, and of the v0 form: one list of objects."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from parrot_bench.corpus.forms.records import Finding, Place, canonical_field, rejected
from parrot_bench.corpus.forms.text_lines import Line
from parrot_bench.errors import ParrotError

_BETWEEN = re.compile(r"[ \t\r\n,]*")
_OBJECT = re.compile(r'\{\s*"')


def json_records(lines: Iterator[Line], name: str) -> Iterator[tuple[Place, Any]]:
    """Records of JSON Lines, or of a list where the first character says so.

    Args:
        lines: Lines of the file.
        name: What to call it in an error.

    Raises:
        ParrotError: If there are only blank lines, or the list is empty.
    """
    nothing = True
    for line in lines:
        text = line.text.strip("\r\n\t ")
        if not text and not line.damage:
            continue
        if nothing and text.startswith("["):
            yield from _list_records(line, lines, name)
            return
        nothing = False
        yield Place(line.number), line.damage or _line_record(line.number, text)
    if nothing:
        raise ParrotError(f"{name}: the file holds only blank lines; reports were expected.")


def _line_record(number: int, text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        return rejected(Place(number), f"Not a complete JSON object: {_reason(error)}.")


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


_STRICT = json.JSONDecoder(parse_constant=_no_constant)
_FORGIVING = json.JSONDecoder()


def _reason(error: Exception, *, line: bool = False) -> str:
    """What is wrong and in which column, with the line where several were read as one text."""
    if isinstance(error, json.JSONDecodeError):
        where = f"line {error.lineno}, " if line else ""
        return f"{error.msg} at {where}column {error.colno}"
    return str(error) or "nested too deeply"


def _list_records(first: Line, rest: Iterator[Line], name: str) -> Iterator[tuple[Place, Any]]:
    """Elements of one list, numbered as rows: several may stand in one line.

    What follows the list is read as JSON Lines, so that a stray list in a first line costs nothing.
    """
    lines = [first, *rest]
    text = "\n" * (first.number - 1) + "".join(line.text for line in lines)
    damage = {line.number: line.damage for line in lines if line.damage}
    at, row, record = _after(text, text.index("[") + 1), 0, None
    while at < len(text) and text[at] != "]":
        row += 1
        place = Place(row, "row")
        record, end = _element(text, at, place)
        broken = _damage_in(text, at, end, damage)
        yield place, rejected(place, broken.message, broken.kind) if broken else record
        at = _after(text, end)
    if at == len(text) and not isinstance(record, Finding):
        place = Place(row + 1, "row")
        yield place, rejected(place, "The list is not closed; the file may have been cut short.")
    if not row and text[at:].strip() == "]":
        raise ParrotError(f"{name}: the list is empty; reports were expected.")
    number = 1 + text.count("\n", 0, at)
    for each, after in enumerate(text[at + 1 :].split("\n"), start=number):
        if after.strip():
            yield Place(each), damage.get(each) or _line_record(each, after)
    cut_short = (line for line in lines if line.damage and not line.text)
    yield from ((Place(line.number), line.damage) for line in cut_short)


def _element(text: str, at: int, place: Place) -> tuple[Any, int]:
    """The element that begins at a position, and where it ends.

    An element that is no JSON is a finding; it ends where the decoder that forgives NaN says, or
    else where the next record begins.
    """
    try:
        return _STRICT.raw_decode(text, at)
    except (ValueError, RecursionError) as error:
        reason = _reason(error, line=True)
    try:
        _, end = _FORGIVING.raw_decode(text, at)
        lost = ""
    except (ValueError, RecursionError):
        end = _next_record(text, at + 1)
        lost = f"; {end - at:,} characters were left out, up to the next whole record"
    return rejected(place, f"Not a complete JSON object: {reason}{lost}."), end


def _next_record(text: str, at: int) -> int:
    """Where the next object begins that has a field of a report; the end where there is none."""
    for match in _OBJECT.finditer(text, at):
        try:
            found, _ = _FORGIVING.raw_decode(text, match.start())
        except (ValueError, RecursionError):
            continue
        if any(canonical_field(name) for name in found):
            return match.start()
    return len(text)


def _after(text: str, at: int) -> int:
    """Position after commas and white space."""
    found = _BETWEEN.match(text, at)
    return found.end() if found else at


def _damage_in(text: str, at: int, end: int, lines: dict[int, Finding]) -> Finding | None:
    """Damage of the lines that an element lies in, where the element holds the damaged bytes."""
    if not lines or "\ufffd" not in text[at:end]:
        return None
    first = 1 + text.count("\n", 0, at)
    last = first + text.count("\n", at, end)
    return next((lines[each] for each in range(first, last + 1) if each in lines), None)
