"""A model folder, local or of the hub: found and checked without torch."""
