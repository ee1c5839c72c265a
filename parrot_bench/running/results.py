"""From answers to tables: tidy results and predictions of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

from parrot_bench.corpus.errata import twin
from parrot_bench.errors import ParrotError
from parrot_bench.running.sheets import Sheet
from parrot_bench.scoring.contract import Labels, Metric
from parrot_bench.scoring.estimates.design import Design, make_design
from parrot_bench.scoring.estimates.intervals import Estimate, tidy
from parrot_bench.scoring.estimates.measured import estimate, macro, measure_pairs
from parrot_bench.scoring.estimates.summaries import between_languages
from parrot_bench.scoring.estimates.tabulation import Pairs, make_pairs
from parrot_bench.task.card import Kind, Measure
from parrot_bench.task.item import Item, Prediction

if TYPE_CHECKING:
    import pandas as pd

SUMMARIES = ("macro", "pooled", "spread", "worst", "twins")
"""Slices that are no language."""
COLUMNS = (
    "task",
    "text",
    "slice_kind",
    "slice",
    "metric",
    *(field.name for field in fields(Estimate)),
    "better",
    "percent",
)


@dataclass(frozen=True, eq=False)
class Scored:
    """Answers to one sheet that can be scored, failed ones left out.

    Attributes:
        sheet: What was asked.
        items: The items with an answer, shape (n,).
        answers: Their answers, shape (n,).
        probabilities: Whether the scores of the answers are probabilities.
    """

    sheet: Sheet
    items: tuple[Item, ...]
    answers: tuple[Prediction, ...]
    probabilities: bool = False

    @cached_property
    def design(self) -> Design:
        """Languages, contributors and near copies of the items."""
        return make_design(
            [item.report_id for item in self.items],
            [item.language for item in self.items],
            [item.author for item in self.items],
            [item.cluster for item in self.items],
        )

    @property
    def asked(self) -> dict[str, int]:
        """Items of each language, failed ones included."""
        return dict(Counter(item.language for item in self.sheet.items))

    @property
    def failed(self) -> Counter[str]:
        """Items of each language without an answer that can be scored."""
        return Counter(self.asked) - Counter(item.language for item in self.items)

    @cached_property
    def _pairs(self) -> dict[tuple[object, str], Pairs]:
        return {}

    def readable(self, measure: Measure) -> bool:
        """Whether the answers hold what a measure reads."""
        if measure.metric.reads == "labels":
            return True
        ranks = all(answer.scores for answer in self.answers)
        return ranks and (measure.metric.reads == "ranking" or self.probabilities)

    def said(self, measure: Measure) -> list[tuple[Labels, Any]]:
        """Gold and answer of every item, as a measure reads them, shape (n,)."""
        reads, ids = measure.metric.reads, self.sheet.labels.ids
        both = zip(self.items, self.answers, strict=True)
        if reads == "probabilities":
            return [(i.gold, {k: a.scores.get(k, 0.0) for k in ids}) for i, a in both]
        if reads == "ranking":
            return [measure.view(i.gold, a.ranking) for i, a in both]
        kind = self.sheet.task.kind
        return [measure.view(i.gold, _decision(kind, a.labels)) for i, a in both]

    def pairs(self, measure: Measure) -> Pairs:
        """Gold and answers as a measure reads them; measures with one view share them."""
        key = (measure.view, measure.metric.reads)
        if key not in self._pairs:
            seen = self.said(measure)
            distinct = measure.metric.reads != "probabilities"
            self._pairs[key] = make_pairs(
                [gold for gold, _ in seen],
                [said for _, said in seen],
                self.design.order,
                distinct=distinct,
            )
        return self._pairs[key]


def _decision(kind: Kind, labels: Labels) -> Labels:
    """The labels of an answer; none where one was asked for and several were named."""
    return labels if kind == "multi-label" or len(labels) == 1 else ()


def scored(sheet: Sheet, found: Sequence[Prediction], *, probabilities: bool = False) -> Scored:
    """The answers of a sheet that did not fail."""
    kept = [(i, a) for i, a in zip(sheet.items, found, strict=True) if a.status != "failed"]
    return Scored(sheet, tuple(i for i, _ in kept), tuple(a for _, a in kept), probabilities)


def results_frame(
    predictions: Sequence[tuple[Sheet, list[Prediction]]], *, probabilities: bool = False
) -> pd.DataFrame:
    """Tidy estimates: one row per task, text, slice and metric; failed answers are left out.

    Args:
        predictions: Every sheet with its answers.
        probabilities: Whether the model's scores are probabilities.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for sheet, found in predictions:
        answered = scored(sheet, found, probabilities=probabilities)
        if answered.items:
            failed = answered.failed
            total = sum(failed.values())
            rows += (
                _row(sheet, measure, name, each, total if name in SUMMARIES else failed[name])
                for measure, name, each in _estimates(answered)
            )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _estimates(answered: Scored) -> Iterator[tuple[Measure, str, Estimate]]:
    """Every measure's estimates by slice."""
    for measure in answered.sheet.task.measures:
        if answered.readable(measure):
            for name, each in _slices(answered, measure).items():
                yield measure, name, each


