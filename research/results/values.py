"""From rows of a store to the values of each variable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from research.storage.base import HistoryRow, ObjectRow, Snapshot
from research.storage.encoding import OBJECT, Unloaded, decode_column, decode_iterations, decode_scalar


class Series(NamedTuple):
    """Values of one variable of one experiment; an array where all are of one numeric type."""

    key: int
    variable: str
    iterations: np.ndarray[Any, Any]
    values: np.ndarray[Any, Any] | list[Any]
    of_numpy: bool  # the values were scalars of numpy, not of Python

    def as_saved(self) -> dict[int, Any]:
        """Return `{iteration: value}`, each value of the type it had when it was saved."""
        values = _items(self.values, self.of_numpy)
        return dict(zip(self.iterations.tolist(), values, strict=True))


Objects: TypeAlias = dict[tuple[int, str], dict[int, Any]]  # by experiment and variable, then iteration


def opened(rows: Iterable[ObjectRow], load_objects: bool) -> Objects:
    """Return values that are no scalars.

    Parameters
    ----------
    rows : iterable of ObjectRow
    load_objects : bool
        Unpickle what was pickled, which runs code of whoever wrote it. Arrays are always loaded.
    """
    objects: Objects = {}
    for row in rows:
        value = opened_one(row, load_objects)
        objects.setdefault((row.key, row.variable), {})[row.iteration] = value
    return objects


def opened_one(row: ObjectRow, load_objects: bool) -> Any:
    """Return a value that is no scalar; see `opened`."""
    return row.load() if load_objects or row.format == "npy" else Unloaded(row.size, row.load)


def all_series(
    snapshot: Snapshot, objects: Objects, iterations: frozenset[int] | None = None
) -> Iterator[Series]:
    """Walk the series of a snapshot.

    Parameters
    ----------
    snapshot : Snapshot
    objects : dict
        As `opened` returns them.
    iterations : frozenset of int, optional
        Keep only these.
    """
    with_history = set()
    for (key, variable), rows in groupby(snapshot.history, lambda row: (row.key, row.variable)):
        with_history.add((key, variable))
        yield from filtered(_joined(key, variable, list(rows), objects.get((key, variable))), iterations)
    for last in snapshot.latest:
        if (last.key, last.variable) in with_history:
            continue
        value = decode_scalar(last.type, last.number, last.text)
        if last.type == "object":
            value = objects[last.key, last.variable][last.iteration]
        series = Series(last.key, last.variable, np.array([last.iteration], dtype=np.int64), [value], False)
        yield from filtered(series, iterations)


def _joined(key: int, variable: str, rows: list[HistoryRow], objects: dict[int, Any] | None) -> Series:
    """Put the blocks of a variable together; of two values for one iteration the later one stays."""
    blocks = [decode_column(row.kind, row.data) for row in rows]
    for block, row in zip(blocks, rows, strict=True):
        if len(block) != row.length:  # which might be any number, and iterations are made of it
            raise ValueError(f"a block of {variable!r} holds {len(block)} values, not {row.length}")
    iterations = np.concatenate(
        [decode_iterations(row.first, row.step, row.length, row.iterations) for row in rows]
    )
    values: np.ndarray[Any, Any] | list[Any]
    of_numpy = rows[0].kind.startswith("numpy:")
    if len({row.kind for row in rows}) == 1 and isinstance(blocks[0], np.ndarray):
        values = np.concatenate(blocks)
    else:
        values = [
            value
            for block, row in zip(blocks, rows, strict=True)
            for value in _items(block, row.kind.startswith("numpy:"))
        ]
    if len(iterations) > 1 and not bool((np.diff(iterations) > 0).all()):
        last = {int(iteration): place for place, iteration in enumerate(iterations)}
        places = [last[iteration] for iteration in sorted(last)]
        iterations, values = iterations[places], _take(values, places)
    if objects and isinstance(values, list):
        values = [
            objects[int(iteration)] if value is OBJECT else value
            for iteration, value in zip(iterations, values, strict=True)
        ]
    return Series(key, variable, iterations, values, of_numpy)


def filtered(series: Series, iterations: frozenset[int] | None) -> Iterator[Series]:
    """Give a series at these iterations only, if it has any of them."""
    if iterations is None:
        yield series
        return
    places = [place for place, iteration in enumerate(series.iterations) if int(iteration) in iterations]
    if places:
        yield series._replace(iterations=series.iterations[places], values=_take(series.values, places))


def _take(values: Any, places: list[int]) -> Any:
    return values[places] if isinstance(values, np.ndarray) else [values[place] for place in places]


def _items(values: np.ndarray[Any, Any] | list[Any], of_numpy: bool) -> list[Any]:
    if isinstance(values, list):
        return values
    return list(values) if of_numpy else values.tolist()
