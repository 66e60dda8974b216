"""Rows and columns of results, chosen by what is typed.

`choose` is all that commands know of it: whatever else can select from results takes its place.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import TYPE_CHECKING, Any

from research.cli.ending import Problem
from research.cli.values import read_value, split
from research.errors import did_you_mean

if TYPE_CHECKING:
    import pandas as pd

    from research.results.results import ResearchResults

_COMPARED: dict[str, Callable[[Any, Any], Any]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "!=": operator.ne,
    "==": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
}
_CONDITION = re.compile(r"\s*(?P<name>.+?)\s*(?P<sign><=|>=|!=|==|<|>|=)\s*(?P<value>.*?)\s*", re.DOTALL)


def choose(
    results: ResearchResults,
    select: Sequence[str] = (),
    where: Sequence[str] = (),
    order: Sequence[str] = (),
    limit: int | None = None,
    every: bool = False,
) -> pd.DataFrame:
    """Return results as a table, of the columns and rows that were asked for.

    Parameters
    ----------
    results : ResearchResults
    select : sequence of str
        Columns, with commas between them; all by default.
    where : sequence of str
        Conditions that must all hold, as `C=10`, `accuracy>0.9`. What is missing meets none.
    order : sequence of str
        Columns to sort by; `-` before one: largest first. What is missing comes last.
    limit : int, optional
        How many rows, at most.
    every : bool, default False
        A row for each iteration at which something was saved; else one for each experiment, with last values.

    Raises
    ------
    Problem
        If there is no such column, or what is compared cannot be.
    """
    table = _iterations(results) if every else _last_values(results)
    for text in where:
        table = table[_holds(table, text)]
    names = [name.strip() for text in order for name in split(text)]
    if names:
        keys = [_column(table, name.removeprefix("-")) for name in names]
        ascending = [not name.startswith("-") or name in table for name in names]
        try:
            table = table.sort_values(keys, ascending=ascending, kind="stable", na_position="last")
        except TypeError as error:
            raise Problem(f"--order {', '.join(names)}: {error}") from None
    chosen = [_column(table, name.strip()) for text in select for name in split(text)]
    if chosen:
        table = table[list(dict.fromkeys(chosen))]
    return (table if limit is None else table.head(limit)).reset_index(drop=True)


def as_rows(table: pd.DataFrame) -> tuple[list[str], list[list[str]], list[str]]:
    """Return the names of a table's columns, its cells as text, and which of them are numbers."""
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    names = [str(name) for name in table.columns]
    right = [
        str(name)
        for name in table.columns
        if is_numeric_dtype(table[name]) and not is_bool_dtype(table[name])
    ]
    columns = [[_cell(value) for value in table[name]] for name in table.columns]
    return names, [list(row) for row in zip(*columns, strict=True)], right


def _last_values(results: ResearchResults) -> pd.DataFrame:
    """Return a row for each experiment, with the last value of each variable."""
    from research.domain.config import AUXILIARY

    statuses = results.statuses_to_df()
    table = results.configs_to_df(use_alias=False, remove_auxilary=False)
    name = "status" if "status" not in table else "status_"
    table[name] = table["id"].map(dict(zip(statuses["id"], statuses["status"], strict=True)))
    values = results.to_df(include_config=False)
    if len(values):
        values = values.drop(columns="iteration").groupby("id", sort=False).last().reset_index()
        values = values.rename(columns={name: f"{name}_"})  # a variable that is called like the status
        table = table.merge(values, how="left", on="id")
    return _without_idle(table, AUXILIARY)


def _iterations(results: ResearchResults) -> pd.DataFrame:
    from research.domain.config import AUXILIARY

    return _without_idle(results.to_df(remove_auxilary=False), AUXILIARY)


def _without_idle(table: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Leave out auxiliary columns that say nothing."""
    idle = [name for name in names if name in table and not table[name].fillna(0).astype(bool).any()]
    return table.drop(columns=idle)


def _column(table: pd.DataFrame, name: str) -> str:
    if name not in table:
        raise Problem(f"there is no column {name!r}{did_you_mean(name, table.columns)}")
    return name


def _holds(table: pd.DataFrame, text: str) -> Any:
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise Problem(f"--where must be a comparison, as 'C=10' or 'accuracy>0.9', got {text!r}")
    name, sign = _column(table, found["name"]), found["sign"]
    column = table[name]
    value = read_value(found["value"])
    if not isinstance(value, str) and name in ("id", "status"):
        value = found["value"]
    there = column.notna()
    try:
        if sign in ("=", "==", "!="):
            equal = column.map(lambda item: _equals(item, value) or str(item) == found["value"])
            return there & (equal if sign != "!=" else ~equal)
        return there & column.where(there, None).map(
            lambda item: item is not None and item == item and bool(_COMPARED[sign](item, value))
        )
    except (TypeError, ValueError):
        raise Problem(f"--where {text!r}: {name!r} has values that are not compared with {value!r}") from None


def _equals(item: Any, value: Any) -> bool:
    is_truth = [type(thing).__name__ in ("bool", "bool_") for thing in (item, value)]  # numpy's, too
    return is_truth[0] == is_truth[1] and bool(item == value)  # True is no 1 here


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, FunctionType | type):
        return value.__name__
    return f"{value:.6g}" if isinstance(value, float) else str(value)
