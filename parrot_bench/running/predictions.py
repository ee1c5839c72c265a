"""The table of predictions: no gold, no text, nothing that a model wrote in its own words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import count
from typing import TYPE_CHECKING

from parrot_bench.running.sheets import Sheet
from parrot_bench.task.item import Prediction
from parrot_bench.task.labels import Labels
from parrot_bench.vocabulary.icd10 import CODE

if TYPE_CHECKING:
    import pandas as pd


def _without_words(labels: Labels, sheet: Sheet) -> list[str]:
    """Labels that a task can have; a number for each other one, which is wrong whatever it says."""
    outside = count(1)
    return [label if _is_label(label, sheet) else f"(outside {next(outside)})" for label in labels]


def _is_label(label: str, sheet: Sheet) -> bool:
    """Whether it is a label of the task, or one of the finer ones that its gold may hold."""
    if label in sheet.labels:
        return True
    finer = sheet.task.finer_gold and " " not in label
    return finer and (bool(re.match(CODE, label)) or label.startswith(tuple(sheet.labels.ids)))


def prediction_frame(predictions: Sequence[tuple[Sheet, list[Prediction]]]) -> pd.DataFrame:
    """Answers as a table, without gold, text or anything that a model wrote in its own words.

    Labels that are none stand as "(outside 1)" and so on, for a model may have copied the report.
    """
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
                    "labels": _without_words(answer.labels, sheet),
                    "ranking": list(ranking),
                    "scores": [answer.scores[label] for label in ranking],
                    "tokens_in": answer.tokens_in,
                    "tokens_out": answer.tokens_out,
                    "truncated_input": answer.truncated_input,
                }
            )
    return pd.DataFrame(rows)
