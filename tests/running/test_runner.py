"""The runner: what is asked, what is kept, what is scored, and what never leaves."""

from __future__ import annotations

import json

import numpy as np
import pytest

from parrot_bench.corpus import load_corpus
from parrot_bench.errors import ParrotError
from parrot_bench.exploring.tables import tables
from parrot_bench.models.base import ModelInfo
from parrot_bench.models.baselines.named import load_baseline
from parrot_bench.running import model_records
from parrot_bench.running.asking import BROKEN
from parrot_bench.running.run_folder import load_run
from parrot_bench.running.runner import evaluate
from parrot_bench.running.sheets import Settings, build_items
from parrot_bench.task.item import Prediction
from parrot_bench.task.registry import get_task


class Scripted:
    """A model that answers as a function says, and counts what it was asked."""

    def __init__(self, answer, name="scripted", together=1):
        self.info = ModelInfo(spec=name, name=name, method="rule", together=together)
        self.answer = answer
        self.asked = []

    def obstacle(self, task, labels):
        return None

    def predict(self, task, labels, items):
        for item in items:
            self.asked.append((task.name, item.report_id))
            yield self.answer(task, item)


def right(task, item):
    return Prediction(item.report_id, item.gold)


@pytest.fixture
def corpus(row, write):
    rows = [
        row(f"{language}{i}", language=language, contributor_code=f"{language}{i % 3}")
        for language in ("German", "Greek")
        for i in range(12)
    ]
    rows += [row("b1", language="Bosnian"), row("n1", icd=""), row("n2", area="")]
    return load_corpus(write(rows))


TASKS = ("modality", "region", "icd_coding")


def tasks():
    return [get_task(name) for name in TASKS]


def region_items(corpus, view):
    task = get_task("region")
    return build_items(task, task.labels(corpus), corpus.reports(), view)


def headline(run, task, where):
    part = run.results
    name = get_task(task).headline
    rows = part[(part.task == task) & (part["slice"] == where) & (part.metric == name)]
    rows = rows[~rows.text.str.endswith("-tuned")]
    assert len(rows) == 1
    return rows.iloc[0]


def test_a_perfect_model_scores_one_everywhere(corpus, tmp_path):
    run = evaluate(Scripted(right), tasks(), corpus, out=tmp_path)
    assert run.status == "complete"
    for task in TASKS:
        for where in ("de", "el", "bs", "pooled", "macro"):
            assert headline(run, task, where)["value"] == 1
    icd = next(each for each in run.manifest["asked"] if each["task"] == "icd_coding")
    assert icd["left_out"] == {"no gold": 1, "no text": 0}
    assert icd["items"] == 26
    bosnian = headline(run, "modality", "bs")
    assert bosnian["n"] == 1
    assert bosnian["low"] != bosnian["low"]


def test_no_answer_and_answers_outside_the_labels_count_as_wrong(corpus, tmp_path):
    def answer(task, item):
        if item.report_id.startswith("Greek"):
            return Prediction(item.report_id, (), status="unparsable")
        return Prediction(item.report_id, (*item.gold, "elsewhere"))

    run = evaluate(Scripted(answer), [get_task("region")], corpus, out=tmp_path)
    assert headline(run, "region", "el")["value"] == 0
    # Twelve reports, each with one right and one invented region: 2 * 12 / (24 + 12).
    assert headline(run, "region", "bs")["value"] == pytest.approx(2 / 3)
    asked = run.manifest["asked"][0]
    assert asked["statuses"]["unparsable"] == 12
    assert asked["outside_label_space"] == 14


def test_a_failure_is_counted_and_never_becomes_a_score(corpus, tmp_path):
    def answer(task, item):
        if item.report_id == "German3":
            raise RuntimeError("out of memory while reading Somebody's report")
        return right(task, item)

    run = evaluate(Scripted(answer), [get_task("region")], corpus, out=tmp_path)
    failed = run.predictions[run.predictions.status == "failed"]
    assert run.status == "incomplete"
    assert run.manifest["failures"] == {"RuntimeError while the model was asked": len(failed)}
    assert headline(run, "region", "de")["value"] == 1
    assert list(failed.report_id) == ["German3"]
    # German0 to German11 without German3, and n1.
    assert headline(run, "region", "de")["n"] == 12
    assert "1 failed left out" in headline(run, "region", "macro")["note"]
    assert "Somebody" not in (run.path / "run.json").read_text()


