"""The version of this library, which each study records."""

__version__ = "0.1.0"
