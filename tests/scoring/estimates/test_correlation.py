"""The correlation within contributors, against an analysis of variance written apart."""

from __future__ import annotations

import numpy as np
import pytest

from parrot_bench.scoring.estimates.correlation import ENOUGH, correlation, shared


def effects_of(right, design):
    """Distance of each report from its language's accuracy, and p (1 - p) of each language."""
    right = np.asarray(right, dtype=float)[design.order]
    parts = [right[design.rows(name)] for name in design.languages]
    return (
        np.concatenate([part - part.mean() for part in parts]),
        np.array([part.mean() * (1 - part.mean()) for part in parts]),
    )


def components(groups):
    """Textbook one-way analysis of variance: the components between and within groups."""
    n, g = sum(map(len, groups)), len(groups)
    mean = np.concatenate(groups).mean()
    msb = sum(len(each) * (each.mean() - mean) ** 2 for each in groups) / (g - 1)
    msw = sum(((each - each.mean()) ** 2).sum() for each in groups) / (n - g)
    size = (n - sum(len(each) ** 2 for each in groups) / n) / (g - 1)
    return (msb - msw) / size, msw


def groups_of(right, authors):
    right, authors = np.asarray(right, dtype=float), np.asarray(authors)
    return [right[authors == name] for name in dict.fromkeys(authors)]


@pytest.mark.parametrize("sizes", [[20] * 10, [5, 40, 11, 30, 7, 22, 3]])
def test_one_language_has_the_variance_component_of_a_one_way_analysis(make, sizes):
    languages, authors, right = make.clustered(4, {"de": sizes}, 0.7, 0.3)
    design = make.design(languages, authors)
    between, within = components(groups_of(right, authors))
    found = correlation(design, *effects_of(right, design))
    p = right.mean()
    assert found.value == pytest.approx(between / (p * (1 - p)), rel=1e-9)
    # The usual intraclass correlation divides by the sum of both components instead.
    assert found.value == pytest.approx(between / (between + within), rel=0.15)
    assert found.contributors == len(sizes) - 1
    assert found.estimated


def test_languages_are_weighted_by_their_information(make):
    sizes = {"de": [12, 25, 9, 14], "fr": [30, 8, 40], "pl": [6, 7, 50]}
    languages, authors, right = make.clustered(4, sizes, 0.8, 0.15)
    design = make.design(languages, authors)
    languages = np.array(languages)
    top = bottom = 0.0
    for name in sizes:
        own = languages == name
        groups = groups_of(right[own], np.array(authors)[own])
        n, p = own.sum(), right[own].mean()
        # Under no correlation the between component times its room has the variance
        # 2 (G - 1) (p (1 - p))^2: so information about the ratio is room^2 / (G - 1).
        room = n - sum(len(each) ** 2 for each in groups) / n
        information = room**2 / (len(groups) - 1)
        top += information * components(groups)[0] / (p * (1 - p))
        bottom += information
    found = correlation(design, *effects_of(right, design))
    assert found.value == pytest.approx(max(top / bottom, 0), rel=1e-9)


def test_independent_reports_show_none(make):
    found = []
    for seed in range(150):
        languages, authors, right = make.clustered(seed, {"de": [25] * 12}, 0.7, 0)
        design = make.design(languages, authors)
        found.append(correlation(design, *effects_of(right, design)).value)
    assert np.mean(found) < 0.02
    assert np.mean(np.array(found) == 0) > 0.3


@pytest.mark.parametrize("icc", [0.05, 0.1, 0.3])
def test_the_correlation_of_beta_binomial_contributors_is_found(make, icc):
    values, variances = [], []
    sizes = {"de": [20, 30, 40] * 5, "fr": [25] * 10, "pl": [10] * 20}
    for seed in range(60):
        languages, authors, right = make.clustered(seed, sizes, 0.75, icc)
        design = make.design(languages, authors)
        found = correlation(design, *effects_of(right, design))
        values.append(found.value)
        variances.append(found.variance)
    assert np.mean(values) == pytest.approx(icc, abs=0.015 + 0.05 * icc)
    # The jackknife keeps the scale and errs on the large side: 1.2 times too large in 600 draws
    # at a correlation of .1, 1.6 times at .3.
    assert 0.7 < np.mean(variances) / np.var(values) < 2.2


def test_a_language_left_out_is_as_if_it_were_not_there(make):
    sizes = {"de": [20] * 6, "fr": [15] * 5, "pl": [30] * 4}
    languages, authors, right = make.clustered(2, sizes, 0.7, 0.3)
    design = make.design(languages, authors)
    kept = [i for i, name in enumerate(languages) if name != "fr"]
    part = make.design([languages[i] for i in kept], [authors[i] for i in kept])
    without = correlation(design, *effects_of(right, design), leave_out="fr")
    apart = correlation(part, *effects_of(right[kept], part))
    assert without.value == pytest.approx(apart.value)
    assert without.variance == pytest.approx(apart.variance)
    assert without.contributors == apart.contributors == 8


