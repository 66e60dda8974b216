"""From series to DataFrames, column by column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from research.framing import TEXT, frame_of
from research.results.selection import AUXILIARY, StoredExperiment
from research.results.values import Series

MISSING: Any = object()  # no value was saved, or the config has no such parameter
_EXACT = 2**53  # integers beyond would change as floats


def values_frame(
    series: Sequence[Series], order: Mapping[int, int], variables: Sequence[str] = ()
) -> tuple[pd.DataFrame, np.ndarray[Any, Any]]:
    """Make a table with one row per experiment and iteration, one column per variable.

    Parameters
    ----------
    series : sequence of Series
    order : dict
        Places of experiments by their keys.
    variables : sequence of str, optional
        The order in which variables are shown; others follow by name.

    Returns
    -------
    DataFrame
        Columns `iteration` and variables, by experiment, then iteration.
    numpy.ndarray
        For each row the place of its experiment.
    """
    if not series:
        return frame_of({"iteration": pd.Series(dtype=np.int64)}), np.empty(0, dtype=np.int64)
    owned: dict[int, list[Series]] = {}
    for item in series:
        owned.setdefault(order[item.key], []).append(item)
    owners = sorted(owned)
    columns: dict[str, tuple[list[Any], list[Series]]] = {}
    parts, length = [], 0
    for owner in owners:
        rows = _all_iterations(owned[owner])
        for item in owned[owner]:
            column = columns.setdefault(item.variable, ([], []))
            is_whole = len(item.iterations) == len(rows)
            column[0].append((length, len(rows) if is_whole else np.searchsorted(rows, item.iterations)))
            column[1].append(item)
        parts.append(rows)
        length += len(rows)
    frame = {"iteration": np.concatenate(parts)}
    ranks = {name: rank for rank, name in enumerate(variables)}
    for variable in sorted(columns, key=lambda name: (ranks.get(name, len(ranks)), name)):
        places, items = columns[variable]
        frame[variable] = _column(_places(places, length), [item.values for item in items], length)
    return frame_of(frame), np.repeat(owners, [len(rows) for rows in parts])


def _all_iterations(series: Sequence[Series]) -> np.ndarray[Any, Any]:
    """Return all iterations at which there is a value, in order."""
    first = series[0].iterations
    if all(np.array_equal(item.iterations, first) for item in series[1:]):
        return first
    return np.unique(np.concatenate([item.iterations for item in series]))


def _places(parts: Sequence[tuple[int, Any]], length: int) -> np.ndarray[Any, Any]:
    """Return rows of a column, from parts: a first row, and how many follow it or where after it."""
    if sum(part if isinstance(part, int) else 0 for _, part in parts) == length:
        return np.arange(length)
    return np.concatenate(
        [start + (np.arange(part) if isinstance(part, int) else part) for start, part in parts]
    )


def long_frame(
    series: Sequence[Series], order: Mapping[int, int]
) -> tuple[pd.DataFrame, np.ndarray[Any, Any]]:
    """Make a table with one row per value: columns `iteration`, `name`, `value`; see `values_frame`."""
    series = sorted(series, key=lambda item: order[item.key])
    counts = [len(item.iterations) for item in series]
    owners = np.repeat(np.array([order[item.key] for item in series], dtype=np.int64), counts)
    values: list[Any] = [value for item in series for value in item.as_saved().values()]
    names = np.array([item.variable for item in series], dtype=object)
    frame = frame_of(
        {
            "iteration": np.concatenate([item.iterations for item in series])
            if series
            else np.empty(0, np.int64),
            "name": pd.Series(np.repeat(names, counts), dtype=TEXT),
            "value": column_of(values),
        }
    )
    return frame, owners


def configs_frame(
    experiments: Sequence[StoredExperiment],
    use_alias: bool,
    concat_config: bool,
    remove_auxilary: bool,
    drop_columns: bool,
) -> pd.DataFrame:
    """Make a table with one row per experiment: `id` and parameters; see `ResearchResults.to_df`."""
    columns: dict[str, list[Any]] = {}
    for row, experiment in enumerate(experiments):
        for name, value in _shown(experiment, use_alias).items():
            if name not in columns:
                columns[name] = [MISSING] * len(experiments)
            columns[name][row] = value
    frame: dict[str, Any] = {"id": column_of([item.row.shown_id for item in experiments])}
    if concat_config:
        name = "config" if drop_columns else free_name("config", columns)
        frame[name] = column_of([config_text(item, use_alias) for item in experiments])
    if not (concat_config and drop_columns):
        frame.update((name, column_of(values)) for name, values in columns.items())
    for name in () if remove_auxilary else AUXILIARY:
        frame[name] = column_of([experiment.auxiliary[name] for experiment in experiments])
    return frame_of(frame)


def head_frame(experiments: Sequence[StoredExperiment], include_config: bool, *how: bool) -> pd.DataFrame:
    """Make a table of what is shown of each experiment beside its values; see `configs_frame`."""
    if include_config:
        return configs_frame(experiments, *how)
    return configs_frame(experiments, False, True, True, True)[["id"]]


def free_name(name: str, taken: Iterable[str]) -> str:
    """Return a name for a column that no parameter has: with as many underscores as it takes."""
    names = set(taken)
    while name in names:
        name += "_"
    return name


def config_text(experiment: StoredExperiment, use_alias: bool) -> str:
    """Return a config as one string, as `ConfigAlias.alias(as_string=True)` does."""
    shown = experiment.alias() if use_alias else experiment.config
    return "-".join(f"{name}_{value}" for name, value in shown.items())


def _shown(experiment: StoredExperiment, use_alias: bool) -> dict[str, Any]:
    return experiment.alias() if use_alias else dict(experiment.shown.items())


def column_of(values: Sequence[Any]) -> Any:
    """Make a column of values of which some may be `MISSING`."""
    present = [place for place, value in enumerate(values) if value is not MISSING]
    kept = [values[place] for place in present] if len(present) < len(values) else list(values)
    return _column(np.array(present, dtype=np.int64), [kept], len(values))


def _column(places: np.ndarray[Any, Any], parts: Iterable[Any], length: int) -> Any:
    """Put values at their places in a column; other places are missing values.

    Integers stay integers where nothing is missing, else they become floats with nan. Whatever has no
    numeric type stays as it is.
    """
    values = _joined(list(parts))
    if len(places) == length and isinstance(values, np.ndarray):
        if bool((places[1:] > places[:-1]).all()):
            return values
        column: Any = np.empty(length, dtype=values.dtype)
        column[places] = values
        return column
    if isinstance(values, np.ndarray) and (values.dtype.kind in "fc" or _fits_float(values)):
        column = np.full(length, np.nan, dtype=np.result_type(values.dtype, np.float16))
        column[places] = values
        return column
    if isinstance(values, np.ndarray) and values.dtype.kind in "mM":
        column = np.full(length, "NaT", dtype=values.dtype)
        column[places] = values
        return column
    if isinstance(values, np.ndarray):
        values = values.tolist()
    column = np.empty(length, dtype=object)
    column[:] = np.nan if len(places) < length else None
    for place, value in zip(places, values, strict=True):
        column[place] = value
    if length and all(type(value) is str or value is np.nan for value in column):
        return pd.Series(column, dtype=TEXT)
    return pd.Series(column, dtype=object)


def _joined(parts: list[Any]) -> np.ndarray[Any, Any] | list[Any]:
    """Return all values as one array of their common numeric type, or else as a list."""
    found = [part if isinstance(part, np.ndarray) else _numeric(part) for part in parts]
    arrays = [array for array in found if array is not None]
    if arrays and len(arrays) == len(found):
        kinds = {array.dtype.kind for array in arrays if len(array)}
        if len(kinds) <= 1 or (kinds <= set("iuf") and all(_fits_float(array) for array in arrays)):
            return np.concatenate(arrays)
    return [value for part in parts for value in part]


def _numeric(values: Sequence[Any]) -> np.ndarray[Any, Any] | None:
    """Return an array if all values are numbers that keep their values in it, else None."""
    kinds = set(map(type, values))
    if kinds in ({float}, {bool}) or (len(kinds) == 1 and issubclass(next(iter(kinds)), np.number)):
        return np.array(values)
    if kinds == {int}:
        try:
            return np.array(values, dtype=np.int64)
        except OverflowError:
            return None
    if not kinds or not all(kind in _REAL or _is_integer(kind) for kind in kinds):
        return None
    if any(_is_integer(type(value)) and abs(int(value)) > _EXACT for value in values):
        return None
    return np.array(values, dtype=np.float64 if kinds & _REAL else np.int64)


_REAL = {float, np.float16, np.float32, np.float64}


def _is_integer(kind: type) -> bool:
    return kind is int or (issubclass(kind, np.integer) and not issubclass(kind, np.timedelta64))


def _fits_float(values: np.ndarray[Any, Any]) -> bool:
    """Whether numbers keep their values as floats."""
    if values.dtype.kind not in "iu":
        return bool(values.dtype.kind == "f")
    return values.size == 0 or bool(values.max() <= _EXACT and values.min() >= -_EXACT)
