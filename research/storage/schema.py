"""The tables of a store, as SQLAlchemy knows them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from research.storage import tables

_TYPES: dict[tables.Kind, Any] = {
    tables.INTEGER: sa.Integer(),
    tables.BIGINT: sa.BigInteger(),
    tables.DOUBLE: sa.Double(),
    tables.TEXT: sa.Text(),
    tables.BYTES: sa.LargeBinary(),
    tables.WORD: sa.String(8),
    tables.CODE: sa.String(16),
}
metadata = sa.MetaData()
on_servers = sa.MetaData()  # what else there is where studies have no folder


def _table(table: tables.Table, metadata: sa.MetaData = metadata) -> sa.Table:
    columns: list[sa.Column[Any]] = []
    for name, kind in table.all_columns.items():
        is_key = name in table.keys
        columns.append(
            sa.Column(
                name,
                _TYPES[kind._replace(may_lack=False)],
                primary_key=is_key,
                autoincrement="auto" if len(table.keys) == 1 else False,
                nullable=kind.may_lack,
            )
        )
    indices = [
        sa.UniqueConstraint(*names) if name is None else sa.Index(name, *names, unique=True)
        for name, names in table.unique
    ]
    return sa.Table(table.name, metadata, *columns, *indices, sqlite_with_rowid=not table.is_clustered)


studies = _table(tables.STUDIES)
experiments = _table(tables.EXPERIMENTS)
latest = _table(tables.LATEST)
history = _table(tables.HISTORY)
objects = _table(tables.OBJECTS)
profiles = _table(tables.PROFILES)
outputs = _table(tables.OUTPUTS)
runs = _table(tables.RUNS)
files = _table(tables.FILES, on_servers)
