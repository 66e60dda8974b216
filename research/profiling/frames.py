"""DataFrames of what has been measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from research.profiling.measuring import Called, Measured, Timings
from research.profiling.stats import FunctionStats

Ints: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]
Floats: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Bools: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]
ITERATION = "(iteration)"  # stands for a unit in rows of iterations as a whole


def times_frame(timings: Iterable[Timings]) -> pd.DataFrame:
    """Return one row per call and iteration; see `Profiler.profile_info`.

    Parameters
    ----------
    timings : iterable of Timings
    """
    found = list(timings)
    sizes = [len(item.times.iterations) for item in found]
    keys, places, is_whole = (
        np.repeat(np.array([part(item) for item in found], dtype=np.int64), sizes)
        for part in (
            lambda item: item.key,
            lambda item: item.times.place,
            lambda item: item.times.inner is None,
        )
    )
    iterations = _joined([item.times.iterations for item in found], np.int64)
    total = _joined([item.times.total for item in found], float)
    inner = _joined([_inner(item.times) for item in found], float)
    order = np.lexsort((places, iterations, keys))
    inner = _with_sums(keys[order], iterations[order], inner[order], is_whole[order].astype(bool))
    labels = [ITERATION if item.times.inner is None else item.times.unit for item in found]
    return pd.DataFrame(
        {
            "experiment": _repeated([item.experiment for item in found], sizes)[order],
            "iter": iterations[order],
            "total_time": total[order],
            "unit_time": inner,
        },
        index=pd.Index(_repeated(labels, sizes)[order], dtype=object, name="unit"),
    )


def _with_sums(keys: Ints, iterations: Ints, inner: Floats, is_whole: Bools) -> Floats:
    """Put sums over the units of an iteration where there are times of the iteration as a whole."""
    if not len(keys):
        return inner
    is_first = np.r_[True, (np.diff(keys) != 0) | (np.diff(iterations) != 0)]
    sums = np.add.reduceat(inner, np.flatnonzero(is_first))
    return np.where(is_whole, sums[np.cumsum(is_first) - 1], inner)


def _inner(times: Measured) -> Any:
    return np.zeros(len(times.iterations)) if times.inner is None else times.inner


def _joined(parts: Sequence[Any], kind: type) -> np.ndarray[Any, Any]:
    return np.concatenate([np.array([], dtype=kind), *(np.asarray(part, dtype=kind) for part in parts)])


def _repeated(texts: Sequence[str], sizes: Sequence[int]) -> np.ndarray[Any, Any]:
    return np.repeat(np.array(texts, dtype=object), sizes)


def calls_frame(calls: Iterable[Called]) -> pd.DataFrame:
    """Return one row per experiment, unit and function; see `Profiler.details`."""
    rows = [(item.unit, item.experiment, *function) for item in calls for function in item.functions]
    frame = pd.DataFrame(rows, columns=["unit", "experiment", *FunctionStats._fields])
    kinds = {"line": int, "ncalls": int, "tottime": float, "cumtime": float}  # of an empty one, too
    return frame.astype(kinds).set_index("unit")


def slowest(
    frame: pd.DataFrame,
    levels: Sequence[str],
    columns: Sequence[str],
    aggregates: Sequence[str] | None,
    key: Any,
    limit: int | None,
) -> pd.DataFrame:
    """Group rows, put the slowest first and keep some of them.

    Parameters
    ----------
    frame : DataFrame
    levels : sequence of str
        What to group by. Experiments keep their order and iterations theirs; units and functions go by time.
    columns : sequence of str
    aggregates : sequence of str or None
        None: means.
    key : str or (str, str)
        The column to sort by.
    limit : int or None
        Of rows within each experiment, iteration, or unit of which there are details.
    """
    groups: Any = frame.groupby(list(levels), sort=False)[list(columns)]
    table: pd.DataFrame = groups.mean() if aggregates is None else groups.agg(list(aggregates))
    n_outer = 1 + levels.index("unit") if "function" in levels else len(levels) - 1
    ranks = [rank for number in range(n_outer) for rank in _ranks(table, levels[: number + 1], key)]
    table = table.iloc[np.lexsort([-table[key].to_numpy(), *reversed(ranks)])]
    if limit is None:
        return table
    return table.groupby(level=list(range(n_outer)), sort=False).head(limit) if n_outer else table.head(limit)


def _ranks(table: pd.DataFrame, levels: Sequence[str], key: Any) -> list[np.ndarray[Any, Any]]:
    """Return keys that sort the labels of the last of some levels, among those equal in the others."""
    labels = table.index.get_level_values(levels[-1])
    if levels[-1] == "iter":
        return [np.asarray(labels)]
    codes = pd.factorize(labels)[0]
    if levels[-1] == "experiment":
        return [codes]
    sums = table[key].groupby(level=list(levels), sort=False).transform("sum").to_numpy()
    return [-sums, codes]  # rows of two units that took equally long stand together
