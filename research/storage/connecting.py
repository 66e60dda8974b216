"""How the database of a study is opened by those who only read it, and may not trust it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa

from research.errors import ResearchError, cannot_read


def read_only_uri(path: Path) -> str:
    """Return the URI by which SQLite opens a database, by its whole path, without changing anything."""
    folder = path.parent
    # in a folder that nobody can write, SQLite cannot share its log; without one there is no need to
    log = path.with_name(f"{path.name}-wal")
    is_settled = not os.access(folder, os.W_OK) and not (log.exists() and log.stat().st_size)
    return f"file:{quote(str(path))}?mode=ro{'&immutable=1' if is_settled else ''}"


def connect_read_only(path: Path) -> sqlite3.Connection:
    """Connect to a database that somebody else may have written."""
    connection = sqlite3.connect(read_only_uri(path), uri=True, timeout=30, check_same_thread=False)
    distrust(connection)
    return connection


def distrust(connection: sqlite3.Connection) -> None:
    """Take a database for what it says, and no more.

    Views and triggers in it may call nothing that has side effects, and pages are checked before they are
    read. https://www.sqlite.org/security.html
    """
    connection.execute("PRAGMA trusted_schema=OFF")
    connection.execute("PRAGMA cell_size_check=ON")


@contextmanager
def readable(place: object) -> Iterator[None]:
    """Turn whatever fails while rows are read and decoded into an error that says whose they are.

    Parameters
    ----------
    place : object
        The study, as the user knows it.

    Raises
    ------
    DamagedStudyError
        Instead of all errors that rows which are not what they should be can lead to.
    """
    try:
        yield
    except ResearchError:
        raise
    except _OF_DAMAGE as error:
        raise cannot_read(place, error) from error


_OF_DAMAGE = (
    sa.exc.DBAPIError,
    sqlite3.Error,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)
