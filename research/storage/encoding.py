"""From values to bytes and back, each as it went in.

Scalars are written without pickle, columns of them as raw arrays. Arrays are written in numpy's own
format. Everything else is pickled, and unpickled only when asked for.
"""

from __future__ import annotations

import io
import json
import math
import pickle
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from research.events import FUNCTIONS, TIMES, Block, Last, Object, ProfileBlock, new
from research.profiling.measuring import Measured
from research.profiling.stats import FunctionStats
from research.storage.scalars import decode_name as decode_name
from research.storage.scalars import decode_plain, encode_plain
from research.storage.scalars import encode_name as encode_name
from research.storage.scalars import is_plain as is_plain
from research.storage.scalars import plain as plain
from research.storage.shelf import LARGE, Shelf

_NUMERIC = "biufcmM"  # kinds of dtype whose scalars are plain bytes
_ANYTHING = (Exception, SystemExit, GeneratorExit)  # that code of users may raise


class Encoded(NamedTuple):
    """A value that is no scalar, encoded at the moment it was saved."""

    format: str
    size: int  # bytes
    data: bytes | None  # None: they are in a file
    path: str | None = None  # of that, in the study's folder


class Placeholder:
    """Stands in a column where an object belongs, which is kept elsewhere."""

    def __repr__(self) -> str:
        return "<object>"


OBJECT = Placeholder()


class Unloaded:
    """Stands for an object in the store that has not been unpickled."""

    __slots__ = ("load", "size")

    def __init__(self, size: int, load: Callable[[], Any]) -> None:
        self.size = size
        self.load = load

    def __repr__(self) -> str:
        return f"<object of {self.size} bytes, not loaded>"


def freeze(value: Any, shelf: Shelf | None = None, variable: str = "", iteration: int = 0) -> Any:
    """Return a scalar as it is, anything else encoded, so that later changes do not reach it.

    Parameters
    ----------
    value : object
    shelf : Shelf, optional
        Takes what is large. Default: nothing does.
    variable, iteration : str, int
        What it is there, and when it was saved.

    Raises
    ------
    TypeError
        If the value cannot be pickled; names its type.
    """
    kind = type(value)
    if kind in SCALARS:
        return value
    if isinstance(value, np.generic) and value.dtype.kind in _NUMERIC:
        return value
    return _encode_object(value, shelf, variable, iteration)


def _encode_object(value: Any, shelf: Shelf | None, variable: str, iteration: int) -> Encoded:
    """Encode an array in numpy's format, anything else with pickle."""
    if type(value) is np.ndarray and not value.dtype.hasobject:
        layout = np.lib.format.descr_to_dtype(np.lib.format.dtype_to_descr(value.dtype))
        if layout == value.dtype:  # an aligned structure, say, is more than the format can describe
            version = (1, 0) if value.dtype.names is None else (3, 0)

            def write(file: BinaryIO) -> None:
                np.lib.format.write_array(file, value, version, allow_pickle=False)

            if shelf is not None and value.nbytes >= LARGE:  # from its memory to the disk: nothing is copied
                kept = shelf.put(variable, iteration, "npy", value.nbytes, write)
                if kept is not None:
                    return Encoded("npy", kept[1], None, kept[0])
            buffer = io.BytesIO()
            write(buffer)
            return _encoded("npy", buffer.getvalue())
    data = dump_pickle(value)
    if shelf is not None and len(data) >= LARGE:
        kept = shelf.put(variable, iteration, "pickle", len(data), lambda file: file.write(data))
        if kept is not None:
            return Encoded("pickle", kept[1], None, kept[0])
    return _encoded("pickle", data)


def _encoded(kind: str, data: bytes) -> Encoded:
    return Encoded(kind, len(data), data)


def dump_pickle(value: Any) -> bytes:
    """Pickle a value; what belongs to `__main__` goes by value, so that other scripts can read it."""
    try:
        data = pickle.dumps(value, protocol=5)
        if b"__main__" not in data:
            return data
    except _ANYTHING:  # (dill can do more)
        pass
    from research.experiment.pickling import dumps

    try:
        return dumps(value)
    except _ANYTHING as error:
        raise TypeError(f"a value of type {type(value).__qualname__} cannot be stored: {error}") from error


def decode_object(format: str, data: bytes) -> Any:  # noqa: A002
    """Rebuild an object. A pickle runs code of whoever wrote it.

    Raises
    ------
    ValueError
        If the format is unknown, or an array is none.
    """
    if format == "npy":
        return np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
    if format != "pickle":
        raise ValueError(f"objects are stored as 'npy' or 'pickle', not as {format!r}")
    if b"__main__" in data or b"dill" in data:
        import dill

        return dill.loads(data)
    return pickle.loads(data)


def encode_scalar(value: Any) -> tuple[str, float | None, str | None]:
    """Return (type, number, text): what plain SQL can sort and compare, and what makes it exact."""
    encoded = encode_plain(value)
    if encoded is not None:
        return encoded
    if type(value) is Encoded:
        return "object", None, None
    number = float(value) if value.dtype.kind in "biuf" else None
    if number is not None and math.isnan(number):
        number = None
    return f"numpy:{value.dtype.str}", number, value.tobytes().hex()


def decode_scalar(kind: str, number: float | None, text: str | None) -> Any:
    """Rebuild a scalar from its columns; `OBJECT` for an object.

    Raises
    ------
    ValueError
        If the kind is unknown.
    """
    if kind.startswith("numpy:"):
        return np.frombuffer(bytes.fromhex(text or ""), dtype=kind[6:])[0]
    return OBJECT if kind == "object" else decode_plain(kind, number, text)


