"""Which config comes when: sums of products, and the numbering of repetitions."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby, repeat
from typing import Any, NamedTuple

from research.domain.config import Config
from research.domain.cubes import Cube
from research.domain.drawing import Draft, Stream
from research.domain.factors import Factor, Key, Texts
from research.domain.grids import grid_values
from research.domain.interleaving import Interleaving


class Sum(Factor):
    """Products one after another; neighbours with weights take turns.

    Parameters
    ----------
    cubes : sequence of Cube
    """

    __slots__ = (
        "_blocks",
        "_n_known",
        "_orders",
        "_starts",
        "cubes",
        "drawn",
        "is_direct",
        "is_endless",
        "is_volatile",
        "length",
        "names",
    )

    def __init__(self, cubes: Sequence[Cube]) -> None:
        self.cubes = tuple(cube for cube in cubes if cube.length != 0)
        self.names = tuple(dict.fromkeys(name for cube in cubes for name in cube.names))
        self.drawn = frozenset().union(*(cube.drawn for cube in self.cubes))
        self.is_endless = any(cube.is_endless for cube in self.cubes)
        self.is_volatile = any(cube.is_volatile for cube in self.cubes)
        self._blocks = _blocks(self.cubes)
        self._starts = [0]  # of blocks, as far as the lengths are known without looking
        for first, end in self._blocks:
            lengths = [cube.length for cube in self.cubes[first:end]]
            if None in lengths:
                break
            self._starts.append(self._starts[-1] + sum(length for length in lengths if length is not None))
        is_known = len(self._starts) > len(self._blocks)
        self._n_known = min(len(self._starts), len(self._blocks))  # of blocks with a known start
        self.length = self._starts[-1] if is_known else None
        self.is_direct = (
            (is_known or len(self._starts) == len(self._blocks))
            and len(self._blocks) == len(self.cubes)
            and all(cube.is_direct for cube in self.cubes)
        )
        self._orders: dict[tuple[int, Stream | None], Interleaving] = {}

    def count(self, stream: Stream) -> int | None:
        if self.length is not None:
            return self.length
        return None if self.is_endless else sum(cube.count(stream) or 0 for cube in self.cubes)

    def known(self, stream: Stream) -> int | None:
        if self.length is not None or self.is_endless:
            return self.length
        known = [cube.known(stream) for cube in self.cubes]
        return None if None in known else sum(length or 0 for length in known)

    def reach(self, n_configs: int, stream: Stream) -> int:
        if self.length is not None:
            return min(n_configs, self.length)
        reached = 0
        for cube in self.cubes:
            reached += cube.reach(n_configs - reached, stream)
            if reached >= n_configs:
                break
        return reached

    def locate(self, index: int, stream: Stream) -> Key:
        """Return the number of the product that holds a config, with the config's key in it."""
        if self.is_direct:
            return index
        block = bisect_right(self._starts, index, hi=self._n_known) - 1
        index -= self._starts[block]
        while block < len(self._blocks):
            first, end = self._blocks[block]
            if block + 1 >= len(self._starts):  # its length is not known
                reached = sum(cube.reach(index + 1, stream) for cube in self.cubes[first:end])
                if reached <= index:
                    index -= reached
                    block += 1
                    continue
            number = first
            if end - first > 1:
                number, index = self._order(block, stream).locate(index)
                number += first
            return number, self.cubes[number].locate(index, stream)
        raise IndexError(index)

    def put(self, key: Key, draft: Draft) -> None:
        number, own = self._split(key)
        self.cubes[number].put(own, draft)

    def _split(self, key: Key) -> tuple[int, Key]:
        """Return the number of the product that holds a config, with the config's key in it."""
        if isinstance(key, tuple):
            number, own = key
            return number, own
        if len(self.cubes) == 1:  # nearly always
            return 0, key
        number = bisect_right(self._starts, key, hi=self._n_known) - 1
        return number, key - self._starts[number]

    @property
    def texts(self) -> Callable[[Key], str | None]:
        """What `canonical` says, by the shortest way there is."""
        return self.cubes[0].canonical if self.is_direct and len(self.cubes) == 1 else self.canonical

    def grid(self, stream: Stream) -> Callable[[Key], dict[str, Any]] | None:
        """Return what gives the values of a config by its key alone, None if there is more to it."""
        if not self.is_direct or len(self.cubes) != 1:
            return None
        (cube,) = self.cubes
        has_more = cube.defaults or cube.rules is not None or cube.only_draws
        return None if has_more else grid_values(cube.radices(stream))

    @property
    def is_bare(self) -> bool:
        return all(cube.is_bare for cube in self.cubes)

    def canonical(self, key: Key) -> str | None:
        number, own = self._split(key)
        return self.cubes[number].canonical(own)

    def find(self, texts: Texts, stream: Stream) -> Iterator[int]:
        start = 0
        for block, (first, end) in enumerate(self._blocks):
            found: list[int] = []
            for number in range(first, end):
                numbers = self.cubes[number].find(texts, stream)
                if end - first == 1:
                    yield from (start + found_number for found_number in numbers)
                else:
                    order = self._order(block, stream)
                    found.extend(order.turn(number - first, found_number) for found_number in numbers)
            yield from (start + index for index in sorted(found))
            if block + 1 == len(self._blocks) or any(cube.is_endless for cube in self.cubes[first:end]):
                return
            start += sum(cube.count(stream) or 0 for cube in self.cubes[first:end])

    def keys(self, texts: Texts, stream: Stream) -> Iterator[Key]:
        for number, cube in enumerate(self.cubes):
            for key in cube.keys(texts, stream):
                yield number, key

    def _order(self, block: int, stream: Stream) -> Interleaving:
        key = block, stream if self.is_volatile else None
        order = self._orders.get(key)
        if order is None:
            first, end = self._blocks[block]
            order = self._orders.setdefault(key, Interleaving(self.cubes[first:end], stream))
        return order

    def configs(self, stream: Stream) -> Iterator[Config]:
        """Make the configs one after another."""
        for block, (first, end) in enumerate(self._blocks):
            if end - first == 1:
                yield from self.cubes[first].configs(stream)
                continue
            for number, own in self._order(block, stream):
                cube = self.cubes[first + number]
                yield cube.config(cube.locate(own, stream), stream)

    def check(self) -> None:
        for cube in self.cubes:
            cube.check()

    def columns(self) -> Iterator[tuple[str, Any]]:
        for cube in self.cubes:
            yield from cube.columns()

    def __eq__(self, other: object) -> bool:
        return self.cubes == other.cubes if isinstance(other, Sum) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.cubes)

    def __repr__(self) -> str:
        return " + ".join(map(repr, self.cubes)) or "Domain()"

    def __getstate__(self) -> Any:
        return self.cubes, self.names

    def __setstate__(self, state: Any) -> None:
        cubes, names = state
        Sum.__init__(self, cubes)
        self.names = names


