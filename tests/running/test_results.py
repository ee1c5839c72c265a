"""From answers to estimates: who is scored, how answers are read, and how far gold agrees."""

from __future__ import annotations

import numpy as np
import pytest

from parrot_bench.errors import ParrotError
from parrot_bench.running.results import SUMMARIES, results_frame, scored, twin_agreement
from parrot_bench.running.sheets import Sheet
from parrot_bench.scoring.metrics.label_sets import Accuracy, MicroF1
from parrot_bench.scoring.metrics.per_label import BalancedAccuracy
from parrot_bench.scoring.metrics.probability import BrierScore
from parrot_bench.scoring.metrics.ranking import RecallAt
from parrot_bench.task.card import Measure, Task
from parrot_bench.task.item import Item, Prediction
from parrot_bench.task.labels import Label, LabelSpace

LABELS = ("a", "b", "c")
ACCURACY = Measure("accuracy", Accuracy())
BALANCED = Measure("balanced_accuracy", BalancedAccuracy(LABELS))
RECALL = Measure("recall_at_2", RecallAt(2))
BRIER = Measure("brier", BrierScore(LABELS))
MEASURES = (ACCURACY, BALANCED, RECALL, BRIER)


def initials(gold, predicted):
    return tuple({each[0] for each in gold}), tuple({each[0] for each in predicted})


def sheet(items, kind="single-label", measures=MEASURES):
    task = Task(
        name="letters",
        version="1",
        title="Name the letter.",
        kind=kind,
        labels=lambda corpus: space,
        gold=lambda report: None,
        without_gold="Left out.",
        measures=measures,
        headline=measures[0].name,
        answer_key="letter",
    )
    space = LabelSpace(Label(each, each) for each in LABELS)
    return Sheet(task, space, "original", tuple(items), {})


def item(number, gold="a", language="de", author="x", cluster=-1):
    gold = (gold,) if isinstance(gold, str) else gold
    return Item(str(number), "text", gold, language, author, language, cluster=cluster)


def answer(number, *labels, status="ok", **given):
    return Prediction(str(number), labels, given, status)


def value(found, **where):
    rows = found
    for column, wanted in where.items():
        rows = rows[rows[column] == wanted]
    assert len(rows) == 1
    return rows.iloc[0]


def test_failed_answers_are_left_out_and_every_other_is_scored():
    items = [item(i, cluster=i) for i in range(12)]
    statuses = ["ok", "unparsable", "empty", "refused", "truncated", "failed", *["ok"] * 6]
    found = [
        answer(i, *(["a"] if status in ("ok", "failed") else []), status=status)
        for i, status in enumerate(statuses)
    ]
    answered = scored(sheet(items), found)
    assert len(answered.items) == len(answered.answers) == 11
    assert answered.asked == {"de": 12}
    assert len(answered.design) == 11
    frame = results_frame([(sheet(items), found)])
    row = value(frame, slice="de", metric="accuracy")
    # 7 of 11 are right: 4 gave no answer.
    assert row["value"] == pytest.approx(7 / 11)
    assert row["n"] == 11
    assert "1 failed" in row["note"]
    macro = value(frame, slice="macro", metric="accuracy")
    assert np.isnan(macro["value"])
    assert macro["note"].startswith("not every report was answered in de")


def test_several_labels_where_one_was_asked_for_are_wrong():
    items = [item(1, "a"), item(2, "b"), item(3, "c"), item(4, "a")]
    found = [answer(1, "a", "b", "c"), answer(2, "a", "b"), answer(3, "c"), answer(4)]
    said = dict(scored(sheet(items), found).said(BALANCED)[i] for i in (0, 1, 2))
    assert said == {("a",): (), ("b",): (), ("c",): ("c",)}
    frame = results_frame([(sheet(items), found)])
    # Recalls of a, b and c: 0, 0 and 1. All labels at once are no way to win.
    assert value(frame, slice="de", metric="balanced_accuracy")["value"] == pytest.approx(1 / 3)
    assert value(frame, slice="de", metric="accuracy")["value"] == pytest.approx(1 / 4)
    # Where several may be given they are read as they are.
    many = sheet(items, "multi-label", (ACCURACY, BALANCED))
    assert scored(many, found).said(BALANCED)[0] == (("a",), ("a", "b", "c"))


def test_measures_read_what_the_answers_hold():
    items = [item(1, "a"), item(2, "b")]
    bare = scored(sheet(items), [answer(1, "a"), answer(2, "a")])
    assert [bare.readable(each) for each in MEASURES] == [True, True, False, False]
    found = [answer(1, "a", a=0.7, b=0.2, c=0.1), answer(2, "a", a=0.6, b=0.4)]
    ranked = scored(sheet(items), found)
    assert [ranked.readable(each) for each in MEASURES] == [True, True, True, False]
    sure = scored(sheet(items), found, probabilities=True)
    assert all(sure.readable(each) for each in MEASURES)
    assert sure.said(RECALL) == [(("a",), ("a", "b", "c")), (("b",), ("a", "b"))]
    # A label without a score has none of the probability.
    assert sure.said(BRIER)[1] == (("b",), {"a": 0.6, "b": 0.4, "c": 0.0})
    # Brier: .3^2 + .2^2 + .1^2 = .14; .6^2 + .6^2 = .72.
    frame = results_frame([(sheet(items), found)], probabilities=True)
    assert value(frame, slice="pooled", metric="brier")["value"] == pytest.approx(0.43)
    assert value(frame, slice="pooled", metric="recall_at_2")["value"] == 1.0
    # One answer without scores is enough to leave a ranking unread.
    part = scored(sheet(items), [found[0], answer(2, "a")], probabilities=True)
    assert not part.readable(RECALL)