def encode_single(variable: str, iteration: int, value: Any) -> Block:
    """Encode a frozen value that may stay the only one of its variable."""
    objects = (Object(iteration, *value),) if type(value) is Encoded else ()
    last = new(Last, (iteration, *encode_scalar(value)))
    block: Block = new(Block, (variable, None, (iteration, 1), 1, "", b"", last, objects))
    return block


def encode_block(
    variable: str, number: int | None, iterations: Sequence[int], values: Sequence[Any]
) -> Block:
    """Encode frozen values of one variable.

    Parameters
    ----------
    variable : str
    number : int or None
        Which block of this variable it is; None for a single value that may stay the only one.
    iterations : sequence of int
        Rising, one for each value.
    values : sequence
        As `freeze` returns them.
    """
    if number is None:
        return encode_single(variable, iterations[0], values[0])
    last = Last(iterations[-1], *encode_scalar(values[-1]))
    kinds = set(map(type, values))
    objects: tuple[Object, ...] = ()
    if Encoded in kinds:
        pairs = zip(iterations, values, strict=True)
        objects = tuple(Object(iteration, *value) for iteration, value in pairs if type(value) is Encoded)
    kind, data = _encode_column(values, kinds)
    return Block(variable, number, _encode_iterations(iterations), len(values), kind, data, last, objects)


def _encode_iterations(iterations: Sequence[int]) -> tuple[int, int] | bytes:
    step = iterations[1] - iterations[0] if len(iterations) > 1 else 1
    if step == 1 and iterations[-1] - iterations[0] == len(iterations) - 1:  # as they rise
        return int(iterations[0]), 1
    steps = np.asarray(iterations, dtype="<i8")
    if len(iterations) < 3 or bool((np.diff(steps) == step).all()):
        return int(iterations[0]), int(step)
    return steps.tobytes()


def encode_times(measured: Measured, number: int) -> ProfileBlock:
    """Encode times of one unit; `number` counts its blocks."""
    times = [item for item in (measured.total, measured.inner) if item is not None]
    iterations: Any = measured.iterations
    where, data = _encode_iterations(iterations), np.asarray(times, dtype="<f8").tobytes()
    return ProfileBlock(TIMES, measured.place, measured.unit, number, where, len(iterations), data)


def decode_times(data: bytes, length: int) -> np.ndarray[Any, Any]:
    """Return times in seconds: in the first row all of it, in the second, if there is one, the function's."""
    return np.frombuffer(data, dtype="<f8").reshape(-1, length)


def encode_functions(place: int, unit: str, functions: Sequence[FunctionStats]) -> ProfileBlock:
    """Encode what a unit called."""
    return ProfileBlock(FUNCTIONS, place, unit, 0, (0, 0), len(functions), _json(functions))


def decode_functions(data: bytes) -> list[FunctionStats]:
    """Return what a unit called."""
    return [FunctionStats(*item) for item in json.loads(data.decode("utf-8", "surrogatepass"))]


def decode_iterations(first: int, step: int, count: int, data: bytes | None) -> np.ndarray[Any, Any]:
    """Return iteration numbers as int64.

    Raises
    ------
    ValueError
        If there are not so many.
    """
    if data is not None:
        found = np.frombuffer(data, dtype="<i8")
        if len(found) != count:
            raise ValueError(f"a block says that it holds {count} iterations, and holds {len(found)}")
        return found
    return first + step * np.arange(count, dtype=np.int64)


def _encode_column(values: Sequence[Any], kinds: set[type]) -> tuple[str, bytes]:
    if len(kinds) == 1:
        (kind,) = kinds
        if kind is float:
            return "float", np.asarray(values, dtype="<f8").tobytes()
        if kind is int:
            try:
                return "int", np.asarray(values, dtype="<i8").tobytes()
            except OverflowError:
                pass
        elif kind is bool:
            return "bool", np.asarray(values, dtype=np.uint8).tobytes()
        elif kind is str:
            return "str", _json(values)
        elif issubclass(kind, np.generic):
            dtypes = {value.dtype.str for value in values}
            if len(dtypes) == 1:
                return f"numpy:{dtypes.pop()}", b"".join(value.tobytes() for value in values)
    return "mixed", _json([encode_scalar(value) for value in values])


def _json(values: Sequence[Any]) -> bytes:
    # halves of surrogate pairs stay apart when they are written as they are, not as \u escapes
    return json.dumps(values, ensure_ascii=False).encode("utf-8", "surrogatepass")


def decode_column(kind: str, data: bytes) -> np.ndarray[Any, Any] | list[Any]:
    """Return the values of a block: an array where all were of one numeric type, else a list.

    Objects are `OBJECT` here.
    """
    if kind == "float":
        return np.frombuffer(data, dtype="<f8")
    if kind == "int":
        return np.frombuffer(data, dtype="<i8")
    if kind == "bool":
        return np.frombuffer(data, dtype=np.uint8).astype(bool)
    if kind == "str":
        return list(json.loads(data.decode("utf-8", "surrogatepass")))
    if kind.startswith("numpy:"):
        return np.frombuffer(data, dtype=kind[6:])
    if kind != "mixed":
        raise ValueError(f"there is no kind of columns {kind!r}")
    return [decode_scalar(*item) for item in json.loads(data.decode("utf-8", "surrogatepass"))]


SCALARS = frozenset({int, float, bool, str, type(None)})
