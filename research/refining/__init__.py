"""Ways to make the next domain of a study from its results."""
