"""What stands in a cell of a table and under it: figures with intervals, and what they mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from parrot_bench.scoring.estimates.measured import ALONE
from parrot_bench.vocabulary.tables import vocabulary

if TYPE_CHECKING:
    import pandas as pd

    from parrot_bench.running.run_folder import Run

ESTIMANDS = {
    "A": "new reports of the same contributors, who are too few to say anything of others",
    "B": "reports of new contributors",
}


def slice_name(name: str) -> str:
    """English name of a language; "macro" and "pooled" as they are."""
    row = vocabulary("languages").rows.get(name)
    return row["name"] if row else name


def cell(estimate: Mapping[Any, Any]) -> str:
    """An estimate as text: percent for shares, two decimals for counts, with its interval."""
    value, low, high = (_number(estimate[key]) for key in ("value", "low", "high"))
    if value is None:
        return "–"
    scale, digits = (100.0, 1) if estimate["percent"] else (1.0, 2)
    if low is None or high is None:
        return f"{value * scale:.{digits}f}"
    return f"{value * scale:.{digits}f} ({low * scale:.{digits}f}–{high * scale:.{digits}f})"


def _number(value: Any) -> float | None:
    """A number that may be missing; pandas writes a missing one as nan."""
    return None if value is None or value != value else float(value)


def scoring_notes(run: Run, part: pd.DataFrame, headline: str) -> Iterator[str]:
    """What a reader of a table must know, each once.

    Args:
        run: The run.
        part: Its results of one task and text.
        headline: Name of the headline measure.
    """
    if part.empty:
        yield "Nothing was answered, so there is nothing to score."
        return
    head = part[part["metric"] == headline]
    shown = head[head["slice_kind"].isin(("language", "macro", "pooled"))]
    notes: dict[str, list[str]] = {}
    for name, note in zip(shown["slice"], shown["note"], strict=True):
        for each in note.split("; "):
            if each and each != ALONE:  # the line on intervals says so for all
                notes.setdefault(each, []).append(slice_name(name))
    for note, names in notes.items():
        yield f"{', '.join(sorted(names))}: {note}."
    yield from _between_languages(head)
    yield from _twins(part)
    yield from _correlation(run, part, headline)
    methods = dict.fromkeys(shown["method"][shown["method"] != "none"])
    answered = [ESTIMANDS[each] for each in sorted(set(shown["estimand"]) - {""})]
    if methods:
        yield f"Intervals at 95 %: {'; '.join(methods)}. They speak of {'; '.join(answered)}."


def _between_languages(head: pd.DataFrame) -> Iterator[str]:
    rows = head.set_index("slice").to_dict("index")
    if "spread" in rows:
        yield f"Standard deviation between languages: {cell(rows['spread'])} points."
    if "worst" in rows:
        language, _, how = rows["worst"]["note"].partition(", ")
        yield f"Worst language: {slice_name(language)}, {cell(rows['worst'])}, {how}."


def _twins(part: pd.DataFrame) -> Iterator[str]:
    """How far two codings of the same reports agree, at every level that has a micro-F1."""
    rows = part[part["slice"] == "twins"].to_dict("records")
    chosen = [row for row in rows if row["metric"].endswith("micro_f1")] or rows[:1]
    if chosen:
        listed = ", ".join(f"{row['metric']} {cell(row)}" for row in chosen)
        yield f"Two codings of the same {chosen[0]['n']} reports agree by {listed}."


def _correlation(run: Run, part: pd.DataFrame, headline: str) -> Iterator[str]:
    """The correlation that the intervals use, and how much it hangs on one language."""
    first = part.iloc[0]
    for each in run.manifest["correlations"]:
        if (each["task"], each["text"], each["metric"]) == (first["task"], first["text"], headline):
            others = each["without"].values()
            span = f" ({min(others):.2f} to {max(others):.2f} with one language left out)"
            yield f"Correlation within contributors: {each['value']:.2f}{span if others else ''}."
