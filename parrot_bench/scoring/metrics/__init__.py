"""Metrics: one class each, as sums over reports."""
