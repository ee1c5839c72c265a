"""Comparing runs: what is compared, what is refused, and what is said."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from parrot_bench import ParrotError, compare, evaluate, load_corpus, load_model
from parrot_bench.cli import main
from parrot_bench.comparing.comparison import Options
from parrot_bench.resources import data_path
from parrot_bench.scoring.comparisons import paired
from parrot_bench.task.registry import get_task

TASKS = ("region", "modality")


@pytest.fixture(scope="module", autouse=True)
def few_swaps():
    """A tenth of the random swaps: enough to tell the baselines apart."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paired, "DRAWS", 999)
        yield


@pytest.fixture(scope="module")
def corpus():
    return load_corpus("mini")


@pytest.fixture(scope="module")
def runs(corpus, tmp_path_factory):
    """Runs of three baselines on both texts of the bundled corpus, by name."""
    from parrot_bench.running.sheets import Settings

    out = tmp_path_factory.mktemp("runs")
    both = Settings(views=("original", "translation"))
    tasks = [get_task(name) for name in TASKS]
    return {
        name: evaluate(load_model(f"baseline:{name}"), tasks, corpus, both, out=out)
        for name in ("keyword", "majority", "prior")
    }


@pytest.fixture(scope="module")
def all_three(runs):
    """The comparison of all of them."""
    return compare(*runs.values(), options=Options(resamples=2_000))


def run_command(arguments, capsys):
    """Exit status of a command and what it printed."""
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    return int(stop.value.code or 0), capsys.readouterr()


def slice_of(frame, **chosen):
    for key, value in chosen.items():
        frame = frame[frame[key] == value]
    assert len(frame) == 1
    return frame.iloc[0]


def between(found, one, other):
    """Contrasts of two of the runs."""
    rows = found.contrasts
    names = (f"baseline:{one}", f"baseline:{other}")
    return rows[(rows["first"] == names[0]) & (rows["second"] == names[1])]


def test_a_contrast_is_the_difference_of_the_two_runs_own_figures(runs, all_three):
    found = between(all_three, "keyword", "majority")
    for slice_name in ("pl", "macro", "pooled"):
        row = slice_of(found, task="region", text="original", slice=slice_name)
        for side, name in (("first", "keyword"), ("second", "majority")):
            own = slice_of(
                runs[name].results,
                task="region",
                text="original",
                slice=slice_name,
                metric="micro_f1",
            )
            assert row[f"{side}_value"] == pytest.approx(own["value"], abs=1e-9)
        expected = row["first_value"] - row["second_value"]
        assert row["difference"] == pytest.approx(expected, abs=1e-9)
        assert row["low"] <= row["difference"] <= row["high"]


def test_a_baseline_that_reads_beats_one_that_does_not(all_three):
    found = between(all_three, "keyword", "majority")
    row = slice_of(found, task="region", text="original", slice="macro")
    assert row["role"] == "primary"
    assert row["p"] <= row["p_adjusted"] < 0.05
    assert row["verdict"].startswith("baseline:keyword is ")
    assert "points better, interval" in row["verdict"]


def test_swapping_the_runs_mirrors_the_difference(runs, all_three):
    one = between(all_three, "keyword", "prior")
    other = compare(runs["prior"], runs["keyword"]).contrasts
    assert np.allclose(one["difference"], -other["difference"])
    assert np.allclose(one["low"], -other["high"], atol=1e-9)


def test_holm_is_over_tasks_texts_and_pairs_and_languages_are_apart(all_three):
    found = all_three.contrasts
    primary = found[found["role"] == "primary"]
    assert len(primary) == len(TASKS) * 2 * 3
    smallest = primary["p"].min()
    assert primary["p_adjusted"].min() == pytest.approx(min(1, smallest * len(primary)))
    languages = found[found["role"] == "language"]
    assert (languages["p_adjusted"] >= languages["p"] - 1e-12).all()
    assert len(languages) == len(TASKS) * 2 * 3 * 14


def test_three_runs_are_ranked_with_the_best_alone(runs, all_three):
    found = all_three.ranks
    rows = found[(found["task"] == "region") & (found["text"] == "original")].set_index("run")
    assert rows.loc["baseline:keyword", ["rank_low", "rank_high", "group"]].tolist() == [1, 1, 1]
    assert (rows["rank_low"] <= rows["rank_high"]).all()
    assert rows["rank_high"].max() == 3
    assert compare(runs["keyword"], runs["prior"]).ranks.empty


def test_one_run_is_compared_with_itself_on_the_translation(runs, all_three):
    assert compare(runs["keyword"]).contrasts.empty
    gaps = all_three.gaps[all_three.gaps["run"] == "baseline:keyword"]
    row = slice_of(gaps, task="region", slice="pooled")
    results = runs["keyword"].results
    values = [
        slice_of(results, task="region", text=text, slice="pooled", metric="micro_f1")["value"]
        for text in ("original", "translation")
    ]
    assert row["difference"] == pytest.approx(values[0] - values[1], abs=1e-9)
    assert 0 <= row["equivalence_p"] <= 1


def test_a_wide_margin_makes_texts_the_same_and_a_narrow_one_does_not(runs):
    wide = slice_of(
        compare(runs["keyword"], options=Options(margin=0.5)).gaps, task="region", slice="pooled"
    )
    narrow = slice_of(
        compare(runs["keyword"], options=Options(margin=0.001)).gaps, task="region", slice="pooled"
    )
    assert wide["equivalence_p"] < 0.05 < narrow["equivalence_p"]
    assert wide["verdict"].startswith("the same within 50.0 points")


