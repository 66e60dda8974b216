"""Snapshots: a study as it is at one moment, in a folder of its own."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import time
from contextlib import closing
from itertools import count
from pathlib import Path

from research.errors import cannot_write
from research.storage.connecting import connect_read_only
from research.storage.copying import copy_tree
from research.storage.damage import readable
from research.storage.folder import DATABASE, study_name
from research.storage.lock import FILE as LOCK_FILE
from research.storage.places import DatabasePlace, FolderPlace, Place, SharedPlace
from research.whole import temporary_name

_LEFT_OUT = (LOCK_FILE, DATABASE, *(f"{DATABASE}{end}" for end in ("-wal", "-shm", "-journal")))
_NOT_WRITTEN = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY)
_IN_THE_WAY = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR)


def take_snapshot(name: str | os.PathLike[str] | Place) -> Path:
    """Copy a study, which may be running, to a dated folder beside it: `<name>-2025-01-31-093000`.

    The copy is a study like any other. Its database is that of one moment; files, of which a running study
    may write others meanwhile, are copied after it. Links stay links. The folder gets its name when it is
    complete: what is broken off leaves at most a hidden folder, which holds no study.

    Parameters
    ----------
    name : str, path or Place
        The study's folder; or where else it is kept, and then the copy is beside the folder of its files.

    Returns
    -------
    Path
        That of the snapshot.

    Raises
    ------
    StudyNotFoundError
        If there is no study in the folder.
    DamagedStudyError
        If its database cannot be read.
    StudyError
        If the snapshot cannot be written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from research import Research, ResearchResults
    >>> with TemporaryDirectory() as parent:
    ...     study = Research(f'{parent}/study').add_callable('f', lambda: 5, save_to='x').run(bar=False)
    ...     ResearchResults(take_snapshot(f'{parent}/study')).df['x'].tolist()
    [5]
    """
    place = name if isinstance(name, Place) else FolderPlace(Path(study_name(name)))
    place.check()
    source = place.folder.resolve()
    dated = source.with_name(f"{source.name}-{time.strftime('%Y-%m-%d-%H%M%S')}")
    temporary = temporary_name(dated)
    try:
        try:
            temporary.mkdir(parents=True)
            if isinstance(place, DatabasePlace | SharedPlace):
                from research.storage.fetching import fetch  # takes a quarter of a second

                fetch(place, temporary)
                return _name(temporary, dated)
            database = temporary / f"{DATABASE}.part"
            _copy_database(source, database)
            copy_tree(source, temporary, _LEFT_OUT)
            database.rename(temporary / DATABASE)  # last: from here on there is a study
            return _name(temporary, dated)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
    except OSError as error:
        raise cannot_write(dated, error) from error


def _copy_database(source: Path, target: Path) -> None:
    """Copy the database as it is at one moment, also while somebody writes to it."""
    with closing(sqlite3.connect(target)) as copy:
        with readable(source), closing(connect_read_only(source / DATABASE)) as original:
            original.execute("SELECT count(*) FROM sqlite_master").fetchone()
            try:
                original.backup(copy)
            except sqlite3.Error as error:
                if error.sqlite_errorcode & 0xFF in _NOT_WRITTEN:
                    raise cannot_write(target.parent, error) from error
                raise
        copy.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _name(temporary: Path, dated: Path) -> Path:
    """Give a complete snapshot its name, or a number as well, where that is taken."""
    for number in count(1):
        path = dated if number == 1 else dated.with_name(f"{dated.name}-{number}")
        if os.path.lexists(path):
            continue
        try:
            temporary.rename(path)
        except OSError as error:  # somebody was faster
            if error.errno not in _IN_THE_WAY:
                raise
        else:
            return path
    raise AssertionError
