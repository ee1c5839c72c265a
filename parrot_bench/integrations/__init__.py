"""The scores of a task for other people's training loops."""
