"""Statements that write what a batch holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from research.storage import schema
from research.storage.batch import UPDATED, VALUES, Batch


class Statement:
    """A statement that is executed for many rows, each with the same names.

    SQLite gets its text and the values as they are, where SQLAlchemy would look at each of them: nothing
    that stores hold has another form in Python than in SQLite.

    Parameters
    ----------
    statement : sqlalchemy statement
    dialect : sqlalchemy dialect
    names : sequence of str, optional
        Columns that an INSERT is given.
    """

    def __init__(self, statement: Any, dialect: sa.Dialect, names: Sequence[str] | None = None) -> None:
        self._statement = statement
        self._text: str | None = None
        if dialect.name == "sqlite":
            compiled = statement.compile(dialect=dialect, column_keys=names)
            self._text = str(compiled)
            self._values = itemgetter(*compiled.positiontup)

    def execute(self, connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute it for rows of which there is at least one."""
        if self._text is None:
            connection.execute(self._statement, list(rows))
            return
        values = self._values
        connection.exec_driver_sql(self._text, [values(row) for row in rows])


class Statements:
    """All that put the rows of a batch into a database.

    Parameters
    ----------
    dialect : sqlalchemy dialect
    """

    def __init__(self, dialect: sa.Dialect) -> None:
        self._upserts = {table: _upsert(table, dialect) for table in (schema.experiments, *VALUES)}
        new: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in UPDATED}
        self._update = Statement(_update().values(new), dialect)
        known: dict[str, Any] = {name: _unless_none(name) for name in ("attempt", "slot")}
        self._again = Statement(_update().values(known), dialect)

    def execute(self, connection: sa.Connection, study: int, batch: Batch) -> None:
        """Write a batch's rows."""
        for table, rows in batch.rows():
            for row in rows:
                row["study"] = study
            self._upserts[table].execute(connection, rows)
        for statement, changes in ((self._update, batch.updates), (self._again, batch.again)):
            for key, row in changes.items():
                row["of_study"], row["which"] = study, key
            if changes:
                statement.execute(connection, list(changes.values()))


def _upsert(table: sa.Table, dialect: sa.Dialect) -> Statement:
    """Return what puts rows into a table, in place of those that have the same keys."""
    insert = import_module(f"sqlalchemy.dialects.{dialect.name}").insert(table)  # each takes its time
    keys = [column.name for column in table.primary_key]
    changes = {column.name: insert.excluded[column.name] for column in table.c if column.name not in keys}
    statement = insert.on_conflict_do_update(index_elements=keys, set_=changes)
    return Statement(statement, dialect, [column.name for column in table.c])


def _update() -> sa.Update:
    """Return an update of one experiment."""
    table = schema.experiments
    return sa.update(table).where(
        table.c.study == sa.bindparam("of_study"), table.c.key == sa.bindparam("which")
    )


def _unless_none(name: str) -> sa.ColumnElement[int]:
    """Return a new value of a column, or the present one where that is None."""
    return sa.func.coalesce(sa.bindparam(f"new_{name}", type_=sa.Integer), schema.experiments.c[name])
