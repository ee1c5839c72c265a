"""What must never change an estimate, and where every estimate must lie."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parrot_bench.scoring.estimates.measured import estimate, macro, measure
from parrot_bench.scoring.metrics.agreement import MatthewsCorrelation, WeightedKappa
from parrot_bench.scoring.metrics.discrimination import (
    AreaUnderGeneralisedRiskCoverage,
    AreaUnderROC,
    TruePositiveRateAt,
)
from parrot_bench.scoring.metrics.label_sets import Accuracy, ExampleF1, MeanCount, MicroF1, Share
from parrot_bench.scoring.metrics.per_label import (
    BalancedAccuracy,
    LabelF1,
    LabelPrecision,
    MacroF1,
)
from parrot_bench.scoring.metrics.probability import (
    BrierScore,
    BrierSkill,
    ExpectedCalibrationError,
    LogLoss,
)
from parrot_bench.scoring.metrics.ranking import AveragePrecision, RecallAt

LABELS = ("a", "b", "c", "d")
METRICS = {
    "accuracy": (Accuracy(), "sets"),
    "example_f1": (ExampleF1(), "sets"),
    "mean_count": (MeanCount(), "sets"),
    "micro_f1": (MicroF1(), "sets"),
    "share": (Share("a"), "sets"),
    "label_f1": (LabelF1("a"), "sets"),
    "label_precision": (LabelPrecision("a"), "sets"),
    "macro_f1": (MacroF1(LABELS), "sets"),
    "balanced_accuracy": (BalancedAccuracy(LABELS), "sets"),
    "mcc": (MatthewsCorrelation(LABELS), "single"),
    "kappa": (WeightedKappa(LABELS, "quadratic"), "single"),
    "map": (AveragePrecision(), "rankings"),
    "recall_at_2": (RecallAt(2), "rankings"),
    "brier": (BrierScore(LABELS), "probabilities"),
    "brier_skill": (BrierSkill(LABELS), "probabilities"),
    "log_loss": (LogLoss(LABELS), "probabilities"),
    "ece": (ExpectedCalibrationError(), "probabilities"),
    "augrc": (AreaUnderGeneralisedRiskCoverage(), "probabilities"),
    "auroc": (AreaUnderROC("a"), "probabilities"),
    "tpr": (TruePositiveRateAt("a", 0.2), "probabilities"),
}
every_metric = pytest.mark.parametrize("name", METRICS)


@pytest.mark.parametrize("share", [1.0, 0.7])
@pytest.mark.parametrize("contributors", [1, 7])
@pytest.mark.parametrize("metric", [Accuracy(), MicroF1(), MatthewsCorrelation(("a", "b"))])
def test_near_copies_are_never_counted_as_independent(make, metric, share, contributors):
    n = 42
    right = np.random.default_rng(0).permutation(np.arange(n) < share * n)
    gold = [("a",)] * 20 + [("b",)] * 22
    other = {("a",): ("b",), ("b",): ("a",)}
    said = [g if each else other[g] for g, each in zip(gold, right, strict=True)]
    authors = [f"c{i % contributors}" for i in range(n)]
    copies = list(range(n)) * 2
    once = estimate(metric, gold, said, make.design(["de"] * n, authors))
    twice = estimate(metric, gold * 2, said * 2, make.design(["de"] * 2 * n, authors * 2, copies))
    apart = estimate(metric, gold * 2, said * 2, make.design(["de"] * 2 * n, authors * 2))
    for name in ("de", "pooled"):
        width, doubled, independent = (
            each[name].high - each[name].low for each in (once, twice, apart)
        )
        assert twice[name].value == pytest.approx(once[name].value)
        # The delete-one jackknife of a curved metric sees a little less of each copy.
        assert doubled == pytest.approx(width, rel=1e-4 if metric.proportion else 0.03)
        if contributors == 1:
            assert independent < 0.8 * width


def test_copies_in_two_languages_are_one_report_in_the_mean(make):
    n = 30
    right = np.random.default_rng(1).random(n) < 0.7
    said = make.hits([*right, *right])
    names = [f"c{i}" for i in range(n)]
    languages = ["af"] * n + ["nl"] * n
    twins = make.design(languages, names * 2, list(range(n)) * 2)
    strangers = make.design(languages, [*names, *[f"d{i}" for i in range(n)]])
    found = {
        key: measure(Accuracy(), *said, design) for key, design in (("t", twins), ("s", strangers))
    }
    # Two halves that are the same: variance (v + v + 2 v) / 4 and not (v + v) / 4.
    v = right.mean() * (1 - right.mean()) / n
    assert found["t"].uncertainty(macro(found["t"]))[0] == pytest.approx(v, rel=1e-6)
    assert found["s"].uncertainty(macro(found["s"]))[0] == pytest.approx(v / 2, rel=1e-6)


@every_metric
def test_the_order_of_reports_changes_nothing_at_all(draw, make, name):
    metric, kind = METRICS[name]
    gold, said = getattr(draw, kind)(5, 90)
    generator = np.random.default_rng(5)
    languages = [str(each) for each in generator.choice(["de", "fr", "pl"], 90)]
    authors = [f"{each}{generator.integers(4)}" for each in languages]
    copies = [int(each) for each in generator.integers(0, 85, 90)]
    ids = [f"{i}" for i in range(90)]
    first = estimate(metric, gold, said, make.design(languages, authors, copies, ids))
    for seed in range(3):
        at = np.random.default_rng(seed).permutation(90)
        moved = [[each[i] for i in at] for each in (gold, said, languages, authors, copies, ids)]
        again = estimate(metric, moved[0], moved[1], make.design(*moved[2:]))
        assert {k: astuple(v) for k, v in again.items()} == {
            k: astuple(v) for k, v in first.items()
        }


@every_metric
def test_the_order_of_languages_changes_nothing_to_speak_of(draw, make, name):
    metric, kind = METRICS[name]
    gold, said = getattr(draw, kind)(6, 90)
    names = ["de", "fr", "pl"] * 30
    authors = [f"{each}{i % 5}" for i, each in enumerate(names)]
    turned = {"de": "z", "fr": "y", "pl": "x"}
    first = estimate(metric, gold, said, make.design(names, authors))
    second = estimate(metric, gold, said, make.design([turned[each] for each in names], authors))
    for one, other in [*turned.items(), ("macro", "macro"), ("pooled", "pooled")]:
        a, b = first[one], second[other]
        assert (a.value, a.low, a.high) == pytest.approx((b.value, b.low, b.high), abs=1e-9)


@every_metric
@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 45),
    languages=st.integers(1, 3),
    authors=st.integers(1, 7),
    extreme=st.sampled_from(["none", "all right", "all the same"]),
)
def test_a_figure_lies_in_its_interval_and_both_within_bounds(
    draw, make, name, seed, n, languages, authors, extreme
):
    metric, kind = METRICS[name]
    gold, said = getattr(draw, kind)(seed, n)
    if extreme == "all the same":
        gold, said = [gold[0]] * n, [said[0]] * n
    elif extreme == "all right" and kind == "probabilities":
        said = [{label: float((label,) == g) for label in LABELS} for g in gold]
    elif extreme == "all right":
        said = list(gold)
    generator = np.random.default_rng(seed)
    names = [f"l{each}" for each in generator.integers(languages, size=n)]
    who = [f"{each}{generator.integers(authors)}" for each in names]
    copies = [int(each) for each in generator.integers(n, size=n)]
    found = estimate(metric, gold, said, make.design(names, who, copies))
    low, high = metric.bounds
    assert set(found) == {*names, "macro", "pooled"}
    for each in found.values():
        assert (each.low is None) == (each.high is None) == (each.method == "none")
        assert (each.estimand in ("A", "B")) == (each.low is not None)
        if each.value is None:
            assert each.low is None
            assert each.note
        else:
            assert low - 1e-9 <= each.value <= high + 1e-9
        if each.low is not None:
            assert low <= each.low <= each.value <= each.high <= high
