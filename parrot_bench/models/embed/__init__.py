"""Method embed: the label whose text lies nearest to the report's."""
