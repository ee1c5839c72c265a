"""From sums to figures with intervals."""
