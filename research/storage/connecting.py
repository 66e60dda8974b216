"""How the database of a study is opened: by the one who writes, and by those who read and trust no one."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

PATIENCE = 30.0  # seconds to wait for who holds the database locked
CHANGE_SECONDS = 2.0  # in which it is taken out of WAL mode, at most
MOST_CHECKED = 8 * 2**20  # bytes of a database that is read as a whole before it is gone on with
_NO_SHARED_MEMORY = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PROTOCOL)


def lacks_shared_memory(error: object) -> bool:
    """Whether an error says that a database cannot be read in WAL mode."""
    code = error.sqlite_errorcode if isinstance(error, sqlite3.OperationalError) else sqlite3.SQLITE_OK
    return code & 0xFF in _NO_SHARED_MEMORY


def _uri(path: Path, options: str) -> str:
    return f"file:{quote(str(path))}?{options}"


def read_only_uri(path: Path) -> str:
    """Return the URI by which SQLite opens a database, by its whole path, without changing anything."""
    folder = path.parent
    # in a folder that nobody can write, SQLite cannot share its log; without one there is no need to
    log = path.with_name(f"{path.name}-wal")
    is_settled = not os.access(folder, os.W_OK) and not (log.exists() and log.stat().st_size)
    return _uri(path, f"mode=ro{'&immutable=1' if is_settled else ''}")


def connect_read_only(path: Path) -> sqlite3.Connection:
    """Connect to a database that somebody else may have written."""
    connection = sqlite3.connect(read_only_uri(path), uri=True, timeout=PATIENCE, check_same_thread=False)
    distrust(connection)
    return connection


class Ask(Protocol):
    """Asks the database of a study; in its questions `:study` stands for the number of the study there."""

    def __call__(self, query: str, **given: Any) -> Sequence[Sequence[Any]]:
        """Return rows; what is given stands where the question has `:name`."""


@contextmanager
def asking(database: Path, study: str | None = None) -> Iterator[Ask]:
    """Open a database to be asked by SQL.

    Parameters
    ----------
    database : Path
        Whole.
    study : str, optional
        The name, as it is stored. Default: there is but one.
    """
    with closing(connect_read_only(database)) as connection:
        find = "SELECT min(id) FROM studies WHERE :name IS NULL OR name = :name"
        (number,) = connection.execute(find, {"name": study}).fetchone()

        def ask(query: str, **given: Any) -> list[Any]:
            return connection.execute(query, {"study": number, **given}).fetchall()

        yield ask


def distrust(connection: sqlite3.Connection) -> None:
    """Take a database for what it says, and no more.

    Views and triggers in it may call nothing that has side effects, and pages are checked before they are
    read. https://www.sqlite.org/security.html
    """
    connection.execute("PRAGMA trusted_schema=OFF")
    connection.execute("PRAGMA cell_size_check=ON")


def connect_to_write(path: Path, warn: Callable[[str], object]) -> sqlite3.Connection:
    """Connect to the database of a study that is run here.

    It is in WAL mode, in which nobody waits for anybody. That needs memory that processes share by a file,
    which network file systems do not have; there it has a rollback journal, with which those who read and
    the one who writes wait for each other. https://www.sqlite.org/wal.html

    Parameters
    ----------
    path : Path
    warn : callable
        Told where WAL mode cannot be.
    """
    try:
        connection, mode = _begin_wal(path)
    except sqlite3.OperationalError as error:
        if not lacks_shared_memory(error):
            raise
        _leave_wal(path)
        connection, mode = _connect(path, "mode=rwc"), "delete"
    if mode == "wal":
        connection.execute("PRAGMA synchronous=NORMAL")
    else:
        connection.execute("PRAGMA synchronous=FULL")  # else a power cut may damage the database
        warn(
            f"{str(path)!r} cannot be in WAL mode, as on a network file system: it has a rollback journal, "
            "and who reads it and who writes wait for each other"
        )
    connection.execute("PRAGMA cache_size=-65536")
    return connection


def _connect(path: Path, options: str) -> sqlite3.Connection:
    return sqlite3.connect(_uri(path, options), uri=True, timeout=PATIENCE, check_same_thread=False)


def _begin_wal(path: Path) -> tuple[sqlite3.Connection, str]:
    """Ask for WAL mode, and use it; return the mode that there is."""
    connection = _connect(path, "mode=rwc")
    try:
        mode = str(connection.execute("PRAGMA journal_mode=WAL").fetchone()[0])
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection, mode


def _leave_wal(path: Path) -> None:
    """Take a database out of WAL mode where that cannot be: who has it for himself shares no memory."""
    with closing(_connect(path, "mode=rw")) as connection:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()


def make_readable(path: Path) -> None:
    """Do what who only reads cannot do; for who runs the study, before anyone reads it.

    A commit that was broken off is undone, and a database that was in WAL mode elsewhere taken out of it.
    """
    with closing(connect_read_only(path)) as connection:
        try:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.OperationalError as error:
            is_broken_off = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_READONLY
            if not (is_broken_off or lacks_shared_memory(error)):
                raise
        else:
            return
    _leave_wal(path)


def check(path: Path) -> None:
    """Refuse a database that is damaged, before anything is written to it.

    Of a large one only the list of its tables is looked at: to read all of it takes longer than to find out
    by what is read and written.

    Raises
    ------
    sqlite3.DatabaseError
        Says what is wrong.
    """
    with closing(connect_read_only(path)) as connection:
        if path.stat().st_size > MOST_CHECKED:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            return
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise sqlite3.DatabaseError(found)
