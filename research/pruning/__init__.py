"""Ending experiments that are hopeless, between iterations."""

from research.pruning.rules import Median, Patience, SuccessiveHalving

__all__ = ["Median", "Patience", "SuccessiveHalving"]
