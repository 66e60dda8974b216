"""SQL over results: a database in memory, made for one question, in which nothing but reading is allowed."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

import numpy as np
import pandas as pd

from research.domain.values import Alias, Opaque
from research.errors import did_you_mean
from research.framing import names_of
from research.results.columns import Columns
from research.results.comparing import is_missing, is_number
from research.results.frames import MISSING, column_of
from research.storage.base import ObjectRow
from research.storage.encoding import plain

VIEW = "experiments"
_MOST = 2000  # columns that SQLite takes
_LARGEST = 2**63
_STEPS = 100_000  # of SQLite's machine, between looks at whether someone has pressed Ctrl-C
_ALLOWED = frozenset(
    {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
)


def view_names(columns: Columns) -> dict[str, str]:
    """Return the columns of the view, by the names of what they hold.

    SQL takes `C` and `c` for one: of names that differ in that alone, later ones end in underscores.
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in (columns.field_name("id"), *columns.parameters, *columns.variables, *columns.names):
        if name not in found:
            column = plain(name)
            while column.lower() in taken:
                column += "_"
            found[name] = column
            taken.add(column.lower())
    return found


def queried(columns: Columns, text: str, parameters: Sequence[Any] | Mapping[str, Any]) -> pd.DataFrame:
    """Return what `sql` does; see `Asking.sql`."""
    if not isinstance(text, str):
        raise TypeError(f"`query` must be a text, got {text!r}")
    names = view_names(columns)
    if len(names) > _MOST:
        raise ValueError(f"SQL takes {_MOST} columns at most, here are {len(names)}: ask by `select`")
    with closing(sqlite3.connect(":memory:")) as connection:
        _fill(connection, columns, names)
        connection.set_authorizer(_authorize)
        connection.set_progress_handler(lambda: 0, _STEPS)  # (in which Python sees signals)
        try:
            cursor = connection.execute(text, parameters)
            rows = cursor.fetchall()
        except (sqlite3.Error, sqlite3.Warning) as error:
            if str(error) == "interrupted":  # by Ctrl-C, which SQLite has swallowed
                raise KeyboardInterrupt from error
            raise ValueError(f"{text!r} has no answer: {_reason(error, names)}") from error
        titles = [item[0] for item in cursor.description or ()]
    if not titles:
        raise ValueError(f"{text!r} asks for nothing: a `select` is answered")
    frame = pd.DataFrame(
        {
            place: column_of([MISSING if row[place] is None else row[place] for row in rows])
            for place in range(len(titles))
        }
    )
    frame.columns = names_of(titles)
    return frame


def _fill(connection: sqlite3.Connection, columns: Columns, names: Mapping[str, str]) -> None:
    quoted = ", ".join('"' + column.replace('"', '""') + '"' for column in names.values())
    connection.execute(f"CREATE TABLE {VIEW} ({quoted})")  # of no types: values have theirs
    parts = [_column(columns(name)) for name in names]
    places = ", ".join("?" * len(names))
    with connection:
        connection.executemany(f"INSERT INTO {VIEW} VALUES ({places})", zip(*parts, strict=True))  # noqa: S608


def _column(values: Sequence[Any]) -> Sequence[Any]:
    """Return values as SQL has them, all in one go where they are what it takes."""
    kinds = set(map(type, values))
    if kinds == {float}:
        return values  # (nan is NULL)
    if kinds == {int} and min(values) >= -_LARGEST and max(values) < _LARGEST:
        return values
    known = {value: _value(value) for value in set(values)} if kinds <= {str, object} else {}
    return [known[value] for value in values] if known else list(map(_value, values))


def _value(value: Any) -> Any:
    """Return a value as SQL has it."""
    kind = type(value)
    if kind is float:
        return value if value == value else None
    if kind is str:
        return plain(value)
    if kind is int or kind is bool:
        return (
            int(value)
            if -_LARGEST <= value < _LARGEST
            else float(value)
            if abs(value) < 2**1023
            else str(value)
        )
    if is_missing(value):
        return None
    if is_number(value):
        return _value(value.item()) if isinstance(value, np.generic) else float(value)
    if kind is ObjectRow:
        return f"<{'array' if value.format == 'npy' else 'object'} of {value.size} bytes>"
    return plain(str(value) if isinstance(value, Opaque) else str(Alias(value)))


def _authorize(action: int, first: str | None, second: str | None, *_: Any) -> int:
    if action not in _ALLOWED or (action == sqlite3.SQLITE_FUNCTION and second == "load_extension"):
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


def _reason(error: Exception, names: Mapping[str, str]) -> str:
    text = str(error)
    for start, known in (("no such column: ", names.values()), ("no such table: ", [VIEW])):
        if text.startswith(start):
            return text + did_you_mean(text.removeprefix(start), known)
    if "authorized" in text or "prohibited" in text:
        return "results are read only, by `select`"
    return text
