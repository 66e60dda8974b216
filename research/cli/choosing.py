"""Rows and columns of results, chosen by what is typed.

`choose` is all that commands know of it. It asks the questions of the library: `select`, `best`, and the
language of `where`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from types import FunctionType
from typing import TYPE_CHECKING, Any

from research.cli.ending import Problem
from research.cli.values import split
from research.errors import did_you_mean

if TYPE_CHECKING:
    import pandas as pd

    from research.results.conditions import Condition
    from research.results.results import ResearchResults

_BEST = 5  # rows
_SIMPLE = re.compile(
    r"\s*(?P<name>[^\W\d][\w./]*)\s*(?P<sign>==|!=|<>|<=|>=|=|<|>)\s*(?P<word>[\w.:/+-]+)\s*"
)


def choose(
    results: ResearchResults,
    select: Sequence[str] = (),
    where: Sequence[str] = (),
    order_by: Sequence[str] = (),
    limit: int | None = None,
    every: bool = False,
    best: str | None = None,
    mode: str | None = None,
    by: Sequence[str] = (),
) -> pd.DataFrame:
    """Return results as a table, of the columns and rows that were asked for.

    Parameters
    ----------
    results : ResearchResults
    select : sequence of str
        Columns, with commas between them; all by default.
    where : sequence of str
        Conditions that must all hold, in the language of `ResearchResults.select`. After `=` and `!=` a word
        that is no name is a text.
    order_by : sequence of str
        Columns to sort by; `-` before one: largest first. What is missing comes last.
    limit : int, optional
        How many rows, at most.
    every : bool, default False
        A row for each iteration at which something was saved; else one for each experiment, with last values.
    best : str, optional
        A variable: the best experiments, the best first, `limit` of them or 5.
    mode : 'max' or 'min', optional
        What is best. Default: 'max'.
    by : sequence of str
        So many of the best for each value of these.

    Raises
    ------
    Problem
        If options contradict each other, or there is no such column in a table of iterations.
    ValueError
        As `select` and `best` do.
    """
    names, order, groups = _names(select), _names(order_by), _names(by)
    if best is None and (mode is not None or groups):
        raise Problem("--mode and --by are of the best: say of which variable, by --best")
    if best is not None and (order or every):
        raise Problem(
            "--best has an order and a row for each experiment: leave out --order-by and --iterations"
        )
    if every:
        return _iterations(results, names, where, order, limit)
    described = results.describe(where="id is null")  # of nothing: it is names that are asked for
    condition = _condition(where, _all_names(described["name"]))
    if best is not None:
        found = results.best(best, limit or _BEST, mode or "max", groups, where=condition)
        return _of_ids(results, found, names) if names else found
    shown = names or _default_names(results, described)
    return results.select(*shown, where=condition, order_by=order, limit=limit)


def _names(given: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(name.strip() for text in given for name in split(text)))


def _all_names(own: Collection[str]) -> set[str]:
    from research.results.columns import FIELDS
    from research.results.frames import free_name

    return {*own, *(free_name(field, own) for field in FIELDS)}


def _default_names(results: ResearchResults, described: pd.DataFrame) -> list[str]:
    """Return parameters, what is known of each experiment if it says something, the status, and variables."""
    from research.domain.config import AUXILIARY
    from research.results.frames import free_name

    own = list(described["name"])
    identity, status, *auxiliary = (free_name(name, own) for name in ("id", "status", *AUXILIARY))
    parameters = described[described["role"] == "parameter"]["name"]
    variables = described[described["role"] == "variable"]["name"]
    busy = _busy(results.select(*auxiliary), auxiliary)
    return [identity, *parameters, *busy, status, *variables]


def _busy(table: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """Return which columns say something."""
    from research.results.comparing import is_missing

    return [
        name
        for name in names
        if name in table and any(value and not is_missing(value) for value in table[name].tolist())
    ]


def _of_ids(results: ResearchResults, found: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return columns of experiments, in the order of those that were found."""
    identity = found.columns[0]
    ids = found[identity].tolist()
    table = results.select(*dict.fromkeys((identity, *names)), where=results.c[identity].isin(ids))
    places = {own: place for place, own in enumerate(table[identity])}
    return table[list(names)].iloc[[places[own] for own in ids]].reset_index(drop=True)


def _iterations(
    results: ResearchResults, names: list[str], where: Sequence[str], order: list[str], limit: int | None
) -> pd.DataFrame:
    """Return a row for each iteration, chosen in the same way."""
    import numpy as np

    from research.domain.config import AUXILIARY
    from research.results.comparing import sort_places

    table = results.to_df(remove_auxilary=False)
    table = table.drop(columns=[name for name in AUXILIARY if name in table and not _busy(table, [name])])
    condition = _condition(where, set(table.columns))
    for name in condition.names():
        _column(table, name)
    places = np.flatnonzero(condition.mask(lambda name: table[name].tolist())).tolist()
    for key in reversed(order):
        name = key if key in table else key.removeprefix("-")
        places = sort_places(table[_column(table, name)].tolist(), places, name != key)
    chosen = [_column(table, name) for name in names] or list(table.columns)
    return table[chosen].iloc[places if limit is None else places[:limit]].reset_index(drop=True)


def _column(table: pd.DataFrame, name: str) -> str:
    if name not in table:
        raise Problem(f"there is no column {name!r}{did_you_mean(name, table.columns)}")
    return name


def _condition(where: Sequence[str], known: Collection[str]) -> Condition:
    """Return what must hold, as it is typed in a shell, where quotes are a nuisance."""
    from research.results.conditions import Every

    return Every(tuple(_with_texts(_parsed(text), known) for text in where))


def _parsed(text: str) -> Condition:
    """Read a condition; a word that is no value of the language, as an id, is a text."""
    from research.results.conditions import KEYWORDS, Compared, Name, Not, equals
    from research.results.language import parse

    try:
        return parse(text)
    except ValueError:
        found = _SIMPLE.fullmatch(text)
        if found is None or {found["name"].lower(), found["word"].lower()} & KEYWORDS:
            raise
        name = Name(found["name"])
        if found["sign"] in ("!=", "<>"):
            return Not(equals(name, found["word"]))
        return Compared(name, "==" if found["sign"] == "=" else found["sign"], found["word"])


def _with_texts(condition: Condition, known: Collection[str]) -> Condition:
    """Take words after `=` and `!=` that are no names for texts."""
    from research.results.conditions import Compared, Every, Name, Not, Some

    if isinstance(condition, Compared) and condition.sign in ("==", "!="):
        right = condition.right
        if isinstance(right, Name) and right.name not in known:
            return Compared(condition.left, condition.sign, right.name)
    if isinstance(condition, Not):
        return Not(_with_texts(condition.part, known))
    if isinstance(condition, Every | Some):
        return type(condition)(tuple(_with_texts(part, known) for part in condition.parts))
    return condition


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


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, FunctionType | type):
        return value.__name__
    return f"{value:.6g}" if isinstance(value, float) else str(value)
