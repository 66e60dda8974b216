"""How values are compared, sorted and told apart: what `where`, `order_by` and groups go by."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from research.domain.hashing import canonical, canonical_text
from research.domain.values import Alias, Opaque
from research.errors import UnstableValueError
from research.results.frames import MISSING
from research.storage.base import ObjectRow
from research.storage.encoding import Unloaded

SIGNS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_EXACT = frozenset({float, int, bool})  # which Python compares by what they are, of any size
_NUMBERS = (int, float, np.number, np.bool_, Decimal)
_ORDERED = (str, bytes, date, timedelta, np.datetime64, np.timedelta64, tuple, list)


def is_missing(value: Any) -> bool:
    """Whether there is no value: none was saved, the config lacks it, or it is None or not a number."""
    if value is MISSING or value is None:
        return True
    return isinstance(value, float | np.generic | Decimal) and bool(value != value)


def is_number(value: Any) -> bool:
    """Whether a value can be sorted among numbers; booleans can, as 0 and 1."""
    return isinstance(value, _NUMBERS) and not isinstance(
        value, complex | np.complexfloating | np.timedelta64
    )


def compare(values: Sequence[Any], sign: str, other: Any) -> list[bool]:
    """Compare each value of a column with one value; see `holds`."""
    if type(other) in _EXACT and _EXACT.issuperset(map(type, values)):
        compared = SIGNS[sign]
        return [compared(value, other) for value in values]
    return [holds(value, sign, other) for value in values]


def holds(left: Any, sign: str, right: Any) -> bool:
    """Whether a comparison of two values holds.

    Nothing is missing values' equal, they are neither less nor more than anything, and so are values of
    different kinds. Numbers are one kind. An object that was saved is neither equal to anything nor less.
    """
    if sign == "!=":
        return not holds(left, "==", right)
    if is_missing(left) or is_missing(right):
        return False
    if is_number(left) and is_number(right):
        return bool(SIGNS[sign](*_numbers(left, right)))
    if sign == "==":
        return _is_equal(left, right)
    for kind in _ORDERED:
        if isinstance(left, kind) and isinstance(right, kind):
            try:
                return bool(SIGNS[sign](left, right))
            except (TypeError, ValueError):  # in a tuple, say, of a number and a text
                return False
    return False


def _numbers(left: Any, right: Any) -> tuple[Any, Any]:
    """Return two numbers as Python compares them: by what they are, but single precision with its own."""
    for short, other in ((left, right), (right, left)):
        if isinstance(short, np.float16 | np.float32) and type(other) is float:
            with np.errstate(over="ignore"):
                rounded = float(type(short)(other))
            return (float(left), rounded) if short is left else (rounded, float(right))
    return tuple(item.item() if isinstance(item, np.generic) else item for item in (left, right))


def _is_equal(left: Any, right: Any) -> bool:
    if isinstance(right, Opaque) or callable(right):
        left, right = right, left
    if isinstance(right, ObjectRow) or isinstance(left, ObjectRow):
        return False
    if isinstance(left, Opaque) or callable(left):  # a function, say, is known by its name
        if isinstance(right, str):
            return str(left if isinstance(left, Opaque) else Alias(left)) == right
        try:
            return bool(canonical(left) == canonical(right))
        except UnstableValueError:
            return False
    if isinstance(left, np.ndarray) or isinstance(right, np.ndarray):
        return type(left) is type(right) and np.array_equal(left, right)
    try:
        return bool(left == right)
    except (TypeError, ValueError):
        return False


def is_among(values: Sequence[Any], others: Sequence[Any]) -> list[bool]:
    """Whether each value equals one of some others; a missing one, if one of them is missing."""
    has_missing = any(map(is_missing, others))
    present = [other for other in others if not is_missing(other)]
    simple = _EXACT | {str}
    if simple.issuperset(map(type, present)) and simple.issuperset(map(type, values)):
        known = set(present)
        return [value in known or (has_missing and value != value) for value in values]
    return [
        has_missing if is_missing(value) else any(holds(value, "==", other) for other in present)
        for value in values
    ]


def is_like(values: Sequence[Any], pattern: str) -> list[bool]:
    r"""Whether each value is a text like a pattern: `%` stands for any characters, `_` for one.

    A backslash before them makes them stand for themselves.
    """
    parts = re.findall(r"\\[%_\\]|.", pattern, re.DOTALL)
    wild = {"%": ".*", "_": "."}
    matches = re.compile(
        "".join(wild.get(part) or re.escape(part[-1]) for part in parts), re.DOTALL
    ).fullmatch
    return [isinstance(value, str) and matches(value) is not None for value in values]


def sort_places(values: Sequence[Any], places: Sequence[int], descending: bool) -> list[int]:
    """Sort places by the values there: numbers, then texts, then the rest by what it looks like.

    What is equal stays in its order, and what is missing comes last, whichever way it is sorted.
    """
    if _EXACT.issuperset(map(type, values)):
        present = [place for place in places if values[place] == values[place]]
        ordered = sorted(present, key=values.__getitem__, reverse=descending)
    else:
        present = [place for place in places if not is_missing(values[place])]
        ordered = sorted(present, key=lambda place: _rank(values[place]), reverse=descending)
    if len(present) == len(places):
        return ordered
    known = set(present)
    return ordered + [place for place in places if place not in known]


def _rank(value: Any) -> tuple[int, Any]:
    if is_number(value):
        return 0, value.item() if isinstance(value, np.generic) else value
    if isinstance(value, str):
        return 1, value
    return 2, "" if isinstance(value, ObjectRow) else str(value)


def identity(value: Any) -> Any:
    """Return what tells values apart: equal for equal ones of one type; nan is nan, 0.0 and -0.0 are two."""
    if value is MISSING:
        return None
    if isinstance(value, Unloaded):
        return Unloaded, id(value)
    if type(value) is float:
        return float, repr(value)
    if type(value) in _EXACT or type(value) is str:
        return type(value), value
    if isinstance(value, np.ndarray):
        return (
            type(value),
            value.dtype.str,
            value.shape,
            value.tobytes() if not value.dtype.hasobject else id(value),
        )
    try:
        return type(value).__name__, canonical_text(value)
    except UnstableValueError:
        return type(value), id(value)
