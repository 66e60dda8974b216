"""What samplers are told: numbers, arrays of them, functions; how they are checked, kept and written."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np


def is_number(value: Any) -> bool:
    """Whether a value is a real number; a bool is none."""
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def checked_weight(weight: Any) -> float:
    """Return a weight as a float; refuse one that is not positive and finite."""
    if not math.isfinite(weight) or weight <= 0:
        raise ValueError(f"the weight of a sampler must be positive and finite, got {weight!r}")
    return float(weight)


def constant(value: Any) -> Any:
    """Return a number, or numbers of shape (k,), as what can be compared and stored; None for all else."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, int | float | complex):
        return value
    if not isinstance(value, list | tuple | np.ndarray):
        return None
    array = np.array(value)
    if array.dtype.kind not in "biufc" or array.ndim > 1 or not array.size:
        return None
    array.flags.writeable = False
    return array if array.ndim else array.item()


def bound(name: str, value: Any) -> Any:
    """Return a bound, or one for each coordinate; refuse what cannot be compared with points."""
    limit = constant(value)
    if limit is None or isinstance(limit, complex):
        raise ValueError(f"`{name}` must be a number or a list of numbers, got {value!r}")
    return limit


def common_dtype(arrays: list[np.ndarray[Any, Any]]) -> np.dtype[Any]:
    """Return the type that holds the values of all arrays as they are."""
    kinds = {array.dtype.kind for array in arrays}
    is_mixed = bool(kinds & set("US")) and len(kinds) > 1  # numpy would turn numbers into text
    return np.dtype(object) if is_mixed or not arrays else np.result_type(*arrays)


def written_constant(value: Any) -> str:
    """Return code for a number or an array of numbers."""
    return repr(value.tolist() if isinstance(value, np.ndarray) else value)


def name_in_code(function: Any) -> str:
    """Return how a function is called in code, where it can be."""
    if isinstance(function, functools.partial):
        return repr(function)
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    if isinstance(function, np.ufunc):
        return f"numpy.{function.__name__}"
    if name is None:
        return repr(function)
    return name if module in (None, "builtins", "__main__") else f"{module}.{name}"
