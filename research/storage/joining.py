"""Tables of several studies become those of one, by the ids of experiments.

Rows go from database to database in SQL, so that no number of experiments is held in memory, and nothing of
what is carried over is looked into.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import sqlalchemy as sa

from research.errors import Contradiction, DamagedStudyError
from research.events import DONE, FAILED, LOST, PRUNED, QUEUED, RUNNING, STOPPED, TIMEOUT
from research.storage import schema
from research.storage.base import Study
from research.storage.comparing import Pair, compare, reader
from research.storage.connecting import distrust, read_only_uri
from research.storage.damage import readable
from research.storage.encoding import encode_name, plain
from research.storage.folder import DATABASE
from research.storage.runs import copy_runs
from research.storage.tables import VALUES
from research.storage.upgrading import columns_of

_RANKS = {
    status: rank
    for rank, status in enumerate((DONE, PRUNED, FAILED, TIMEOUT, STOPPED, LOST, RUNNING, QUEUED))
}
_SOURCES, _TARGET = ("source", "other"), "target"  # what databases are called in SQL
_ID = "[0-9a-f]" * 16
_BATCH = 1000  # rows that are held at once

_notes = sa.MetaData()  # tables of a database of its own, gone with the connection
_found = sa.Table(
    "found",
    _notes,
    *(sa.Column(name, sa.Integer) for name in ("side", "key", "generation", "pass", "repetition", "number")),
    sa.Column("id", sa.String(16), index=True),
    sa.Column("rank", sa.Integer),  # by status: the lowest counts
    sa.Column("turn", sa.Integer),  # of the study, among equals
)
_taken = sa.Table(
    "taken",
    _notes,
    sa.Column("side", sa.Integer, primary_key=True),
    sa.Column("key", sa.Integer, primary_key=True),
    sa.Column("id", sa.String(16), index=True),
    sa.Column("rank", sa.Integer),
    sa.Column("new", sa.Integer),
)
_twins = sa.Table(  # experiments that are done here, too, with the same values
    "twins",
    _notes,
    sa.Column("side", sa.Integer, primary_key=True),
    sa.Column("key", sa.Integer, primary_key=True),
    sa.Column("new", sa.Integer),
)


class Side(NamedTuple):
    """A study that is to be merged."""

    number: int
    name: str  # as the user gave it
    folder: Path
    study: Study
    n_workers: int
    n_slots: int
    n_groups: int


class Shift(NamedTuple):
    """What is added to numbers of a study, so that those of two studies stay apart."""

    worker: int
    group: int


class LargeObject(NamedTuple):
    """A file that belongs to a row."""

    id: str
    variable: str
    iteration: int
    path: str
    key: int  # in the merged study


class Folder(NamedTuple):
    """What decides the name of an experiment's folder, in one study and in the merged one."""

    id: str
    prefix: str | None
    new_prefix: str | None


class View(NamedTuple):
    """A study in its tables."""

    study: int  # its number there
    tables: Callable[[sa.Table], sa.Table]  # what the tables are called


