"""Writing to whatever database SQLAlchemy connects to."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import sqlalchemy as sa

from research.errors import StudyError
from research.storage import schema
from research.storage.batch import RENEWED, UPDATED, Batch
from research.storage.tables import EXPERIMENTS, TABLES, VALUES
from research.storage.upgrading import absent_columns
from research.storage.writing import Begin, exists_already, not_found

_MAKING_TABLES = 7_255_903_104  # a number that nobody else will have thought of


class DatabaseWriter:
    """See `research.storage.writing.Writer`.

    Parameters
    ----------
    engine : sqlalchemy.Engine
    place : object, optional
        Of the database, as users know it. Default: the engine's URL.
    """

    errors: tuple[type[BaseException], ...] = (sa.exc.DBAPIError, OSError)

    def __init__(self, engine: sa.Engine, place: object = None) -> None:
        self._engine = engine
        self.place: object = engine.url if place is None else place
        insert = import_module(f"sqlalchemy.dialects.{engine.dialect.name}").insert
        self._upserts = {table.name: _upsert(schema.metadata.tables[table.name], insert) for table in TABLES}
        self._update = _update({name: sa.bindparam(f"new_{name}") for name in UPDATED})
        self._renew = _update({name: _unless_none(name) for name in RENEWED})

    def begin(self, row: Mapping[str, Any], name: str | None, resume: bool) -> Begin:
        with self._engine.begin() as connection:
            if self._engine.dialect.name == "postgresql":  # two that make tables at once fail
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MAKING_TABLES)))
            schema.metadata.create_all(connection)
            schema.on_servers.create_all(connection)
        with self._engine.begin() as connection:
            if resume:
                return self._go_on(connection, row, name)
            try:
                made = connection.execute(sa.insert(schema.studies), dict(row))
            except sa.exc.IntegrityError:
                raise exists_already(row["name"]) from None
            return Begin(int((made.inserted_primary_key or (0,))[0]))

    def _go_on(self, connection: sa.Connection, row: Mapping[str, Any], name: str | None) -> Begin:
        """Find the study that is there, and where it has ended."""
        for absent in absent_columns(connection):
            kind = schema.experiments.c[absent].type.compile(self._engine.dialect)
            connection.exec_driver_sql(f"ALTER TABLE {schema.experiments.name} ADD COLUMN {absent} {kind}")
        studies = schema.studies
        query = sa.select(studies.c.id, studies.c.next_key).order_by(studies.c.id.desc()).limit(1)
        if name is not None:
            query = query.where(studies.c.name == name)
        found = connection.execute(query).one_or_none()
        if found is None:
            raise not_found(name)
        changes = {**row, "finished": None, "outcome": None, "error": None}
        connection.execute(sa.update(studies).where(studies.c.id == found.id).values(changes))
        outputs, runs = schema.outputs, schema.runs
        part = sa.select(sa.func.max(outputs.c.part)).where(outputs.c.study == found.id)
        n_runs = sa.select(sa.func.count()).select_from(runs).where(runs.c.study == found.id)
        return Begin(
            found.id,
            found.next_key,
            connection.execute(part).scalar() or 0,
            connection.execute(n_runs).scalar_one(),
        )

    def write(self, study: int, batch: Batch) -> None:
        try:
            self._write(study, batch)
        except sa.exc.IntegrityError as error:
            raise self._not_own() from error

    def _not_own(self) -> StudyError:
        return StudyError(
            f"another driver has begun experiments in {str(self.place)!r} that this one was to write: shards "
            "that run at once must be of one domain; what was stored before is kept: go on by "
            "run(resume=True) when the other has ended"
        )

    def _write(self, study: int, batch: Batch) -> None:
        with self._engine.begin() as connection:
            for kept in VALUES if batch.cleared else ():
                table = schema.metadata.tables[kept.name]
                own = sa.and_(table.c.study == study, table.c.experiment.in_(batch.cleared))
                connection.execute(sa.delete(table).where(own))
            for kind, rows in batch.rows():
                names = [name for name in kind.all_columns if name != "study"]
                values = [dict(zip(names, row, strict=True), study=study) for row in rows]
                options = {"preserve_rowcount": kind is EXPERIMENTS}
                done = connection.execute(self._upserts[kind.name], values, execution_options=options)
                if kind is EXPERIMENTS and done.rowcount != len(rows):
                    raise self._not_own()
            for statement, columns, rows in (
                (self._update, UPDATED, batch.updates),
                (self._renew, RENEWED, batch.renewals),
            ):
                names = [*(f"new_{name}" for name in columns), "which"]
                if rows:
                    values = [dict(zip(names, row, strict=True), of_study=study) for row in rows]
                    connection.execute(statement, values)
            if batch.study:
                own = schema.studies.c.id == study
                connection.execute(sa.update(schema.studies).where(own).values(batch.study))

    def files(self) -> set[str]:
        path = schema.objects.c.path
        with self._engine.connect() as connection:
            return set(connection.execute(sa.select(path).where(path.is_not(None))).scalars())

    def close(self) -> None:
        self._engine.dispose()


def _upsert(table: sa.Table, insert: Any) -> Any:
    """Return what puts rows into a table, in place of those that have the same keys."""
    statement = insert(table)
    keys = [column.name for column in table.primary_key]
    changes = {column.name: statement.excluded[column.name] for column in table.c if column.name not in keys}
    own = table.c.id == statement.excluded.id if table is schema.experiments else None
    return statement.on_conflict_do_update(index_elements=keys, set_=changes, where=own)


def _update(values: dict[str, Any]) -> sa.Update:
    """Return what changes rows of experiments."""
    table = schema.experiments
    own = sa.and_(table.c.study == sa.bindparam("of_study"), table.c.key == sa.bindparam("which"))
    return sa.update(table).where(own).values(values)


def _unless_none(name: str) -> sa.ColumnElement[int]:
    """Return a new value of a column, or the present one where that is None."""
    return sa.func.coalesce(sa.bindparam(f"new_{name}", type_=sa.Integer), schema.experiments.c[name])
