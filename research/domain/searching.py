"""The search for configs that meet conditions: nested loops that are left as early as can be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from math import prod
from typing import Any, TypeAlias

from research.domain.conditions import Condition
from research.domain.drawing import Draft, Stream
from research.domain.factors import Factor
from research.domain.finding import Found, Misses

_LARGEST_TABLE = 2**24  # answers

Radices: TypeAlias = Sequence[tuple[Factor, int, int]]


def search(
    radices: Radices,
    conditions: Sequence[Condition],
    make: Callable[[int], Draft],
    stream: Stream,
) -> Found:
    """Return the positions in a product at which conditions hold, found as they are read.

    A predicate is asked as soon as the values that it reads are there, and once for each combination of
    them, as long as there are not more than 16 million. Those that read drawn values come last.

    Parameters
    ----------
    radices : sequence of (Factor, int, int)
        Factors with their strides and lengths; only the first may have the length 0, which stands for an
        endless or uncounted one.
    conditions : sequence of Condition
    make : callable
        Takes a position, returns the config there, without defaults, drawn values pending.
    stream : Stream
    """
    misses = Misses(f"where({', '.join(map(str, conditions))})")
    drawn = frozenset().union(*(factor.drawn for factor, _, _ in radices))
    is_late = [not drawn.isdisjoint(condition.reads) for condition in conditions]
    late = [condition for condition, is_it in zip(conditions, is_late, strict=True) if is_it]
    tests = [
        _Test(condition, radices) for condition, is_it in zip(conditions, is_late, strict=True) if not is_it
    ]
    depth = len(radices) if late else max((test.level for test in tests), default=0) + 1
    if radices and not radices[0][2]:
        depth = max(depth, 1)  # it cannot be left out of the search: nobody knows its length
    depth = min(depth, len(radices))
    positions = _walk(radices, depth, tests, stream, misses)
    if late:
        positions = _filter(positions, late, make, stream, misses)
    return Found(positions, prod(length for _, _, length in radices[depth:]))


def search_draws(conditions: Sequence[Condition], make: Callable[[int], Draft], stream: Stream) -> Found:
    """Return the positions in an endless sequence of draws at which conditions hold."""
    misses = Misses(f"where({', '.join(map(str, conditions))})")
    return Found(_filter(count(), conditions, make, stream, misses))


def _filter(
    positions: Iterable[int],
    conditions: Sequence[Condition],
    make: Callable[[int], Draft],
    stream: Stream,
    misses: Misses,
) -> Iterator[int]:
    for position in positions:
        draft = make(position)
        draft.draw(stream)
        if all(condition.holds(draft.items) for condition in conditions):
            misses.hit()
            yield position
        else:
            misses.miss()


def _walk(
    radices: Radices, depth: int, tests: Sequence[_Test], stream: Stream, misses: Misses
) -> Iterator[int]:
    """Return positions of the outer `depth` loops at which all tests hold."""
    cursor = _Cursor(radices, depth, stream)
    by_level = [[test for test in tests if test.level == level] for level in range(-1, depth)]
    if not all(test.holds(cursor) for test in by_level[0]):
        return
    if not depth:
        yield 0
        return
    indices = cursor.indices
    level = 0
    while level >= 0:
        indices[level] += 1
        if cursor.is_over(level):
            indices[level] = -1
            level -= 1
        elif not all(test.holds(cursor) for test in by_level[level + 1]):
            misses.miss()
        elif level < depth - 1:
            level += 1
        else:
            misses.hit()
            yield cursor.position()


class _Cursor:
    """Where the nested loops stand."""

    def __init__(self, radices: Radices, depth: int, stream: Stream) -> None:
        self._radices = radices
        self._stream = stream
        self._parts: list[tuple[int, dict[str, Any]]] = [(-1, {})] * depth
        self.indices = [-1] * depth

    def is_over(self, level: int) -> bool:
        factor, _, length = self._radices[level]
        index = self.indices[level]
        return index >= length if length else factor.reach(index + 1, self._stream) <= index

    def items(self, level: int) -> dict[str, Any]:
        """Return what the factor of a loop gives where it stands."""
        index, items = self._parts[level]
        if index != self.indices[level]:
            index, factor = self.indices[level], self._radices[level][0]
            draft = Draft()
            factor.put(factor.locate(index, self._stream), draft)
            items = draft.items
            self._parts[level] = index, items
        return items

    def position(self) -> int:
        return sum(index * radix[1] for index, radix in zip(self.indices, self._radices, strict=False))


class _Test:
    """A condition together with the loops whose values it reads, and the answers that it has given.

    Attributes
    ----------
    level : int
        The innermost of these loops, -1 if there is none.
    """

    def __init__(self, condition: Condition, radices: Radices) -> None:
        self._condition = condition
        self._levels = [
            level
            for level, (factor, _, _) in enumerate(radices)
            if not condition.reads.isdisjoint(factor.names)
        ]
        self.level = max(self._levels, default=-1)
        self._lengths = [radices[level][2] for level in self._levels]
        is_asked_again = len(self._levels) <= self.level
        size = prod(self._lengths)
        self._answers = bytearray(size) if is_asked_again and 0 < size <= _LARGEST_TABLE else None

    def holds(self, cursor: _Cursor) -> bool:
        if self._answers is None:
            return self._ask(cursor)
        cell = 0
        for level, length in zip(self._levels, self._lengths, strict=True):
            cell = cell * length + cursor.indices[level]
        if not self._answers[cell]:
            self._answers[cell] = 1 + self._ask(cursor)
        return self._answers[cell] == 2

    def _ask(self, cursor: _Cursor) -> bool:
        items: dict[str, Any] = {}
        for level in self._levels:
            items.update(cursor.items(level))
        return self._condition.holds(items)
