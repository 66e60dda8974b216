"""Which config comes when: sums of products, and the numbering of repetitions."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, NamedTuple

from research.domain.drawing import Draw
from research.domain.factors import Cube


class Sum:
    """Products one after another.

    Parameters
    ----------
    cubes : sequence of Cube
    """

    __slots__ = ("cubes", "length", "names", "starts")

    def __init__(self, cubes: Sequence[Cube]) -> None:
        self.cubes = tuple(cube for cube in cubes if cube.length != 0)
        self.names = tuple(dict.fromkeys(name for cube in cubes for name in cube.names))
        lengths = [cube.length for cube in self.cubes]
        endless = lengths.index(None) if None in lengths else None
        finite = [length for length in lengths[:endless] if length is not None]
        self.starts = list(accumulate(finite, initial=0))
        self.length: int | None = self.starts[-1] if endless is None else None

    def locate(self, index: int) -> tuple[Cube, int]:
        """Return the product that holds config number `index`, and the config's number in it."""
        number = bisect_right(self.starts, index) - 1
        return self.cubes[number], index - self.starts[number]

    def put(self, index: int, items: dict[str, Any], draws: list[Draw]) -> None:
        cube, position = self.locate(index)
        cube.put(position, items, draws)

    def check(self) -> None:
        for cube in self.cubes:
            cube.check()

    def __eq__(self, other: object) -> bool:
        return self.cubes == other.cubes if isinstance(other, Sum) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.cubes)

    def __repr__(self) -> str:
        return " + ".join(map(repr, self.cubes)) or "Domain()"


class Place(NamedTuple):
    """Where a produced item stands: which config, in which pass over the domain, which repetition."""

    position: int
    pass_: int
    repetition: int


@dataclass(frozen=True, slots=True)
class Walk:
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
