"""`data fetch` against a local server that misbehaves."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import json
import threading
from contextlib import contextmanager

import pytest

from parrot_bench.corpus import download
from parrot_bench.corpus.loading import parrot_path
from parrot_bench.errors import ParrotError


@contextmanager
def serve(content, *, status=200, cut=None, ranges=True, packs="never"):
    """Serve a file.

    Args:
        content: Its bytes.
        status: Status of a whole answer.
        cut: Bytes that are sent of the first answer.
        ranges: Whether parts can be asked for.
        packs: "never", "unless asked not to" or "always": when the answer is compressed; ranges
            then count compressed bytes, as the standard says.
    """
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            wanted = self.headers.get("Range")
            asked.append(wanted)
            start = int(wanted.split("=")[1].split("-")[0]) if wanted and ranges else 0
            plain = self.headers.get("Accept-Encoding") == "identity"
            packed = packs == "always" or (packs == "unless asked not to" and not plain)
            whole = gzip.compress(content, mtime=0) if packed else content
            body = whole[start:]
            self.send_response(206 if start and body else 416 if start else status)
            self.send_header("Content-Length", str(len(body)))
            if start:
                where = f"{start}-{len(whole) - 1}" if body else "*"
                self.send_header("Content-Range", f"bytes {where}/{len(whole)}")
            if packed:
                self.send_header("Content-Encoding", "gzip")
            self.end_headers()
            self.wfile.write(body[:cut] if cut and len(asked) == 1 else body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/file", asked
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def published(row):
    """A file with the content profile of PARROT v1.0."""
    languages = [
        language for language, rows in download.profile()["languages"].items() for _ in range(rows)
    ]
    return b"".join(
        json.dumps(row(str(i), language=language)).encode() + b"\r\n"
        for i, language in enumerate(languages)
    )


def test_an_unknown_blob_with_the_right_profile_is_a_warning(published):
    progress = []
    with serve(published) as (url, _):
        path, warnings = download.fetch(lambda *each: progress.append(each), url=url)
    assert path == parrot_path()
    assert path.read_bytes() == published
    assert len(warnings) == 1
    assert "upstream may have corrected" in warnings[0]
    assert progress[-1] == ("PARROT v1.0", len(published), len(published))
    assert download.licence_accepted()


def test_the_known_blob_is_no_warning(published, monkeypatch):
    blob = hashlib.sha1(b"blob %d\0" % len(published) + published).hexdigest()  # noqa: S324
    known = download.profile() | {"git_blob_id": blob}
    monkeypatch.setattr(download, "profile", lambda: known)
    with serve(published) as (url, _):
        assert download.fetch(url=url)[1] == []


@pytest.mark.parametrize("ranges", [True, False])
def test_a_download_that_was_cut_off_goes_on(published, ranges):
    with serve(published, cut=100_000, ranges=ranges) as (url, asked):
        with pytest.raises(ParrotError, match="Give the same command to go on"):
            download.fetch(url=url)
        assert not parrot_path().exists()
        path, _ = download.fetch(url=url)
    assert asked[1].startswith("bytes=")
    assert path.read_bytes() == published


def part():
    return parrot_path().with_name("PARROT_v1_0.jsonl.part")


@pytest.mark.parametrize("packs", ["unless asked not to", "always"])
@pytest.mark.parametrize("have", [20_000, 100_000])
def test_a_download_goes_on_though_the_server_compresses(published, packs, have):
    progress = []
    part().parent.mkdir(parents=True)
    part().write_bytes(published[:have])
    with serve(published, packs=packs) as (url, asked):
        path, _ = download.fetch(lambda *each: progress.append(each), url=url)
    assert path.read_bytes() == published
    assert asked == [f"bytes={have}-", *([None] if packs == "always" else [])]
    _, done, total = progress[-1]
    length = len(gzip.compress(published, mtime=0)) if packs == "always" else len(published)
    assert (done, total) == (length, length)
    assert all(each[2] == total for each in progress)


def test_a_part_that_is_whole_is_not_fetched_again(published):
    part().parent.mkdir(parents=True)
    part().write_bytes(published)
    with serve(published) as (url, asked):
        path, _ = download.fetch(url=url)
    assert path.read_bytes() == published
    assert asked == [f"bytes={len(published)}-"]


def test_a_part_that_is_longer_than_the_file_is_fetched_anew(published):
    part().parent.mkdir(parents=True)
    part().write_bytes(published + b"more")
    with serve(published) as (url, asked):
        path, _ = download.fetch(url=url)
    assert path.read_bytes() == published
    assert asked[1:] == [None]


def test_no_network_is_one_sentence():
    with pytest.raises(ParrotError, match="connected to the internet"):
        download.fetch(url="http://127.0.0.1:9/file")


def test_a_refusal_is_one_sentence(published):
    with serve(published, status=404) as (url, _), pytest.raises(ParrotError, match="answered 404"):
        download.fetch(url=url)


@pytest.mark.parametrize("content", [b"<html>Sign in</html>", b'{"no": "1"}\n', b"[]\n"])
def test_something_else_is_not_kept(content):
    with serve(content) as (url, _), pytest.raises(ParrotError, match=r"not PARROT v1\.0"):
        download.fetch(url=url)
    assert not any(parrot_path().parent.glob("PARROT*"))


@pytest.mark.parametrize("content", [b"<html>Sign in</html>", b'{"no": "1"}\n'])
def test_something_else_under_the_name_is_named_and_left_alone(content):
    parrot_path().parent.mkdir(parents=True)
    parrot_path().write_bytes(content)
    with pytest.raises(ParrotError) as caught:
        download.fetch(url="http://127.0.0.1:9/file")
    said = str(caught.value)
    assert said.startswith(f"{parrot_path()} is not PARROT v1.0: ")
    assert said.endswith("Move it away and give the same command again.")
    assert "deleted" not in said
    assert parrot_path().read_bytes() == content


def test_a_file_that_is_there_is_checked_and_not_fetched_again(published):
    parrot_path().parent.mkdir(parents=True)
    parrot_path().write_bytes(published)
    path, warnings = download.fetch(url="http://127.0.0.1:9/file")
    assert path == parrot_path()
    assert len(warnings) == 1


def test_the_blob_id_is_that_of_git(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"hello\n")
    # git hash-object of the same content
    assert download.git_blob_id(path) == "ce013625030ba8dba906f756967f9e9ca394464a"
