"""One record of any form: what is good in it, and what is wrong with it.

A record becomes a `Row` of canonical field names and strings, or a `Finding` that says in one
sentence why it cannot.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from parrot_bench.vocabulary.tables import vocabulary

FIELDS = (
    "no",
    "language",
    "modality",
    "area",
    "report",
    "translation",
    "icd",
    "contributor_code",
    "country",
    "subspecialty",
)
REQUIRED = ("language", "report")
LONGEST_RECORD = 1_000_000
"""Characters of one field; the longest published report has 6,526."""
_LISTS = {"icd", "area", "subspecialty"}
_PERSON = "contributor_code"
_NUMBERS = {"no", _PERSON}
_INFINITE = (math.inf, -math.inf)

Unit = Literal["line", "row"]


class Place(NamedTuple):
    """Where a record stands: a line of the file, or a row where the form has no lines."""

    number: int
    unit: Unit = "line"

    def __str__(self) -> str:
        """Such as "line 3"."""
        return f"{self.unit} {self.number}"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about one row that a person should know.

    Attributes:
        line: Line of the file (row, where the form has no lines), from 1.
        id: Identifier of the report; empty where it could not be read.
        kind: Short name of the kind of finding, such as "unmapped area".
        message: One sentence without report text.
        rejected: Whether the row was left out because of it.
        unit: What `line` counts: lines, or rows where the form has no lines.
    """

    line: int
    id: str
    kind: str
    message: str
    rejected: bool = False
    unit: Unit = "line"

    @property
    def place(self) -> Place:
        """Where the row stands."""
        return Place(self.line, self.unit)


@dataclass(frozen=True, slots=True)
class Row:
    """One readable row: canonical fields, and further fields as they were."""

    line: int
    fields: dict[str, str]
    extra: dict[str, str]
    missing: tuple[str, ...]
    unit: Unit = "line"

    @property
    def place(self) -> Place:
        """Where the row stands."""
        return Place(self.line, self.unit)


def rejected(place: Place, message: str, kind: str = "unreadable row", id: str = "") -> Finding:  # noqa: A002
    """Finding that leaves a row out."""
    return Finding(place.number, id, kind, message, rejected=True, unit=place.unit)


@lru_cache(maxsize=10_000)
def canonical_field(name: str) -> str | None:
    """Canonical field that a column name means; None where it is an extra one."""
    return vocabulary("fields").find(name.strip().lstrip("\ufeff"))


def check_record(place: Place, record: Any) -> Row | Finding:
    """Turn one record into a row of strings, or say what is wrong with it."""
    if not isinstance(record, dict):
        return rejected(place, f"A JSON object was expected, not a {_type_name(record)}.")
    fields: dict[str, str] = {}
    extra: dict[str, str] = {}
    for name, value in record.items():
        field = canonical_field(str(name))
        if field is None or (field in fields and field != _PERSON):
            extra[str(name)] = value if isinstance(value, str) else _as_json(value)
            continue
        text = _as_text(field, value)
        if text is None:
            message = f"Field '{name}' is a {_type_name(value)}; a string was expected."
            return rejected(place, message, "wrong type", fields.get("no", ""))
        # A second column of names must not become an extra field: those are kept as they are.
        if not fields.get(field, "").strip():
            fields[field] = text
    number = fields.get("no", "").strip()
    problem = _problem(fields, extra)
    if problem:
        kind, message = problem
        return rejected(place, message, kind, number)
    missing = tuple(name for name in FIELDS if name not in fields)
    fields |= dict.fromkeys(missing, "")
    fields["no"] = number or f"row-{place.number}"
    return Row(place.number, fields, extra, missing, place.unit)


def _problem(fields: dict[str, str], extra: dict[str, str]) -> tuple[str, str] | None:
    """Kind and message of what leaves a row out; None where it is good."""
    for name in REQUIRED:
        if name not in fields:
            return "missing field", f"Field '{name}' is missing."
    for name, text in (*fields.items(), *extra.items()):
        if len(text) > LONGEST_RECORD or len(name) > LONGEST_RECORD:
            length = f"{max(len(text), len(name)):,} characters"
            message = f"Field '{name[:60]}' has {length}; at most {LONGEST_RECORD:,} are taken."
            return "oversized record", message
    if not fields["report"].strip():
        return "empty report", "Field 'report' is empty."
    try:
        "".join((*fields.values(), *extra, *extra.values())).encode()
    except UnicodeEncodeError:
        message = "A text holds half a surrogate pair; save the file as UTF-8 again."
        return "damaged characters", message
    return None


def _as_json(value: Any) -> str:
    try:
        return json.dumps(value, default=str)
    except RecursionError:
        return "nested too deeply"


def _as_text(field: str, value: Any) -> str | None:
    """The value as a string; None where it is of a type that cannot be meant."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if field in _NUMBERS:
        return _number_as_text(value)
    if field in _LISTS and isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(value)
    return None


def _number_as_text(value: Any) -> str | None:
    """An identifier that a data frame made a number of, without the ".0" of a whole one."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value in _INFINITE:
        return None
    if math.isnan(value):
        return ""
    return str(int(value)) if value == int(value) else str(value)


def _type_name(value: Any) -> str:
    names = (
        (bool, "true/false value"),
        (int, "number"),
        (float, "number"),
        (list, "list"),
        (dict, "object"),
        (str, "string"),
    )
    return next((name for kind, name in names if isinstance(value, kind)), type(value).__name__)
