"""Where every number is kept."""
