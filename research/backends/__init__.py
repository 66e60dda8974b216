"""Carrying tasks to workers and events back."""
