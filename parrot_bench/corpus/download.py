"""Download PARROT v1.0 at its pinned commit, once, into the user's cache."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from parrot_bench.corpus.loading import parrot_path
from parrot_bench.errors import ParrotError
from parrot_bench.resources import data_path

if TYPE_CHECKING:
    import httpx

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
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _mark().write_text("CC BY-NC-SA 4.0\n")
    except OSError as error:
        raise ParrotError(
            f"{path.parent}: this folder cannot be written ({error.strerror or error}); set "
            "PARROT_BENCH_CACHE to a folder of yours."
        ) from error
    if path.exists():
        return path, _checked(path, "Move it away and give the same command again.")
    part = path.with_name(path.name + ".part")
    if not _download(url or str(profile()["url"]), part, progress, resume=True):
        _download(url or str(profile()["url"]), part, progress, resume=False)
    try:
        again = "What was downloaded was deleted; try again, or fetch the file by hand."
        warnings = _checked(part, again)
    except ParrotError:
        part.unlink()
        raise
    part.replace(path)
    return path, warnings


def _checked(path: Path, advice: str) -> list[str]:
    try:
        return check_file(path)
    except ParrotError as error:
        raise ParrotError(f"{error} {advice}") from error


def _download(url: str, part: Path, progress: Progress | None, *, resume: bool) -> bool:
    """Receive what is missing; False where the answer does not fit the part that is there."""
    import httpx

    have = part.stat().st_size if resume and part.exists() else 0
    # Of a compressed answer no part could be asked for: ranges count its compressed bytes.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        with httpx.stream("GET", url, headers=headers, follow_redirects=True, timeout=30) as answer:
            goes_on = answer.status_code == httpx.codes.PARTIAL_CONTENT
            beyond = answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE
            if have and (goes_on or beyond) and not _fits(answer, have):
                return False
            if have and beyond:
                return True  # All of it is there already; the check that follows has the last word.
            if answer.status_code not in (httpx.codes.OK, httpx.codes.PARTIAL_CONTENT):
                raise ParrotError(
                    f"{url}: the server answered {answer.status_code}; try again later, or put a "
                    f"copy of the file at {parrot_path()}."
                )
            with part.open("ab" if goes_on else "wb") as file:
                _receive(answer, file, have if goes_on else 0, progress)
    except httpx.HTTPError as error:
        raise ParrotError(
            f"PARROT v1.0 could not be downloaded ({type(error).__name__}: {error}). Is this "
            "machine connected to the internet? Give the same command to go on where it stopped, "
            f"or put a copy of the file at {parrot_path()}."
        ) from error
    return True


def _fits(answer: httpx.Response, have: int) -> bool:
    """Whether an answer goes on where the part that is there ends, or says that nothing is left."""
    where = str(answer.headers.get("Content-Range", ""))
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        return False
    return where == f"bytes */{have}" or where.startswith(f"bytes {have}-")


def _receive(answer: httpx.Response, file: IO[bytes], have: int, progress: Progress | None) -> None:
    """Write an answer; progress counts bytes as they travel, compressed or not."""
    total = have + int(answer.headers.get("Content-Length", 0))
    for chunk in answer.iter_bytes():
        file.write(chunk)
        done = have + answer.num_bytes_downloaded
        if progress:
            progress("PARROT v1.0", done, max(total, done))


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
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        raise ParrotError(
            f"{path} is not PARROT v1.0: line {rows + 1} is no JSON object."
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
        raise ParrotError(f"{path} is not PARROT v1.0: {'; '.join(differs)}.")
    return [
        f"the file's git blob id is {blob}, not the known {known['git_blob_id']}; rows, fields and "
        "languages are those of PARROT v1.0, so upstream may have corrected texts or codes."
    ]
