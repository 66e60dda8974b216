"""Whether a study is as it should be: its database, its values, and the files beside it."""

from __future__ import annotations

import os
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from research.definition import FILE
from research.errors import DamagedStudyError, StudyNotFoundError, shorten
from research.events import DONE, FAILED, PRUNED, RUNNING, STATUSES, TIMEOUT
from research.results.added import Added
from research.results.selection import StoredExperiment
from research.results.values import all_series, opened
from research.storage import tables
from research.storage.base import ExperimentRow, Store
from research.storage.connecting import connect_read_only
from research.storage.damage import readable
from research.storage.encoding import decode_scalar
from research.storage.files import OBJECTS, object_file
from research.storage.folder import DATABASE, EXPERIMENTS, study_name
from research.storage.lock import is_held
from research.whole import is_temporary

_ENDED = (DONE, PRUNED, FAILED, TIMEOUT)
_ALWAYS = (tables.STUDIES, tables.EXPERIMENTS, tables.LATEST, tables.HISTORY, tables.OBJECTS)
_SHOWN = 5  # names in one line
_CHUNK = 500  # experiments whose values are read at once
_ID = re.compile("[0-9a-f]{16}")


class Problem(NamedTuple):
    """Something that is not as it should be.

    Attributes
    ----------
    kind : str
        'database', 'experiment', 'values', 'objects' or 'folders'.
    text : str
    """

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Report:
    """What `check_study` has found.

    Attributes
    ----------
    name : str
        The study.
    problems : tuple of Problem
        What is damaged, or does not fit together.
    remarks : tuple of str
        What is odd, and does no harm.
    counts : dict of str to int
        How many experiments have which status.
    """

    name: str
    problems: tuple[Problem, ...]
    remarks: tuple[str, ...]
    counts: Mapping[str, int]

    @property
    def is_sound(self) -> bool:
        """Whether there is no problem."""
        return not self.problems

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {status}" for status, count in self.counts.items()) or "no experiments"
        verdict = "sound" if self.is_sound else f"{len(self.problems)} problems"
        lines = [f"{self.name}: {counts}: {verdict}"]
        lines += [f"  {problem.kind}: {problem.text}" for problem in self.problems]
        return "\n".join([*lines, *(f"  (remark) {text}" for text in self.remarks)])


def check_study(name: str | os.PathLike[str]) -> Report:
    """Look at everything that a study keeps, and tell what is wrong. Nothing is changed, and no code is run.

    All pages of the database are read, all values are decoded but for pickled objects, and folders of
    experiments are compared to experiments, and the reverse. A study may run meanwhile.

    Parameters
    ----------
    name : str or path
        The study's folder.

    Returns
    -------
    Report

    Raises
    ------
    StudyNotFoundError
        If there is no study in the folder.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from research import Domain, EC, EP, Research
    >>> with TemporaryDirectory() as top:
    ...     study = Research(f'{top}/study', Domain(a=[1, 2]))
    ...     study = study.add_callable('f', lambda a, folder: a, a=EC('a'), folder=EP(), save_to='b')
    ...     _ = study.run(bar=False)
    ...     check_study(f'{top}/study').is_sound
    True
    """
    folder = Path(study_name(name)).absolute()
    if not (folder / DATABASE).is_file():
        raise StudyNotFoundError(f"there is no study in {os.fspath(name)!r}: it has no {DATABASE}")
    return _Check(os.fspath(name), folder).report()


