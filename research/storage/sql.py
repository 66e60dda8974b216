"""A store in an SQL database: SQLite in a file, or whatever SQLAlchemy connects to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from research.errors import StudyError, StudyExistsError, StudyNotFoundError, cannot_write
from research.storage import schema
from research.storage.base import (
    ExperimentRow,
    Finishes,
    HistoryRow,
    LatestRow,
    ObjectRow,
    OutputRow,
    ProfileRow,
    Record,
    Snapshot,
    Study,
)
from research.storage.batch import VALUES, Batch
from research.storage.damage import readable
from research.storage.encoding import decode_name, decode_object, encode_name, plain
from research.storage.files import identity, object_file
from research.storage.finished import is_finished, read_finished, row_columns, walk_rows
from research.storage.folder import DATABASE
from research.storage.runs import add_runs, read_runs
from research.storage.shelf import LARGE, object_path, sweep
from research.storage.statements import Statements
from research.storage.upgrading import add_columns, columns_of
from research.whole import write_whole

_MAKING_TABLES = 7_255_903_104  # a number that nobody else will have thought of
_CHUNK = 500  # SQLite's limit on parameters of one statement was 999 for long


class SqlStore:
    """A study in the tables of `research.storage.schema`; see `research.storage.base.Store`.

    Parameters
    ----------
    engine : sqlalchemy.Engine
    name : str, optional
        The study's name, where the database may hold several. Default: the only one.
    folder : Path, optional
        Where large objects become files.
    """

    def __init__(self, engine: sa.Engine, name: str | None = None, folder: Path | None = None) -> None:
        self._engine = engine
        self._name = name
        self._folder = folder
        self._keys: dict[str, int] = {}  # of experiments that have not ended
        self._next_key = 0
        self._next_part = 0  # of what is printed: one writer puts it in order
        self._study_id: int | None = None
        self._settings: dict[str, Any] = {}
        self._statements: Statements | None = None  # of the writer
        self._identity: tuple[int, int] | None = None

    def begin(self, study: Study, resume: bool = False) -> None:
        with self._writing():
            with self._engine.begin() as connection:
                if self._engine.dialect.name == "postgresql":  # two that make tables at once fail
                    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MAKING_TABLES)))
                schema.metadata.create_all(connection)
            row = {
                "version": study.version,
                "domain": plain(study.domain),
                "settings": json.dumps(study.settings),
            }
            self._settings = study.settings
            if resume:
                self._go_on(row)
            else:
                self._begin(study, row)
            self._identity = None if self._folder is None else identity(self._folder / DATABASE)

    def _go_on(self, row: dict[str, Any]) -> None:
        """Find the study that is there, and count on where it has ended."""
        add_columns(self._engine)
        with self._engine.begin() as connection:
            found = self._study_row(connection)
            self._study_id, self._next_key = int(found.id), found.next_key
            last = sa.select(sa.func.max(schema.outputs.c.part)).where(schema.outputs.c.study == found.id)
            self._next_part = connection.execute(last).scalar() or 0
            own = sa.update(schema.studies).where(schema.studies.c.id == found.id)
            connection.execute(own.values(**row, finished=None, outcome=None, error=None))
            path = schema.objects.c.path
            if self._folder is not None:
                named = sa.select(path).where(path.is_not(None))
                sweep(self._folder, lambda: set(connection.execute(named).scalars()))

    def _begin(self, study: Study, row: dict[str, Any]) -> None:
        self._name = study.name
        row |= {
            "name": encode_name(study.name),
            "created": study.created,
            "seed": str(study.seed),
            "next_key": 0,
        }
        try:
            with self._engine.begin() as connection:
                connection.execute(sa.insert(schema.studies), row)
        except sa.exc.IntegrityError:
            raise StudyExistsError(f"the database holds a study named {study.name!r} already") from None

    def write(self, records: Sequence[Record]) -> None:
        batch = Batch(self)
        for record in records:
            batch.take(record)
        path = None if self._folder is None or self._identity is None else self._folder / DATABASE
        if path is not None and identity(path) != self._identity:
            raise StudyError(
                f"{str(path)!r} was removed or replaced while the study ran, so that its "
                "results have nowhere to go; run it again, under another `name` if there is another study"
            )
        with self._writing(batch):
            self._write(batch)

    def _write(self, batch: Batch) -> None:
        with self._engine.begin() as connection:
            study = self._find_study(connection)
            for table in VALUES if batch.cleared else ():
                connection.execute(
                    sa.delete(table).where(table.c.study == study, table.c.experiment.in_(batch.cleared))
                )
            if self._statements is None:
                self._statements = Statements(self._engine.dialect)
            self._statements.execute(connection, study, batch)
            if batch.runs:
                add_runs(connection, study, batch.runs)
            if batch.replaced:
                replaced = [*self._settings.get("replaced", ()), *batch.replaced]
                self._settings = {**self._settings, "replaced": replaced}
                batch.study["settings"] = json.dumps(self._settings)
            if batch.new:
                batch.study["next_key"] = self._next_key
            if batch.study:
                own = sa.update(schema.studies).where(schema.studies.c.id == study)
                connection.execute(own.values(batch.study))

    def study(self) -> Study:
        with self._engine.connect() as connection:
            row = self._study_row(connection)
        return Study(
            decode_name(row.name),
            row.created,
            int(row.seed),
            row.version,
            row.domain,
            json.loads(row.settings),
            row.finished,
            row.outcome,
            row.error,
        )

    def read(
        self,
        select: Callable[[ExperimentRow], bool] | None = None,
        variables: Sequence[str] | None = (),
        profile: str | None = None,
        outputs: bool = False,
        within: range | None = None,
        finished: Finishes | None = None,
        runs: bool = False,
    ) -> Snapshot:
        with self._reading() as connection:
            study = self._find_study(connection)
            table = schema.experiments
            known = columns_of(connection, table)
            query = sa.select(*row_columns(known))
            query = query.where(table.c.study == study).order_by(table.c.key)
            summary = None
            if finished is not None:
                summary = read_finished(connection, study, known, finished)
                query = query.where(~is_finished(known, finished))
            if within is not None:
                query = query.where(_is_within(table.c.key, within))
            experiments = list(map(ExperimentRow._make, walk_rows(connection, query)))
            keys: Sequence[int] | None = within
            if select is not None:
                chosen = [row for row in experiments if select(row)]
                keys = [row.key for row in chosen] if len(chosen) < len(experiments) else within
                experiments = chosen
            profiles = [] if profile is None else self._profiles(connection, profile, study, keys)
            printed = list(self._outputs(connection, study, keys)) if outputs else []
            begun = read_runs(connection, study) if runs else []
            if variables is not None and not variables:
                return Snapshot(experiments, profiles=profiles, outputs=printed, finished=summary, runs=begun)

            def rows(table: sa.Table, *columns: str, order: str) -> list[Any]:
                return list(self._values(connection, table, columns, order, study, keys, variables))

            latest = rows(
                schema.latest,
                "experiment",
                "variable",
                "iteration",
                "type",
                "number",
                "text",
                order="iteration",
            )
            history = rows(
                schema.history,
                *("experiment", "variable", "block", "first", "step", "length", "iterations", "kind", "data"),
                order="block",
            )
            objects = rows(
                schema.objects,
                *("experiment", "variable", "iteration", "format", "size", "path"),
                order="iteration",
            )
        return Snapshot(
            experiments,
            [LatestRow(key, decode_name(name), *rest) for key, name, *rest in latest],
            [HistoryRow(key, decode_name(name), *rest) for key, name, *rest in history],
            [
                ObjectRow(
                    key,
                    decode_name(name),
                    iteration,
                    form,
                    size,
                    self._loader(key, name, iteration, form, path),
                )
                for key, name, iteration, form, size, path in objects
            ],
            profiles,
            printed,
            summary,
            begun,
        )

    def close(self) -> None:
        self._engine.dispose()

    @staticmethod
    def _values(
        connection: sa.Connection,
        table: sa.Table,
        columns: Sequence[str],
        order: str,
        study: int,
        keys: Sequence[int] | None,
        variables: Sequence[str] | None,
    ) -> Iterator[Any]:
        """Walk rows of a table of values, by experiment, variable and `order`."""
        query = (
            sa.select(*(table.c[name] for name in columns))
            .where(table.c.study == study)
            .order_by(table.c.experiment, table.c.variable, table.c[order])
        )
        if variables is not None:
            query = query.where(table.c.variable.in_([encode_name(name) for name in variables]))
        return _of_experiments(connection, query, table, keys)

    @staticmethod
    def _profiles(
        connection: sa.Connection, kind: str, study: int, keys: Sequence[int] | None
    ) -> list[ProfileRow]:
        """Return what was measured, by experiment, unit and block."""
        table = schema.profiles
        query = (
            sa.select(table.c.experiment, *(table.c[name] for name in ProfileRow._fields[1:]))
            .where(table.c.study == study, table.c.kind == kind)
            .order_by(table.c.experiment, table.c.place, table.c.block)
        )
        rows = (ProfileRow(*row) for row in _of_experiments(connection, query, table, keys))
        return [row._replace(unit=decode_name(row.unit)) for row in rows]

    @staticmethod
    def _outputs(connection: sa.Connection, study: int, keys: Sequence[int] | None) -> Iterator[OutputRow]:
        """Walk what experiments printed, by experiment, stream and time."""
        table = schema.outputs
        if not sa.inspect(connection).has_table(table.name):  # of a version that kept none
            return
        query = (
            sa.select(table.c.experiment, table.c.stream, table.c.data)
            .where(table.c.study == study)
            .order_by(table.c.experiment, table.c.stream, table.c.part)
        )
        for row in _of_experiments(connection, query, table, keys):
            yield OutputRow(*row)

    @contextmanager
    def _writing(self, batch: Batch | None = None) -> Iterator[None]:
        """Turn errors of the database or its disk into one that says whose they are."""
        try:
            yield
        except (sa.exc.DBAPIError, OSError) as error:
            if isinstance(error, StudyExistsError):
                raise
            place = self._engine.url if self._folder is None else self._folder / DATABASE
            raise cannot_write(place, error, None if batch is None else batch.size) from error

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        """Open a connection that sees one state of the database throughout."""
        with self._engine.connect() as connection:
            if self._engine.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN")
            else:
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            try:
                yield connection
            finally:
                connection.rollback()

    def _study_row(self, connection: sa.Connection) -> Any:
        query = sa.select(schema.studies).order_by(schema.studies.c.id.desc()).limit(1)
        if self._name is not None:
            query = query.where(schema.studies.c.name == encode_name(self._name))
        row = None
        if sa.inspect(connection).has_table(schema.studies.name):
            row = connection.execute(query).one_or_none()
        if row is None:
            named = "" if self._name is None else f" named {self._name!r}"
            raise StudyNotFoundError(f"the database holds no study{named}")
        return row

    def _find_study(self, connection: sa.Connection) -> int:
        if self._study_id is None:
            self._study_id = int(self._study_row(connection).id)
        return self._study_id

    def _loader(self, key: int, name: str, iteration: int, form: str, path: str | None) -> Callable[[], Any]:
        def load() -> Any:
            # what is in a pickle fails in its own way
            checked = nullcontext() if form == "pickle" else readable(self._folder or self._name)
            with checked:
                return decode_object(form, read())

        def read() -> Any:
            if path is not None and self._folder is not None:
                return object_file(self._folder, path).read_bytes()
            table = schema.objects
            with self._engine.connect() as connection:
                return connection.execute(
                    sa.select(table.c.data).where(
                        table.c.study == self._find_study(connection),
                        table.c.experiment == key,
                        table.c.variable == name,
                        table.c.iteration == iteration,
                    )
                ).scalar_one()

        return load

    def new_key(self, experiment: str, key: int | None) -> int:
        """Return the key of an experiment that was just registered; one that is stored has it already."""
        if key is None:
            key, self._next_key = self._next_key, self._next_key + 1
        self._keys[experiment] = key
        return key

    def key(self, experiment: str, forget: bool = False) -> int:
        """Return the key of a registered experiment that has not ended."""
        return self._keys.pop(experiment) if forget else self._keys[experiment]

    def new_part(self) -> int:
        """Return a number greater than all before."""
        self._next_part += 1
        return self._next_part

    def keep_large(self, name: str, data: bytes) -> str | None:
        """Write a large object to a file of its own; None if it belongs into the table."""
        if self._folder is None or len(data) < LARGE:
            return None
        path = object_path(name)
        try:
            write_whole(self._folder / path, data)
        except OSError as error:
            raise cannot_write(self._folder / path, error, len(data)) from error
        return path


def _of_experiments(
    connection: sa.Connection, query: sa.Select[Any], table: sa.Table, keys: Sequence[int] | None
) -> Iterator[Any]:
    """Walk rows of some experiments, None for all."""
    if keys is None or isinstance(keys, range):
        part = query if keys is None else query.where(_is_within(table.c.experiment, keys))
        yield from walk_rows(connection, part)
        return
    for start in range(0, len(keys), _CHUNK):
        part = query.where(table.c.experiment.in_(keys[start : start + _CHUNK]))
        yield from walk_rows(connection, part)


def _is_within(column: sa.Column[Any], keys: range) -> sa.ColumnElement[bool]:
    return sa.and_(column >= keys.start, column < keys.stop)
