"""Intervals: against scipy, on degenerate cases, and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from parrot_bench.scoring.intervals import estimate, wilson
from parrot_bench.scoring.metrics import Accuracy, MicroF1
from parrot_bench.scoring.per_label import BalancedAccuracy, MacroF1
from parrot_bench.scoring.resampling import strata


def estimates(metric, gold, said, languages, authors, seed=0):
    return estimate(metric, gold, said, strata(languages, authors, 500, seed))


@pytest.mark.parametrize(("successes", "n"), [(0, 26), (26, 26), (43, 43), (7, 31), (1, 2)])
def test_wilson_agrees_with_scipy(successes, n):
    expected = stats.binomtest(successes, n).proportion_ci(method="wilson")
    assert wilson(successes, n) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_wilson_lower_bounds_of_perfect_scores_are_those_of_the_literature():
    assert wilson(26, 26)[0] == pytest.approx(0.871, abs=5e-4)
    assert wilson(43, 43)[0] == pytest.approx(0.918, abs=5e-4)


def test_one_report_has_a_value_and_no_interval():
    one = estimates(Accuracy(), [("a",)], [("a",)], ["bs"], ["c1"])["bs"]
    assert (one.value, one.low, one.high, one.n, one.clusters) == (1.0, None, None, 1, 1)
    assert "one report" in one.note


def test_one_contributor_is_said_and_its_reports_are_resampled():
    gold = [("a",)] * 20
    said = [("a",)] * 12 + [("b",)] * 8
    one = estimates(MicroF1(), gold, said, ["nl"] * 20, ["c1"] * 20)["nl"]
    assert one.method == "bootstrap over reports"
    assert "one contributor" in one.note
    assert one.low < one.value < one.high


def test_resampling_whole_contributors_widens_the_interval_when_they_differ():
    # Five contributors of 20 reports, each all right or all wrong.
    said = [("a",)] * 60 + [("b",)] * 40
    gold = [("a",)] * 100
    languages = ["pl"] * 100
    clustered = estimates(MicroF1(), gold, said, languages, [f"c{i // 20}" for i in range(100)])
    alone = estimates(MicroF1(), gold, said, languages, [f"c{i}" for i in range(100)])
    assert clustered["pl"].value == alone["pl"].value == pytest.approx(0.6)
    width = clustered["pl"].high - clustered["pl"].low
    assert width > 2 * (alone["pl"].high - alone["pl"].low)


def test_a_bootstrap_without_variation_gives_no_interval():
    one = estimates(MicroF1(), [("a",)] * 20, [("a",)] * 20, ["el"] * 20, ["c1", "c2"] * 10)["el"]
    assert (one.value, one.low, one.high, one.method) == (1.0, None, None, "none")
    assert "all the same" in one.note


def test_macro_is_the_unweighted_mean_of_the_large_languages():
    gold = [("a",)] * 41
    said = [("a",)] * 10 + [("b",)] * 10 + [("a",)] * 20 + [("b",)]
    languages = ["de"] * 20 + ["fr"] * 20 + ["bs"]
    result = estimates(MicroF1(), gold, said, languages, [f"c{i % 4}" for i in range(41)])
    assert result["macro"].value == pytest.approx((0.5 + 1.0) / 2)
    assert result["pooled"].value == pytest.approx(30 / 41)
    assert "left out: bs" in result["macro"].note
    assert result["macro"].n == 40


def test_macro_is_null_with_the_reason_when_no_language_is_large_enough():
    result = estimates(Accuracy(), [("a",)], [("a",)], ["bs"], ["c1"])
    assert result["macro"].value is None
    assert "no language" in result["macro"].note


def test_labels_without_gold_are_left_out_whatever_was_predicted():
    labels = ("a", "b", "c")
    gold, said = [("a",)] * 12, [("a",)] * 6 + [("c",)] * 6
    metric = MacroF1(labels).fixed_for(gold)
    one = estimates(metric, gold, said, ["hr"] * 12, ["c1"] * 6 + ["c2"] * 6)["hr"]
    # F1 of a: 2 * 6 / (6 + 12)
    assert one.value == pytest.approx(2 / 3)


def test_estimates_do_not_depend_on_the_order_of_reports_or_on_other_languages():
    generator = np.random.default_rng(3)
    n = 60
    gold = [(str(generator.choice(["a", "b"])),) for _ in range(n)]
    said = [(str(generator.choice(["a", "b"])),) for _ in range(n)]
    languages = ["de"] * 30 + ["fr"] * 30
    authors = [f"c{i % 6}" for i in range(n)]
    metric = BalancedAccuracy(("a", "b"))
    first = estimates(metric, gold, said, languages, authors)
    order = generator.permutation(n)
    second = estimates(
        metric,
        [gold[i] for i in order],
        [said[i] for i in order],
        [languages[i] for i in order],
        [authors[i] for i in order],
    )
    alone = estimates(metric, gold[:30], said[:30], languages[:30], authors[:30])
    assert second["pooled"] == first["pooled"]
    assert alone["de"] == first["de"]


def test_wilson_covers_what_it_promises_for_independent_reports():
    generator = np.random.default_rng(11)
    hits = generator.binomial(100, 0.85, size=2000)
    covered = np.mean([low <= 0.85 <= high for low, high in (wilson(h, 100) for h in hits)])
    assert 0.93 <= covered <= 0.97