class _Check:
    """One look at a study."""

    def __init__(self, name: str, folder: Path) -> None:
        self._name = name
        self._folder = folder
        self._problems: list[Problem] = []
        self._remarks: list[str] = []
        self._is_running = self._is_closed = False

    def report(self) -> Report:
        """Look at one thing after another, as far as that goes."""
        self._is_running = is_held(self._folder)  # first: what it has now may be stored by and by
        folders = set(_names(self._folder / EXPERIMENTS))
        files = set(_names(self._folder / OBJECTS))
        rows: list[ExperimentRow] = []
        if self._look(self._check_database):
            from research.storage.opening import sqlite_store

            with closing(sqlite_store(self._folder, read_only=True)) as store:
                self._look(lambda: rows.extend(self._read(store)))
                if rows:
                    self._look(lambda: self._check_values(store, rows))
        if rows or not self._problems:
            self._check_folders(folders, rows)
        self._look(lambda: self._check_objects(files))
        self._check_rest(rows)
        counts = Counter(row.status for row in rows)
        ordered = {status: counts[status] for status in dict.fromkeys((*STATUSES, *counts)) if counts[status]}
        return Report(self._name, tuple(self._problems), tuple(self._remarks), ordered)

    def _say(self, kind: str, text: str) -> None:
        self._problems.append(Problem(kind, text))

    def _look(self, look: Callable[[], object]) -> bool:
        """Do one part of it; return whether that could be done."""
        try:
            with readable(self._name):
                look()
        except (DamagedStudyError, StudyNotFoundError) as error:
            self._say("database", str(error))
            return False
        return True

    def _check_database(self) -> None:
        with closing(connect_read_only(self._folder / DATABASE)) as connection:
            found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(20)")]
            if found != ["ok"]:
                self._say("database", "; ".join(found))
            there = _tables(connection)
            for table in _ALWAYS:
                if table.name not in there:
                    self._say("database", f"there is no table {table.name!r}")
                    return
            for table in tables.VALUES:
                if table.name in there:
                    self._check_owners(connection, table.name)
            highest = 'SELECT max("key") FROM experiments WHERE study = s.id'
            query = f"SELECT id FROM studies s WHERE next_key <= ({highest})"  # noqa: S608
            for _ in connection.execute(query):
                self._say(
                    "database", "`next_key` is not above all keys: new experiments would replace others"
                )

    def _check_owners(self, connection: sqlite3.Connection, table: str) -> None:
        owner = 'SELECT 1 FROM experiments e WHERE e.study = v.study AND e."key" = v.experiment'
        query = f"SELECT count(*) FROM {table} v WHERE NOT EXISTS ({owner})"  # noqa: S608  (names are ours)
        (count,) = connection.execute(query).fetchone()
        if count:
            self._say("values", f"{count} rows of the table {table!r} belong to no experiment")

    def _read(self, store: Store) -> Iterator[ExperimentRow]:
        """Walk experiments, and look at each."""
        study = store.study()
        self._is_closed = study.outcome is not None
        added = Added(study.settings)
        for row in store.read().experiments:
            if not isinstance(row.id, str) or not _ID.fullmatch(row.id):
                self._say("experiment", f"{shorten(row.id)} is no id")
            if row.status not in STATUSES:
                self._say("experiment", f"{row.id} has a status {shorten(row.status)}, which there is not")
            try:
                with readable(self._name):
                    StoredExperiment(row, (), added).check()
            except DamagedStudyError as error:
                self._say("experiment", f"the config of {row.id} cannot be read: {error}")
            yield row

    def _check_values(self, store: Store, rows: list[ExperimentRow]) -> None:
        """Decode all values; where that fails, find out whose they are."""
        ids = {row.key: row.id for row in rows}
        for start in range(0, max(ids) + 1, _CHUNK):
            if _decode(store, range(start, start + _CHUNK), self._name) is None:
                continue
            for key in range(start, start + _CHUNK):
                problem = _decode(store, range(key, key + 1), self._name) if key in ids else None
                if problem is not None:
                    self._say("values", f"those of {ids[key]} cannot be read: {problem}")

    def _check_objects(self, files: set[str]) -> None:
        """Look for the files of large objects."""
        with closing(connect_read_only(self._folder / DATABASE)) as connection:
            if tables.OBJECTS.name not in _tables(connection):
                return
            kept = list(connection.execute("SELECT path, size FROM objects WHERE path IS NOT NULL"))
            query = "SELECT count(*) FROM objects WHERE path IS NULL AND length(data) IS NOT size"
            (odd,) = connection.execute(query).fetchone()
        if odd:
            self._say("objects", f"{odd} of them have not the size that they should have")
        for path, size in kept:
            try:
                file = object_file(self._folder, path)
            except DamagedStudyError as error:
                self._say("objects", str(error))
                continue
            found = file.stat().st_size if file.is_file() else None
            if found != size:
                what = "is not there" if found is None else f"has {found} bytes, and should have {size}"
                self._say("objects", f"the file {path!r} {what}")
        left = sorted(
            name for name in files - {Path(str(path)).name for path, _ in kept} if not is_temporary(name)
        )
        if left:
            self._remarks.append(
                f"{len(left)} files of objects belong to no value, as of experiments that began anew: "
                f"{_few(left)}"
            )

    def _check_folders(self, folders: set[str], rows: list[ExperimentRow]) -> None:
        names = {row.folder_name for row in rows}
        strange = sorted(folders - names)
        if strange:
            text = f"{len(strange)} in {EXPERIMENTS!r} belong to no experiment"
            if self._is_closed and not self._is_running:
                self._say("folders", f"{text}: {_few(strange)}")
            else:  # an experiment is stored a moment after it has begun
                self._remarks.append(f"{text}, as of those that have just begun: {_few(strange)}")
        without = [row.folder_name for row in rows if row.status in _ENDED and row.folder_name not in folders]
        if folders & names and without:
            self._remarks.append(
                f"{len(without)} experiments that have ended have no folder, where others have one: "
                f"{_few(without)}"
            )

    def _check_rest(self, rows: list[ExperimentRow]) -> None:
        broken = [row.id for row in rows if row.status == RUNNING]
        if broken and not self._is_running:
            self._remarks.append(
                f"{len(broken)} experiments were running when the study was killed: run(resume=True) begins "
                f"them anew: {_few(broken)}"
            )
        if not (self._folder / FILE).is_file():
            self._remarks.append(f"there is no {FILE}: Research.load gives results only")
        half = [path for path in self._folder.rglob(".*.tmp") if is_temporary(path.name)]
        if half and not self._is_running:
            names = sorted(str(path.relative_to(self._folder)) for path in half)
            self._remarks.append(f"{len(half)} files were not written to their end: {_few(names)}")


def _decode(store: Store, keys: range, name: str) -> str | None:
    """Decode the values of some experiments; return what is wrong with them."""
    try:
        with readable(name):
            snapshot = store.read(variables=None, within=keys)
            for series in all_series(snapshot, opened(snapshot.objects, load_objects=False)):
                series.as_saved()
            for last in snapshot.latest:  # of which those with a history have not been looked at
                decode_scalar(last.type, last.number, last.text)
    except (DamagedStudyError, OSError) as error:  # (a file of an array may be missing)
        return str(error)
    return None


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {str(row[0]) for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()] if folder.is_dir() else []


def _few(names: list[Any]) -> str:
    """Return some names as text."""
    shown = ", ".join(map(str, names[:_SHOWN]))
    return shown if len(names) <= _SHOWN else f"{shown}, …"
