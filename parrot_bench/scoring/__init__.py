"""Scoring: metrics as sums over reports, and the intervals made from them."""
