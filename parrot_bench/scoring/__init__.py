"""Scoring: metrics as sums over reports, estimates with intervals, comparisons.

`scorer` and `training_scorer` offer the measures of a task to other people's code.
"""

from parrot_bench.scoring.training import scorer, training_scorer

__all__ = ["VERSION", "scorer", "training_scorer"]

VERSION = "2"
"""Version of the scorer: raised whenever the same answers would get another figure."""
