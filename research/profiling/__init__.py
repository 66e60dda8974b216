"""How long units take, and what they call meanwhile: measured in workers, shown as tables."""
