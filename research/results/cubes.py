"""Results as arrays with named dimensions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from research.errors import did_you_mean
from research.results.flat import Row, to_plain, to_text
from research.results.frames import MISSING, column_of

if TYPE_CHECKING:
    import xarray as xr

_SMALL = 10**6  # places that are there without more ado
_SPARSE = 50  # places for each row, at most, in larger arrays


class _Axis:
    """Values of a parameter, in the order in which they come first."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.values: list[Any] = []
        self.places: list[int] = []  # of rows
        self._known: dict[Any, int] = {}

    def see(self, value: Any) -> None:
        """Take notice of the value of the next row."""
        kind, shown = ("missing", MISSING) if value is MISSING else to_plain(value)
        key = (kind, repr(shown))
        if key not in self._known:
            self._known[key] = len(self.values)
            is_scalar = value is MISSING or value is None or kind in ("bool", "int", "float", "str")
            self.values.append(shown if is_scalar else to_text(shown))
        self.places.append(self._known[key])

    def labels(self) -> Any:
        """Return the values as a coordinate."""
        if any(value is MISSING for value in self.values) and not all(
            isinstance(value, int | float) for value in self.values if value is not MISSING
        ):
            return np.array([None if value is MISSING else value for value in self.values], dtype=object)
        return np.asarray(column_of(self.values))


def to_dataset(
    rows: Iterable[tuple[Row, Row]], dims: str | Sequence[str] | None, variables: Iterable[str]
) -> xr.Dataset:
    """Make a dataset of rows; see `ResearchResults.to_xarray`."""
    try:
        import xarray as xr
    except ImportError as error:
        raise ImportError(
            "arrays with named dimensions are made by xarray, which is not installed: it is the extra "
            "`xarray`, as in pip install 'domain-research[xarray]'"
        ) from error
    axes: dict[str, _Axis] = {}
    columns: dict[str, dict[int, Any]] = {}
    n_rows = 0
    for head, saved in rows:
        for name in head:
            if name not in axes and name not in ("id", "device"):
                axes[name] = _Axis(name)
                for _ in range(n_rows):
                    axes[name].see(MISSING)
        for name, axis in axes.items():
            axis.see(head.get(name, MISSING))
        for name, value in {"id": head["id"], **saved}.items():
            columns.setdefault(name, {})[n_rows] = value
        n_rows += 1
    chosen = _chosen(axes, dims)
    shape = tuple(len(axis.values) for axis in chosen)
    n_places = math.prod(shape)
    if n_places > max(_SMALL, _SPARSE * n_rows):
        sizes = ", ".join(f"{axis.name} {len(axis.values)}" for axis in chosen)
        raise ValueError(
            f"{n_rows} rows would be spread over {n_places:,} places ({sizes}): say which parameters are "
            "dimensions by `dims`, or keep to some results by filters"
        )
    strides = [math.prod(shape[place + 1 :]) for place in range(len(shape))]
    owners = np.zeros(n_rows, dtype=np.int64)
    for axis, stride in zip(chosen, strides, strict=True):
        owners += stride * np.asarray(axis.places, dtype=np.int64)
    _check(owners, columns, axes, chosen)
    names = [axis.name for axis in chosen]
    ranks = {name: rank for rank, name in enumerate(variables)}
    ordered = sorted(columns, key=lambda name: (ranks.get(name, len(ranks)), name))
    made = {name: (names, _array(columns[name], owners, shape)) for name in ordered}
    coordinates: dict[str, Any] = {axis.name: axis.labels() for axis in chosen}
    for axis in axes.values():
        if axis not in chosen and len(axis.values) == 1:
            coordinates[axis.name] = axis.values[0]
        elif axis not in chosen:
            given = dict(enumerate(axis.values[place] for place in axis.places))
            present = {row: value for row, value in given.items() if value is not MISSING}
            made[axis.name] = (names, _array(present, owners, shape))
    return xr.Dataset(made, coords=coordinates)


def _chosen(axes: dict[str, _Axis], dims: str | Sequence[str] | None) -> list[_Axis]:
    if dims is None:
        return [axis for axis in axes.values() if len(axis.values) > 1 and axis.name != "updates"]
    names = [dims] if isinstance(dims, str) else list(dims)
    for name in names:
        if name not in axes:
            raise ValueError(f"`dims` has {name!r}, which is no parameter{did_you_mean(name, axes)}")
    return [axes[name] for name in dict.fromkeys(names)]


def _check(
    owners: np.ndarray[Any, Any],
    columns: dict[str, dict[int, Any]],
    axes: dict[str, _Axis],
    chosen: Sequence[_Axis],
) -> None:
    """Refuse rows that would take each other's places."""
    order = np.argsort(owners, kind="stable")
    same = np.flatnonzero(owners[order][1:] == owners[order][:-1])
    if not len(same):
        return
    first, second = (int(order[same[0] + step]) for step in (0, 1))
    ids = " and ".join(dict.fromkeys(str(columns["id"][row]) for row in (first, second)))
    others = [
        axis.name
        for axis in axes.values()
        if axis not in chosen and axis.places[first] != axis.places[second]
    ]
    way = f"add {' or '.join(map(repr, others))} to `dims`" if others else "keep to some results by filters"
    raise ValueError(f"two rows have one place, of {ids}: {way}")


def _array(values: dict[int, Any], owners: np.ndarray[Any, Any], shape: tuple[int, ...]) -> Any:
    """Return an array in which values of rows are at their places."""
    cells: list[Any] = [MISSING] * math.prod(shape)
    for row, value in values.items():
        cells[owners[row]] = value
    found = column_of(cells)
    if not isinstance(found, np.ndarray):
        found = np.array([None if value is MISSING else value for value in [*cells, None]], dtype=object)[:-1]
    return found.reshape(shape)
