"""What samplers are told: numbers, arrays of them, functions; how they are checked, kept and written."""

from __future__ import annotations

import functools
import math
import sys
from typing import Any

import numpy as np


def checked_int(name: str, value: Any, least: int) -> int:
    """Return an int, of numpy or not; refuse anything else, and what is less than `least`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        kind = "positive" if least else "non-negative"
        raise ValueError(f"`{name}` must be a {kind} int, got {value!r}")
    return int(value)


def is_number(value: Any) -> bool:
    """Whether a value is a real number; a bool is none."""
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def checked_weight(what: str, weight: Any) -> float:
    """Return the weight of something as a float; refuse one that is not positive and finite."""
    try:
        number = float(weight)
    except OverflowError:  # an int beyond all floats
        number = math.inf
    if not 0 < number < math.inf:
        raise ValueError(f"the weight of a {what} must be positive and finite, got {weight!r}")
    return number


def constant(value: Any) -> Any:
    """Return a number, or numbers of shape (k,), as what can be compared and stored; None for all else."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, int | float | complex):
        return value
    if not isinstance(value, list | tuple | np.ndarray):
        return None
    array = np.array(np.asarray(value).tolist())  # of the types that `repr` brings back
    if array.dtype.kind not in "biufc" or array.ndim > 1 or not array.size:
        return None
    array.flags.writeable = False
    return array if array.ndim else array.item()


def bound(name: str, value: Any, dim: int | None) -> Any:
    """Return a bound, or one for each of `dim` coordinates; refuse what cannot be compared with points."""
    limit = constant(value)
    if limit is None or isinstance(limit, bool) or np.iscomplexobj(limit) or np.isnan(limit).any():
        raise ValueError(f"`{name}` must be a number or a list of numbers, got {value!r}")
    if dim is not None and np.size(limit) not in (1, dim):
        raise ValueError(f"`{name}` must be one number or {dim}, one for each coordinate, got {value!r}")
    return limit


def common_dtype(arrays: list[np.ndarray[Any, Any]]) -> np.dtype[Any]:
    """Return the type that holds the values of all arrays as they are."""
    kinds = {array.dtype.kind for array in arrays}
    # numpy would turn numbers into text, and bools into numbers
    if not arrays or (kinds & set("USb") and len(kinds) > 1):
        return np.dtype(object)
    dtype = np.result_type(*arrays)
    return np.dtype(object) if kinds <= set("iu") and dtype.kind == "f" else dtype  # which loses digits


def written_constant(value: Any) -> str:
    """Return code for a number or an array of numbers, in parentheses where operators would take it apart."""
    text = repr(value.tolist() if isinstance(value, np.ndarray) else value)
    return f"({text})" if text.startswith("-") else text


def library_of(function: np.ufunc) -> str | None:
    """Return the module in which a ufunc is found by its name."""
    for library in ("numpy", "scipy.special"):
        if getattr(sys.modules.get(library), function.__name__, None) is function:
            return library
    return None


def name_in_code(function: Any) -> str:
    """Return how a function is called in code, where it can be."""
    if isinstance(function, functools.partial):
        return repr(function)
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    if isinstance(function, np.ufunc):
        library = library_of(function)
        return repr(function) if library is None else f"{library}.{function.__name__}"
    if name is None:
        return repr(function)
    return name if module in (None, "builtins", "__main__") else f"{module}.{name}"
