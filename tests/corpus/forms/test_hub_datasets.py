"""Hub datasets where there is no hub: one sentence, soon."""

from __future__ import annotations

import socket
import time

import datasets
import pytest
from huggingface_hub import close_session, constants

from parrot_bench.corpus import load_corpus
from parrot_bench.corpus.forms import hub_datasets
from parrot_bench.errors import ParrotError


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    close_session()
    yield
    close_session()


def ask(capfd):
    began = time.perf_counter()
    with pytest.raises(ParrotError, match="'no-body/nothing' is no file here") as caught:
        load_corpus("no-body/nothing")
    assert "the hub cannot be reached" in str(caught.value)
    assert "Retry" not in capfd.readouterr().err
    return time.perf_counter() - began


def test_in_offline_mode(monkeypatch, capfd):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert ask(capfd) < 5


def test_where_the_name_of_the_hub_is_not_known(monkeypatch, capfd):
    monkeypatch.setattr(constants, "ENDPOINT", "http://nowhere.invalid")
    monkeypatch.setattr("datasets.config.HF_ENDPOINT", "http://nowhere.invalid")
    assert ask(capfd) < 7
    assert (constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE) == (False, False)


def test_where_nobody_answers(monkeypatch, capfd):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setattr(hub_datasets, "PATIENCE", 0.5)
        assert ask(capfd) < 5


def test_what_the_hub_says_is_said_where_it_answers(monkeypatch):
    def refuse(*_, **__):
        raise FileNotFoundError("There is no such dataset.\nMore lines.")

    monkeypatch.setattr(hub_datasets, "_hub_answers", lambda: True)
    monkeypatch.setattr(datasets, "load_dataset", refuse)
    with pytest.raises(ParrotError, match=r"as a hub dataset: There is no such dataset\.$"):
        load_corpus("no-body/nothing")
