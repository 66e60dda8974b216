"""The canonical form of values: what is stored, hashed and shown.

A canonical form is JSON in which every value carries its type. Scalars, strings and lists are
themselves; anything else is an object with one key that begins with `$` and names the type.
These forms are the identity of every stored experiment: changing one orphans what was stored.
"""

from __future__ import annotations

import base64
import copyreg
import dataclasses
import datetime
import decimal
import enum
import functools
import json
import math
import pathlib
import re
import sys
import types
from collections.abc import Callable
from hashlib import blake2b
from json.encoder import encode_basestring_ascii
from typing import Any

import numpy as np

from research.domain.values import Alias, Opaque
from research.errors import UnstableValueError
from samplers.values import library_of

JSON = Any  # what json.dumps takes

_INT_LIMIT = 2**63  # integers beyond are written as hex: not every reader of JSON takes them
_main_name: str | None = None


def set_main_name(name: str) -> None:
    """Say how `__main__` is called, in a worker whose own `__main__` is not the user's script."""
    global _main_name
    _main_name = name


def main_name() -> str:
    """Return the name that `__main__` has when it is imported: the script's stem, or its module name."""
    if _main_name is not None:
        return _main_name
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        return str(spec.name).removesuffix(".__main__")
    path = getattr(main, "__file__", None)
    return pathlib.Path(path).stem if path else "__main__"


def digest(data: str | bytes, size: int = 8) -> str:
    """Return the hex digits of a blake2b digest of `size` bytes."""
    return blake2b(data.encode() if isinstance(data, str) else data, digest_size=size).hexdigest()


def canonical_text(value: Any) -> str:
    """Return the canonical form of a value as text.

    Examples
    --------
    >>> [canonical_text(value) for value in (1, 1.0, True, '1', np.int64(1), (1, float('nan')))]
    ['1', '1.0', 'true', '"1"', '1', '{"$tuple":[1,{"$float":"nan"}]}']
    """
    kind = type(value)
    if kind is str:
        return encode_basestring_ascii(value)
    if kind is int and -_INT_LIMIT <= value < _INT_LIMIT:
        return str(value)
    if kind is float and math.isfinite(value):
        return repr(value)
    if value is None:
        return "null"
    return dumps(canonical(value))


def dumps(form: JSON) -> str:
    """Write a canonical form as text: one text for equal forms."""
    return json.dumps(form, separators=(",", ":"), sort_keys=True, allow_nan=False)


def canonical(value: Any) -> JSON:
    """Return the canonical form of a value.

    Raises
    ------
    UnstableValueError
        If the value has no content that would be the same in another process.
    """
    return _encode(value, ())


def _encode(value: Any, parents: tuple[int, ...]) -> JSON:
    encoder = _ENCODERS.get(type(value))
    if encoder is not None:
        return encoder(value)
    if id(value) in parents:
        return {"$parent": len(parents) - parents.index(id(value))}
    parents = (*parents, id(value))
    container = _CONTAINERS.get(type(value))
    if container is not None:
        return container(value, parents)
    for kind, handler in _FAMILIES:
        if isinstance(value, kind):
            return handler(value, parents)
    # (an object, and even its class, may answer to any name that it is asked for)
    if any("__dataclass_fields__" in vars(kind) for kind in type(value).__mro__):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(type(value))}
        return {"$dataclass": [_qualified(type(value)), _dict(fields, parents)]}
    return _object(value, parents)


def _int(value: int) -> JSON:
    return value if -_INT_LIMIT <= value < _INT_LIMIT else {"$int": hex(value)}


def _float(value: float) -> JSON:
    return value if math.isfinite(value) else {"$float": repr(value)}


def _sequence(values: Any, parents: tuple[int, ...]) -> list[JSON]:
    return [_encode(item, parents) for item in values]


def _sorted(values: Any, parents: tuple[int, ...]) -> list[JSON]:
    return sorted(_sequence(values, parents), key=dumps)


def _dict(value: dict[Any, Any], parents: tuple[int, ...]) -> JSON:
    if all(type(key) is str and not key.startswith("$") for key in value):
        return {key: _encode(item, parents) for key, item in value.items()}
    pairs = [[_encode(key, parents), _encode(item, parents)] for key, item in value.items()]
    return {"$dict": sorted(pairs, key=lambda pair: dumps(pair[0]))}


