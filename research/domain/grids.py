"""Products of options, walked as fast as that goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np

from research.domain.config import PLAIN, Config
from research.domain.drawing import Stream, place_text
from research.domain.factors import Column, DrawFactor, Factor
from research.domain.values import ALL_PLAIN, unwrap

_LARGEST_POOL = 2**16  # values that are listed


def are_options(factors: Sequence[Factor]) -> bool:
    """Whether `walk_options` can walk a product: of single parameters.

    Where some are drawn, the values of the others must not be groups of parameters.
    """
    if not all(isinstance(factor, Column | DrawFactor) for factor in factors):
        return False
    has_draws = any(isinstance(factor, DrawFactor) for factor in factors)
    return not has_draws or all(is_flat(item.values) for item in factors if isinstance(item, Column))


def walk_options(factors: Sequence[Factor], stream: Stream) -> Iterator[Config]:
    """Make the configs of a product of listed and drawn parameters, the last one fastest.

    Parameters
    ----------
    factors : sequence of Column and DrawFactor
        At least one of them a Column.
    stream : Stream
    """
    names = tuple(factor.names[0] for factor in factors)
    of_items = Config.of_items
    draws = [(item.names[0], item.draw.bind(stream)) for item in factors if isinstance(item, DrawFactor)]
    if not draws:
        pools = [item.values for item in factors if isinstance(item, Column)]
        new, defaults = object.__new__, ALL_PLAIN if all(map(_is_plain, pools)) else None
        for values in _combine(pools):
            config = new(Config)  # as `of_items` does, without a call
            config._items = dict(zip(names, values))  # noqa: B905  (they match, and to ask takes time)
            config._text = None
            config._defaults = defaults
            config._rules = None
            yield config
        return
    order = sorted(range(len(names)), key=names.__getitem__)
    listed = [place for place in order if isinstance(factors[place], Column)]
    for pairs in _combine([_Pairs(factor) for factor in factors]):
        items = {name: pair[0] for name, pair in zip(names, pairs)}  # noqa: B905
        text = ",".join([pairs[place][1] for place in listed])
        place = place_text(stream.generation, "0", f"{{{text}}}").encode()
        for name, draw in draws:
            items[name] = draw(place)
        yield of_items(items)


def grid_values(radices: Sequence[tuple[Factor, int, int]]) -> Callable[[int], dict[str, Any]] | None:
    """Return what gives the values of a product's configs, by their numbers; None if it is no grid.

    Parameters
    ----------
    radices : sequence of (Factor, int, int)
        Factors with strides and lengths.
    """
    parts = [
        (factor.names[0], factor.values, stride, length)
        for factor, stride, length in radices
        if isinstance(factor, Column)
    ]
    if len(parts) < len(radices):
        return None

    def values_of(number: int) -> dict[str, Any]:
        return {name: values[number // stride % length] for name, values, stride, length in parts}

    return values_of


class _Pairs:
    """Values of a parameter, each with its part of the canonical text of the config."""

    def __init__(self, factor: Factor) -> None:
        self._factor = factor

    def __len__(self) -> int:
        return self._factor.length or 1

    def __iter__(self) -> Iterator[tuple[Any, str]]:
        factor = self._factor
        if isinstance(factor, Column):
            for value in factor.values:
                yield value, factor.text(value)[1:-1]
        else:
            yield None, ""


def is_flat(values: Any) -> bool:
    """Whether none of a parameter's values is a group of parameters."""
    if isinstance(values, range) or (isinstance(values, np.ndarray) and not values.dtype.hasobject):
        return True
    return not any(isinstance(unwrap(value), dict | Config) for value in values)


def _is_plain(values: Any) -> bool:
    """Whether all values of a parameter are known to be given as they are."""
    if isinstance(values, tuple) and len(values) <= _LARGEST_POOL:
        return PLAIN.issuperset(map(type, values))
    return isinstance(values, range)


def _combine(pools: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    """Like itertools.product, without listing long pools."""
    if all(len(pool) <= _LARGEST_POOL for pool in pools):
        yield from product(*pools)
        return
    first, *others = pools
    for value in first:
        for values in _combine(others):
            yield value, *values
