"""What a product of a domain is made of: indexed sequences of partial configs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from research.domain.config import CONTAINERS, check_names, copy_containers, entries, join_entries
from research.domain.drawing import Draw
from research.domain.values import Alias
from samplers import Sampler

_STABLE = frozenset({type(None), bool, int, float, str})
PENDING: Any = object()  # holds the place of a drawn value until the listed ones are known


class Factor(Protocol):
    """An indexed sequence of partial configs."""

    names: tuple[str, ...]
    length: int | None  # None if endless

    def put(self, index: int, items: dict[str, Any], draws: list[Draw]) -> None:
        """Add partial config number `index` to `items`; parameters to be drawn also go to `draws`."""

    def check(self) -> None:
        """Refuse values without stable content, in time proportional to the number of listed values."""


class Column:
    """A parameter with listed values.

    Parameters
    ----------
    name : str
    values : Sequence
        Kept as it is: a range stays a range. Lists and arrays, and lists, dicts and sets in them, are
        copied, so that nobody changes them.
    """

    __slots__ = ("length", "names", "values")

    def __init__(self, name: str, values: Sequence[Any] | np.ndarray[Any, Any]) -> None:
        if isinstance(values, np.ndarray):
            values = values.copy()
            values.flags.writeable = False
        self.names: tuple[str, ...] = (name,)
        if isinstance(values, list | tuple):
            values = tuple(
                copy_containers(value, with_arrays=True) if type(value) in CONTAINERS else value
                for value in values
            )
        self.values = values
        self.length: int | None = len(values)

    def put(self, index: int, items: dict[str, Any], draws: list[Draw]) -> None:
        items[self.names[0]] = self.values[index]

    def check(self) -> None:
        is_plain = isinstance(self.values, np.ndarray) and not self.values.dtype.hasobject
        if not is_plain and not isinstance(self.values, range):
            entries((self.names[0], value) for value in self.values if type(value) not in _STABLE)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Column):
            return NotImplemented
        if self.names != other.names or self.length != other.length:
            return False
        if isinstance(self.values, range) and isinstance(other.values, range):
            return self.values == other.values
        return all(
            self._text(left) == self._text(right)
            for left, right in zip(self.values, other.values, strict=True)
        )

    def _text(self, value: Any) -> str:
        return join_entries(entries([(self.names[0], value)]))

    def __hash__(self) -> int:
        ends = [self._text(self.values[index]) for index in (0, -1) if self.length]
        return hash((self.names, self.length, *ends))

    def __repr__(self) -> str:
        values = self.values
        return repr(list(values) if isinstance(values, tuple) else values)


class DrawFactor:
    """A parameter whose values are drawn: one element, which differs from config to config."""

    __slots__ = ("draw", "length", "names")

    def __init__(self, name: str, sampler: Sampler) -> None:
        self.names: tuple[str, ...] = (name,)
        self.draw = Draw(name, sampler)
        self.length: int | None = 1

    def put(self, index: int, items: dict[str, Any], draws: list[Draw]) -> None:
        items[self.names[0]] = PENDING
        draws.append(self.draw)

    def check(self) -> None:
        self.draw.check()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DrawFactor):
            return NotImplemented
        return self.names == other.names and self.draw.sampler == other.draw.sampler

    def __hash__(self) -> int:
        return hash((self.names, self.draw.sampler))

    def __repr__(self) -> str:
        return repr(self.draw.sampler)


class Zip:
    """Equally long sequences walked side by side: what `@` makes.

    Parameters
    ----------
    parts : sequence of Factor
        All of one finite length.
    """

    __slots__ = ("length", "names", "parts")

    def __init__(self, parts: Sequence[Factor]) -> None:
        self.parts = tuple(parts)
        self.length = self.parts[0].length
        self.names = tuple(name for part in self.parts for name in part.names)
        check_names(self.names)

    def put(self, index: int, items: dict[str, Any], draws: list[Draw]) -> None:
        for part in self.parts:
            part.put(index, items, draws)

    def check(self) -> None:
        for part in self.parts:
            part.check()

    def __eq__(self, other: object) -> bool:
        return self.parts == other.parts if isinstance(other, Zip) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.parts)

    def __repr__(self) -> str:
        return f"({' @ '.join(f'({part!r})' for part in self.parts)})"


class Cube:
    """A product of factors, the last one fastest.

    Parameters
    ----------
    factors : sequence of Factor
        Without any, the product has one empty config.

    Raises
    ------
    ValueError
        If a parameter is given twice.
    """

    __slots__ = ("_radices", "factors", "length", "names", "only_draws")

    def __init__(self, factors: Sequence[Factor]) -> None:
        self.factors = tuple(factors)
        self.names = tuple(name for factor in self.factors for name in factor.names)
        check_names(self.names)
        self.only_draws = bool(self.factors) and all(isinstance(item, DrawFactor) for item in self.factors)
        size = 1
        radices: list[tuple[Factor, int, int]] = []
        for factor in reversed(self.factors):
            if factor.length is None:
                raise ValueError(f"an endless factor {factor!r} cannot be part of a product")
            radices.append((factor, size, factor.length))
            size *= factor.length
        self._radices = tuple(reversed(radices))
        self.length: int | None = None if self.only_draws else size

    def put(self, index: int, items: dict[str, Any], draws: list[Draw]) -> None:
        for factor, stride, length in self._radices:
            factor.put(index // stride % length, items, draws)

    def check(self) -> None:
        for factor in self.factors:
            factor.check()

    def __mul__(self, other: Cube) -> Cube:
        return Cube(self.factors + other.factors)

    def __eq__(self, other: object) -> bool:
        return self.factors == other.factors if isinstance(other, Cube) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.factors)

    def __repr__(self) -> str:
        """Write an expression that evaluates to this product."""
        if not self.factors:
            return "Domain({})"
        parts: list[str] = []
        options: list[str] = []
        for factor, following in pairwise([*self.factors, None]):
            if isinstance(factor, Zip):
                parts.append(repr(factor))
                continue
            if factor is not None:
                options.append(f"{factor.names[0]!r}: {factor!r}")
            if options and not isinstance(following, Column | DrawFactor):
                parts.append(f"Domain({{{', '.join(options)}}})")
                options = []
        return " * ".join(parts)


def make_factor(name: str, values: Any) -> Factor:
    """Turn what a user gives as a parameter's values into a factor.

    Raises
    ------
    TypeError
        If the values are neither a sequence nor a Sampler; names the parameter.
    """
    if not isinstance(name, str):
        raise TypeError(f"names of parameters must be str, got {name!r}")
    if not name:
        raise ValueError("the name of a parameter must not be empty")
    if isinstance(values, Sampler):
        return DrawFactor(name, values)
    if isinstance(values, np.ndarray) and values.ndim > 0:
        return Column(name, values)
    if isinstance(values, Sequence) and not isinstance(values, str | bytes | bytearray | Alias):
        return Column(name, values)
    hint = f"; for a single value write [{values!r}]" if isinstance(values, str | int | float) else ""
    raise TypeError(
        f"values of the parameter {name!r} must be a list, tuple, range, array, another sequence "
        f"or a Sampler, got {type(values).__name__} {values!r}{hint}"
    )