def _array(value: np.ndarray[Any, Any], parents: tuple[int, ...]) -> JSON:
    if value.dtype.hasobject:
        return {"$array": ["object", list(value.shape), _sequence(value.ravel().tolist(), parents)]}
    if value.dtype.char in "gG":  # between their bytes lies what happened to be in memory
        content = digest(" ".join(map(str, value.ravel())), 16)
    else:
        value = value.astype(value.dtype.newbyteorder("<"), copy=False)
        content = digest(np.ascontiguousarray(value).tobytes(), 16)
    return {"$array": [_dtype(value.dtype, parents), list(value.shape), content]}


def _dtype(dtype: np.dtype[Any], parents: tuple[int, ...]) -> JSON:
    return _encode(dtype.descr if dtype.names else dtype.str, parents)


def _scalar_of_numpy(value: np.generic, parents: tuple[int, ...]) -> JSON:
    if value.dtype.char in "gG":
        return {"$long": [value.dtype.str, str(value)]}
    item = value.item()
    if isinstance(item, np.generic) or isinstance(value, np.datetime64 | np.timedelta64 | np.void):
        return {"$scalar": [_dtype(value.dtype, parents), value.tobytes().hex()]}
    return _encode(item, parents)


def _module(value: Any) -> str:
    module = getattr(value, "__module__", None) or "builtins"
    return main_name() if module in ("__main__", "__mp_main__") else str(module)


def _qualified(value: Any) -> str:
    return f"{_module(value)}:{value.__qualname__}"


def _function(value: types.FunctionType, parents: tuple[int, ...]) -> JSON:
    if "<" not in value.__qualname__ and ("<" not in value.__code__.co_qualname or _is_found(value)):
        return {"$function": _qualified(value)}
    form = {
        "code": _code(value.__code__, parents),
        "defaults": _encode(value.__defaults__, parents),
        "keyword defaults": _encode(value.__kwdefaults__, parents),
        "closure": [_cell(cell, parents) for cell in value.__closure__ or ()],
    }
    return {"$code": [value.__name__, digest(dumps(form), 16)]}


def _is_found(value: Any) -> bool:
    """Whether a local function that a decorator gave a global name is what that name stands for."""
    if value.__module__ == "__main__" and _main_name is not None:
        return True  # the user's script is not at hand here; where it was, the name has been looked up
    found: Any = sys.modules.get(value.__module__)
    for part in value.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is value


def _cell(cell: Any, parents: tuple[int, ...]) -> JSON:
    try:
        return _encode(cell.cell_contents, parents)
    except ValueError:  # the variable has not been assigned yet
        return {"$empty": None}


def _code(code: types.CodeType, parents: tuple[int, ...]) -> JSON:
    """What a function does, without where it stands in its file."""
    constants = [
        _code(item, parents) if isinstance(item, types.CodeType) else _encode(item, parents)
        for item in code.co_consts
    ]
    return [
        base64.b64encode(code.co_code).decode(),
        base64.b64encode(code.co_exceptiontable).decode(),
        constants,
        *(list(names) for names in (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)),
        [code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags],
    ]


def _object(value: Any, parents: tuple[int, ...]) -> JSON:
    """Encode an object by its class and its state, the way it would be pickled."""
    reduce = copyreg.dispatch_table.get(type(value))
    try:
        reduced = value.__reduce_ex__(4) if reduce is None else reduce(value)
    except UnstableValueError:
        raise
    except Exception as error:
        raise UnstableValueError(f"{type(value).__qualname__} has no state to go by ({error})") from error
    if isinstance(reduced, str):
        if hasattr(value, "__wrapped__") and not _is_found(value):  # a cache around a local function
            return {"$wrapped": [_qualified(type(value)), _encode(value.__wrapped__, parents)]}
        if "<" not in reduced:
            return {"$global": f"{_module(value)}:{reduced}"}
        raise UnstableValueError(f"{reduced} cannot be found by its name")
    make, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
    if make in (copyreg.__newobj__, copyreg.__reduce_ex__, copyreg._reconstructor):  # type: ignore[attr-defined]
        name, arguments = _qualified(arguments[0]), arguments[1:]
    else:
        name = _qualified(type(value))
        arguments = (make, *arguments)
    parts = {
        "new": _sequence(arguments, parents),
        "state": _encode(state, parents),
        "items": _sequence(items or (), parents),
        "pairs": _sorted((tuple(pair) for pair in pairs or ()), parents),
    }
    form = {key: part for key, part in parts.items() if part not in (None, [])}
    if not form and type(value) is object:
        raise UnstableValueError("a bare object() has no content")
    return {"$object": [name, form]}


