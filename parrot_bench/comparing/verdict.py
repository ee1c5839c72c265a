"""What a contrast says, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SIGNIFICANCE = 0.05


def verdict(row: Mapping[str, Any]) -> str:
    """One sentence about a contrast.

    Args:
        row: With "first", "second", "difference", "low", "high", "better", "p_adjusted",
            "detectable", "percent", "n" and "note"; for the gap between two texts also
            "equivalence_p" and "margin".
    """
    difference, low, high = row["difference"], row["low"], row["high"]
    if difference is None:
        return f"no figure: {row['note']}"
    if low is None:
        return "no interval: too few reports" if row["n"] < 2 else "no interval"
    shown, unit = (_points, " points") if row["percent"] else (_plain, "")
    apart = low > 0 or high < 0  # the test and the interval must both say so
    if apart and row["p_adjusted"] is not None and row["p_adjusted"] < SIGNIFICANCE:
        ahead = difference > 0
        if not ahead:
            difference, low, high = -difference, -high, -low
        if row["better"] == "neither":
            word = "higher"
        else:
            word = "better"
            ahead = ahead == (row["better"] == "higher")
        name = row["first"] if ahead else row["second"]
        return f"{name} is {shown(difference)}{unit} {word}, interval {shown(low)} to {shown(high)}"
    interval = f"interval {shown(low)} to {shown(high)}"
    if apart:
        return f"not shown once p is adjusted ({row['p_adjusted']:.2f}), {interval}"
    equivalent = row.get("equivalence_p")
    if equivalent is not None and equivalent < SIGNIFICANCE:
        return f"the same within {shown(row['margin'])}{unit}, {interval}"
    return (
        f"no difference shown, {interval}; one of {shown(row['detectable'])}{unit} or more would "
        "have been seen four times in five"
    )


def _points(value: float) -> str:
    """A difference of shares in hundredths."""
    return f"{100 * value:.1f}"


def _plain(value: float) -> str:
    """A difference of counts or losses."""
    return f"{value:.2f}"
