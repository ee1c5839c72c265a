"""`data fetch` against a local server that misbehaves."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
from contextlib import contextmanager

import pytest

from parrot_bench.corpus import download
from parrot_bench.corpus.reading import parrot_path
from parrot_bench.errors import ParrotError


@contextmanager
def serve(content, *, status=200, cut=None, ranges=True):
    """Serve a file; `cut` bytes only are sent of the first answer."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            wanted = self.headers.get("Range")
            asked.append(wanted)
            start = int(wanted.split("=")[1].split("-")[0]) if wanted and ranges else 0
            body = content[start:]
            self.send_response(206 if start else status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[:cut] if cut and len(asked) == 1 else body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
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
