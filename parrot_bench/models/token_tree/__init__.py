"""Texts that begin alike, read once as a tree of tokens."""
