"""The one error that a user is meant to read."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


class ParrotError(Exception):
    """Bad input, said in one clear sentence: what, where, what was expected, what to do.

    The command line prints the sentence without a traceback and exits with status 2.
    """


def unknown(kind: str, name: str, known: Iterable[str]) -> ParrotError:
    """Error for a name that does not exist, with the nearest known names.

    Args:
        kind: What the name was meant to be, such as "task".
        name: The unknown name.
        known: All names that exist.
    """
    import difflib

    names = sorted(known)
    folded = {each.casefold(): each for each in names}
    close = difflib.get_close_matches(name.casefold(), list(folded), n=3, cutoff=0.5)
    if close:
        suggestion = " or ".join(f"'{folded[each]}'" for each in close)
        return ParrotError(f"Unknown {kind} '{name}': did you mean {suggestion}?")
    return ParrotError(f"Unknown {kind} '{name}': known are {', '.join(names) or 'none'}.")


def line_in(path: Path | str, error: BaseException) -> int | str:
    """Last line of a file that an error passed through; "?" where it did not."""
    at, line = error.__traceback__, 0
    while at is not None:
        if at.tb_frame.f_code.co_filename == str(path):
            line = at.tb_lineno
        at = at.tb_next
    return line or "?"
