"""Download PARROT v1.0 at its pinned commit, once, into the user's cache."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from parrot_bench.corpus.reading import parrot_path
from parrot_bench.errors import ParrotError
from parrot_bench.resources import data_path

Progress = Callable[[str, int, int], None]
LICENCE_NOTICE = (
    "PARROT v1.0 (Le Guellec et al. 2026, doi 10.1016/j.ejrai.2025.100066) is licensed\n"
    "CC BY-NC-SA 4.0: name the authors, no commercial use, share alike\n"
    "(https://creativecommons.org/licenses/by-nc-sa/4.0/). Its authors ask that it be used to\n"
    "test models, not to train them."
)


def profile() -> dict[str, Any]:
    """What is known of the published file: address, commit, blob id and content profile."""
    text = data_path("parrot_v1", "profile.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def licence_accepted() -> bool:
    """Whether the licence was accepted on this machine before."""
    return _mark().is_file()


def _mark() -> Path:
    return parrot_path().with_name("licence-accepted")


def fetch(progress: Progress | None = None, *, url: str | None = None) -> tuple[Path, list[str]]:
    """Download the file, or check the one that is there; calling it means accepting the licence.

    A download that was cut off goes on where it stopped; the file appears under its name only
    when it is whole and its content profile is right.

    Args:
        progress: Called with a title, the bytes received and their total.
        url: Address to use instead of the pinned one, for a mirror.

    Returns:
        The path, and warnings where the file differs from the known one but its profile holds.

    Raises:
        ParrotError: If there is no network, the server refuses, or the content is not PARROT v1.0.
    """
    path = parrot_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    _mark().write_text("CC BY-NC-SA 4.0\n")
    if path.exists():
        return path, check_file(path)
    part = path.with_name(path.name + ".part")
    _download(url or str(profile()["url"]), part, progress)
    try:
        warnings = check_file(part)
    except ParrotError:
        part.unlink()
        raise
    part.replace(path)
    return path, warnings


def _download(url: str, part: Path, progress: Progress | None) -> None:
    import httpx

    have = part.stat().st_size if part.exists() else 0
    headers = {"Range": f"bytes={have}-"} if have else {}
    try:
        with httpx.stream("GET", url, headers=headers, follow_redirects=True, timeout=30) as answer:
            if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                return  # All of it is there already; the check that follows has the last word.
            if answer.status_code not in (httpx.codes.OK, httpx.codes.PARTIAL_CONTENT):
                raise ParrotError(
                    f"{url}: the server answered {answer.status_code}; try again later, or put a "
                    f"copy of the file at {parrot_path()}."
                )
            resumed = answer.status_code == httpx.codes.PARTIAL_CONTENT
            done = have if resumed else 0
            total = done + int(answer.headers.get("Content-Length", 0))
            with part.open("ab" if resumed else "wb") as file:
                for chunk in answer.iter_raw() if resumed else answer.iter_bytes():
                    file.write(chunk)
                    done += len(chunk)
                    if progress:
                        progress("PARROT v1.0", done, max(total, done))
    except httpx.HTTPError as error:
        raise ParrotError(
            f"PARROT v1.0 could not be downloaded ({type(error).__name__}: {error}). Is this "
            "machine connected to the internet? Give the same command to go on where it stopped, "
            f"or put a copy of the file at {parrot_path()}."
        ) from error


def git_blob_id(path: Path) -> str:
    """Identifier that git gives the contents of a file: SHA-1 of "blob <bytes>", zero, contents."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def check_file(path: Path) -> list[str]:
    """Check a copy of PARROT v1.0.

    Returns:
        Warnings: an unknown blob id with what is known of it. Empty for the known file.

    Raises:
        ParrotError: If rows, fields or language counts are not those of PARROT v1.0.
    """
    known = profile()
    blob = git_blob_id(path)
    if blob == known["git_blob_id"]:
        return []
    languages: Counter[str] = Counter()
    fields: set[str] = set()
    rows = 0
    try:
        with path.open("rb") as file:
            for line in file:
                if line.strip():
                    row = json.loads(line)
                    rows += 1
                    fields |= set(row)
                    languages[str(row.get("language"))] += 1
    except (ValueError, AttributeError, TypeError) as error:
        raise ParrotError(
            f"What was downloaded is not PARROT v1.0: line {rows + 1} is no JSON object. It was "
            "deleted; try again, or fetch the file by hand."
        ) from error
    differs = [
        f"{name} {found} instead of {expected}"
        for name, found, expected in (
            ("rows", rows, known["rows"]),
            ("fields", sorted(fields), sorted(known["fields"])),
            ("languages", dict(languages), known["languages"]),
        )
        if found != expected
    ]
    if differs:
        raise ParrotError(
            f"What was downloaded is not PARROT v1.0: {'; '.join(differs)}. It was deleted."
        )
    return [
        f"the file's git blob id is {blob}, not the known {known['git_blob_id']}; rows, fields and "
        "languages are those of PARROT v1.0, so upstream may have corrected texts or codes."
    ]
