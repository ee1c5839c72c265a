"""Method probe: logistic regression on embeddings."""
