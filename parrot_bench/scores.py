"""From answers to tables: tidy results and predictions of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from parrot_bench.asking import Settings, Sheet
from parrot_bench.models.base import Prediction
from parrot_bench.scoring.intervals import Estimate, estimate
from parrot_bench.scoring.resampling import strata

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ["task", "text", "slice_kind", "slice", "metric", "value", "low", "high", "level"]
COLUMNS += ["method", "n", "clusters", "note", "better", "percent"]


def results_frame(
    predictions: Sequence[tuple[Sheet, list[Prediction]]], settings: Settings
) -> pd.DataFrame:
    """Tidy estimates: one row per task, text, slice and metric; failed answers are left out."""
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for sheet, found in predictions:
        answered = [
            (item, answer)
            for item, answer in zip(sheet.items, found, strict=True)
            if answer.status != "failed"
        ]
        if not answered:
            continue
        failed = len(found) - len(answered)
        groups = strata(
            [item.language for item, _ in answered],
            [item.author for item, _ in answered],
            settings.resamples,
            settings.seed,
        )
        ranks = all(answer.scores for _, answer in answered)
        for measure in sheet.task.measures:
            if measure.ranked and not ranks:
                continue
            seen = [
                measure.view(item.gold, answer.ranking if measure.ranked else answer.labels)
                for item, answer in answered
            ]
            estimates = estimate(
                measure.metric, [gold for gold, _ in seen], [said for _, said in seen], groups
            )
            for name, each in estimates.items():
                kind = name if name in ("pooled", "macro") else "language"
                rows.append(_row(sheet, kind, name, measure.name, each, failed))
    return pd.DataFrame(rows, columns=COLUMNS)


def _row(
    sheet: Sheet, kind: str, name: str, metric: str, each: Estimate, failed: int
) -> dict[str, Any]:
    note = each.note
    if failed:
        note = f"{note}; {failed} failed reports left out" if note else f"{failed} failed left out"
    measured = next(m.metric for m in sheet.task.measures if m.name == metric)
    return {
        "task": sheet.task.name,
        "text": sheet.variant,
        "slice_kind": kind,
        "slice": name,
        "metric": metric,
        **asdict(each),
        "note": note,
        "better": measured.better,
        "percent": measured.bounds[1] <= 1,
    }


def prediction_frame(predictions: Sequence[tuple[Sheet, list[Prediction]]]) -> pd.DataFrame:
    """Answers as a table, without gold, text or anything that a model wrote in its own words."""
    import pandas as pd

    rows = []
    for sheet, found in predictions:
        for item, answer in zip(sheet.items, found, strict=True):
            ranking = answer.ranking
            rows.append(
                {
                    "task": sheet.task.name,
                    "text": sheet.variant,
                    "report_id": item.report_id,
                    "language": item.language,
                    "status": answer.status,
                    "labels": list(answer.labels),
                    "ranking": list(ranking),
                    "scores": [answer.scores[label] for label in ranking],
                    "tokens": answer.tokens,
                }
            )
    return pd.DataFrame(rows)
