"""Baselines: what any model must beat."""
