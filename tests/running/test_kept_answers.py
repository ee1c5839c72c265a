"""The answer cache: what makes a key, what is kept, and what a full disk leaves."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import subprocess
import threading
import time
from dataclasses import replace

import pytest

from parrot_bench.corpus import load_corpus
from parrot_bench.errors import ParrotError
from parrot_bench.models.base import TEXT_FIELDS, ModelInfo
from parrot_bench.running import keys as running_keys
from parrot_bench.running.kept_answers import AnswerCache, delete_all, open_cache
from parrot_bench.running.sheets import Sheet
from parrot_bench.task.item import Item, Prediction
from parrot_bench.task.labels import Label, LabelSpace
from parrot_bench.task.registry import get_task

SPACE = LabelSpace([Label("chest", "lungs"), Label("head", "brain")])
ITEM = Item("1", "CT of the chest.", ("chest",), "de", "c001", "en")


class Model:
    def __init__(self, **changed):
        self.info = replace(ModelInfo("hf:a/b@main", "hf:a/b", "embed"), **changed)


def keys(model=None, task=None, labels=SPACE, items=(ITEM,)):
    sheet = Sheet(task or get_task("region"), labels, "original", tuple(items), {})
    return running_keys.answer_keys(model or Model(), sheet)


def test_the_same_question_has_the_same_key():
    assert keys() == keys()
    assert keys(Model(spec="hf:a/b@v2")) == keys(Model(spec="hf:a/b@main"))


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "hf:a/c"},
        {"revision": "0" * 40},
        {"digest": "0" * 64},
        {"method": "probe"},
        {"settings": {"dtype": "bfloat16"}},
        {"parameters": 1},
        {"together": 2},
    ],
)
def test_another_model_is_another_key(changed):
    assert keys(Model(**changed)) != keys()


@pytest.mark.parametrize(
    "changed",
    [
        {"text": "CT of the chest,"},
        {"text_language": "de"},
        {"language": "pl"},
        {"report_id": "2"},
        {"author": "c002"},
        {"modality": "CT"},
    ],
)
def test_whatever_the_model_reads_of_an_item_is_in_the_key(changed):
    other = [replace(ITEM, **changed)]
    assert keys(items=other) != keys()
    reads_text = Model(reads=TEXT_FIELDS)
    same = set(changed) & set(TEXT_FIELDS) == set()
    assert (keys(reads_text, items=other) == keys(reads_text)) is same


def test_one_character_of_a_prompt_is_another_key(tmp_path):
    task = get_task("region")
    folder = tmp_path / "prompts"
    folder.mkdir()
    found = set()
    for text in ("Name it: {report}", "Name it; {report}"):
        (folder / "region.en.txt").write_text(text)
        found.add(keys(task=replace(task, prompts=folder))[0])
    assert len(found) == 2


def test_another_label_text_or_task_version_is_another_key():
    other = LabelSpace([Label("chest", "lung"), Label("head", "brain")])
    named = LabelSpace([Label("chest", "lungs", (("de", "Brust"),)), Label("head", "brain")])
    found = [keys(), keys(labels=other), keys(labels=named)]
    found.append(keys(task=replace(get_task("region"), version="99")))
    assert len({each[0] for each in found}) == 4


def test_gold_is_in_the_key_of_a_model_that_learns_from_it_alone():
    other = [replace(ITEM, gold=("head",))]
    assert keys(items=other) == keys()
    learns = Model(trained_on_data=True)
    assert keys(learns, items=other) != keys(learns)
    more = [ITEM, replace(ITEM, report_id="2")]
    assert keys(learns, items=more)[0] != keys(learns)[0]


def test_another_major_version_of_a_library_is_another_key(monkeypatch):
    before = keys()
    monkeypatch.setattr(running_keys, "_majors", lambda: {"torch": "99"})
    assert keys() != before


def test_a_class_without_a_source_file_shares_answers_with_no_other_process(monkeypatch):
    space: dict[str, object] = {}
    exec("class Typed:\n    pass", space)  # noqa: S102
    kind = space["Typed"]
    kind.__module__ = "nowhere"
    model = kind()
    model.info = Model().info
    first = keys(model)
    assert keys(model) == first
    monkeypatch.setattr(running_keys, "_drawn", lambda: "another process")
    assert keys(model) != first


ANSWER = Prediction(
    "1", ("chest",), {"chest": 0.1 + 0.2}, raw='{"regions": ["chest"]}', tokens_in=3, strict=()
)


def test_an_answer_comes_back_as_it_was():
    with open_cache() as cache:
        cache.keep("hf:a", "embed", "region", [(b"1", ANSWER)])
        assert cache.known([b"1", b"2"]) == {b"1": ANSWER}


def test_the_first_answer_stays_unless_it_was_a_failure():
    failed = Prediction("2", (), status="failed", note="Out of memory.")
    with open_cache() as cache:
        cache.keep("hf:a", "embed", "region", [(b"1", ANSWER), (b"2", failed)])
        later = replace(ANSWER, labels=("head",))
        cache.keep("hf:a", "embed", "region", [(b"1", later), (b"2", later)])
        assert cache.known([b"1", b"2"]) == {b"1": ANSWER, b"2": later}


def test_a_group_is_kept_whole_or_not_at_all():
    def answers():
        yield b"1", ANSWER
        raise RuntimeError

    with open_cache() as cache:
        with pytest.raises(RuntimeError):
            cache.keep("hf:a", "embed", "region", answers())
        assert cache.known([b"1"]) == {}


def test_two_thousand_keys_are_found_at_once():
    names = [i.to_bytes(4) for i in range(2000)]
    with open_cache() as cache:
        cache.keep("hf:a", "embed", "region", ((name, ANSWER) for name in names))
        assert len(cache.known(names)) == 2000


def test_two_writers_at_once_lose_nothing():
    def write(start):
        with open_cache() as cache:
            for i in range(start, start + 100):
                cache.keep("hf:a", "embed", "region", [(i.to_bytes(4), ANSWER)])

    threads = [threading.Thread(target=write, args=(start,)) for start in (0, 50, 100)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    with open_cache() as cache:
        assert [each.answers for each in cache.kept()] == [200]
    (check,) = sqlite3.connect(cache.path).execute("PRAGMA integrity_check").fetchone()
    assert check == "ok"


def test_prune_deletes_by_model_and_age_and_gives_the_room_back(monkeypatch):
    with open_cache() as cache:
        monkeypatch.setattr("time.time", lambda: 1000.0)
        cache.keep("hf:a", "embed", "region", [(b"1", ANSWER)])
        monkeypatch.setattr("time.time", lambda: 5000.0)
        cache.keep("hf:b", "choose", "region", [(b"2", replace(ANSWER, raw="x" * 10**6))])
        assert [(each.model, each.oldest) for each in cache.kept()] == [
            ("hf:a", 1000),
            ("hf:b", 5000),
        ]
        assert cache.prune(before=1000) == 0
        assert cache.prune(before=1001) == 1
        size = cache.path.stat().st_size
        assert cache.prune(model="hf:b") == 1
        assert cache.path.stat().st_size < size / 2
        assert cache.kept() == []


def test_a_full_disk_is_one_sentence_and_what_was_kept_stays():
    with open_cache() as cache:
        cache.keep("hf:a", "embed", "region", [(b"1", ANSWER)])
        (pages,) = cache._database.execute("PRAGMA page_count").fetchone()
        cache._database.execute(f"PRAGMA max_page_count={pages + 1}")
        large = replace(ANSWER, raw="x" * 100_000)
        with pytest.raises(ParrotError, match=r"disk is full.*make room on the disk"):
            cache.keep("hf:a", "embed", "region", [(b"2", large)])
        assert list(cache.known([b"1", b"2"])) == [b"1"]


def test_a_file_that_is_no_database_or_of_another_layout_is_one_sentence(tmp_path):
    junk = tmp_path / "junk.sqlite"
    junk.write_bytes(b"junk" * 1000)
    with pytest.raises(ParrotError, match=r"junk\.sqlite: this file is damaged.*cache prune --all"):
        AnswerCache(junk)
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as database:
        database.execute("PRAGMA user_version=99")
    with pytest.raises(ParrotError, match="its layout is 99 and this version reads"):
        AnswerCache(other)


def test_what_is_known_of_a_model_only_after_loading_is_remembered():
    with open_cache() as cache:
        assert cache.record(b"m") == {}
        cache.keep_record(b"m", {"max_tokens": 512})
        assert cache.record(b"m") == {"max_tokens": 512}


def test_mini_is_a_corpus_whose_items_have_distinct_keys():
    corpus, task = load_corpus("mini"), get_task("region")
    from parrot_bench.running.sheets import build_items

    items, _ = build_items(task, task.labels(corpus), corpus.reports(), "original")
    assert len(set(keys(items=items))) == len(items)


@pytest.fixture
def full_disk(tmp_path, monkeypatch):
    """A cache with one answer on a disk without a free byte; mounting needs root."""
    folder = tmp_path / "full"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if (
        not shutil.which("mount")
        or subprocess.run(mount, check=False, capture_output=True).returncode
    ):
        pytest.skip("nothing can be mounted here")
    monkeypatch.setenv("PARROT_BENCH_CACHE", str(folder))
    try:
        with open_cache() as cache:
            cache.keep("hf:a", "embed", "region", [(b"1", ANSWER)])
        with contextlib.suppress(OSError), (folder / "filler").open("wb", buffering=0) as file:
            while file.write(b"x" * 4096):
                pass
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=False)


def test_on_a_full_disk_the_cache_can_be_looked_at_and_deleted(full_disk, command):
    assert ": 1 answers" in command("cache", "info")[1]
    status, out, err = command("cache", "prune", "--all")
    assert (status, out) == (0, "1 answers deleted.\n"), err
    assert [path.name for path in full_disk.iterdir()] == ["filler"]


def test_all_is_deleted_where_nothing_can_be_written(monkeypatch, private_cache, command):
    with open_cache() as cache:
        cache.keep("hf:a", "embed", "region", [(b"1", ANSWER)])

    def full(*_, **__):
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(AnswerCache, "__init__", full)
    assert command("cache", "prune", "--all")[1] == "1 answers deleted.\n"
    assert list(private_cache.iterdir()) == []


def test_looking_writes_nothing_and_waits_for_nobody(private_cache, command):
    assert ": 0 answers" in command("cache", "info")[1]
    assert list(private_cache.iterdir()) == []
    with open_cache() as cache:
        cache.keep("hf:a", "embed", "region", [(b"1", ANSWER)])
        cache._database.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        assert ": 1 answers" in command("cache", "info")[1]
        assert time.monotonic() - began < 5
        cache._database.execute("ROLLBACK")
    before = [(path, path.read_bytes()) for path in private_cache.iterdir()]
    assert ": 1 answers" in command("cache", "info")[1]
    assert [(path, path.read_bytes()) for path in private_cache.iterdir()] == before
    private_cache.chmod(0o500)
    assert ": 1 answers" in command("cache", "info")[1]
    private_cache.chmod(0o700)


def test_answers_in_the_log_of_a_process_that_was_killed_are_seen(tmp_path, monkeypatch, command):
    with open_cache() as cache:
        cache.keep("hf:a", "embed", "region", [(b"1", ANSWER)])
        shutil.copytree(cache.path.parent, tmp_path / "left")
    monkeypatch.setenv("PARROT_BENCH_CACHE", str(tmp_path / "left"))
    assert ": 1 answers" in command("cache", "info")[1]
    assert command("cache", "prune", "--all")[1] == "1 answers deleted.\n"
    assert list((tmp_path / "left").iterdir()) == []


def test_where_another_process_has_the_file_open_its_answers_are_deleted_and_it_stays():
    with open_cache() as cache:
        cache.keep("hf:a", "embed", "region", [(b"1", ANSWER)])
        assert delete_all() == 1
        assert cache.path.exists()
        cache.keep("hf:a", "embed", "region", [(b"2", ANSWER)])
        assert list(cache.known([b"1", b"2"])) == [b"2"]
    assert delete_all() == 1
    assert not cache.path.exists()
    assert delete_all() == 0


@pytest.mark.parametrize("content", [b"junk" * 1000, b"SQLite format 3\0" + b"junk" * 1000])
def test_a_damaged_file_is_named_and_prune_all_deletes_it(private_cache, command, content):
    (private_cache / "answers.sqlite").write_bytes(content)
    for arguments in (["info"], ["prune", "--older-than", "1"]):
        status, _, err = command("cache", *arguments)
        assert (status, err.count("\n")) == (2, 1)
        assert "is damaged" in err
        assert "`parrot-bench cache prune --all` deletes it" in err
        assert "make room" not in err
    status, out, err = command("cache", "prune", "--all")
    assert (status, out) == (0, "The damaged file is deleted.\n"), err
    assert list(private_cache.iterdir()) == []
    assert ": 0 answers" in command("cache", "info")[1]


@pytest.mark.parametrize(
    "damage",
    [
        "answer = substr(answer, 1, 20)",
        "answer = CAST(x'ff00fe' AS TEXT)",
        "answer = '[]'",
        "answer = json_remove(answer, '$.strict')",
        "answer = json_remove(answer, '$.status')",
        "answer = json_set(answer, '$.labels', 'chest')",
        "answer = json_set(answer, '$.status', 'splendid')",
        "answer = json_set(answer, '$.scores', json('[1]'))",
    ],
)
def test_a_damaged_answer_counts_as_not_kept_and_is_replaced(damage):
    with open_cache() as cache:
        cache.keep("hf:a", "embed", "region", [(b"1", ANSWER), (b"2", ANSWER)])
        change = f"UPDATE answers SET {damage} WHERE key = ?"  # noqa: S608
        cache._database.execute(change, (b"1",))
        assert cache.known([b"1", b"2"]) == {b"2": ANSWER}
        cache.keep("hf:a", "embed", "region", [(b"1", ANSWER)])
        assert cache.known([b"1", b"2"]) == {b"1": ANSWER, b"2": ANSWER}


def test_a_damaged_record_counts_as_not_noted():
    with open_cache() as cache:
        cache.keep_record(b"m", {"max_tokens": 512})
        cache._database.execute("UPDATE records SET record = '{'")
        assert cache.record(b"m") == {}


def test_a_lock_that_stays_is_not_called_a_full_disk(monkeypatch):
    monkeypatch.setattr("parrot_bench.running.kept_answers._LOCK_SECONDS", 0.01)
    with open_cache() as one, open_cache() as other:
        one._database.execute("BEGIN IMMEDIATE")
        with pytest.raises(ParrotError, match="another process has been writing"):
            other.keep("hf:a", "embed", "region", [(b"1", ANSWER)])
        one._database.execute("ROLLBACK")