_ENCODERS: dict[type, Callable[[Any], JSON]] = {
    type(None): lambda value: None,
    bool: lambda value: value,
    int: _int,
    float: _float,
    str: lambda value: value,
    complex: lambda value: {"$complex": [_float(value.real), _float(value.imag)]},
    bytes: lambda value: {"$bytes": base64.b64encode(value).decode()},
    bytearray: lambda value: {"$bytearray": base64.b64encode(value).decode()},
    decimal.Decimal: lambda value: {"$decimal": str(value)},
    datetime.date: lambda value: {"$date": value.isoformat()},
    datetime.timedelta: lambda value: {"$timedelta": [value.days, value.seconds, value.microseconds]},
}

_CONTAINERS: dict[type, Callable[[Any, tuple[int, ...]], JSON]] = {
    list: _sequence,
    tuple: lambda value, parents: {"$tuple": _sequence(value, parents)},
    set: lambda value, parents: {"$set": _sorted(value, parents)},
    frozenset: lambda value, parents: {"$frozenset": _sorted(value, parents)},
    dict: _dict,
    np.ndarray: _array,
    types.FunctionType: _function,
    functools.partial: lambda value, parents: {
        "$partial": [
            _encode(value.func, parents),
            _sequence(value.args, parents),
            _dict(value.keywords, parents),
        ]
    },
    types.MethodType: lambda value, parents: _method(value, parents),
}


def _alias(value: Alias, parents: tuple[int, ...]) -> JSON:
    try:
        return _encode(value.value, parents)
    except UnstableValueError:
        return {"$alias": value.alias}


def _builtin(value: Any, parents: tuple[int, ...]) -> JSON:
    owner = value.__self__
    if owner is None or isinstance(owner, types.ModuleType):
        return {"$function": _qualified(value)}
    return _method(value, parents)


def _ufunc(value: np.ufunc) -> JSON:
    library = library_of(value)
    if library is None:
        raise UnstableValueError(f"the ufunc {value.__name__} cannot be found by its name")
    return {"$function": f"{library}:{value.__name__}"}


def _method(value: Any, parents: tuple[int, ...]) -> JSON:
    owner, name = value.__self__, value.__name__
    module = type(owner).__module__
    if getattr(sys.modules.get(module), name, None) == value:  # `random.random` of a hidden generator
        return {"$function": f"{_module(type(owner))}:{name}"}
    return {"$method": [value.__qualname__, _encode(owner, parents)]}


def _member(value: enum.Enum) -> JSON:
    return canonical(value.value) if value.name is None else value.name


def _set_subclass(value: Any, parents: tuple[int, ...]) -> JSON:
    form = {"items": _sorted(value, parents), "state": _encode(getattr(value, "__dict__", None), parents)}
    return {"$object": [_qualified(type(value)), form]}


def encode_as_dict(kind: type, read: Callable[[Any], dict[str, Any]]) -> None:
    """Let objects of a class have the canonical form of a dict."""
    _CONTAINERS[kind] = lambda value, parents: _dict(read(value), parents)


_FAMILIES: tuple[tuple[Any, Callable[[Any, tuple[int, ...]], JSON]], ...] = (
    (Alias, _alias),
    (Opaque, lambda value, parents: value.form),
    (np.generic, _scalar_of_numpy),
    (set | frozenset, _set_subclass),
    (re.Pattern, lambda value, parents: {"$pattern": [_encode(value.pattern, parents), value.flags]}),
    (enum.Enum, lambda value, parents: {"$enum": [_qualified(type(value)), _member(value)]}),
    (type, lambda value, parents: {"$class": _qualified(value)}),
    (types.BuiltinFunctionType, _builtin),
    (np.ufunc, lambda value, parents: _ufunc(value)),
    (types.ModuleType, lambda value, parents: {"$module": value.__name__}),
    (pathlib.PurePath, lambda value, parents: {"$path": str(value)}),
)
