"""Rejection sampling: draw until enough points are kept."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

LARGEST_BATCH = 2**16  # points
MOST_MISSES = 10**6


def draw_kept(
    draw: Callable[[int], Array],
    is_kept: Callable[[Array], Array],
    size: int,
    prob: float = 0.5,
    max_iters: int | None = None,
    sample_anyways: bool = False,
) -> Array:
    """Draw batches until `size` points are kept.

    Parameters
    ----------
    draw : callable
        Takes a number of points, returns an array of shape (number, dim).
    is_kept : callable
        Takes points, returns an array of bools, one for each.
    size : int
    prob : float, default 0.5
        A guess at the share of points that are kept. Batches grow where it was too high.
    max_iters : int, optional
        How many batches to draw at most. Default: as many as it takes.
    sample_anyways : bool, default False
        Fill up with points that need not be kept after `max_iters` batches, and warn; or raise.

    Raises
    ------
    ValueError
        If points are missing after `max_iters` batches, or of 10^6 points in a row none was kept.
    """
    kept: list[Array] = []
    missing, misses, iteration = size, 0, 0
    while missing or not kept:
        batch = min(math.ceil(missing / prob) << min(iteration, 16), LARGEST_BATCH)
        points = draw(batch)
        inside = points[is_kept(points)]
        kept.append(inside[:missing])
        missing -= len(kept[-1])
        misses = 0 if len(inside) else misses + batch
        iteration += 1
        if misses > MOST_MISSES:
            raise ValueError(f"none of {misses} points in a row is within the bounds")
        if missing and max_iters is not None and iteration >= max_iters:
            if not sample_anyways:
                raise ValueError(
                    f"after `max_iters`={max_iters} batches {missing} of {size} points are missing: widen "
                    "the bounds, or raise `max_iters`"
                )
            warnings.warn(f"{missing} of {size} points are not within the bounds", stacklevel=4)
            kept.append(draw(missing))
            break
    return np.concatenate(kept)
