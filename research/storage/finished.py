"""What is read of experiments that need not be run again, of which there may be a million."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import sqlalchemy as sa

from research.storage import schema
from research.storage.base import ExperimentRow, Finished, Finishes

_MANY = 5_000  # rows at a time

Columns: TypeAlias = Mapping[str, sa.ColumnElement[Any]]  # of the table of experiments, as it is there


def walk_rows(connection: sa.Connection, query: sa.Select[Any]) -> Iterator[Any]:
    """Walk rows as the database's own driver gives them: there may be millions."""
    for part in walk_parts(connection, query):
        yield from part


def walk_parts(connection: sa.Connection, query: sa.Select[Any]) -> Iterator[Sequence[Any]]:
    """Walk rows, many at a time."""
    with connection.execute(query) as result:
        while result.cursor is not None and (part := result.cursor.fetchmany(_MANY)):
            yield part


def row_columns(known: Columns) -> list[sa.ColumnElement[Any]]:
    """Return the columns that make an ExperimentRow."""
    return [known[name.rstrip("_")] for name in ExperimentRow._fields]


def is_finished(known: Columns, finished: Finishes) -> sa.ColumnElement[bool]:
    """Return the condition that an experiment need not be run again."""
    condition = known["status"].in_(finished.statuses)
    if not finished.but:
        return condition
    codes = [code for code in finished.but if code is not None]
    is_other = sa.func.coalesce(known["code"].in_(codes), None in finished.but)
    return sa.and_(condition, ~is_other)


def read_finished(connection: sa.Connection, study: int, known: Columns, finished: Finishes) -> Finished:
    """Sum up the experiments that need not be run again."""
    table = schema.experiments
    own = sa.and_(table.c.study == study, is_finished(known, finished))
    ids, counts = [], dict.fromkeys(finished.statuses, 0)
    for id_, status in walk_rows(connection, sa.select(table.c.id, table.c.status).where(own)):
        ids.append(id_)
        counts[status] += 1
    failed = sa.select(*row_columns(known)).where(own, table.c.failures.is_not(None)).order_by(table.c.key)
    last = (
        sa.select(table.c.generation, *map(sa.func.max, (table.c.number, table.c.group, table.c.key)))
        .where(table.c.study == study)
        .group_by(table.c.generation)
    )
    numbers = list(walk_rows(connection, last))
    return Finished(
        ids,
        counts,
        list(map(ExperimentRow._make, walk_rows(connection, failed))),
        max((key + 1 for _, _, _, key in numbers), default=0),
        max((group + 1 for _, _, group, _ in numbers), default=0),
        {generation: number for generation, number, _, _ in numbers},
    )
