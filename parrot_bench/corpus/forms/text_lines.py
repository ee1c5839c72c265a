"""Lines of a text file with their numbers; what is damaged costs only itself."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from io import BufferedReader
from typing import NamedTuple

from parrot_bench.corpus.forms.records import Finding, Place, rejected
from parrot_bench.errors import ParrotError

_GZIP = b"\x1f\x8b"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class Line(NamedTuple):
    r"""One line with its end.

    Attributes:
        number: Its number, from 1.
        text: The line; U+FFFD stands where bytes are not UTF-8.
        damage: What is wrong with it; None where nothing is.
    """

    number: int
    text: str
    damage: Finding | None = None


def text_lines(file: BufferedReader, name: str) -> Iterator[Line]:
    r"""Lines split at \n only, so that U+2028 inside a string stays where it is.

    Args:
        file: An open file or pipe, gzipped or not, at its beginning.
        name: What to call it in an error.

    Raises:
        ParrotError: If the file is UTF-16.
    """
    magic = file.peek(2)[:2]
    if magic in _UTF_16:
        raise ParrotError(f"{name}: the file is UTF-16; save it as UTF-8 and try again.")
    source = gzip.GzipFile(fileobj=file) if magic == _GZIP else file
    number = 0
    try:
        for number, line in enumerate(source, start=1):
            yield _decoded(number, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        message = (
            f"The gzip data ends or breaks here ({error}); the {number} lines before it were "
            "read. Fetch the file again."
        )
        place = Place(number + 1)
        yield Line(place.number, "", rejected(place, message, "damaged gzip"))


def _decoded(number: int, line: bytes) -> Line:
    try:
        return Line(number, line.decode("utf-8"))
    except UnicodeDecodeError as error:
        message = f"Byte {error.start + 1} of the line is not UTF-8; save the file as UTF-8."
        damage = rejected(Place(number), message, "not UTF-8")
        return Line(number, line.decode("utf-8", errors="replace"), damage)