def _slices(answered: Scored, measure: Measure) -> dict[str, Estimate]:
    """Estimates of a measure by slice.

    Raises:
        ParrotError: If the measure cannot score the answers.
    """
    try:
        found = measure_pairs(measure.metric, answered.pairs(measure), answered.design)
        slices = {name: found.estimate(figure) for name, figure in found.languages.items()}
        slices["pooled"] = found.estimate(found.pooled)
        slices["macro"] = found.estimate(macro(found, answered.asked))
        slices |= between_languages(found, answered.asked)
        slices |= twin_agreement(answered.sheet, measure)
    except Exception as error:  # the code of a user's own task runs here
        raise ParrotError(
            f"Task '{answered.sheet.task.name}', measure '{measure.name}': the answers cannot be "
            f"scored ({type(error).__name__}: {error}); mend the task. The answers are kept."
        ) from error
    return slices


def correlations(
    predictions: Sequence[tuple[Sheet, list[Prediction]]], *, probabilities: bool = False
) -> list[dict[str, Any]]:
    """Intra-contributor correlation of every headline, and with one language left out.

    Args:
        predictions: Every sheet with its answers.
        probabilities: Whether the model's scores are probabilities.
    """
    found = []
    for sheet, answers in predictions:
        answered = scored(sheet, answers, probabilities=probabilities)
        measure = next(each for each in sheet.task.measures if each.name == sheet.task.headline)
        if not answered.items or not answered.readable(measure):
            continue
        measured = measure_pairs(measure.metric, answered.pairs(measure), answered.design)
        if measured.correlation.estimated:
            found.append(
                {
                    "task": sheet.task.name,
                    "text": sheet.variant,
                    "metric": measure.name,
                    "value": tidy(measured.correlation.value),
                    "without": measured.correlations_without(),
                }
            )
    return found


def twin_agreement(sheet: Sheet, measure: Measure) -> dict[str, Estimate]:
    """Agreement of two codings of the same reports (erratum E02), as "twins".

    No model can be expected to agree with the gold better than its two authors do with one another.
    Empty where there are no twins, or the measure is no agreement of labels.
    """
    metric = measure.metric
    by_id = {item.report_id: item for item in sheet.items}
    pairs = [(item, by_id.get(twin(item.report_id) or "")) for item in sheet.items]
    twins = [
        (one, other)
        for one, other in pairs
        if other and one.cluster == other.cluster >= 0 and one.language != other.language
    ]
    if metric.reads != "labels" or metric.better != "higher" or len(twins) < 2:
        return {}
    seen = [measure.view(one.gold, other.gold) for one, other in twins]
    design = make_design(
        [one.report_id for one, _ in twins], ["twins"] * len(twins), ["one"] * len(twins)
    )
    gold, said = [gold for gold, _ in seen], [said for _, said in seen]
    return {"twins": estimate(metric, gold, said, design)["twins"]}


def is_share(metric: Metric) -> bool:
    """Whether a metric lies between -1 and 1, and so is shown in hundredths."""
    low, high = metric.bounds
    return low >= -1 and high <= 1


def _row(sheet: Sheet, measure: Measure, name: str, each: Estimate, failed: int) -> dict[str, Any]:
    note = each.note
    if failed:
        left_out = f"{failed} failed left out"
        note = f"{note}; {left_out}" if note else left_out
    return {
        "task": sheet.task.name,
        "text": sheet.variant,
        "slice_kind": name if name in SUMMARIES else "language",
        "slice": name,
        "metric": measure.name,
        **asdict(each),
        "note": note,
        "better": measure.metric.better,
        "percent": is_share(measure.metric),
    }
