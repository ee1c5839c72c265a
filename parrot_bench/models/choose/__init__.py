"""Method choose: the label that goes on best with the beginning of an answer."""
