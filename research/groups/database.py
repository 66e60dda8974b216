"""The database of groups: which are there, what has been reported, and how something is added to it.

SQLite needs nothing but Python's own library here; programs start often, and should not wait for another one.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from research.errors import (
    DamagedStudyError,
    GroupNotFoundError,
    StudyError,
    cannot_read,
    cannot_write,
    did_you_mean,
)
from research.events import QUEUED, RUNNING, STOPPED
from research.groups.tables import GROUPS, OWN, SCHEMAS
from research.groups.texts import digest, dumps
from research.monitoring.process import user_name
from research.storage.connecting import PATIENCE, connect_read_only, connect_to_write
from research.storage.scalars import decode_name, decode_plain, encode_name
from research.storage.statements import indexing, listed, making
from research.storage.tables import TABLES, Table
from research.version import __version__

if TYPE_CHECKING:
    from research.groups.schema import Schema

REPORTS = "reports"  # the study of what programs report by themselves
UNENDED = (QUEUED, RUNNING, STOPPED)  # statuses of runs of which nothing is known yet
_END = 300  # characters of an error that are shown, whose last line says most
_SHORT = 4  # digits by which a group may be named


class Entry(NamedTuple):
    """A group as it is stored."""

    id: str
    config: str
    schema: str
    parents: str
    generation: int
    created: float
    user: str | None
    host: str | None
    version: str | None
    source: str | None

    @property
    def values(self) -> dict[str, Any]:
        """Values by paths."""
        found: dict[str, Any] = json.loads(self.config)
        return found

    @property
    def parent_ids(self) -> list[str]:
        """Ids of the groups that it was bred from."""
        found: list[str] = json.loads(self.parents)
        return found


class Report(NamedTuple):
    """One value of one run."""

    group: str
    dataset: str
    status: str
    value: Any
    started: float | None


class Database:
    """Groups, and the runs of programs, in one database; connections are open only while something is done.

    Parameters
    ----------
    place : str or path
        A file of SQLite. It is made by what first writes to it.
    """

    def __init__(self, place: str | os.PathLike[str]) -> None:
        self.place = os.fsdecode(place)
        self.path = Path(self.place).absolute()

    @property
    def whole_place(self) -> str:
        """The place, as it is known from everywhere on this machine."""
        return str(self.path)

    @property
    def storage(self) -> Any:
        """What `Research` takes as `storage`."""
        from research.storage.shared import SharedFile

        return SharedFile(self.path)

    def is_at(self, place: str) -> bool:
        """Whether a text names this database."""
        return bool(place) and Path(place).absolute() == self.path

    def exists(self) -> bool:
        """Whether anything was ever written."""
        return self.path.is_file()

    @contextmanager
    def reading(self) -> Iterator[Any]:
        """Connect, to read.

        Raises
        ------
        GroupNotFoundError, DamagedStudyError
            If there is no such database, or another one.
        """
        if not self.exists():
            raise GroupNotFoundError(
                f"there is no database {self.place!r}: load parameters into it by "
                f"`research params load FILE --db {self.place}`, or give another `db`, or RESEARCH_DB"
            )
        connection = None
        try:
            connection = connect_read_only(self.path)
            yield connection
        except sqlite3.Error as error:
            raise cannot_read(self.place, error) from error
        finally:
            if connection is not None:
                connection.close()

    @contextmanager
    def writing(self) -> Iterator[Any]:
        """Connect and begin a transaction, which is committed in the end, or undone if something is raised.

        Raises
        ------
        StudyError
            If nothing can be written.
        """
        connection = None
        try:
            connection = self._connect()
            connection.isolation_level = None
            connection.execute("BEGIN IMMEDIATE")  # whoever else writes is waited for
            for table in (*TABLES, *OWN):
                for text in (making(table), *indexing(table)):
                    connection.execute(text)
            yield connection
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise cannot_write(self.place, error) from error
        finally:
            if connection is not None:
                connection.close()  # which undoes what was not committed

    def _connect(self) -> sqlite3.Connection:
        """Connect to write; who makes a database at the same moment as another is patient."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return connect_to_write(self.path, lambda text: None)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                    raise
                if time.monotonic() > until:
                    raise
            time.sleep(0.01)

    def run(self, connection: Any, text: str, values: Sequence[Any] = ()) -> Any:
        """Execute a statement; `?` stands for each value."""
        return connection.execute(text, tuple(values))

    def insert(self, connection: Any, table: Table, row: Mapping[str, Any]) -> None:
        """Add a row, unless there is one with its keys."""
        text = f"INSERT INTO {table.name} ({listed(row)}) VALUES ({', '.join('?' * len(row))})"
        self.run(connection, f"{text} ON CONFLICT ({listed(table.keys)}) DO NOTHING", list(row.values()))

    def add(
        self,
        groups: Iterable[tuple[Mapping[str, Any], Sequence[str], int]],
        schema: Schema,
        source: str | None = None,
    ) -> list[str]:
        """Add groups; those that are there stay as they are, but for what is said of types.

        Parameters
        ----------
        groups : iterable of (dict, sequence of str, int)
            Values by paths, ids of parents, and how many generations were before.
        schema : Schema
        source : str, optional
            Where they are from.

        Returns
        -------
        list of str
            Their ids.
        """
        text = schema.text
        number = digest(text)
        found = []
        with self.writing() as connection:
            self.insert(connection, SCHEMAS, {"id": number, "content": text})
            for values, parents, generation in groups:
                config = dumps(values)
                id_ = digest(config)
                row = Entry(
                    id_,
                    config,
                    number,
                    json.dumps(list(parents)),
                    generation,
                    time.time(),
                    user_name(),
                    os.uname().nodename,
                    __version__,
                    source,
                )
                self.insert(connection, GROUPS, row._asdict())
                if generation == 0:  # loaded again, with other bounds perhaps
                    text = f'UPDATE {GROUPS.name} SET "schema" = ? WHERE "id" = ?'
                    self.run(connection, text, (number, id_))
                found.append(id_)
        return found

    def groups(self) -> list[Entry]:
        """Return all groups, in the order in which they came to be."""
        with self.reading() as connection:
            if not self.has_table(connection, GROUPS):
                return []
            names = listed(Entry._fields)
            text = f'SELECT {names} FROM {GROUPS.name} ORDER BY "generation", "created", "id"'
            return [Entry(*row) for row in self.run(connection, text).fetchall()]

    def find(self, id_: str | None) -> Entry:
        """Return the group of an id, or of the beginning of one; None stands for the only one.

        Raises
        ------
        GroupNotFoundError
            If there is none, or several.
        """
        found = self.entry(id_) if id_ is not None and len(id_) == 16 else None
        if found is not None:
            return found
        known = {entry.id: entry for entry in self.groups()}
        if id_ is None:
            if len(known) == 1:
                return next(iter(known.values()))
            what = "holds no groups" if not known else f"holds {len(known)} groups: say which is meant"
            raise GroupNotFoundError(f"{self.place!r} {what}, by `group`, or RESEARCH_GROUP")
        starting = [key for key in known if key.startswith(id_)] if len(id_) >= _SHORT else []
        if len(starting) == 1:
            return known[starting[0]]
        if starting:
            raise GroupNotFoundError(
                f"{id_!r} may be {' or '.join(starting)} in {self.place!r}: write more of it"
            )
        near = did_you_mean(id_, known) or "; `research params show` and `ParameterStore.ids` list them"
        raise GroupNotFoundError(f"there is no group {id_!r} in {self.place!r}{near}")

    def entry(self, id_: str) -> Entry | None:
        """Return the group of a whole id, if it is there."""
        with self.reading() as connection:
            if not self.has_table(connection, GROUPS):
                return None
            text = f'SELECT {listed(Entry._fields)} FROM {GROUPS.name} WHERE "id" = ?'
            row = self.run(connection, text, (id_,)).fetchone()
            return None if row is None else Entry(*row)

    def schema(self, number: str) -> Schema:
        """Return what groups of a schema may be."""
        from research.groups.schema import Schema  # who only reads values needs none of it

        with self.reading() as connection:
            text = f'SELECT "content" FROM {SCHEMAS.name} WHERE "id" = ?'
            row = self.run(connection, text, (number,)).fetchone()
        if row is None:
            raise DamagedStudyError(f"{self.place!r} has lost the schema {number!r}")
        return Schema.stored(row[0])

    def has_table(self, connection: Any, table: Table) -> bool:
        """Whether a table has been made."""
        text = "SELECT 1 FROM sqlite_master WHERE name = ?"
        return self.run(connection, text, (table.name,)).fetchone() is not None

    def reports(self, metric: str) -> list[Report]:
        """Return a metric of all runs that have ended; None where one has not reported it.

        Raises
        ------
        StudyError
            If no run has reported it.
        """
        text = (
            'SELECT e."config", e."status", l."type", l."number", l."text", e."started", e."error" '
            "FROM experiments e LEFT JOIN latest l "
            "ON l.study = e.study AND l.experiment = e.key AND l.variable = ? "
            f"WHERE e.status NOT IN ({', '.join(map(repr, UNENDED))}) ORDER BY e.started, e.id"
        )
        found, has_any, failure = [], False, ""
        with self.reading() as connection:
            if self.has_table(connection, TABLES[1]):
                for config, status, kind, number, written, started, error in self.run(
                    connection, text, (encode_name(metric),)
                ).fetchall():
                    values = json.loads(config)
                    has_any = has_any or kind is not None
                    failure = failure if error is None else error[-_END:]
                    value = None if kind is None else decode_plain(kind, number, written)
                    if isinstance(values.get("group"), str):
                        found.append(Report(values["group"], values["dataset"], status, value, started))
        if not has_any:
            near = did_you_mean(metric, self.metrics())
            why = f"; one has failed: {failure}" if failure and not near else ""
            raise StudyError(f"no run in {self.place!r} has reported {metric!r}{near}{why}")
        return found

    def metrics(self) -> list[str]:
        """Return what has been reported."""
        with self.reading() as connection:
            if not self.has_table(connection, TABLES[1]):
                return []
            rows = self.run(connection, "SELECT DISTINCT variable FROM latest ORDER BY variable").fetchall()
        return [decode_name(name) for (name,) in rows]

    def datasets(self) -> list[str]:
        """Return the data sets of all runs, in the order in which they were first met."""
        with self.reading() as connection:
            if not self.has_table(connection, TABLES[1]):
                return []
            rows = self.run(
                connection, 'SELECT "config" FROM experiments ORDER BY "started", "id"'
            ).fetchall()
        found = (json.loads(config).get("dataset") for (config,) in rows)
        return list(dict.fromkeys(name for name in found if isinstance(name, str)))
