"""Values at regular distances."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from samplers.values import checked_int, is_number


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
    from fractions import Fraction

    first, last = Fraction(_finite("start", start)), Fraction(_finite("stop", stop))
    num = checked_int("num", num, 1)
    step = (last - first) / max(num - 1, 1)
    return list(dict.fromkeys(round(first + step * number) for number in range(num)))


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
    first, last = _finite("start", start), _finite("stop", stop)
    if not first or not last or (first > 0) != (last > 0):
        raise ValueError(
            f"`start` and `stop` must be of one sign and not 0, got start={start!r}, stop={stop!r}"
        )
    values: list[float] = np.geomspace(first, last, checked_int("num", num, 1)).tolist()
    return values


def _finite(name: str, value: Any) -> Any:
    if not is_number(value) or not math.isfinite(value):
        raise ValueError(f"`{name}` must be a finite number, got {value!r}")
    return value.item() if isinstance(value, np.generic) else value
