"""Models: everything that answers a task's items with predictions."""
