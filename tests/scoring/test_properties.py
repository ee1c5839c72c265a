"""What holds for every metric, because it is a function of sums over reports."""

from __future__ import annotations

import numpy as np
import pytest

from parrot_bench.scoring.metrics.agreement import MatthewsCorrelation, WeightedKappa
from parrot_bench.scoring.metrics.discrimination import (
    AreaUnderGeneralisedRiskCoverage,
    AreaUnderROC,
    TruePositiveRateAt,
)
from parrot_bench.scoring.metrics.label_sets import (
    Accuracy,
    ExampleF1,
    Jaccard,
    MeanCount,
    MicroF1,
    MicroPrecision,
    MicroRecall,
    Share,
)
from parrot_bench.scoring.metrics.per_label import (
    BalancedAccuracy,
    LabelF1,
    LabelPrecision,
    LabelRecall,
    MacroF1,
    PerLabel,
)
from parrot_bench.scoring.metrics.probability import (
    BrierScore,
    BrierSkill,
    ExpectedCalibrationError,
    LogLoss,
)
from parrot_bench.scoring.metrics.ranking import AveragePrecision, RecallAt, RPrecision

LABELS = ("a", "b", "c", "d")
# Each metric as a function of its labels, and what it is given.
ALL = {
    "accuracy": (lambda labels: Accuracy(), "sets"),
    "example_f1": (lambda labels: ExampleF1(), "sets"),
    "jaccard": (lambda labels: Jaccard(), "sets"),
    "mean_count": (lambda labels: MeanCount(), "sets"),
    "micro_f1": (lambda labels: MicroF1(), "sets"),
    "micro_precision": (lambda labels: MicroPrecision(), "sets"),
    "micro_recall": (lambda labels: MicroRecall(), "sets"),
    "share": (lambda labels: Share(labels[0]), "sets"),
    "label_f1": (lambda labels: LabelF1(labels[0]), "sets"),
    "label_precision": (lambda labels: LabelPrecision(labels[0]), "sets"),
    "label_recall": (lambda labels: LabelRecall(labels[0]), "sets"),
    "macro_f1": (MacroF1, "sets"),
    "balanced_accuracy": (BalancedAccuracy, "sets"),
    "mcc": (MatthewsCorrelation, "single"),
    "kappa": (WeightedKappa, "single"),
    "linear_kappa": (lambda labels: WeightedKappa(labels, "linear"), "single"),
    "quadratic_kappa": (lambda labels: WeightedKappa(labels, "quadratic"), "single"),
    "map": (lambda labels: AveragePrecision(), "rankings"),
    "r_precision": (lambda labels: RPrecision(), "rankings"),
    "recall_at_2": (lambda labels: RecallAt(2), "rankings"),
    "brier": (BrierScore, "probabilities"),
    "brier_skill": (BrierSkill, "probabilities"),
    "log_loss": (LogLoss, "probabilities"),
    "ece": (lambda labels: ExpectedCalibrationError(), "probabilities"),
    "augrc": (lambda labels: AreaUnderGeneralisedRiskCoverage(), "probabilities"),
    "auroc": (lambda labels: AreaUnderROC(labels[0]), "probabilities"),
    "tpr": (lambda labels: TruePositiveRateAt(labels[0], 0.2), "probabilities"),
}
ORDERED = {"linear_kappa", "quadratic_kappa"}
"""Metrics whose labels have an order."""
LEVELS = {"augrc", "auroc", "tpr"}
"""Metrics whose rows are comparable within one call only."""

every_metric = pytest.mark.parametrize("name", ALL)
SEEDS = range(8)


@pytest.fixture
def case(draw):
    """A metric with gold and predictions; answers hold slips, probabilities hold ties."""

    def make(name, seed, n=40):
        metric, kind = ALL[name]
        if kind == "single":
            gold, said = draw.single(seed, n, slips=[(), ("z",), ("a", "b")])
        else:
            gold, said = getattr(draw, kind)(seed, n)
        return metric(LABELS), gold, said

    return make


def same(figure):
    return pytest.approx(figure, abs=1e-12, rel=1e-12, nan_ok=True)


@every_metric
def test_the_order_of_reports_changes_nothing(case, value, name):
    for seed in SEEDS:
        metric, gold, said = case(name, seed)
        order = np.random.default_rng(seed).permutation(len(gold))
        shuffled = value(metric, [gold[i] for i in order], [said[i] for i in order])
        assert shuffled == same(value(metric, gold, said))


