"""From canonical forms back to values, without running anyone's code."""

from __future__ import annotations

import base64
import datetime
import decimal
import pathlib
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from research.domain.hashing import JSON, canonical, main_name
from research.domain.values import Opaque
from research.errors import UnstableValueError


def decode(form: JSON, make: Callable[[dict[str, Any]], Any] = Opaque) -> Any:
    """Return the value of a canonical form.

    Parameters
    ----------
    form : JSON
    make : callable, default Opaque
        Returns what stands for a form that only code could rebuild.

    Examples
    --------
    >>> decode({'$tuple': [1, {'$float': 'inf'}]})
    (1, inf)
    >>> decode({'$function': 'numpy:sin'})
    <Opaque sin>
    """
    if isinstance(form, list):
        return [decode(item, make) for item in form]
    if not isinstance(form, dict):
        return form
    if len(form) == 1:
        ((tag, content),) = form.items()
        if tag in _DECODERS:
            return _DECODERS[tag](content)
        if tag in _CONTAINERS:
            return _CONTAINERS[tag](decode(content, make))
        if tag.startswith("$"):
            return make(form)
    return {key: decode(item, make) for key, item in form.items()}


def look_up(form: dict[str, Any]) -> Any:
    """Return the function or class of which a form is the name, if its module is loaded; else an `Opaque`.

    Nothing is imported.

    Examples
    --------
    >>> look_up({'$function': 'builtins:max'}), look_up({'$function': 'never_imported:max'})
    (<built-in function max>, <Opaque max>)
    """
    ((tag, content),) = form.items()
    if tag in ("$function", "$class"):
        library, _, path = content.partition(":")
        found: Any = sys.modules.get("__main__" if library == main_name() else library)
        for part in path.split("."):
            found = getattr(found, part, None)
        try:
            if canonical(found) == form:
                return found
        except UnstableValueError:  # the name stands for something else here
            pass
    return Opaque(form)


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
    "$scalar": _scalar,
    "$long": lambda content: np.dtype(content[0]).type(content[1]),
}
_CONTAINERS: dict[str, Callable[[list[Any]], Any]] = {
    "$tuple": tuple,
    "$set": set,
    "$frozenset": frozenset,
    "$dict": dict,
}
