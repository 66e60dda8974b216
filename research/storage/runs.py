"""Rows of runs: who has run a study, when, and by which script."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from research.storage import schema
from research.storage.base import Begun


def read_runs(connection: sa.Connection, study: int) -> list[Begun]:
    """Return the runs of a study in their order; none of one of a version that kept none."""
    table = schema.runs
    if not sa.inspect(connection).has_table(table.name):
        return []
    columns = [table.c[name] for name in Begun._fields]
    query = sa.select(*columns).where(table.c.study == study).order_by(table.c.number)
    return [Begun(*row) for row in connection.execute(query)]


def copy_runs(
    connection: sa.Connection,
    study: int,
    source: Callable[[sa.Table], sa.Table],
    target: Callable[[sa.Table], sa.Table],
    database: str,
) -> None:
    """Add the runs of a study to those of the first one in another database that is attached."""
    rows, own = source(schema.runs), target(schema.runs)
    if not sa.inspect(connection).has_table(rows.name, database):
        return
    before = connection.execute(sa.select(sa.func.count()).select_from(own)).scalar_one()
    columns: dict[str, Any] = {column.name: column for column in rows.c}
    columns |= {"study": sa.literal(1), "number": rows.c.number + before}
    query = sa.select(*columns.values()).where(rows.c.study == study)
    connection.execute(sa.insert(own).from_select(list(columns), query))