class Joint:
    """Databases of studies, seen through one connection, by which they are joined.

    Parameters
    ----------
    sides : sequence of Side
    turns : sequence of int
        By study: which of them counts where experiments are equally far, the lowest first.
    """

    def __init__(self, sides: Sequence[Side], turns: Sequence[int]) -> None:
        self._sides = sides
        self._turns = turns
        self._keeps_numbers = False  # of experiments, which are those of one study
        self._engine = sa.create_engine("sqlite://", creator=_connect)
        self._connection = self._engine.connect()
        _notes.create_all(self._connection)
        self._connection.commit()

    def close(self) -> None:
        """Let go of all files."""
        self._connection.close()
        self._engine.dispose()

    def survey(self, by_repetition: bool, by_key: bool = False) -> None:
        """Look which experiments there are, and choose the study from which each is taken.

        Parameters
        ----------
        by_repetition : bool
            Whether all first repetitions come before all second ones.
        by_key : bool
            Whether the order is that of keys, as studies are shards of one domain.
        """
        self._keeps_numbers = by_key
        for side, turn in zip(self._sides, self._turns, strict=True):
            with self._reading(side) as [(study, source)]:
                self._find(side, turn, study, source(schema.experiments))
        outer = [
            _found.c[name] for name in ("generation", "pass", *(("repetition",) if by_repetition else ()))
        ]
        rank = sa.func.row_number().over(partition_by=[*outer, _found.c.side], order_by=_found.c.number)
        ranked = sa.select(_found, rank.label("among")).subquery()
        ranks = [*(ranked.c[column.name] for column in outer), ranked.c.among]
        order = [*([ranked.c.key] if by_key else ranks), ranked.c.side]
        place = sa.func.row_number().over(order_by=order)
        placed = sa.select(ranked, place.label("place")).subquery()
        choice = sa.func.row_number().over(partition_by=placed.c.id, order_by=[placed.c.rank, placed.c.turn])
        first = sa.func.min(placed.c.place).over(partition_by=placed.c.id).label("first")
        joined = sa.select(placed, choice.label("choice"), first).subquery()
        new = sa.func.row_number().over(order_by=joined.c.first) - 1
        names = ("side", "key", "id", "rank")
        query = sa.select(*(joined.c[name] for name in names), new).where(joined.c.choice == 1)
        self._connection.execute(sa.insert(_taken).from_select([*names, "new"], query))

    def _find(self, side: Side, turn: int, study: int, table: sa.Table) -> None:
        odd = sa.select(table.c.id).where(table.c.study == study, table.c.id.bool_op("NOT GLOB")(_ID))
        wrong = self._connection.execute(odd.limit(1)).scalar_one_or_none()
        if wrong is not None:
            raise DamagedStudyError(f"the study in {side.name!r} has an experiment {wrong!r}: that is no id")
        names = ("key", "id", "generation", "pass", "repetition", "number")
        rank = sa.case(_RANKS, value=table.c.status, else_=len(_RANKS))
        query = sa.select(sa.literal(side.number), *(table.c[name] for name in names), rank, sa.literal(turn))
        query = query.where(table.c.study == study)
        self._connection.execute(sa.insert(_found).from_select(["side", *names, "rank", "turn"], query))

    def contradictions(self, is_settled: Callable[[Side], bool]) -> list[Contradiction]:
        """Compare what was done by more than one; return what is not the same.

        Parameters
        ----------
        is_settled : callable
            Whether a study wins if it is not.
        """
        both = (_taken.c.id == _found.c.id) & (_taken.c.side != _found.c.side)
        done = (_taken.c.rank == 0) & (_found.c.rank == 0)
        joint = sa.select(_taken.c.side, _found.c.side).distinct().select_from(_taken.join(_found, both))
        open_: list[Contradiction] = []
        for winner, loser in self._connection.execute(joint.where(done)).all():
            of_two = done & (_taken.c.side == winner) & (_found.c.side == loser)
            columns = (_taken.c.id, _taken.c.key, _found.c.key, _taken.c.new)
            query = sa.select(*columns).select_from(_taken.join(_found, both)).where(of_two)
            found = self._differences(self._sides[winner], self._sides[loser], query)
            open_ += [] if is_settled(self._sides[winner]) else found
        return open_

    def _differences(self, one: Side, other: Side, query: sa.Select[Any]) -> list[Contradiction]:
        """Compare two studies, and note of which experiments they say the same."""
        found: list[Contradiction] = []
        with self._reading(one, other) as views:
            readers = [reader(self._connection, *view) for view in views]
            pairs = (Pair(*row) for row in self._stream(query))
            same: list[Pair] = []
            for pair, differences in compare(
                pairs, readers, [one.folder, other.folder], [one.name, other.name]
            ):
                found += differences
                same += [] if differences else [pair]
                if len(same) == _BATCH:
                    self._note_twins(other, same)
                    same = []
            self._note_twins(other, same)
        return found

    def _note_twins(self, side: Side, pairs: Sequence[Pair]) -> None:
        rows = [{"side": side.number, "key": pair.right, "new": pair.new} for pair in pairs]
        if rows:
            self._connection.execute(sa.insert(_twins), rows)

    def write(self, folder: Path, study: Study, shifts: Sequence[Shift]) -> None:
        """Write the tables of the merged study."""
        self._connection.exec_driver_sql("ATTACH ? AS target", (_uri(folder / DATABASE, "rwc"),))
        self._connection.exec_driver_sql("PRAGMA target.journal_mode=OFF")  # it is there whole or not at all
        target = partial(_in_database, _TARGET)
        for table in schema.metadata.sorted_tables:
            target(table).create(self._connection)
        count = self._connection.execute(sa.select(sa.func.count()).select_from(_taken)).scalar_one()
        self._connection.execute(
            sa.insert(target(schema.studies)).values({**_study_row(study), "next_key": count})
        )
        for side, shift in zip(self._sides, shifts, strict=True):
            with self._reading(side) as [(number, source)]:
                self._take(side, shift, number, source, target)
        self._connection.exec_driver_sql("PRAGMA target.journal_mode=WAL")

    def _take(self, side: Side, shift: Shift, study: int, source: Any, target: Any) -> None:
        """Take rows of a study, under their new keys."""
        copy_runs(self._connection, study, source, target, _SOURCES[0])
        for table in (schema.experiments, *(schema.metadata.tables[values.name] for values in VALUES)):
            rows = source(table)
            if table is schema.outputs and not sa.inspect(self._connection).has_table(
                table.name, _SOURCES[0]
            ):
                continue  # of a version that kept none
            columns: dict[str, Any] = {column.name: column for column in rows.c}
            if table is schema.experiments:
                columns = {**columns_of(self._connection, rows, _SOURCES[0])}
            columns["study"] = sa.literal(1)
            key = rows.c.key if table is schema.experiments else rows.c.experiment
            columns[key.name] = _taken.c.new
            if table is schema.experiments:
                if not self._keeps_numbers:
                    columns["number"] = _taken.c.new
                for name in Shift._fields:
                    columns[name] = rows.c[name] + getattr(shift, name)
            query = sa.select(*columns.values()).select_from(
                rows.join(_taken, (_taken.c.side == side.number) & (_taken.c.key == key))
            )
            query = query.where(rows.c.study == study)
            self._connection.execute(sa.insert(target(table)).from_select(list(columns), query))

    def large_objects(self, side: Side) -> Iterator[LargeObject]:
        """Walk objects of a study that are files."""
        with self._reading(side) as [(study, source)]:
            rows = source(schema.objects)
            columns = (_taken.c.id, *(rows.c[name] for name in ("variable", "iteration", "path")))
            owned = (_taken.c.side == side.number) & (_taken.c.key == rows.c.experiment)
            query = sa.select(*columns, _taken.c.new).select_from(rows.join(_taken, owned))
            query = query.where(rows.c.study == study, rows.c.path.is_not(None))
            for row in self._stream(query):
                yield LargeObject(*row)

    def name_object(self, item: LargeObject, path: str) -> None:
        """Note where the file of an object is."""
        table = _in_database(_TARGET, schema.objects)
        place = (table.c.study == 1) & (table.c.experiment == item.key)
        place &= (table.c.variable == item.variable) & (table.c.iteration == item.iteration)
        self._connection.execute(sa.update(table).where(place).values(path=path))

    def folders(self, side: Side, twins: bool = False) -> Iterator[Folder]:
        """Walk experiments that are taken from a study, or those that it has done as well."""
        chosen = _twins if twins else _taken
        with self._reading(side) as [(study, source)]:
            own, new = source(schema.experiments), _in_database(_TARGET, schema.experiments)
            owned = (chosen.c.side == side.number) & (chosen.c.key == own.c.key)
            joined = own.join(chosen, owned).join(new, (new.c.study == 1) & (new.c.key == chosen.c.new))
            query = sa.select(own.c.id, own.c.prefix, new.c.prefix).select_from(joined)
            for row in self._stream(query.where(own.c.study == study)):
                yield Folder(*row)

    @contextmanager
    def _reading(self, *sides: Side) -> Iterator[list[View]]:
        """Look at one state of each of up to two studies."""
        names = _SOURCES[: len(sides)]
        self._connection.commit()  # a transaction cannot be joined
        with readable(" or ".join(side.name for side in sides)):
            try:
                for side, name in zip(sides, names, strict=True):
                    uri = read_only_uri(side.folder / DATABASE)
                    self._connection.exec_driver_sql(f"ATTACH ? AS {name}", (uri,))
                self._connection.exec_driver_sql("BEGIN")
                yield [self._view(name) for name in names]
                self._connection.commit()
            finally:
                self._connection.rollback()
                for row in self._connection.exec_driver_sql("PRAGMA database_list").all():
                    if row.name in names:
                        self._connection.exec_driver_sql(f"DETACH {row.name}")

    def _view(self, name: str) -> View:
        tables = partial(_in_database, name)
        newest = sa.select(sa.func.max(tables(schema.studies).c.id))
        return View(int(self._connection.execute(newest).scalar_one()), tables)

    def _stream(self, query: sa.Select[Any]) -> Iterator[Any]:
        yield from self._connection.execute(query, execution_options={"yield_per": _BATCH})


def _connect() -> sqlite3.Connection:
    """Open a database that is nowhere; others are attached to it."""
    connection = sqlite3.connect("", uri=True, isolation_level=None, timeout=30, check_same_thread=False)
    distrust(connection)
    return connection


def _uri(path: Path, mode: str) -> str:
    return f"file:{quote(str(path))}?mode={mode}"


@cache
def _in_database(name: str, table: sa.Table) -> sa.Table:
    """Return a table as it is called in a database that is attached."""
    return table.to_metadata(sa.MetaData(), schema=name)


def _study_row(study: Study) -> dict[str, Any]:
    row = {**study._asdict(), "id": 1, "name": encode_name(study.name), "seed": str(study.seed)}
    return {**row, "domain": plain(study.domain), "settings": json.dumps(study.settings)}
