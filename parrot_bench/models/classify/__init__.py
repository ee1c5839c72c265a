"""Method classify: each output of a classifier is a label."""