def test_the_same_comparison_gives_the_same_figures(runs, all_three):
    again = compare(*runs.values(), options=Options(resamples=2_000))
    for name in ("contrasts", "ranks", "gaps"):
        assert getattr(again, name).equals(getattr(all_three, name))


def changed(run, **data):
    return replace(run, manifest=run.manifest | {"data": run.manifest["data"] | data})


def test_runs_on_other_data_tasks_or_scorers_are_refused(runs):
    run, other = runs["keyword"], runs["prior"]
    with pytest.raises(ParrotError, match=r"different data \(corpus"):
        compare(run, changed(other, corpus_hash="0" * 64))
    with pytest.raises(ParrotError, match=r"different data \(view: clean and raw\)"):
        compare(run, changed(other, view="raw"))
    tasks = [dict(task) for task in other.manifest["tasks"]]
    tasks[0]["version"] = "9"
    with pytest.raises(ParrotError, match="differ in task 'region' \\(version"):
        compare(run, replace(other, manifest=other.manifest | {"tasks": tasks}))
    with pytest.raises(ParrotError, match="version 0 of the scorer"):
        compare(run, replace(other, manifest=other.manifest | {"scorer": "0"}))
    with pytest.raises(ParrotError, match="given twice"):
        compare(run, run)


def test_a_corpus_without_a_name_has_to_be_named_and_to_be_the_same(runs):
    named = [changed(run, name="mine.jsonl") for run in (runs["keyword"], runs["prior"])]
    with pytest.raises(ParrotError, match="name the file with --data"):
        compare(*named)
    path = str(data_path("mini", "mini.jsonl"))
    assert len(compare(*named, options=Options(data=path)).contrasts)


def test_another_file_than_the_one_that_was_run_is_refused(runs, tmp_path):
    lines = data_path("mini", "mini.jsonl").read_text(encoding="utf-8").split("\n")
    other = tmp_path / "other.jsonl"
    other.write_text("\n".join(lines[:-10]), encoding="utf-8")
    with pytest.raises(ParrotError, match="is not the corpus of"):
        compare(runs["keyword"], runs["prior"], options=Options(data=str(other)))


def test_runs_of_parts_are_compared_on_the_reports_that_both_answered(runs, corpus, tmp_path):
    from parrot_bench.running.sheets import Settings

    part = evaluate(
        load_model("baseline:prior"),
        [get_task("region")],
        corpus,
        Settings(languages=("pl", "de")),
        out=tmp_path,
    )
    found = compare(runs["keyword"], part).contrasts
    assert set(found["slice"]) == {"pl", "de", "macro", "pooled"}
    assert set(found["text"]) == {"original"}
    assert slice_of(found, slice="pooled")["n"] == 20


@pytest.mark.parametrize("options", [{"margin": 0.0}, {"resamples": 5}, {"seed": -1}])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(ParrotError):
        Options(**options)


def test_the_command_prints_tables_and_verdicts(runs, capsys):
    status, printed = run_command(["compare", *(str(run.path) for run in runs.values())], capsys)
    assert status == 0
    assert "A = baseline:keyword, B = baseline:majority" in printed.out
    assert "macro: baseline:keyword is" in printed.out
    assert "Ranks: region · original · micro_f1" in printed.out
    assert "original against translation" in printed.out


def test_the_command_prints_json(runs, capsys):
    status, printed = run_command(["compare", str(runs["keyword"].path), "--json"], capsys)
    assert status == 0
    found = json.loads(printed.out)
    assert set(found) == {"contrasts", "ranks", "gaps"}
    assert {row["slice"] for row in found["gaps"]} >= {"pl", "macro", "pooled"}


def test_another_metric_than_the_headline_can_be_compared(runs):
    found = compare(runs["keyword"], runs["prior"], options=Options(metric="accuracy")).contrasts
    assert set(found["task"]) == {"modality"}
    assert found["mcnemar"].notna().any()


def test_an_unknown_metric_is_refused_with_what_was_meant(runs, capsys):
    arguments = ["compare", str(runs["keyword"].path), "--metric", "balanced_acuracy"]
    status, printed = run_command(arguments, capsys)
    assert status == 2
    assert "did you mean 'balanced_accuracy'" in printed.err


def test_scores_that_are_no_numbers_are_one_sentence(runs, tmp_path, corpus):
    tasks = [get_task("modality")]
    good = evaluate(load_model("baseline:tfidf"), tasks, corpus, out=tmp_path)
    assert good.manifest["model"]["probabilities"]
    spoilt = good.predictions.copy()
    spoilt["scores"] = [np.full(len(each), np.nan) for each in spoilt["scores"]]
    other = replace(good, manifest=good.manifest | {"id": "spoilt"}, predictions=spoilt)
    with pytest.raises(ParrotError, match="cannot be scored"):
        compare(good, other, options=Options(metric="log_loss"))


@pytest.mark.parametrize("arguments", [["nowhere"], ["nowhere", "--margin", "0"]])
def test_bad_input_is_one_sentence_and_status_2(arguments, capsys):
    status, printed = run_command(["compare", *arguments], capsys)
    assert status == 2
    assert printed.err.startswith("Error: ")
