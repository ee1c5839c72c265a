"""SHA-256 of large files, remembered by path, size and time of the last change."""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path

from parrot_bench.resources import user_cache

LARGE = 2**20
"""Bytes from which remembering is quicker than hashing again."""


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content, as hexadecimal."""
    real = path.resolve()
    status = real.stat()
    if status.st_size < LARGE:
        return _hash(real)
    key = f"{real}:{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}:{status.st_ino}"
    kept = user_cache("digests", f"{hashlib.sha256(key.encode()).hexdigest()}.json")
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
