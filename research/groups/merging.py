"""Databases of several machines, joined."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from research.errors import StudyError
from research.groups.database import REPORTS, UNENDED, Database
from research.groups.reports import reserve
from research.groups.tables import GROUPS, OWN
from research.storage.statements import listed
from research.storage.tables import EXPERIMENTS, RUNS, STUDIES, VALUES, Table


class Merged(NamedTuple):
    """How much a database has been given by others."""

    groups: int
    runs: int


def merge(into: Database, others: Sequence[Database]) -> Merged:
    """Add groups and runs of other databases to one; whatever it has already is left out.

    Groups are known by what is in them, and runs by ids that no other has, so nothing has to be renamed. What
    a closed loop has run elsewhere is a report here: a loop goes on where its log and its generations are.

    Raises
    ------
    StudyError
        If a database is to be merged into itself.
    """
    for other in others:
        if other.is_at(into.whole_place):
            raise StudyError(f"{other.place!r} cannot be merged into itself")
    groups = runs = 0
    for other in others:
        with other.reading() as source, into.writing() as target:
            before = _count(into, target)
            for table in OWN:
                for row in _rows(other, source, table):
                    into.insert(target, table, row)
            groups += _count(into, target) - before
            text = f'SELECT "id" FROM {EXPERIMENTS.name}'
            known = {id_ for (id_,) in into.run(target, text).fetchall()}
            for study in _rows(other, source, STUDIES):
                runs += _merge_study(into, target, other, source, study, known)
    return Merged(groups, runs)


def _merge_study(
    into: Database, target: Any, other: Database, source: Any, study: dict[str, Any], known: set[str]
) -> int:
    """Add what has ended of a study to the reports; return how many runs that are."""
    found = [
        row
        for row in _rows(other, source, EXPERIMENTS, study["id"])
        if row["id"] not in known and row["status"] not in UNENDED
    ]
    if not found:
        return 0
    known.update(row["id"] for row in found)
    own, first = reserve(into, target, len(found))
    keys = {row["key"]: first + place for place, row in enumerate(found)}
    begun = sorted(_rows(other, source, RUNS, study["id"]), key=lambda run: run["started"])
    for row in found:
        key = keys[row["key"]]
        moved = {"study": own, "key": key, "number": key, "group": key, "slot": 0, "code": None}
        into.insert(target, EXPERIMENTS, {**row, **moved})
        run = _run_of(row, begun, study["name"] == REPORTS)
        if run is not None:
            into.insert(target, RUNS, {**run, "study": own, "number": key})
    for table in VALUES:
        for value in _rows(other, source, table, study["id"]):
            if value["experiment"] in keys:
                into.insert(target, table, {**value, "study": own, "experiment": keys[value["experiment"]]})
    return len(found)


def _run_of(row: dict[str, Any], begun: Sequence[dict[str, Any]], is_report: bool) -> dict[str, Any] | None:
    """Return who has run an experiment: of a report that is known, else who was at the study then."""
    if is_report:
        return next((run for run in begun if run["number"] == row["key"]), None)
    before = [run for run in begun if row["started"] is None or run["started"] <= row["started"]]
    known = before or begun
    return known[-1] if known else None


def _rows(
    database: Database, connection: Any, table: Table, study: int | None = None
) -> list[dict[str, Any]]:
    """Return the rows of a table, or those of one study, by the names of columns."""
    if not database.has_table(connection, table):
        return []
    names = list(table.all_columns)
    text = f"SELECT {listed(names)} FROM {table.name}"
    if study is not None:
        text = f'{text} WHERE "study" = ?'
    found = database.run(connection, text, () if study is None else (study,)).fetchall()
    return [dict(zip(names, row, strict=True)) for row in found]


def _count(database: Database, connection: Any) -> int:
    return int(database.run(connection, f"SELECT count(*) FROM {GROUPS.name}").fetchone()[0])
