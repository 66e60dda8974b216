"""What a study shows of itself while it runs."""
