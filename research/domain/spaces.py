"""Values at regular distances."""

from __future__ import annotations

import math

import numpy as np


def intspace(start: float, stop: float, num: int = 50) -> list[int]:
    """Return at most `num` integers from start to stop, as evenly spaced as integers can be, each once.

    Parameters
    ----------
    start, stop : float
        Both ends are included, rounded.
    num : int, default 50

    Examples
    --------
    >>> intspace(0, 10, 4)
    [0, 3, 7, 10]
    >>> intspace(1, 3, 10)
    [1, 2, 3]
    """
    return list(dict.fromkeys(int(value) for value in np.rint(np.linspace(start, stop, _checked(num)))))


def logspace(start: float, stop: float, num: int = 50) -> list[float]:
    """Return `num` numbers from start to stop, each the same multiple of the one before.

    Parameters
    ----------
    start, stop : float
        The ends themselves, which are included exactly; not their logarithms, as numpy has it. Both
        positive or both negative.
    num : int, default 50

    Raises
    ------
    ValueError
        If an end is 0, or they have different signs.

    Examples
    --------
    >>> logspace(1e-3, 1, 4)
    [0.001, 0.01, 0.1, 1.0]
    """
    if not start * stop > 0 or not math.isfinite(start) or not math.isfinite(stop):
        raise ValueError(
            f"`start` and `stop` must be finite, of one sign and not 0, got start={start!r}, stop={stop!r}"
        )
    return [float(value) for value in np.geomspace(start, stop, _checked(num))]


def _checked(num: int) -> int:
    if isinstance(num, bool) or not isinstance(num, int | np.integer) or num < 1:
        raise ValueError(f"`num` must be a positive int, got {num!r}")
    return int(num)