def test_too_few_contributors_leave_it_open(make):
    # Two languages: 3 + 3 contributors are 4 beyond the first of each, 3 + 4 are 5.
    for counts, estimated in (([3, 3], False), ([3, 4], True)):
        sizes = {"de": [20] * counts[0], "fr": [20] * counts[1]}
        languages, authors, right = make.clustered(0, sizes, 0.6, 0.3)
        design = make.design(languages, authors)
        found = correlation(design, *effects_of(right, design))
        assert found.estimated is estimated
        assert found.contributors == (ENOUGH if estimated else 0)
    alone = make.design(["de"] * 20, ["x"] * 20)
    assert not correlation(alone, *effects_of([0, 1] * 10, alone)).estimated


@pytest.mark.parametrize("silent", ["one report each", "all right", "one contributor"])
def test_languages_that_can_show_no_correlation_say_nothing(make, silent):
    languages, authors, right = make.clustered(3, {"de": [20] * 8}, 0.7, 0.1)
    design = make.design(languages, authors)
    alone = correlation(design, *effects_of(right, design))
    more = ["fr"] * 40
    said = list(np.random.default_rng(0).random(40) < 0.7)
    names = [f"f{i % 4}" for i in range(40)]
    if silent == "one report each":
        names = [f"f{i}" for i in range(40)]
    elif silent == "one contributor":
        names = ["f"] * 40
    else:
        said = [True] * 40
    both = make.design(languages + more, authors + names)
    found = correlation(both, *effects_of([*right, *said], both))
    assert found.value == pytest.approx(alone.value)
    assert found.contributors == alone.contributors


def test_its_variance_is_that_of_leaving_out_each_contributor(make):
    languages, authors, right = make.clustered(5, {"de": [10, 35, 20, 8, 27, 16]}, 0.7, 0.2)
    design = make.design(languages, authors)
    effects, scales = effects_of(right, design)
    ordered = np.array(authors)[design.order]
    left = []
    for name in sorted(set(authors)):
        # Scale and effects stay those of all reports; the analysis of variance is done anew.
        groups = groups_of(effects[ordered != name], ordered[ordered != name])
        left.append(components(groups)[0] / scales[0])
    left = np.array(left)
    expected = 5 / 6 * ((left - left.mean()) ** 2).sum()
    assert correlation(design, effects, scales).variance == pytest.approx(expected, rel=1e-9)


def test_leaving_out_the_only_one_who_wrote_twice_leaves_nothing(make):
    # fr: one contributor of six reports and three of one. Without the first there is no error
    # term, and fr says nothing: what is left is de alone.
    languages, authors, right = make.clustered(7, {"de": [12] * 8, "fr": [6, 1, 1, 1]}, 0.7, 0.2)
    right[-9:] = [True, True, False, True, False, True, True, False, True]
    design = make.design(languages, authors)
    effects, scales = effects_of(right, design)
    ordered, of_fr = np.array(authors)[design.order], design.language == 1

    def parts(keep, language):
        # Information room^2 / (G - 1) with the spread of all reports, which is the scale here.
        groups = groups_of(effects[keep], ordered[keep])
        n = sum(map(len, groups))
        if n == len(groups):
            return 0.0, 0.0
        room = n - sum(len(each) ** 2 for each in groups) / n
        information = room**2 / (len(groups) - 1)
        return information * components(groups)[0] / scales[language], information

    left = []
    for name in dict.fromkeys(ordered):
        de = parts(~of_fr & (ordered != name), 0)
        fr = parts(of_fr & (ordered != name), 1)
        left.append((de[0] + fr[0]) / (de[1] + fr[1]))
    left = np.array(left)
    expected = 11 / 12 * ((left - left.mean()) ** 2).sum()
    assert correlation(design, effects, scales).variance == pytest.approx(expected, rel=1e-9)


def test_it_stays_between_zero_and_one(make):
    # Each contributor all right or all wrong: correlation 1. Each half right: below 0.
    design = make.design(["de"] * 80, [f"c{i // 10}" for i in range(80)])
    extreme = [i // 10 % 2 == 0 for i in range(80)]
    assert correlation(design, *effects_of(extreme, design)).value == 1
    even = [i % 2 == 0 for i in range(80)]
    assert correlation(design, *effects_of(even, design)).value == 0


def test_near_copies_are_one_report(make):
    languages, authors, right = make.clustered(7, {"de": [9, 14, 20, 8, 11, 17, 13]}, 0.7, 0.1)
    n = len(right)
    design = make.design(languages, authors)
    copied = make.design(languages * 2, authors * 2, list(range(n)) * 2)
    once = correlation(design, *effects_of(right, design))
    twice = correlation(copied, *effects_of([*right, *right], copied))
    assert twice.value == pytest.approx(once.value)
    assert twice.variance == pytest.approx(once.variance)


def test_what_groups_share_by_hand():
    # Groups {1, 2} and {3}: (1 + 2)^2 + 3^2 - (1 + 4 + 9) = 4, twice the product of 1 and 2.
    assert shared(np.array([0, 0, 1]), np.array([1.0, 2.0, 3.0])) == pytest.approx(4)
    # Equal weights 1/n, G groups of m: the design effect's m - 1 over n.
    group = np.repeat(np.arange(5), 8)
    assert shared(group, np.full(40, 1 / 40)) == pytest.approx(7 / 40)
    # Copies that pull apart take variance away.
    assert shared(np.array([0, 0]), np.array([1.0, -1.0])) == pytest.approx(-2)
