"""Asking, keeping, reading, scoring: from sheets of questions to a run folder."""
