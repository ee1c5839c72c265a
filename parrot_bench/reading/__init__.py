"""What answers mean: from texts and scores to labels."""
