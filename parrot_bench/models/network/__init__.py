"""A loaded network: batches, token rows, forward passes, self-checks."""
