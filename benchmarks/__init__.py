"""What things cost, each against a peer measured in the same run."""
