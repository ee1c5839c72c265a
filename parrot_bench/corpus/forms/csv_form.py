"""Rows of a CSV file, with the line in which each begins."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from parrot_bench.corpus.forms.records import (
    LONGEST_RECORD,
    REQUIRED,
    Finding,
    Place,
    canonical_field,
    rejected,
)
from parrot_bench.corpus.forms.text_lines import Line
from parrot_bench.errors import ParrotError

_DELIMITERS = (",", ";", "\t", "|")
_BARE_CR = re.compile(r"(?<=\r)(?!\n)")
_LONGEST_ROW = 10 * LONGEST_RECORD
"""Characters after which a cell in quotes that goes on over lines counts as never closed."""


def csv_records(lines: Iterator[Line], name: str) -> Iterator[tuple[Place, Any]]:
    """Rows of a CSV file with the delimiter that its header shows.

    A quote that is never closed would swallow what follows it: its row is left out, and the lines
    after it are read again.

    Args:
        lines: Lines of the file.
        name: What to call it in an error.

    Raises:
        ParrotError: If the first line names no column of reports.
    """
    csv.field_size_limit(2**31 - 1)
    source = _Lines(_split_at_bare_cr(lines))
    header = next(source, "")
    delimiter = max(_DELIMITERS, key=header.count)
    names = next(csv.reader([header], delimiter=delimiter), [])
    if not {canonical_field(each) for each in names} & set(REQUIRED):
        raise ParrotError(
            f"{name}, line 1: no column is named 'language' or 'report'; the first line must "
            f"hold the column names, separated by one of {' '.join(map(repr, _DELIMITERS))}."
        )
    yield from ((Place(line.number), line.damage) for line in source.take() if line.damage)
    bad: _BadRow | None = None
    for taken, cells in _rows(source, delimiter):
        place = Place(taken[0].number)
        damage = next((line.damage for line in taken if line.damage), None)
        if bad and place.number > bad.last:
            yield bad.place, bad.finding()
            bad = None
        if cells == [] or (isinstance(cells, list) and len(cells) == len(names)):
            if cells or damage:
                yield place, damage or dict(zip(names, cells, strict=True))
        elif bad and isinstance(cells, list) and len(taken) == 1:
            bad.lost += 1
        else:
            if bad:
                yield bad.place, bad.finding()
            bad, again = _bad_row(taken, cells, len(names), delimiter)
            source.read_again(again)
    if bad:
        yield bad.place, bad.finding()


def _split_at_bare_cr(lines: Iterator[Line]) -> Iterator[Line]:
    r"""Lines that end at \n, \r\n or \r alone, as old spreadsheets write, numbered anew."""
    number = 0
    for line in lines:
        parts = _BARE_CR.split(line.text) if "\r" in line.text else [line.text]
        for text in parts[: -1 if len(parts) > 1 and not parts[-1] else None]:
            number += 1
            damage = line.damage
            if damage and "\ufffd" not in text and text:
                damage = None
            yield Line(number, text, damage and replace(damage, line=number))


class _Lines:
    """Lines for `csv.reader`, remembered until its row is whole, that can be read again."""

    def __init__(self, lines: Iterator[Line]) -> None:
        self._lines = lines
        self._again: deque[Line] = deque()
        self._taken: list[Line] = []
        self._characters = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._characters > _LONGEST_ROW:
            raise csv.Error(f"no end within {_LONGEST_ROW:,} characters")
        line = self._again.popleft() if self._again else next(self._lines)
        self._taken.append(line)
        self._characters += len(line.text)
        return line.text

    def take(self) -> list[Line]:
        """Lines read since the last call."""
        taken, self._taken, self._characters = self._taken, [], 0
        return taken

    def read_again(self, lines: Sequence[Line]) -> None:
        """Give these lines once more, before all others."""
        self._again.extendleft(reversed(lines))


@dataclass(slots=True)
class _BadRow:
    """A row that is left out, and how many of the lines that it swallowed made no row either."""

    place: Place
    last: int
    message: str
    kind: str = "unreadable row"
    lost: int = 0

    def finding(self) -> Finding:
        lost = f" With it {self.lost} lines after it were left out." if self.lost else ""
        return rejected(self.place, self.message + lost, self.kind)


def _rows(source: _Lines, delimiter: str) -> Iterator[tuple[list[Line], list[str] | csv.Error]]:
    """Cells of every row, or why there are none, with the lines that they were read from."""
    reader = csv.reader(source, delimiter=delimiter, strict=True)
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield source.take(), error
            reader = csv.reader(source, delimiter=delimiter, strict=True)
            continue
        if cells is None:
            return
        yield source.take(), cells


def _bad_row(
    taken: list[Line], cells: list[str] | csv.Error, width: int, delimiter: str
) -> tuple[_BadRow, list[Line]]:
    """What is wrong with a row, and those of its lines that may be rows of their own."""
    place, last = Place(taken[0].number), taken[-1].number
    if isinstance(cells, csv.Error):
        at, column = _opening_quote(taken, delimiter)
        message = (
            f"The quote in line {taken[at].number}, column {column}, opens a cell that does not "
            f"end as CSV asks ({cells}); quotes inside a cell must be doubled."
        )
        return _BadRow(place, last, message), taken[at + 1 :]
    damage = taken[0].damage
    if damage:
        return _BadRow(place, last, damage.message, damage.kind), taken[1:]
    message = f"{len(cells)} cells where the header names {width} columns."
    return _BadRow(place, last, message), taken[1:]


def _opening_quote(taken: list[Line], delimiter: str) -> tuple[int, int]:
    """Which line and column, from 1, hold the quote that opens the last cell in quotes."""
    opened, quoted, before = (0, 1), False, delimiter
    for at, line in enumerate(taken):
        for column, character in enumerate(line.text, start=1):
            if quoted:
                quoted = character != '"'
                before = "closed" if not quoted else before
            elif character == '"' and before in (delimiter, "closed"):
                opened = (at, column) if before == delimiter else opened
                quoted = True
            elif before == "closed" and character not in (delimiter, "\r", "\n"):
                return opened
            else:
                before = character
    return opened
