"""Points that fill the space of several parameters evenly, as one factor."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from research.domain.drawing import Draft, Stream
from research.domain.factors import Column, Factor, Key, Texts, within
from research.domain.names import check_names
from samplers import ScipySampler, make_rng, make_seed
from samplers.quasirandom import METHODS
from samplers.typed import Parameter
from samplers.values import checked_int, is_number


class Quasi(Factor):
    """A set of points of low discrepancy, each coordinate through the inverse of a distribution function.

    Parameters
    ----------
    n_points : int
    method : {'sobol', 'halton', 'lhs'}
    seed : int
    bounds : Mapping
        By parameter: a pair of numbers, a typed parameter, or a ScipySampler of one dimension.

    Raises
    ------
    ValueError
        If `n_points` is not positive, or there is no such method, or bounds are none.
    """

    __slots__ = ("_columns", "bounds", "length", "method", "n_points", "names", "seed")

    def __init__(self, n_points: int, method: str, seed: int, bounds: Mapping[str, Any]) -> None:
        if method not in METHODS:
            raise ValueError(f"`method` must be one of {', '.join(map(repr, METHODS))}, got {method!r}")
        if not bounds:
            raise ValueError("quasi-random points need at least one parameter, such as lr=(0, 1)")
        self.n_points = checked_int("n", n_points, 1)
        self.length: int = self.n_points
        self.method = method
        self.seed = make_seed(seed)
        self.bounds = {name: _checked(name, item) for name, item in bounds.items()}
        self.names = tuple(self.bounds)
        check_names(self.names)
        self._columns: tuple[Column, ...] | None = None

    def _points(self) -> tuple[Column, ...]:
        """Make the points, once."""
        if self._columns is None:
            cube = METHODS[self.method](len(self.names)).draw(make_rng(self.seed), self.n_points)
            self._columns = tuple(
                Column(name, _through(item, cube[:, number]))
                for number, (name, item) in enumerate(self.bounds.items())
            )
        return self._columns

    def put(self, key: Key, draft: Draft) -> None:
        for column in self._points():
            column.put(key, draft)

    def find(self, texts: Texts, stream: Stream) -> Iterator[int]:
        found = [set(column.find(within(texts, column.names), stream)) for column in self._points()]
        yield from sorted(set.intersection(*found))

    def check(self) -> None:
        for column in self._points():
            column.check()  # options may be anything; numbers are fine

    def columns(self) -> Iterator[tuple[str, Any]]:
        for column in self._points():
            yield from column.columns()

    def _content(self) -> Any:
        return self.n_points, self.method, self.seed, self.bounds

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Quasi):
            return NotImplemented
        return self._content() == other._content() and self.names == other.names

    def __hash__(self) -> int:
        return hash((self.n_points, self.method, self.seed, self.names))

    def __repr__(self) -> str:
        return f"Domain.quasi({self.n_points}, {self.method!r}, {self.seed}, {self.bounds!r})"

    def __getstate__(self) -> Any:
        return self._content()

    def __setstate__(self, state: Any) -> None:
        Quasi.__init__(self, *state)


def _checked(name: str, bounds: Any) -> Any:
    if isinstance(bounds, Parameter):
        return copy.copy(bounds)
    if isinstance(bounds, ScipySampler):
        if bounds.dim != 1 or not hasattr(bounds.distribution, "ppf"):
            raise ValueError(f"the parameter {name!r} takes a distribution of one dimension, got {bounds!r}")
        return bounds
    is_pair = isinstance(bounds, tuple | list) and len(bounds) == 2
    if not is_pair or not all(is_number(end) and np.isfinite(end) for end in bounds):
        raise ValueError(
            f"the parameter {name!r} takes bounds, such as (0, 1), Int(1, 8) or a ScipySampler, "
            f"got {bounds!r}"
        )
    low, high = bounds
    if low >= high:
        raise ValueError(f"the parameter {name!r}: low < high must hold, got {bounds!r}")
    return float(low), float(high)


def _through(bounds: Any, points: np.ndarray[Any, Any]) -> list[Any]:
    """Turn points of [0, 1) into values: Python floats, or ints of a discrete distribution, or options."""
    if isinstance(bounds, Parameter):
        return [bounds.at(point) for point in points.tolist()]
    if isinstance(bounds, tuple):
        low, high = bounds
        values: list[Any] = (low + (high - low) * points).tolist()
        return values
    distribution = bounds.distribution
    # the ends of an unbounded distribution are infinite
    inside = np.clip(points, np.finfo(float).tiny, np.nextafter(1, 0))
    values = distribution.ppf(inside).tolist()
    is_discrete = hasattr(distribution, "pmf")
    return [int(value) for value in values] if is_discrete else values
