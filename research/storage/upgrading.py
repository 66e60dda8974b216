"""Columns that databases of earlier versions lack."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from research.storage import schema
from research.storage.tables import LATER


def absent_columns(connection: sa.Connection, database: str | None = None) -> frozenset[str]:
    """Return the columns that the table of experiments lacks.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    database : str, optional
        What it is called, where several are attached.
    """
    columns = sa.inspect(connection).get_columns(schema.experiments.name, database)
    return frozenset(LATER) - {column["name"] for column in columns}


def columns_of(
    connection: sa.Connection, table: sa.Table, database: str | None = None
) -> dict[str, sa.ColumnElement[Any]]:
    """Return the columns of a table of experiments by their names; those that it lacks are empty."""
    absent = absent_columns(connection, database)
    nothing: sa.ColumnElement[Any] = sa.null()
    return {column.name: nothing if column.name in absent else column for column in table.c}
