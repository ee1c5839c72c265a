"""What a text alone tells: its language, names in it, near copies."""
