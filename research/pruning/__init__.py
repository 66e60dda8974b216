"""Ending experiments that are hopeless, between iterations."""