@every_metric
def test_sums_of_parts_give_the_value_of_the_whole(case, value, name):
    for seed in SEEDS:
        metric, gold, said = case(name, seed)
        cut = np.random.default_rng(seed).integers(1, len(gold))
        if name in LEVELS:
            rows = metric.contributions(gold, said)
            parts = rows[:cut], rows[cut:]
        else:
            parts = (
                metric.contributions(gold[:cut], said[:cut]),
                metric.contributions(gold[cut:], said[cut:]),
            )
        first, second = (part.sum(axis=0) for part in parts)
        whole = value(metric, gold, said)
        assert float(metric.value(first + second)) == same(whole)
        # A jackknife takes a part away.
        assert float(metric.value(first + second - second)) == same(float(metric.value(first)))


@every_metric
def test_copies_of_every_report_change_nothing(case, value, name):
    for seed in SEEDS:
        metric, gold, said = case(name, seed)
        assert value(metric, gold * 3, said * 3) == same(value(metric, gold, said))


@every_metric
@pytest.mark.parametrize("n", [1, 2, 5, 40])
def test_values_stay_within_bounds(case, value, name, n):
    for seed in SEEDS:
        metric, gold, said = case(name, seed, n)
        low, high = metric.bounds
        figure = value(metric, gold, said)
        assert np.isnan(figure) or low - 1e-12 <= figure <= high + 1e-12


@every_metric
def test_new_names_of_the_labels_change_nothing(draw, value, name):
    make, kind = ALL[name]
    # Without ties: which of two likeliest labels is taken goes by the alphabet.
    options = {"ties": False} if kind == "probabilities" else {}
    names = dict(zip(LABELS, ("q", "y", "p", "x"), strict=True))

    def renamed(answer):
        if isinstance(answer, dict):
            return {names[label]: number for label, number in answer.items()}
        return tuple(names[label] for label in answer)

    for seed in SEEDS:
        gold, said = getattr(draw, kind)(seed, **options)
        new = value(make(tuple(names.values())), [*map(renamed, gold)], [*map(renamed, said)])
        assert new == same(value(make(LABELS), gold, said))


@pytest.mark.parametrize("name", [name for name in ALL if name not in ORDERED])
def test_the_order_of_the_label_set_changes_nothing(case, value, name):
    for seed in SEEDS:
        metric, gold, said = case(name, seed)
        if hasattr(metric, "labels"):
            shuffled = tuple(map(str, np.random.default_rng(seed).permutation(LABELS)))
            assert value(ALL[name][0](shuffled), gold, said) == same(value(metric, gold, said))


@pytest.mark.parametrize("name", [name for name in ALL if ALL[name][1] != "rankings"])
def test_the_order_within_an_answer_changes_nothing(case, value, name):
    for seed in SEEDS:
        metric, gold, said = case(name, seed)
        turned = value(metric, [g[::-1] for g in gold], [_reversed(p) for p in said])
        assert turned == same(value(metric, gold, said))


def _reversed(answer):
    if isinstance(answer, dict):
        return dict(reversed(answer.items()))
    return answer[::-1]


@every_metric
def test_values_over_leading_axes_are_those_one_by_one(case, name):
    metric, gold, said = case(name, 3)
    rows = metric.contributions(gold, said)
    weights = np.random.default_rng(0).integers(0, 3, size=(2, 3, len(gold))).astype(float)
    weights[0, 0] = 0
    sums = (weights.reshape(6, -1) @ rows).reshape(2, 3, -1)
    together = metric.value(sums)
    assert together.shape == (2, 3)
    assert np.isnan(together[0, 0])
    for at in np.ndindex(2, 3):
        assert together[at] == same(float(metric.value(sums[at])))


@every_metric
def test_only_label_means_take_something_from_the_gold(case, name):
    metric, gold, _ = case(name, 0)
    if isinstance(metric, PerLabel):
        assert metric.fixed_for([("c",)]).labels == ("c",)
    else:
        assert metric.fixed_for(gold) is metric


@every_metric
def test_lengths_that_differ_are_refused(case, name):
    metric, gold, said = case(name, 0)
    with pytest.raises(ValueError, match="40 gold answers and 39 predicted ones"):
        metric.contributions(gold, said[:-1])
    with pytest.raises(ValueError, match="39 gold answers and 40 predicted ones"):
        metric.contributions(gold[:-1], said)


@every_metric
def test_no_reports_give_no_value(case, value, name):
    metric, _, _ = case(name, 0)
    assert np.isnan(value(metric, [], []))


@every_metric
def test_a_metric_says_what_it_reads_and_which_way_is_better(case, name):
    metric, _, _ = case(name, 0)
    kind = ALL[name][1]
    assert metric.reads == {"rankings": "ranking", "probabilities": "probabilities"}.get(
        kind, "labels"
    )
    lower = {"brier", "log_loss", "ece", "augrc"}
    neither = {"mean_count", "share"}
    assert metric.better == (
        "lower" if name in lower else "neither" if name in neither else "higher"
    )
    assert metric.proportion == (name == "accuracy")
