"""What an experiment does: units, named expressions, and the executor that runs them."""
