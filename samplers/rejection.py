"""Rejection sampling: draw until enough points are kept."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from samplers.values import bound, checked_int, is_number, name_in_code, written_constant

Array = np.ndarray[Any, Any]

LARGEST_BATCH = 2**16  # points
MOST_MISSES = 10**6


class Bounds(NamedTuple):
    """Which points to keep, and how to look for them; see `Sampler.truncate`."""

    high: Any
    low: Any
    expr: Callable[[Array], Any] | None
    prob: float
    max_iters: int | None
    sample_anyways: bool

    def hold(self, points: Array) -> Array:
        """Return a bool for each point of an array of shape (size, dim)."""
        size = len(points)
        values = points if self.expr is None else np.asarray(self.expr(points))
        if values.shape[:1] != (size,):
            raise ValueError(f"`expr` must return {size} values for {size} points, got shape {values.shape}")
        values = values.reshape(size, values.size // size if size else 1)
        inside = np.ones(size, dtype=bool)
        if self.low is not None:
            inside &= (values >= self.low).all(axis=1)
        if self.high is not None:
            inside &= (values <= self.high).all(axis=1)
        if self.low is None and self.high is None:
            inside &= values.astype(bool).all(axis=1)
        return inside

    def written(self) -> str:
        """Return the arguments of `truncate` in code, those left out that have their default."""
        defaults = {"prob": 0.5, "max_iters": None, "sample_anyways": False}
        return ", ".join(
            f"{name}={name_in_code(value) if callable(value) else written_constant(value)}"
            for name, value in self._asdict().items()
            if value is not None and (name not in defaults or value != defaults[name])
        )


def make_bounds(
    dim: int,
    high: Any,
    low: Any,
    expr: Callable[[Array], Any] | None,
    prob: float,
    max_iters: int | None,
    sample_anyways: bool,
) -> Bounds:
    """Check the arguments of `Sampler.truncate`, for points of `dim` coordinates.

    Raises
    ------
    ValueError
        If there is nothing to truncate by, or an argument is out of its range.
    """
    if high is None and low is None and expr is None:
        raise ValueError("`truncate` needs at least one of `high`, `low` and `expr`")
    if not is_number(prob) or not 0 < prob <= 1:
        raise ValueError(f"`prob` must be a number in (0, 1], got {prob!r}")
    if max_iters is not None:
        max_iters = checked_int("max_iters", max_iters, 1)
    if expr is not None and not callable(expr):
        raise TypeError(f"`expr` must be callable, got {expr!r}")
    dim_of_values = dim if expr is None else None
    highest = None if high is None else bound("high", high, dim_of_values)
    lowest = None if low is None else bound("low", low, dim_of_values)
    if isinstance(highest, np.ndarray) and isinstance(lowest, np.ndarray) and len(highest) != len(lowest):
        raise ValueError(f"`low` and `high` must have equal lengths, got low={low!r}, high={high!r}")
    if highest is not None and lowest is not None and np.any(lowest > highest):
        raise ValueError(f"`low` <= `high` must hold, but got low={low!r}, high={high!r}")
    return Bounds(highest, lowest, expr, prob, max_iters, bool(sample_anyways))


def draw_kept(draw: Callable[[int], Array], bounds: Bounds, size: int) -> Array:
    """Draw batches until `size` points are within bounds.

    Parameters
    ----------
    draw : callable
        Takes a number of points, returns an array of shape (number, dim).
    bounds : Bounds
        Batches grow where its guess at the share of kept points was too high.
    size : int

    Raises
    ------
    ValueError
        If points are missing after `max_iters` batches, or of 10^6 points in a row none was kept.
    """
    kept: list[Array] = []
    missing, misses, iteration = size, 0, 0
    while missing or not kept:
        batch = math.ceil(min(missing / bounds.prob * 2 ** min(iteration, 16), LARGEST_BATCH))
        points = draw(batch)
        inside = points[bounds.hold(points)]
        kept.append(inside[:missing])
        missing -= len(kept[-1])
        misses = 0 if len(inside) else misses + batch
        iteration += 1
        if misses > MOST_MISSES:
            raise ValueError(f"none of {misses} points in a row is within the bounds")
        if missing and bounds.max_iters is not None and iteration >= bounds.max_iters:
            if not bounds.sample_anyways:
                raise ValueError(
                    f"after `max_iters`={bounds.max_iters} batches {missing} of {size} points are missing: "
                    "widen the bounds, or raise `max_iters`"
                )
            warnings.warn(f"{missing} of {size} points are not within the bounds", stacklevel=4)
            kept.append(draw(missing))
            break
    return np.concatenate(kept)
