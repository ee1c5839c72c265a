"""Every hash of the house: of values, of files, and of our own code with the tables it reads."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from parrot_bench.resources import data_path, user_cache

LARGE = 2**20
"""Bytes from which remembering is quicker than hashing again."""
FOLDER = "digests"
"""Folder of the user's cache in which digests of large files are remembered."""
PACKAGE = Path(__file__).resolve().parent


def as_text(value: Any) -> str:
    """A JSON value as the text that is hashed: keys sorted, nothing escaped."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def value_digest(value: Any) -> str:
    """SHA-256 of a JSON value, as hexadecimal."""
    return text_digest(as_text(value))


def text_digest(text: str) -> str:
    """SHA-256 of a text, as hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def listing_digest(files: Iterable[tuple[str, str]]) -> str:
    """SHA-256 of the lines that `sha256sum` prints for some files, sorted by name.

    Args:
        files: Name and SHA-256 of each file.
    """
    return text_digest("".join(f"{content}  {name}\n" for name, content in sorted(files)))


@cache
def source_digest(*folders: str, tables: tuple[str, ...] = ()) -> str:
    """SHA-256 over Python files of the package and tables of `data/`, as hexadecimal.

    Args:
        folders: Folders and files of the package, such as "reading"; with all that is in them,
            however deep. Files are told apart by their path from the package's root.
        tables: Folders of `data/`.

    Raises:
        FileNotFoundError: If one of them does not exist.
    """
    parts = [(f"{PACKAGE.name}/", PACKAGE, PACKAGE / each) for each in folders]
    parts += [("data/", data_path(), data_path(each)) for each in tables]
    found: dict[str, str] = {}
    for prefix, root, path in parts:
        if not path.exists():
            raise FileNotFoundError(path)
        wanted = "*" if prefix == "data/" else "*.py"
        for file in path.rglob(wanted) if path.is_dir() else [path]:
            if file.is_file() and file.suffix != ".md":
                found[prefix + file.relative_to(root).as_posix()] = _hash(file)
    return listing_digest(found.items())


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content, as hexadecimal; that of large files is remembered.

    What a large file's content hashes to is remembered by its path, size and time of the last
    change.
    """
    real = path.resolve()
    status = real.stat()
    if status.st_size < LARGE:
        return _hash(real)
    key = f"{real}:{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}:{status.st_ino}"
    kept = user_cache(FOLDER, f"{text_digest(key)}.json")
    with contextlib.suppress(OSError, ValueError, KeyError):
        return str(json.loads(kept.read_text(encoding="utf-8"))["sha256"])
    found = _hash(real)
    with contextlib.suppress(OSError):  # a cache that cannot be written is no reason to stop
        kept.parent.mkdir(parents=True, exist_ok=True)
        temporary = kept.with_suffix(f".{status.st_ino}.part")
        temporary.write_text(json.dumps({"sha256": found}), encoding="utf-8")
        temporary.replace(kept)
    return found


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