def test_measures_of_one_view_share_their_pairs():
    items = [item(i, "a") for i in range(5)]
    answered = scored(sheet(items), [answer(i, "a") for i in range(5)])
    assert answered.pairs(ACCURACY) is answered.pairs(BALANCED)
    other = Measure("initials", Accuracy(), initials)
    assert answered.pairs(other) is not answered.pairs(ACCURACY)


def test_the_design_follows_the_reports():
    items = [item(2, language="pl", author="y"), item(1, author="x"), item(3, author="z")]
    joined = [*items, item(4, author="x", cluster=7), item(5, author="z", cluster=7)]
    answered = scored(sheet(joined), [answer(each.report_id, "a") for each in joined])
    assert answered.design.languages == ("de", "pl")
    assert answered.design.ids == ("1", "3", "4", "5", "2")
    # x and z share a near copy.
    assert answered.design.contributors("de") == 1
    assert answered.design.contributors() == 2


def test_no_answer_at_all_gives_no_rows():
    items = [item(1)]
    assert results_frame([(sheet(items), [answer(1, status="failed")])]).empty


def test_answers_that_do_not_fit_the_questions_are_refused():
    with pytest.raises(ValueError, match="zip"):
        scored(sheet([item(1), item(2)]), [answer(1, "a")])


def test_slices_are_languages_or_summaries():
    languages = [["de", "fr", "pl"][i % 3] for i in range(60)]
    items = [item(i, "ab"[i % 2], languages[i], f"{i % 12}", i) for i in range(60)]
    found = [answer(i, "a") for i in range(60)]
    frame = results_frame([(sheet(items), found)])
    kinds = dict(zip(frame["slice"], frame["slice_kind"], strict=True))
    assert kinds == {
        **dict.fromkeys(["de", "fr", "pl"], "language"),
        **{each: each for each in ("macro", "pooled", "spread", "worst")},
    }
    assert set(SUMMARIES) == {"macro", "pooled", "spread", "worst", "twins"}


# 2144 and 2170, 2145 and 2171, ... are one report in Afrikaans and in Dutch (erratum E02).
def twins(*golds):
    items = []
    for at, (african, dutch) in enumerate(golds):
        items.append(item(2144 + at, african, "af", "x", cluster=at))
        items.append(item(2170 + at, dutch, "nl", "y", cluster=at))
    return items


CODES = Measure("micro_f1", MicroF1())
GROUPS = Measure("initials", MicroF1(), initials)


def test_two_codings_of_one_report_are_compared_once():
    items = twins((("a1",), ("a1",)), (("a1", "b1"), ("a1", "b2")), (("c1",), ("a2",)))
    codes = sheet([*items, item(1, "a")], "multi-label", (CODES, GROUPS))
    found = twin_agreement(codes, CODES)
    assert set(found) == {"twins"}
    # Shared 1 + 1 + 0 of 4 and 4: F1 2 * 2 / 8. By initials 1 + 2 + 0 of 4 and 4: 6 / 8.
    assert found["twins"].value == pytest.approx(0.5)
    assert twin_agreement(codes, GROUPS)["twins"].value == pytest.approx(0.75)
    assert found["twins"].n == 3
    assert found["twins"].low < 0.5 < found["twins"].high
    # Two coders of the same texts: nothing is said of others.
    assert found["twins"].estimand == "A"


def test_twins_need_both_halves_one_text_and_two_of_them():
    alike = twins((("a",), ("a",)), (("b",), ("b",)))
    assert twin_agreement(sheet(alike, measures=(ACCURACY,)), ACCURACY)["twins"].value == 1
    assert twin_agreement(sheet(alike[:3], measures=(ACCURACY,)), ACCURACY) == {}
    # Other data may number its reports alike: without a shared text they are no twins.
    strangers = [
        item(each.report_id, each.gold, each.language, each.author, cluster=at)
        for at, each in enumerate(alike)
    ]
    assert twin_agreement(sheet(strangers, measures=(ACCURACY,)), ACCURACY) == {}
    unread = [item(e.report_id, e.gold, e.language, e.author) for e in alike]
    assert twin_agreement(sheet(unread, measures=(ACCURACY,)), ACCURACY) == {}
    same = [item(e.report_id, e.gold, "nl", e.author, cluster=e.cluster) for e in alike]
    assert twin_agreement(sheet(same, measures=(ACCURACY,)), ACCURACY) == {}


def test_agreement_is_one_of_labels_of_which_more_is_better():
    alike = twins((("a",), ("a",)), (("b",), ("c",)))
    for measure in (RECALL, BRIER):
        assert twin_agreement(sheet(alike), measure) == {}


def test_a_measure_that_fails_is_named_and_the_answers_are_not_blamed():
    broken = Measure("broken", Accuracy(), lambda gold, predicted: (gold, predicted[7]))
    asked = sheet([item(1), item(2)], measures=(broken,))
    with pytest.raises(ParrotError, match=r"measure 'broken': .*IndexError.* mend the task"):
        results_frame([(asked, [answer(1, "a"), answer(2, "b")])])
