"""Sums of weighted products: whose turn it is."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import NamedTuple

import numpy as np

from research.domain.cubes import Cube
from research.domain.drawing import Stream

_FIRST_CHUNK, _LARGEST_CHUNK = 2**10, 2**17  # turns that are dealt at once
_BEYOND = 2**62  # more configs than anyone will walk


class Chunk(NamedTuple):
    """Turns that were dealt together.

    Parameters
    ----------
    start : int
        Number of turns before.
    counts : numpy.ndarray
        Shape (n_cubes,): how many configs of each product came before.
    cubes : numpy.ndarray
        Shape (n_turns,): whose turn it is.
    numbers : numpy.ndarray
        Shape (n_turns,): number of the config in its product.
    """

    start: int
    counts: np.ndarray
    cubes: np.ndarray
    numbers: np.ndarray


class Interleaving:
    """The order of neighbouring weighted products.

    Each next config comes from one of the products that are not used up, with a probability proportional to
    its weight. The choices are pseudo-random and depend on the weights alone, so the order is part of the
    domain. To find config number i costs time in proportion to i; what was dealt last is kept, and of all
    before it the counts.

    The law is exact: turns are dealt in chunks, to all products that were not used up when the chunk
    began, and the turns of those that are used up within it are left out, which leaves the others in the
    ratio of their weights.

    Parameters
    ----------
    cubes : sequence of Cube
        With weights.
    """

    def __init__(self, cubes: Sequence[Cube], stream: Stream) -> None:
        self._cubes = tuple(cubes)
        self._stream = stream
        weights = np.array([cube.weight for cube in cubes], dtype=float)
        self._weights = weights / weights.max()
        self._key = int.from_bytes(blake2b(self._weights.tobytes(), digest_size=16).digest(), "little")
        self._starts = [0]  # of chunks
        self._counts = [np.zeros(len(cubes), dtype=np.int64)]
        self._last: tuple[int, Chunk] | None = None
        self._lock = threading.Lock()

    def locate(self, index: int) -> tuple[int, int]:
        """Return the number of the product whose turn it is, and the config's number in it.

        Raises
        ------
        IndexError
            If all products are used up before.
        """
        with self._lock:
            number = int(np.searchsorted(self._starts, index, side="right")) - 1
            while True:
                chunk = self._chunk(number)
                offset = index - chunk.start
                if offset < len(chunk.cubes):
                    return int(chunk.cubes[offset]), int(chunk.numbers[offset])
                if not len(chunk.cubes):
                    raise IndexError(index)
                number += 1

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Return what `locate` does, from the beginning until all products are used up."""
        number = 0
        while True:
            with self._lock:
                chunk = self._chunk(number)
            if not len(chunk.cubes):
                return
            yield from zip(chunk.cubes.tolist(), chunk.numbers.tolist(), strict=True)
            number += 1

    def turn(self, cube: int, number: int) -> int:
        """Return the index at which config `number` of a product comes."""
        with self._lock:
            chunk_number = 0
            while True:
                chunk = self._chunk(chunk_number)
                if not len(chunk.cubes):
                    raise IndexError(number)
                if number - int(chunk.counts[cube]) < _size(chunk):
                    (places,) = np.nonzero((chunk.cubes == cube) & (chunk.numbers == number))
                    if len(places):
                        return chunk.start + int(places[0])
                chunk_number += 1

    def _chunk(self, number: int) -> Chunk:
        if self._last is not None and self._last[0] == number:
            return self._last[1]
        start, counts = self._starts[number], self._counts[number]
        chunk = self._deal(number, start, counts)
        if number + 1 == len(self._starts):
            self._starts.append(start + len(chunk.cubes))
            self._counts.append(counts + np.bincount(chunk.cubes, minlength=len(self._cubes)))
        self._last = number, chunk
        return chunk

    def _deal(self, number: int, start: int, counts: np.ndarray) -> Chunk:
        left = [
            cube.reach(int(count) + 1, self._stream) > count
            for cube, count in zip(self._cubes, counts, strict=True)
        ]
        weights = np.where(left, self._weights, 0.0)
        if not any(left):
            return Chunk(start, counts, np.empty(0, np.int64), np.empty(0, np.int64))
        size = min(_FIRST_CHUNK << min(number, 20), _LARGEST_CHUNK)
        rng = np.random.Generator(np.random.Philox(key=self._key, counter=[0, 0, 0, number]))
        bounds = np.cumsum(weights)
        # rounding must not lead to a product beyond the last that is left
        last = int(np.flatnonzero(weights)[-1])
        cubes = np.searchsorted(bounds[:last], rng.random(size) * bounds[-1], side="right")
        order = np.argsort(cubes, kind="stable")
        dealt = np.bincount(cubes, minlength=len(weights))
        numbers = np.empty(size, dtype=np.int64)
        firsts = np.repeat(np.cumsum(dealt) - dealt, dealt)
        numbers[order] = np.arange(size) - firsts + counts[cubes[order]]
        ends = np.array(
            [
                min(cube.reach(int(count + turns), self._stream), _BEYOND) if turns else count
                for cube, count, turns in zip(self._cubes, counts, dealt, strict=True)
            ]
        )
        kept = numbers < ends[cubes]
        return Chunk(start, counts, cubes[kept], numbers[kept])


def _size(chunk: Chunk) -> int:
    return len(chunk.cubes)
