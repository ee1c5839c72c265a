"""Two runs or many on the same reports."""
