"""Whether two studies have the same values for an experiment. Nothing is unpickled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import sqlalchemy as sa

from research.errors import Contradiction
from research.storage import schema
from research.storage.damage import readable
from research.storage.encoding import (
    OBJECT,
    Unloaded,
    decode_column,
    decode_iterations,
    decode_name,
    decode_object,
    decode_scalar,
    encode_scalar,
)
from research.storage.files import object_file

_CHUNK = 100  # experiments whose values are held at once

_COLUMNS = {
    schema.latest: ("iteration", "type", "number", "text"),
    schema.history: ("block", "first", "step", "length", "iterations", "kind", "data"),
    schema.objects: ("iteration", "format", "size", "data", "path"),
}
Rows: TypeAlias = dict[str, list[Any]]  # of an experiment, by table
Reader: TypeAlias = Callable[[Sequence[int]], dict[int, Rows]]  # from keys of experiments to their rows


class Absent:
    """Stands for a value that was not saved."""

    def __repr__(self) -> str:
        return "<not saved>"


ABSENT = Absent()


class Pair(NamedTuple):
    """An experiment that two studies have done, by its keys there."""

    id: str
    left: int
    right: int
    new: int  # key in the merged study


class _Stored(NamedTuple):
    """An object as it is kept."""

    format: str
    size: int
    data: bytes | None
    file: Path | None

    def read(self) -> bytes:
        return (self.data or b"") if self.file is None else self.file.read_bytes()

    def decode(self) -> Any:
        return decode_object(self.format, self.read())

    def shown(self) -> Any:
        return self.decode() if self.format == "npy" else Unloaded(self.size, partial(_Stored.decode, self))


def compare(
    pairs: Iterable[Pair],
    readers: Sequence[Reader],
    folders: Sequence[Path],
    names: Sequence[str],
) -> Iterator[tuple[Pair, list[Contradiction]]]:
    """Walk pairs with what is not the same in them, which may be nothing.

    Parameters
    ----------
    pairs : iterable of Pair
    readers : sequence of callable
        Made by `reader`, for each of the two studies.
    folders : sequence of Path
        Where their large objects are.
    names : sequence of str
        What they are called in contradictions.
    """
    walk = iter(pairs)
    while chunk := list(islice(walk, _CHUNK)):
        left, right = readers[0]([pair.left for pair in chunk]), readers[1]([pair.right for pair in chunk])
        for pair in chunk:
            one, other = left.get(pair.left, {}), right.get(pair.right, {})
            has_files = any(row[-1] is not None for row in one.get(schema.objects.name, ()))
            if one == other and not has_files:  # the same bytes, which is the rule
                yield pair, []
                continue
            values = []
            for rows, folder, name in zip((one, other), folders, names, strict=True):
                with readable(name):
                    values.append(_decode(rows, folder))
            yield (
                pair,
                [
                    Contradiction(pair.id, variable, iteration, (names[0], names[1]), found)
                    for variable, iteration, found in _differences(*values)
                ],
            )


def reader(connection: sa.Connection, study: int, tables: Callable[[sa.Table], sa.Table]) -> Reader:
    """Return a function that reads rows of experiments.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    study : int
        Its number in the tables.
    tables : callable
        Returns a table of `schema` as it is called in this database.
    """

    def read(keys: Sequence[int]) -> dict[int, Rows]:
        found: dict[int, Rows] = {}
        for plain, names in _COLUMNS.items():
            table = tables(plain)
            columns = [table.c[name] for name in ("experiment", "variable", *names)]
            query = (
                sa.select(*columns)
                .where(table.c.study == study, table.c.experiment.in_(keys))
                .order_by(*columns[:3])
            )
            for key, *row in connection.execute(query):
                found.setdefault(key, {}).setdefault(plain.name, []).append(tuple(row))
        return found

    return read


def _decode(rows: Rows, folder: Path) -> dict[tuple[str, int], Any]:
    """Return values by variable and iteration, objects as they are stored."""
    found: dict[tuple[str, int], Any] = {}
    with_history = set()
    for variable, _, first, step, length, iterations, kind, data in rows.get(schema.history.name, ()):
        with_history.add(variable)
        column = decode_column(kind, data)
        if isinstance(column, np.ndarray):
            column = list(column) if kind.startswith("numpy:") else column.tolist()
        if len(column) != length:
            raise ValueError(f"a block of {variable!r} holds {len(column)} values, not {length}")
        places = decode_iterations(first, step, length, iterations).tolist()
        found.update(((variable, place), value) for place, value in zip(places, column, strict=True))
    for variable, iteration, kind, number, text in rows.get(schema.latest.name, ()):
        if variable not in with_history:
            found[variable, iteration] = decode_scalar(kind, number, text)
    for variable, iteration, form, size, data, path in rows.get(schema.objects.name, ()):
        if found.get((variable, iteration)) is OBJECT:
            file = None if path is None else object_file(folder, path)
            found[variable, iteration] = _Stored(form, size, data, file)
    return found


def _differences(
    left: dict[tuple[str, int], Any], right: dict[tuple[str, int], Any]
) -> Iterator[tuple[str, int, tuple[Any, Any]]]:
    for variable, iteration in sorted({**left, **right}):
        one, other = (values.get((variable, iteration), ABSENT) for values in (left, right))
        if not _same(one, other):
            yield decode_name(variable), iteration, (_shown(one), _shown(other))


def _shown(value: Any) -> Any:
    return value.shown() if isinstance(value, _Stored) else value


def _same(left: Any, right: Any) -> bool:
    """Whether two values are of one type and content; nan is nan, whatever its bits."""
    if type(left) is not type(right):
        return False
    if isinstance(left, _Stored):
        return left.format == right.format and _same_object(left, right)
    if left is right:
        return True
    return bool(left != left and right != right) or encode_scalar(left) == encode_scalar(right)


def _same_object(left: _Stored, right: _Stored) -> bool:
    if left.read() == right.read():
        return True
    if left.format != "npy":
        return False
    one, other = left.decode(), right.decode()
    if (one.dtype, one.shape) != (other.dtype, other.shape) or one.dtype.names:
        return False
    is_nan = one != one
    if not bool((is_nan == (other != other)).all()):
        return False
    return bool(one[~is_nan].tobytes() == other[~is_nan].tobytes())
