"""Reading a study from an SQL database."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import chain
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from research.storage import schema
from research.storage.base import (
    ExperimentRow,
    Finishes,
    HistoryRow,
    LastValues,
    LatestRow,
    ObjectRow,
    OutputRow,
    ProfileRow,
    Snapshot,
    Study,
)
from research.storage.connecting import CHANGE_SECONDS, lacks_shared_memory
from research.storage.damage import readable
from research.storage.encoding import decode_name, decode_object, encode_name
from research.storage.files import object_file
from research.storage.finished import is_finished, read_finished, row_columns, walk_parts, walk_rows
from research.storage.runs import read_runs
from research.storage.upgrading import columns_of
from research.storage.writing import not_found

_CHUNK = 500  # SQLite's limit on parameters of one statement was 999 for long


class Reader:
    """`study` and `read` of a store; see `research.storage.base.Store`.

    Parameters
    ----------
    engine : sqlalchemy.Engine
    name : str, optional
        The study's name, where the database may hold several. Default: the only one.
    folder : Path, optional
        Where large objects are files.
    """

    def __init__(self, engine: sa.Engine, name: str | None = None, folder: Path | None = None) -> None:
        self._engine = engine
        self._name = name
        self._folder = folder
        self._study_id: int | None = None

    def study(self) -> Study:
        with self._reading() as connection:
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
        last: bool = False,
        columns: Sequence[str] = (),
    ) -> Snapshot:
        with self._reading() as connection:
            study = self._find_study(connection)
            table = schema.experiments
            known = columns_of(connection, table)
            query = sa.select(*([known[name] for name in columns] if columns else row_columns(known)))
            query = query.where(table.c.study == study).order_by(table.c.key)
            summary = None
            if finished is not None:
                summary = read_finished(connection, study, known, finished)
                query = query.where(~is_finished(known, finished))
            if within is not None:
                query = query.where(_is_within(table.c.key, within))
            experiments = [] if columns else list(map(ExperimentRow._make, walk_rows(connection, query)))
            by_column = _by_column(columns, walk_parts(connection, query)) if columns else {}
            keys: Sequence[int] | None = within
            if select is not None:
                chosen = [row for row in experiments if select(row)]
                keys = [row.key for row in chosen] if len(chosen) < len(experiments) else within
                experiments = chosen
            profiles = [] if profile is None else self._profiles(connection, profile, study, keys)
            printed = list(self._outputs(connection, study, keys)) if outputs else []
            begun = read_runs(connection, study) if runs else []
            if variables is not None and not variables:
                return Snapshot(experiments, (), (), (), profiles, printed, summary, begun, by_column)

            def rows(table: sa.Table, *columns: str, order: str) -> list[Any]:
                parts = self._values(connection, table, columns, order, study, keys, variables, last)
                return list(chain.from_iterable(parts))

            ends = []
            if last:
                names = ("experiment", "variable", "type", "number", "text")
                found = self._values(
                    connection, schema.latest, names, "iteration", study, keys, variables, last
                )
                ends = _by_variable(found)
            latest = (
                []
                if last
                else rows(
                    schema.latest,
                    "experiment",
                    "variable",
                    "iteration",
                    "type",
                    "number",
                    "text",
                    order="iteration",
                )
            )
            history = (
                []
                if last
                else rows(
                    schema.history,
                    *(
                        "experiment",
                        "variable",
                        "block",
                        "first",
                        "step",
                        "length",
                        "iterations",
                        "kind",
                        "data",
                    ),
                    order="block",
                )
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
            by_column,
            ends,
        )

    @staticmethod
    def _values(
        connection: sa.Connection,
        table: sa.Table,
        columns: Sequence[str],
        order: str,
        study: int,
        keys: Sequence[int] | None,
        variables: Sequence[str] | None,
        last: bool,
    ) -> Iterator[Sequence[Any]]:
        """Walk rows of a table of values, by experiment, variable and `order`, many at a time.

        With `last`, of objects only those that are last values.
        """
        query = (
            sa.select(*(table.c[name] for name in columns))
            .where(table.c.study == study)
            .order_by(table.c.experiment, table.c.variable, table.c[order])
        )
        if variables is not None:
            query = query.where(table.c.variable.in_([encode_name(name) for name in variables]))
        if last and table is schema.objects:
            names = ("study", "experiment", "variable", "iteration")
            query = query.join(schema.latest, sa.and_(*(table.c[n] == schema.latest.c[n] for n in names)))
        return _parts_of_experiments(connection, query, table, keys)

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
    def _reading(self) -> Iterator[sa.Connection]:
        """Open a connection that sees one state of the database throughout."""
        with self._connect() as connection:
            try:
                yield connection
            finally:
                connection.rollback()

    def _connect(self) -> sa.Connection:
        """Begin to read; of an SQLite database that leaves WAL mode just now, when that is done."""
        if self._engine.dialect.name != "sqlite":
            return self._engine.connect().execution_options(isolation_level="REPEATABLE READ")
        deadline = time.monotonic() + CHANGE_SECONDS
        while True:
            connection = self._engine.connect()
            try:
                connection.exec_driver_sql("BEGIN")
                connection.exec_driver_sql(
                    "SELECT count(*) FROM sqlite_master"
                )  # from here on the state stays
                return connection
            except BaseException as error:
                connection.close()
                if not lacks_shared_memory(getattr(error, "orig", None)) or time.monotonic() > deadline:
                    raise
            time.sleep(0.01)

    def _study_row(self, connection: sa.Connection) -> Any:
        query = sa.select(schema.studies).order_by(schema.studies.c.id.desc()).limit(1)
        if self._name is not None:
            query = query.where(schema.studies.c.name == encode_name(self._name))
        row = None
        if sa.inspect(connection).has_table(schema.studies.name):
            row = connection.execute(query).one_or_none()
        if row is None:
            raise not_found(self._name)
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

    def close(self) -> None:
        """Let go of connections."""
        self._engine.dispose()


def _by_column(names: Sequence[str], parts: Iterable[Sequence[Any]]) -> dict[str, list[Any]]:
    """Turn rows into columns, part by part: a million rows at once keep the garbage collector busy."""
    columns: list[list[Any]] = [[] for _ in names]
    for part in parts:
        for column, values in zip(columns, zip(*part, strict=True), strict=True):
            column.extend(values)
    return dict(zip(names, columns, strict=True))


def _by_variable(parts: Iterable[Sequence[Any]]) -> list[LastValues]:
    """Turn rows of last values into columns, likewise."""
    columns: dict[str, list[list[Any]]] = {}
    for part in parts:
        groups: dict[str, list[Any]] = {}
        for row in part:
            groups.setdefault(row[1], []).append(row)
        for name, rows in groups.items():
            found = columns.setdefault(name, [[], [], [], [], []])
            for column, values in zip(found, zip(*rows, strict=True), strict=True):
                column.extend(values)
    return [LastValues(decode_name(name), keys, *rest) for name, (keys, _, *rest) in columns.items()]


def _of_experiments(
    connection: sa.Connection, query: sa.Select[Any], table: sa.Table, keys: Sequence[int] | None
) -> Iterator[Any]:
    """Walk rows of some experiments, None for all."""
    return chain.from_iterable(_parts_of_experiments(connection, query, table, keys))


def _parts_of_experiments(
    connection: sa.Connection, query: sa.Select[Any], table: sa.Table, keys: Sequence[int] | None
) -> Iterator[Sequence[Any]]:
    """Walk rows of some experiments, None for all, many at a time."""
    if keys is None or isinstance(keys, range):
        part = query if keys is None else query.where(_is_within(table.c.experiment, keys))
        yield from walk_parts(connection, part)
        return
    for start in range(0, len(keys), _CHUNK):
        part = query.where(table.c.experiment.in_(keys[start : start + _CHUNK]))
        yield from walk_parts(connection, part)


def _is_within(column: sa.Column[Any], keys: range) -> sa.ColumnElement[bool]:
    return sa.and_(column >= keys.start, column < keys.stop)
