"""Statements of SQLite by which tables are made; nothing is imported for them."""

from __future__ import annotations

from collections.abc import Iterable

from research.storage.tables import Table


def making(table: Table) -> list[str]:
    """Return statements that make a table, unless it is there."""
    parts = [
        f'"{name}" {kind.sql}{"" if kind.may_lack else " NOT NULL"}'
        for name, kind in table.all_columns.items()
    ]
    parts.append(f"PRIMARY KEY ({listed(table.keys)})")
    parts += [f"UNIQUE ({listed(names)})" for index, names in table.unique if index is None]
    end = " WITHOUT ROWID" if table.is_clustered else ""
    texts = [f"CREATE TABLE IF NOT EXISTS {table.name} ({', '.join(parts)}){end}"]
    texts += [
        f"CREATE UNIQUE INDEX IF NOT EXISTS {index} ON {table.name} ({listed(names)})"
        for index, names in table.unique
        if index is not None
    ]
    return texts


def listed(names: Iterable[str]) -> str:
    """Write names of columns."""
    return ", ".join(f'"{name}"' for name in names)
