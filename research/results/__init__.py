"""What a study found out."""
