"""Writing to SQLite, by statements of its own: what is run for a second should not load SQLAlchemy first."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from research.storage.batch import RENEWED, UPDATED, Batch
from research.storage.statements import indexing, listed, making
from research.storage.tables import EXPERIMENTS, LATER, OBJECTS, OUTPUTS, RUNS, STUDIES, TABLES, VALUES, Table
from research.storage.writing import Begin, exists_already, not_found

_CHUNK = 500  # SQLite's limit on parameters of one statement was 999 for long
_OF_NEW_RUN = {"finished": None, "outcome": None, "error": None}


class SqliteWriter:
    """See `research.storage.writing.Writer`.

    Parameters
    ----------
    connect : callable
        Connects to the database, when there is something to write.
    place : object
        Of the database, as users know it.
    """

    errors: tuple[type[BaseException], ...] = (sqlite3.Error, OSError)

    def __init__(self, connect: Callable[[], sqlite3.Connection], place: object) -> None:
        self._connect = connect
        self.place = place
        self._connected: sqlite3.Connection | None = None

    @property
    def _connection(self) -> sqlite3.Connection:
        if self._connected is None:
            self._connected = self._connect()
        return self._connected

    def begin(self, row: Mapping[str, Any], name: str | None, resume: bool) -> Begin:
        connection = self._connection
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            for table in TABLES:
                connection.execute(making(table))
            if resume:
                return self._go_on(connection, row, name)
            text, values = _insert(STUDIES, row)
            try:
                number = connection.execute(text, values).lastrowid
            except sqlite3.IntegrityError:
                raise exists_already(row["name"]) from None
            return Begin(number or 0)

    def _go_on(self, connection: sqlite3.Connection, row: Mapping[str, Any], name: str | None) -> Begin:
        """Find the study that is there, and where it has ended."""
        present = {column[1] for column in connection.execute(f"PRAGMA table_info({EXPERIMENTS.name})")}
        for column in LATER:
            if column not in present:
                kind = EXPERIMENTS.columns[column].sql
                connection.execute(f"ALTER TABLE {EXPERIMENTS.name} ADD COLUMN {column} {kind}")
        wanted = "" if name is None else " WHERE name = ?"
        found = connection.execute(
            f"SELECT id, next_key FROM {STUDIES.name}{wanted} ORDER BY id DESC LIMIT 1",
            () if name is None else (name,),
        ).fetchone()
        if found is None:
            raise not_found(name)
        study, key = found
        _change_study(connection, study, {**row, **_OF_NEW_RUN})
        own = "WHERE study = ?"
        (part,) = connection.execute(f"SELECT max(part) FROM {OUTPUTS.name} {own}", (study,)).fetchone()
        (n_runs,) = connection.execute(f"SELECT count(*) FROM {RUNS.name} {own}", (study,)).fetchone()
        return Begin(study, key, part or 0, n_runs)

    def write(self, study: int, batch: Batch) -> None:
        connection = self._connection
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            for keys in _chunks(sorted(batch.cleared)):
                places = ",".join("?" * len(keys))
                for table in VALUES:
                    text = f"DELETE FROM {table.name} WHERE study = ? AND experiment IN ({places})"
                    connection.execute(text, (study, *keys))
            for table, rows in batch.rows():
                connection.executemany(_upsert(table.name, study), rows)
            connection.executemany(_changing(dict.fromkeys(UPDATED, "?"), study), batch.updates)
            renewed = {name: f'coalesce(?, "{name}")' for name in RENEWED}
            connection.executemany(_changing(renewed, study), batch.renewals)
            if batch.study:
                _change_study(connection, study, batch.study)
            if batch.is_last:
                for table in TABLES:
                    for text in indexing(table):
                        connection.execute(text)

    def files(self) -> set[str]:
        text = f"SELECT path FROM {OBJECTS.name} WHERE path IS NOT NULL"
        return {path for (path,) in self._connection.execute(text)}

    def close(self) -> None:
        if self._connected is not None:
            self._connected.close()
            self._connected = None


@cache
def _upsert(name: str, study: int) -> str:
    """Return what puts rows of a study into a table, in place of those that have the same keys."""
    (table,) = (table for table in TABLES if table.name == name)
    names = ["study", *(column for column in table.all_columns if column != "study")]
    places = ", ".join([str(study), *"?" * (len(names) - 1)])
    changes = ", ".join(f'"{name}" = excluded."{name}"' for name in table.columns)
    return (
        f"INSERT INTO {table.name} ({listed(names)}) VALUES ({places}) "
        f"ON CONFLICT ({listed(table.keys)}) DO UPDATE SET {changes}"
    )


def _changing(values: Mapping[str, str], study: int) -> str:
    """Return what changes rows of a study's experiments: new values, then the key."""
    changes = ", ".join(f'"{name}" = {value}' for name, value in values.items())
    return f"UPDATE {EXPERIMENTS.name} SET {changes} WHERE study = {study} AND key = ?"


def _insert(table: Table, row: Mapping[str, Any]) -> tuple[str, tuple[Any, ...]]:
    values = ", ".join("?" * len(row))
    return f"INSERT INTO {table.name} ({listed(row)}) VALUES ({values})", tuple(row.values())


def _change_study(connection: sqlite3.Connection, study: int, changes: Mapping[str, Any]) -> None:
    text = ", ".join(f'"{name}" = ?' for name in changes)
    connection.execute(f"UPDATE {STUDIES.name} SET {text} WHERE id = ?", (*changes.values(), study))


def _chunks(keys: Sequence[int]) -> Iterable[Sequence[int]]:
    return (keys[start : start + _CHUNK] for start in range(0, len(keys), _CHUNK))
