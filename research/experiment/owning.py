"""What an experiment is told belongs to it: what one does to an object of its config, no other sees."""

from __future__ import annotations

import copy
from types import BuiltinFunctionType, FunctionType, ModuleType, NoneType
from typing import Any

import numpy as np

from research.domain import Alias, Config

# what nobody can change, and code
SHARED = frozenset(
    {
        *(bool, int, float, complex, str, bytes, NoneType, range, type, type(...)),
        *(FunctionType, BuiltinFunctionType, ModuleType, np.ufunc),
    }
)


def own_values(values: dict[str, Any]) -> dict[str, Any]:
    """Return values of a config as one experiment's own.

    Objects are deep copies, in lists, dicts, tuples and sets as well; what was one object is one object
    again. Shared are code, what nobody can change, arrays (which configs give as read-only views), and what
    cannot be copied, such as locks and connections.

    Parameters
    ----------
    values : dict
        Values may be an Alias.
    """
    if SHARED.issuperset(map(type, values.values())):  # most configs of most studies
        return values
    memo: dict[int, Any] = {}
    return {name: _own(value, memo) for name, value in values.items()}


def _own(value: Any, memo: dict[int, Any]) -> Any:
    kind = type(value)
    if kind in SHARED or isinstance(value, type | np.generic):
        return value
    if id(value) in memo:
        return memo[id(value)]
    if kind is np.ndarray and not value.dtype.hasobject:
        return value
    made: Any
    if kind is list:
        made = memo[id(value)] = []
        made.extend(_own(item, memo) for item in value)
    elif kind is dict:
        made = memo[id(value)] = {}
        made.update((key, _own(item, memo)) for key, item in value.items())
    elif kind is tuple:
        made = tuple(_own(item, memo) for item in value)
    elif kind is set:
        made = {_own(item, memo) for item in value}
    elif kind is Alias:
        made = Alias(_own(value.value, memo), value.alias)
    elif kind is Config:
        made = Config.of_items({name: _own(item, memo) for name, item in value.raw_items()})
    else:
        made = _deep_copy(value, memo)
    memo[id(value)] = made
    return made


def _deep_copy(value: Any, memo: dict[int, Any]) -> Any:
    before = dict(memo)
    try:
        return copy.deepcopy(value, memo)
    except Exception:  # copying runs code of users, and some things there is only one of
        memo.clear()  # of what was copied halfway
        memo.update(before)
        return value
