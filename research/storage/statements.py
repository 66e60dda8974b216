"""Statements of SQLite by which tables are made; nothing is imported for them."""

from __future__ import annotations

from collections.abc import Iterable

from research.storage.tables import Table


def making(table: Table) -> str:
    """Return the statement that makes a table, unless it is there."""
    parts = [
        f'"{name}" {kind.sql}{"" if kind.may_lack else " NOT NULL"}'
        for name, kind in table.all_columns.items()
    ]
    parts.append(f"PRIMARY KEY ({listed(table.keys)})")
    parts += [f"UNIQUE ({listed(names)})" for index, names in table.unique if index is None]
    end = " WITHOUT ROWID" if table.is_clustered else ""
    return f"CREATE TABLE IF NOT EXISTS {table.name} ({', '.join(parts)}){end}"


def indexing(table: Table) -> list[str]:
    """Return statements that make the indices of a table, unless they are there.

    To make one of what is in a table takes a fraction of the time that it takes to keep it up row by row.
    """
    return [
        f"CREATE UNIQUE INDEX IF NOT EXISTS {index} ON {table.name} ({listed(names)})"
        for index, names in table.unique
        if index is not None
    ]


def listed(names: Iterable[str]) -> str:
    """Write names of columns."""
    return ", ".join(f'"{name}"' for name in names)