@pytest.mark.parametrize("together", [1, 5, 64])
def test_a_model_that_breaks_down_at_everything_is_soon_left_alone(together, corpus, tmp_path):
    def answer(task, item):
        raise RuntimeError

    model = Scripted(answer, together=together)
    run = evaluate(model, [get_task("region")], corpus, out=tmp_path)
    assert set(run.predictions.status) == {"failed"}
    groups = -(-26 // together) if together > 1 else 1
    assert len(model.asked) <= groups * (1 + BROKEN)


def test_a_report_that_a_group_breaks_down_at_fails_alone(corpus, tmp_path):
    class Batched(Scripted):
        def predict(self, task, labels, items):
            self.asked.append(len(items))
            if any(item.report_id == "Greek7" for item in items):
                raise ValueError
            yield from (right(task, item) for item in items)

    model = Batched(right, together=10)
    run = evaluate(model, [get_task("region")], corpus, out=tmp_path)
    failed = run.predictions[run.predictions.status == "failed"]
    assert list(failed.report_id) == ["Greek7"]
    # Of 26 reports it is in the last group, where the shortest texts are.
    assert model.asked == [10, 10, 6, *[1] * 6]


def test_reports_that_the_memory_does_not_hold_fail_alone(corpus, tmp_path):
    class OutOfMemoryError(RuntimeError):
        pass

    class Batched(Scripted):
        def predict(self, task, labels, items):
            if any(int(item.report_id[-1]) % 2 for item in items):
                raise OutOfMemoryError
            yield from (right(task, item) for item in items)

    run = evaluate(Batched(right, together=64), [get_task("modality")], corpus, out=tmp_path)
    statuses = run.predictions.set_index("report_id")["status"]
    assert all((status == "failed") == int(name[-1]) % 2 for name, status in statuses.items())
    assert set(statuses) == {"ok", "failed"}


def cut_off_after(number, together=1):
    class CutOff(BaseException):
        pass

    def answer(task, item):
        if len(model.asked) > number:
            raise CutOff
        return right(task, item)

    model = Scripted(answer, together=together)
    return model, CutOff


def test_the_same_call_goes_on_where_it_was_cut_off(corpus, tmp_path, monkeypatch):
    cut, stop = cut_off_after(30)
    with pytest.raises(stop):
        evaluate(cut, tasks(), corpus, out=tmp_path)
    again = Scripted(right)
    run = evaluate(again, tasks(), corpus, out=tmp_path)
    answered = set(cut.asked[:-1])
    assert len(answered) == 30
    assert not answered & set(again.asked)
    assert len(answered) + len(again.asked) == 27 + 26 + 26
    monkeypatch.setenv("PARROT_BENCH_CACHE", str(tmp_path / "cache"))
    whole = evaluate(Scripted(right), tasks(), corpus, out=tmp_path / "other")
    assert whole.predictions.equals(run.predictions)
    assert whole.results.equals(run.results)


def test_items_that_are_answered_together_are_kept_and_asked_again_together(corpus, tmp_path):
    cut, stop = cut_off_after(13, together=5)
    with pytest.raises(stop):
        evaluate(cut, [get_task("region")], corpus, out=tmp_path)
    again = Scripted(right, together=5)
    evaluate(again, [get_task("region")], corpus, out=tmp_path)
    items = region_items(corpus, "original")[0]
    longest_first = sorted(items, key=lambda item: -len(item.text))
    assert [*cut.asked[:10], *again.asked] == [("region", item.report_id) for item in longest_first]


def test_answers_in_any_order_go_to_their_items(corpus, tmp_path):
    class Backwards(Scripted):
        def predict(self, task, labels, items):
            yield from reversed(list(super().predict(task, labels, items)))

    run = evaluate(Backwards(right), tasks(), corpus, out=tmp_path)
    assert headline(run, "modality", "macro")["value"] == 1


def test_failed_items_are_asked_again_only_where_that_is_wanted(corpus, tmp_path):
    def answer(task, item):
        if item.report_id.startswith("Greek"):
            raise RuntimeError
        return right(task, item)

    first = evaluate(Scripted(answer), "region", corpus, out=tmp_path)
    failed = sum(first.manifest["failures"].values())
    assert failed >= 12
    idle, again = Scripted(right), Scripted(right)
    assert evaluate(idle, "region", corpus, out=tmp_path).status == "incomplete"
    assert idle.asked == []
    run = evaluate(again, "region", corpus, out=tmp_path, retry_failed=True)
    assert run.status == "complete"
    assert len(again.asked) == failed
    assert {name for _, name in again.asked} >= {f"Greek{i}" for i in range(12)}


def test_tables_show_the_statuses_of_every_language(corpus, tmp_path):
    statuses = {"el": "failed", "bs": "refused"}

    def answer(task, item):
        status = statuses.get(item.language, "empty" if item.report_id == "German1" else "ok")
        return Prediction(item.report_id, item.gold if status == "ok" else (), status=status)

    run = evaluate(Scripted(answer), "region", corpus, out=tmp_path)
    (table,) = tables(run)
    shown = {row.name: row for row in table.rows}
    assert shown["Greek"].answers == "100.0 failed"
    assert (shown["Greek"].n, set(shown["Greek"].cells)) == (0, {"–"})
    assert shown["Bosnian"].answers == "100.0 refused"
    n = shown["German"].n
    assert shown["German"].answers == f"{100 * (n - 1) / n:.1f} ok, {100 / n:.1f} empty"


def test_texts_that_were_too_long_are_counted_after_a_resumption_too(corpus, tmp_path):
    class CutOff(BaseException):
        pass

    def first(task, item):
        if item.language == "el":
            raise CutOff
        return Prediction(item.report_id, item.gold, truncated_input=True)

    with pytest.raises(CutOff):
        evaluate(Scripted(first), [get_task("region")], corpus, out=tmp_path)
    run = evaluate(Scripted(right), [get_task("region")], corpus, out=tmp_path)
    assert run.manifest["asked"][0]["truncated_inputs"] == 12
    (table,) = tables(run)
    assert (
        "12 of 26 texts were longer than the model takes: it read their heads and tails."
        in table.notes
    )


def test_a_finished_run_is_read_and_not_repeated(corpus, tmp_path):
    first = evaluate(Scripted(right), tasks(), corpus, out=tmp_path)
    model = Scripted(right)
    second = evaluate(model, tasks(), corpus, out=tmp_path)
    assert (second.path, model.asked) == (first.path, [])


def test_the_same_call_gives_the_same_bytes(corpus, tmp_path):
    runs = [evaluate(load_baseline("prior"), tasks(), corpus, out=tmp_path / s) for s in "ab"]
    for name in ("predictions.parquet", "results.parquet"):
        assert (runs[0].path / name).read_bytes() == (runs[1].path / name).read_bytes()


def test_another_seed_model_or_task_version_is_another_run(corpus, tmp_path):
    paths = {
        evaluate(model, [get_task("region")], corpus, settings, out=tmp_path).path
        for model in (Scripted(right), Scripted(right, "other"))
        for settings in (Settings(), Settings(seed=1), Settings(views=("translation",)))
    }
    assert len(paths) == 6


CARD = """
from parrot_bench.scoring.metrics.label_sets import Accuracy
from parrot_bench.task import Label, LabelSpace, Measure, Task

TASK = Task(
    name="size", version="1", title="How long?", kind="single-label", answer_key="size",
    labels=lambda corpus: LabelSpace([Label("short", ""), Label("long", "")]),
    gold=lambda report: ("long",) if len(report.text) > 10 else ("short",),
    without_gold="", measures=(Measure("accuracy", Accuracy()),), headline="accuracy",
)
"""


def test_a_task_file_that_says_another_gold_is_another_run(corpus, tmp_path):
    file = tmp_path / "size.py"
    paths = []
    for card in (CARD, CARD.replace("> 10", "> 1000"), CARD):
        file.write_text(card)
        paths.append(
            evaluate(Scripted(right), [get_task("size", tmp_path)], corpus, out=tmp_path).path
        )
    assert paths[0] == paths[2] != paths[1]


def test_nothing_private_is_in_the_run_folder(row, write, tmp_path):
    corpus = load_corpus(
        write([row(str(i), report=f"GEHEIM Befund {i}", translation="SECRET") for i in range(3)])
    )

    def answer(task, item):
        return Prediction(item.report_id, item.gold, raw=f"I read: {item.text}")

    run = evaluate(Scripted(answer), tasks(), corpus, out=tmp_path / "runs")
    for path in run.path.iterdir():
        content = path.read_bytes()
        for secret in (b"GEHEIM", b"SECRET", b"Somebody"):
            assert secret not in content, path.name
    assert "gold" not in run.predictions.columns


def test_labels_that_are_none_are_numbers_in_the_run_folder(row, write, tmp_path):
    corpus = load_corpus(write([row(str(i), report=f"GEHEIM {i}") for i in range(6)]))

    def answer(task, item):
        copied = (item.text, f"{item.text} Frau")
        return Prediction(item.report_id, (*item.gold, copied[0], "J90.12", copied[1]))

    run = evaluate(Scripted(answer), tasks(), corpus, out=tmp_path)
    assert not any(b"GEHEIM" in path.read_bytes() for path in run.path.iterdir())
    labels = run.predictions.set_index(["task", "report_id"])["labels"]
    gold = region_items(corpus, "original")[0][0].gold
    assert tuple(labels["region", "0"]) == (*gold, *(f"(outside {i})" for i in (1, 2, 3)))
    assert list(labels["icd_coding", "0"])[-3:] == ["(outside 1)", "J90.12", "(outside 2)"]


def test_a_model_that_learns_is_asked_again_about_everything(corpus, tmp_path):
    def answer(task, item):
        failing = len(model.asked) < 3
        return Prediction(item.report_id, (), status="failed") if failing else right(task, item)

    model = Scripted(answer)
    model.info = ModelInfo("learns", "learns", "rule", trained_on_data=True)
    first = evaluate(model, [get_task("region")], corpus, out=tmp_path)
    assert first.status == "incomplete"
    again = evaluate(model, [get_task("region")], corpus, out=tmp_path, retry_failed=True)
    assert again.status == "complete"
    assert len(model.asked) == 2 * 26


def test_a_record_is_joined_with_that_of_the_part_before(corpus, tmp_path, monkeypatch):
    peaks = iter([{"peak_memory_mib": 900.0}, {"peak_memory_mib": 300.0}])
    monkeypatch.setattr(model_records, "peak_memory", lambda: next(peaks))
    records = iter(
        [
            {"examples": {"de": ["1"]}, "tokens": 4},
            {"examples": {"el": ["2"]}, "tokens": 8},
        ]
    )

    class Recording(Scripted):
        def predict(self, task, labels, items):
            self.record = next(records)
            return super().predict(task, labels, items)

    def answer(task, item):
        fails = item.language == "el" and len(model.asked) <= 26
        return Prediction(item.report_id, (), status="failed") if fails else right(task, item)

    model = Recording(answer)
    evaluate(model, [get_task("region")], corpus, out=tmp_path)
    run = evaluate(model, [get_task("region")], corpus, out=tmp_path, retry_failed=True)
    record = run.manifest["record"]
    assert (record["examples"], record["tokens"]) == ({"de": ["1"], "el": ["2"]}, 8)
    assert record["peak_memory_mib"] == 900


def test_a_bad_answer_with_report_text_leaves_none_in_the_run_folder(row, write, tmp_path):
    corpus = load_corpus(write([row(str(i), report=f"GEHEIM {i}") for i in range(6)]))
    odd = [
        lambda text: {"report_id": text},
        lambda text: {"status": text},
        lambda text: {"labels": text},
        lambda text: {"labels": (1, text)},
        lambda text: {"scores": {text: float("nan")}},
        lambda text: {"scores": {"chest": text}},
    ]

    def answer(task, item):
        fields = {"report_id": item.report_id, "labels": item.gold}
        return Prediction(**(fields | odd[int(item.report_id)](item.text)))

    run = evaluate(Scripted(answer), "region", corpus, out=tmp_path / "runs")
    assert sum(run.manifest["failures"].values()) == 6
    assert all(b"GEHEIM" not in path.read_bytes() for path in run.path.iterdir())


def test_the_translation_view_asks_in_english_and_leaves_out_what_has_none(row, write):
    corpus = load_corpus(write([row("1"), row("2", translation=" ")]))
    items, left_out = region_items(corpus, "translation")
    assert [(item.report_id, item.text_language, item.language) for item in items] == [
        ("1", "en", "de")
    ]
    assert left_out == {"no gold": 0, "no text": 1}


def test_masking_asks_once_more_with_the_modality_words_gone(corpus, tmp_path):
    seen = {}

    def answer(task, item):
        seen.setdefault(item.report_id, []).append(item.text)
        return right(task, item)

    settings = Settings(mask_modality=True)
    run = evaluate(
        Scripted(answer), [get_task("modality"), get_task("region")], corpus, settings, out=tmp_path
    )
    assert sorted(set(run.results.text[run.results.task == "modality"])) == [
        "original",
        "original-masked",
    ]
    assert set(run.results.text[run.results.task == "region"]) == {"original"}
    plain, masked, _ = seen["German1"]
    assert plain.startswith("CT Thorax")
    assert masked.startswith("___ Thorax")


def test_a_limit_is_a_seeded_sample_by_language_and_marks_the_run_partial(corpus, tmp_path):
    picks = [corpus.select(limit=10, seed=seed) for seed in (0, 0, 1)]
    assert picks[0].hash == picks[1].hash != picks[2].hash
    counts = [report.language for report in picks[0].reports()]
    assert len(counts) == 10
    assert set(counts) == {"de", "el", "bs"}
    run = evaluate(Scripted(right), [get_task("region")], corpus, Settings(limit=10), out=tmp_path)
    assert "10 of 27 reports" in run.manifest["partial"]


def test_languages_are_selected_by_code_or_name(corpus):
    assert corpus.select(languages=["Greek", "bs"]).languages == ("bs", "el")
    with pytest.raises(ParrotError, match="did you mean 'Greek'"):
        corpus.select(languages=["Greeek"])
    with pytest.raises(ParrotError, match=r"No report of .* is in 'ko'"):
        corpus.select(languages=["ko"])


def test_results_are_tidy_and_load_again(corpus, tmp_path):
    run = evaluate(load_baseline("majority"), tasks(), corpus, out=tmp_path)
    again = load_run(run.path)
    assert again.results.equals(run.results)
    assert not again.results.duplicated(["task", "text", "slice", "metric"]).any()
    assert json.loads((run.path / "run.json").read_text())["model"]["trained_on_data"]


def test_a_folder_without_a_run_says_so(tmp_path):
    with pytest.raises(ParrotError, match="no finished run"):
        load_run(tmp_path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(ParrotError, match="not the manifest of a run"):
        load_run(tmp_path)


def test_a_damaged_results_file_is_one_sentence(corpus, tmp_path):
    run = evaluate(Scripted(right), [get_task("region")], corpus, out=tmp_path)
    (run.path / "results.parquet").write_bytes(b"junk")
    with pytest.raises(ParrotError, match=r"results\.parquet: cannot be read"):
        load_run(run.path)


def test_an_output_folder_that_is_a_file_is_one_sentence(corpus, tmp_path):
    (tmp_path / "runs").write_text("")
    with pytest.raises(ParrotError, match="cannot be written"):
        evaluate(Scripted(right), tasks(), corpus, out=tmp_path / "runs")


def test_a_model_that_can_do_nothing_is_told_why(corpus, tmp_path):
    with pytest.raises(ParrotError, match=r"nothing to ask.*region: always-z00 answers with"):
        evaluate(load_baseline("always-z00"), [get_task("region")], corpus, out=tmp_path)


def test_an_answer_that_cannot_be_used_fails_alone_and_says_why(corpus, tmp_path):
    def answer(task, item):
        labels = "chest" if item.report_id == "German3" else item.gold
        return Prediction(item.report_id, labels, {"chest": np.float32(0.5)})

    run = evaluate(Scripted(answer), "region", corpus, out=tmp_path)
    assert run.manifest["failures"] == {"Its labels are a str, not a tuple of texts.": 1}
    assert headline(run, "region", "pooled")["value"] == 1
    assert set(run.predictions.status) == {"ok", "failed"}


def test_a_model_that_stops_early_has_failed_on_the_rest(corpus, tmp_path):
    class Short(Scripted):
        def predict(self, task, labels, items):
            yield from list(super().predict(task, labels, items))[:20]

    run = evaluate(Short(right), "region", corpus, out=tmp_path)
    assert run.manifest["failures"] == {"The model stopped before this item.": 6}


def test_progress_begins_with_what_is_known_and_ends_with_everything(corpus, tmp_path):
    seen = []
    evaluate(
        Scripted(right), "region", corpus, out=tmp_path, progress=lambda *each: seen.append(each)
    )
    assert seen == [("region · original", done, 26) for done in range(27)]
