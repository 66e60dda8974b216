"""Positions that are found by looking: as far as they are asked for, each once."""

from __future__ import annotations

import threading
from abc import abstractmethod
from array import array
from bisect import bisect_left
from collections.abc import Iterator, MutableSequence
from typing import Any

from research.domain.drawing import Stream
from research.domain.factors import Factor
from research.errors import NoMatchError

MOST_MISSES = 10**6


class Found:
    """An ascending sequence of positions that grows as it is read; from any number of threads.

    Parameters
    ----------
    starts : Iterator of int
        Ascending; each stands for `run` positions in a row.
    run : int, default 1
    """

    def __init__(self, starts: Iterator[int], run: int = 1) -> None:
        self._source = starts
        self._run = run
        self._starts: MutableSequence[int] = array("q")
        self._lock = threading.Lock()
        self.is_complete = False
        self.is_broken = False  # looking has raised; it cannot go on from there

    def reach(self, n_positions: int) -> int:
        """Return the smaller of a number and the number of positions, looking no further."""
        self._look(lambda: len(self._starts) * self._run >= n_positions)
        return min(n_positions, len(self._starts) * self._run)

    def count(self) -> int:
        """Return the number of positions; looks for all of them."""
        self._look(lambda: False)
        return len(self._starts) * self._run

    def index(self, position: int) -> int | None:
        """Return the index of a position, None if it is none of them."""
        start = position - position % self._run
        self._look(lambda: bool(self._starts) and self._starts[-1] >= start)
        number = bisect_left(self._starts, start)
        if number == len(self._starts) or self._starts[number] != start:
            return None
        return number * self._run + position - start

    def __getitem__(self, index: int) -> int:
        number, offset = divmod(index, self._run)
        if number >= len(self._starts):
            self._look(lambda: len(self._starts) > number)
        return self._starts[number] + offset

    def _look(self, is_enough: Any) -> None:
        with self._lock:
            while not is_enough() and not self.is_complete:
                try:
                    start = next(self._source, None)
                except BaseException:
                    self.is_broken = True
                    raise
                if start is None:
                    self.is_complete = True
                    return
                if start >= 2**63 and isinstance(self._starts, array):
                    self._starts = list(self._starts)
                self._starts.append(start)


class Finding(Factor):
    """A factor whose configs are found among others; what has been found is kept.

    Attributes
    ----------
    _found : dict
        By the stream, or by None where it does not matter.
    """

    __slots__ = ()
    _found: dict[Stream | None, Found]
    is_direct = False

    @abstractmethod
    def search(self, stream: Stream) -> Found:
        """Begin to look."""

    def found(self, stream: Stream) -> Found:
        """Return what has been found so far, and can be found further."""
        key = stream if self.is_volatile else None
        found = self._found.get(key)
        if found is None or found.is_broken:
            found = self._found[key] = self.search(stream)
        return found

    def known(self, stream: Stream) -> int | None:
        """Return the number of configs if all have been found, else None."""
        found = self._found.get(stream if self.is_volatile else None)
        return found.count() if found is not None and found.is_complete else None


class Misses:
    """Counts what did not match since the last match.

    Parameters
    ----------
    what : str
        What is looked for.

    Raises
    ------
    NoMatchError
        From `miss`, after 10^6 in a row.
    """

    __slots__ = ("_number", "_what")

    def __init__(self, what: str) -> None:
        self._what = what
        self._number = 0

    def hit(self) -> None:
        """Begin anew."""
        self._number = 0

    def miss(self) -> None:
        """Count one more."""
        self._number += 1
        if self._number > MOST_MISSES:
            raise NoMatchError(f"{self._what}: no match among {self._number} in a row")
