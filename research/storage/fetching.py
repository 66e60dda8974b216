"""A study that is kept in a database, brought into a folder, where it is a study like any other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from research.errors import cannot_ask
from research.events import folder_name
from research.storage import schema
from research.storage.connecting import connect_read_only
from research.storage.copying import copy_tree
from research.storage.encoding import encode_name
from research.storage.files import is_file_name
from research.storage.folder import DATABASE
from research.storage.lock import FILE as LOCK
from research.storage.outputs import experiment_file
from research.storage.places import DRIVERS, DatabasePlace, SharedPlace
from research.storage.tables import EXPERIMENTS, OUTPUTS, RUNS, VALUES
from research.whole import write_whole

_MANY = 1000  # rows at a time


def fetch(place: DatabasePlace | SharedPlace, folder: Path) -> None:
    """Copy a study as it is at one moment, also while it runs, and the files that it has on this machine.

    What experiments have printed becomes files, as it does where a study has a folder.

    Parameters
    ----------
    place : DatabasePlace or SharedPlace
    folder : Path
        Which is there; the database in it comes last.

    Raises
    ------
    StudyNotFoundError
        If there is no such study.
    StudyError
        If the server cannot be reached.
    """
    place.check()
    try:
        _copy(place, folder)
    except sa.exc.DBAPIError as error:
        raise cannot_ask(place, error) from error


def _copy(place: DatabasePlace | SharedPlace, folder: Path) -> None:
    copy_tree(place.folder, folder, (LOCK,))
    part = folder / f"{DATABASE}.part"
    engine = sa.create_engine("sqlite://", creator=lambda: _connect(part), poolclass=sa.pool.NullPool)
    with _connected(place) as source:
        studies = schema.studies
        row = source.execute(sa.select(studies).where(studies.c.name == encode_name(place.name))).one()
        with engine.begin() as target:
            schema.metadata.create_all(target)
            target.execute(sa.insert(studies), {**row._mapping, "id": 1})
            for kind in (EXPERIMENTS, *VALUES, RUNS):
                table = schema.metadata.tables[kind.name]
                for rows in _parts(source, table, row.id) if kind is not OUTPUTS else ():
                    target.execute(sa.insert(table), rows)
        _write_outputs(source, row.id, folder)
        files = schema.files
        kept = sa.select(files.c.name, files.c.data).where(files.c.study == row.id)
        for name, data in source.execute(kept) if isinstance(place, DatabasePlace) else ():  # else in folders
            if not name.startswith(f"{DRIVERS}/") and all(map(is_file_name, name.split("/"))):
                write_whole(folder / name, bytes(data))
    engine.dispose()
    part.rename(folder / DATABASE)


@contextmanager
def _connected(place: DatabasePlace | SharedPlace) -> Iterator[sa.Connection]:
    """Connect to a database as it is at one moment."""
    if isinstance(place, DatabasePlace):
        engine = place.server.engine()
        with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            yield connection
        return
    path = place.file.path
    engine = sa.create_engine(
        "sqlite://", creator=lambda: connect_read_only(path), poolclass=sa.pool.NullPool
    )
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        yield connection


def _connect(path: Path) -> Any:
    import sqlite3

    return sqlite3.connect(path)


def _parts(connection: sa.Connection, table: sa.Table, study: int) -> Iterator[list[Mapping[str, Any]]]:
    """Walk the rows of a study in a table, many at a time, as those of the only one."""
    query = sa.select(table).where(table.c.study == study)
    with connection.execution_options(yield_per=_MANY).execute(query) as result:
        for rows in result.mappings().partitions():
            yield [{**row, "study": 1} for row in rows]


def _write_outputs(connection: sa.Connection, study: int, folder: Path) -> None:
    outputs, own = schema.outputs, schema.experiments
    joined = outputs.join(own, sa.and_(own.c.study == outputs.c.study, own.c.key == outputs.c.experiment))
    query = sa.select(own.c.id, own.c.prefix, outputs.c.stream, outputs.c.data).select_from(joined)
    query = query.where(outputs.c.study == study).order_by(outputs.c.experiment, outputs.c.part)
    for id_, prefix, stream, data in connection.execution_options(yield_per=_MANY).execute(query):
        name = folder_name(id_, prefix)
        if is_file_name(name):
            path = experiment_file(folder, name, stream)
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                file.write(data)