def _blocks(cubes: Sequence[Cube]) -> list[tuple[int, int]]:
    """Return ranges of numbers of products that are walked together."""
    blocks = []
    first = 0
    for is_weighted, group in groupby(cubes, lambda cube: cube.weight is not None):
        end = first + len(list(group))
        blocks.extend(
            [(first, end)] if is_weighted else [(number, number + 1) for number in range(first, end)]
        )
        first = end
    return blocks


class Place(NamedTuple):
    """Where a produced item stands: which config, in which pass over the domain, which repetition."""

    position: int
    pass_: int
    repetition: int


_place: Any = partial(tuple.__new__, Place)  # of a tuple, by no call of Python


class Walk(NamedTuple):
    """The order of configs and repetitions, as arithmetic on item numbers.

    Parameters
    ----------
    length : int or None
        Number of configs in the domain, None if endless.
    n_items : int, optional
        Number of configs to produce, repetitions not counted. More than `length` starts again from the
        beginning. Default: all.
    n_reps : int, default 1
        How many times each config is produced.
    repeat_each : int, optional
        How many configs are produced before they are repeated. Default: all of a finite domain, 100 of
        an endless one.
    """

    length: int | None
    n_items: int | None = None
    n_reps: int = 1
    repeat_each: int | None = None

    @property
    def n_configs(self) -> int | None:
        """Number of configs to be produced, repetitions not counted; None if endless."""
        if self.length == 0:
            return 0
        return self.length if self.n_items is None else self.n_items

    @property
    def size(self) -> int | None:
        """Number of items to be produced, repetitions included; None if endless."""
        return None if self.n_configs is None else self.n_configs * self.n_reps

    def place(self, number: int) -> Place:
        """Return where item `number` stands; takes the same time for every number."""
        group = self.repeat_each or self.length or 100
        first, offset = divmod(number, group * self.n_reps)
        first *= group
        if self.n_configs is not None:
            group = min(group, self.n_configs - first)
        repetition, config = divmod(offset, group)
        if self.length is None:
            return Place(first + config, 0, repetition)
        pass_, index = divmod(first + config, self.length)
        return Place(index, pass_, repetition)

    def places(self) -> Iterator[Place]:
        """Walk all items in their order, faster than `place` finds each."""
        group, length = self.repeat_each or self.length or 100, self.length
        first = 0
        while self.n_configs is None or first < self.n_configs:
            end = first + group if self.n_configs is None else min(first + group, self.n_configs)
            for repetition in range(self.n_reps):
                numbers = range(first, end)
                if length is None or end <= length:
                    yield from map(_place, zip(numbers, repeat(0), repeat(repetition)))
                else:
                    yield from (Place(number % length, number // length, repetition) for number in numbers)
            first = end
