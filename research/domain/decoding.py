"""From canonical forms back to values, without running anyone's code."""

from __future__ import annotations

import base64
import datetime
import decimal
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np

from research.domain.hashing import JSON
from research.domain.values import Opaque


def decode(form: JSON) -> Any:
    """Return the value of a canonical form, or an `Opaque` where only code could rebuild it.

    Examples
    --------
    >>> decode({'$tuple': [1, {'$float': 'inf'}]})
    (1, inf)
    >>> decode({'$function': 'numpy:sin'})
    <Opaque sin>
    """
    if isinstance(form, list):
        return [decode(item) for item in form]
    if not isinstance(form, dict):
        return form
    if len(form) == 1:
        ((tag, content),) = form.items()
        if tag in _DECODERS:
            return _DECODERS[tag](content)
        if tag.startswith("$"):
            return Opaque(form)
    return {key: decode(item) for key, item in form.items()}


def _scalar(content: list[Any]) -> Any:
    dtype, data = content
    return np.frombuffer(bytes.fromhex(data), dtype=np.dtype(decode(dtype)))[0]


_DECODERS: dict[str, Callable[[Any], Any]] = {
    "$int": lambda content: int(content, 16),
    "$float": float,
    "$complex": lambda content: complex(*map(decode, content)),
    "$bytes": base64.b64decode,
    "$bytearray": lambda content: bytearray(base64.b64decode(content)),
    "$decimal": decimal.Decimal,
    "$date": datetime.date.fromisoformat,
    "$timedelta": lambda content: datetime.timedelta(*content),
    "$path": pathlib.PurePath,
    "$tuple": lambda content: tuple(map(decode, content)),
    "$set": lambda content: set(map(_hashable, content)),
    "$frozenset": lambda content: frozenset(map(_hashable, content)),
    "$dict": lambda content: {_hashable(key): decode(item) for key, item in content},
    "$scalar": _scalar,
    "$long": lambda content: np.dtype(content[0]).type(content[1]),
}


def _hashable(form: JSON) -> Any:
    return decode(form)
