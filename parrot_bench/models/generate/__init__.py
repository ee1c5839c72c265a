"""Method generate: the model writes its answer."""
