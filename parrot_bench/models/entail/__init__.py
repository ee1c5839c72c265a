"""Method entail: a label follows from the report, or does not."""
