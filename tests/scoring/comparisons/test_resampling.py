"""Resamples: right on average, with the textbook variance, and the same however they are made."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from parrot_bench.scoring.comparisons import resampling
from parrot_bench.scoring.comparisons.resampling import report_values, resample
from parrot_bench.scoring.estimates.tabulation import make_pairs
from parrot_bench.scoring.metrics.agreement import MatthewsCorrelation, WeightedKappa
from parrot_bench.scoring.metrics.discrimination import AreaUnderROC
from parrot_bench.scoring.metrics.label_sets import Accuracy, Jaccard, MicroF1
from parrot_bench.scoring.metrics.per_label import MacroF1

LABELS = ("a", "b", "c", "d")


def table_of(metric, answers, design, language=None):
    pairs = make_pairs(*answers, design.order, distinct=metric.reads != "probabilities")
    return pairs.table(metric, design.rows(language))


def weights_of(stratum):
    return stratum.drawn * stratum.weight


def test_every_contributor_counts_once_on_average(make):
    design = make.design(["de"] * 40, [f"c{i % 8}" for i in range(40)])
    found = resample(design, 20_000, 0)
    weights = weights_of(found.strata[0])
    assert weights.shape == (20_000, 8)
    # Seven draws of eight contributors count 8/7 each: always eight together.
    assert weights.sum(axis=1) == pytest.approx(np.full(20_000, 8))
    # Variance of one: 7 * (1/8) * (7/8) * (8/7)^2 = 1; its mean over 20,000 errs by .007.
    assert weights.mean(axis=0) == pytest.approx(np.ones(8), abs=0.03)
    assert weights.var(axis=0) == pytest.approx(np.ones(8), rel=0.05)


@pytest.mark.parametrize("contributors", [3, 5, 12])
def test_the_variance_of_a_mean_is_that_of_the_textbook(make, contributors):
    languages, authors, right = make.clustered(3, {"de": [25] * contributors}, 0.7, 0.2)
    design = make.design(languages, authors)
    table = table_of(Accuracy(), make.hits(right), design)
    drawn = resample(design, 20_000, 1).values(table, "de")
    means = right.reshape(contributors, 25).mean(axis=1)
    assert drawn.mean() == pytest.approx(right.mean(), abs=0.005)
    # Cluster sampling: the variance of contributors' means, over their number.
    assert drawn.var() == pytest.approx(means.var(ddof=1) / contributors, rel=0.04)


def test_the_variance_of_a_pooled_mean_is_that_of_its_strata(make):
    languages, authors, right = make.clustered(5, {"de": [20] * 6, "fr": [20] * 4}, 0.7, 0.2)
    design = make.design(languages, authors)
    table = table_of(Accuracy(), make.hits(right), design)
    drawn = resample(design, 20_000, 1).pooled(table)
    means = right.reshape(10, 20).mean(axis=1)
    expected = 0.6**2 * means[:6].var(ddof=1) / 6 + 0.4**2 * means[6:].var(ddof=1) / 4
    assert drawn.var() == pytest.approx(expected, rel=0.04)
    assert drawn.mean() == pytest.approx(right.mean(), abs=0.005)


def test_of_one_contributor_groups_of_near_copies_are_drawn(make):
    # 30 reports of one author, the last ten of them copies of the first ten.
    copies = [*range(20), *range(10)]
    design = make.design(["nl"] * 30, ["x"] * 30, copies)
    right = np.random.default_rng(0).random(20) < 0.6
    right = np.r_[right, right[:10]]
    found = resample(design, 20_000, 0)
    assert weights_of(found.strata[0]).shape == (20_000, 20)
    drawn = found.values(table_of(Accuracy(), make.hits(right), design), "nl")
    # Ratio of sums over groups, by linearisation.
    size = np.r_[np.full(10, 2), np.ones(10)]
    off = size * (right[:20] - right.mean())
    assert drawn.var() == pytest.approx(20 / 19 * (off**2).sum() / 30**2, rel=0.06)


def test_a_single_report_is_the_same_in_every_resample(make):
    design = make.design(["bs"], ["x"])
    found = resample(design, 10, 0)
    assert weights_of(found.strata[0]).tolist() == [[1.0]] * 10


def test_languages_that_share_a_contributor_are_drawn_together(make):
    languages = ["af"] * 6 + ["de"] * 6 + ["nl"] * 6
    authors = ["x", "y", "z"] * 2 + ["u", "v", "w"] * 2 + ["z", "t", "s"] * 2
    design = make.design(languages, authors)
    found = resample(design, 500, 0)
    assert sorted(each.languages for each in found.strata) == [("af", "nl"), ("de",)]
    together = next(each for each in found.strata if each.languages == ("af", "nl"))
    assert together.units == 5
    # Of z's answers alone both languages are right: they rise and fall as one.
    right = [name == "z" for name in authors]
    answers = make.hits(right)
    sums = [
        np.concatenate(list(found.sums(table_of(Accuracy(), answers, design, each), each)))[:, 0]
        for each in ("af", "nl")
    ]
    assert np.array_equal(*sums)
    assert len(set(sums[0].tolist())) > 1


def test_a_near_copy_in_another_language_ties_its_contributors(make):
    design = make.design(["af", "af", "nl", "nl"], ["x", "y", "v", "w"], [0, 1, 0, 2])
    assert [each.languages for each in resample(design, 5, 0).strata] == [("af", "nl")]


def test_chains_of_languages_make_one_stratum(make):
    # a-b share x, c-d share y; e shares with b and c: all five.
    languages = ["a", "b", "c", "d", "e", "e"]
    authors = ["x", "x", "y", "y", "x", "y"]
    found = resample(make.design(languages, authors), 5, 0)
    assert [each.languages for each in found.strata] == [("a", "b", "c", "d", "e")]


def test_the_same_seed_draws_the_same_and_another_does_not(make):
    design = make.design(["de"] * 20, [f"c{i % 5}" for i in range(20)])
    drawn = [resample(design, 50, seed).strata[0].drawn for seed in (4, 4, 5)]
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])


def test_draws_of_a_language_do_not_depend_on_the_others(make):
    languages, authors, right = make.clustered(1, {"de": [9] * 5, "fr": [7] * 6, "pl": [8] * 4})
    both = make.design(languages, authors)
    kept = [i for i, each in enumerate(languages) if each == "fr"]
    names = [f"r{i:05d}" for i in kept]
    alone = make.design(["fr"] * len(kept), [authors[i] for i in kept], ids=names)
    first = resample(both, 200, 3).values(table_of(Accuracy(), make.hits(right), both, "fr"), "fr")
    second = resample(alone, 200, 3).values(
        table_of(Accuracy(), make.hits(right[kept]), alone, "fr"), "fr"
    )
    assert np.array_equal(first, second)
    # And two languages with as many contributors are drawn apart.
    five = make.design(["de"] * 10 + ["fr"] * 10, [f"{i // 10}{i % 5}" for i in range(20)])
    one, other = resample(five, 200, 3).strata
    assert not np.array_equal(one.drawn, other.drawn)


@pytest.mark.parametrize(
    ("metric", "kind"),
    [
        (Jaccard(), "sets"),
        (MicroF1(), "sets"),
        (MacroF1(LABELS), "sets"),
        (MatthewsCorrelation(LABELS), "single"),
        (WeightedKappa(LABELS, "linear"), "single"),
        (AreaUnderROC("a"), "probabilities"),
    ],
)
def test_chunks_change_nothing_to_the_last_bit(draw, make, monkeypatch, metric, kind):
    answers = getattr(draw, kind)(4, 120)
    languages = ["de", "fr", "pl"] * 40
    authors = [f"{each}{i % 7}" for i, each in enumerate(languages)]
    design = make.design(languages, authors)
    found = resample(design, 130, 2)
    of_fr, of_all = (table_of(metric, answers, design, each) for each in ("fr", None))
    seen = []
    for chunk in (2_000_000, 1, 150, 1_000):
        monkeypatch.setattr(resampling, "CHUNK", chunk)
        seen.append(
            (found.values(of_fr, "fr"), found.pooled(of_all), report_values(of_all, 130, 2))
        )
    for each in seen[1:]:
        for one, other in zip(seen[0], each, strict=True):
            assert np.array_equal(one, other, equal_nan=True)


def test_each_resample_is_the_metric_of_weighted_reports(draw, make):
    gold, said = draw.probabilities(1, 60)
    authors = [f"c{i % 6}" for i in range(60)]
    design = make.design(["de"] * 60, authors)
    found = resample(design, 20, 0)
    drawn = found.values(table_of(AreaUnderROC("a"), (gold, said), design), "de")
    y, scores = np.array([g == ("a",) for g in gold]), np.array([each["a"] for each in said])
    order, weights = design.order, weights_of(found.strata[0])[:, found.strata[0].unit]
    expected = [roc_auc_score(y[order], scores[order], sample_weight=each) for each in weights]
    assert drawn == pytest.approx(expected)


def test_single_reports_are_drawn_as_independent(draw, make):
    gold, said = draw.sets(2, 80)
    design = make.design(["de"] * 80, ["x"] * 80)
    table = table_of(Jaccard(), (gold, said), design)
    drawn = report_values(table, 20_000, 0)
    each = np.array(
        [len(set(g) & set(p)) / len(set(g) | set(p)) for g, p in zip(gold, said, strict=True)]
    )
    assert drawn.mean() == pytest.approx(each.mean(), abs=0.003)
    assert drawn.var() == pytest.approx(each.var() / 80, rel=0.04)
    # Rank metrics too.
    gold, said = draw.probabilities(2, 80)
    table = table_of(AreaUnderROC("a"), (gold, said), design)
    assert report_values(table, 500, 0).mean() == pytest.approx(table.value(), abs=0.01)
