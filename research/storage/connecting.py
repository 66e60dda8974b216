"""How the database of a study is opened by those who only read it, and may not trust it."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from urllib.parse import quote


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
