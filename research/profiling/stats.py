"""What is known of a function that a unit called."""

from __future__ import annotations

from typing import NamedTuple


class FunctionStats(NamedTuple):
    """A function that a unit called, summed over its calls; terms as in `pstats`."""

    function: str
    file: str  # '~' for what is written in C
    line: int
    ncalls: int  # recursive ones included
    tottime: float  # seconds in the function itself
    cumtime: float  # seconds with all that it called
