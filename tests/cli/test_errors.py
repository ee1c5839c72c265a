"""What goes wrong outside the program is one sentence, never a traceback."""

from __future__ import annotations

import subprocess
import sys

import pytest

from parrot_bench.cli.app import main

PROGRAM = (sys.executable, "-m", "parrot_bench")


def failed(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    return caught.value.code, capsys.readouterr().err


@pytest.mark.parametrize("cache", ["/proc/nowhere", __file__])
def test_a_cache_that_cannot_be_written(cache, capsys, monkeypatch):
    monkeypatch.setenv("PARROT_BENCH_CACHE", cache)
    code, said = failed(["data", "fetch", "--accept-licence"], capsys)
    assert code == 2
    assert said.startswith(f"Error: {cache}")
    assert "PARROT_BENCH_CACHE" in said
    assert said.count("\n") == 1


def test_any_error_of_the_system_is_one_sentence(capsys, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device", "/somewhere")

    monkeypatch.setattr("parrot_bench.corpus.errata.errata", full)
    code, said = failed(["data", "errata"], capsys)
    assert (code, said) == (
        2,
        "Error: /somewhere: a file could not be read or written (No space left on device).\n",
    )


def test_an_interrupt_keeps_its_exit_status(monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("parrot_bench.corpus.errata.errata", interrupted)
    with pytest.raises(SystemExit) as caught:
        main(["data", "errata"])
    assert caught.value.code == 130


def test_a_reader_that_goes_away_is_no_error():
    program = subprocess.Popen(
        [*PROGRAM, "data", "errata"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    program.stdout.close()
    said = program.stderr.read()
    program.stderr.close()
    program.wait()
    assert b"Traceback" not in said
    assert b"Error" not in said
