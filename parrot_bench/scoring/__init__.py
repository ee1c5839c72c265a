"""Scoring: metrics as sums over reports, estimates with intervals, comparisons."""

__all__ = ["VERSION"]

VERSION = "2"
"""Version of the scorer: raised whenever the same answers would get another figure."""
