"""Where stores are, and how they are opened."""

from __future__ import annotations

import os
import sqlite3
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from research.errors import StudyNotFoundError
from research.storage.base import Store
from research.storage.folder import DATABASE
from research.storage.memory import MemoryStore
from research.storage.sql import SqlStore


def open_store(folder: Path | None, stack: ExitStack) -> Store:
    """Open the store of a study that is to be run: in its folder, or in memory if it has none.

    Parameters
    ----------
    folder : Path or None
    stack : ExitStack
        Closes the store, but for one in memory, which is read after the run.
    """
    if folder is None:
        return MemoryStore()
    store = sqlite_store(folder)
    stack.callback(store.close)
    return store


def sqlite_store(folder: Path, read_only: bool = False) -> SqlStore:
    """Open the store of a study in its folder: `research.db`, in WAL mode.

    Parameters
    ----------
    folder : Path
    read_only : bool, default False
        For those who read while another process may write.
    """
    path = folder / DATABASE
    if read_only and not path.is_file():
        raise StudyNotFoundError(f"there is no study in {str(folder)!r}: it has no {DATABASE}")
    name = quote(str(path.absolute()))

    def connect() -> sqlite3.Connection:
        if not read_only:
            connection = sqlite3.connect(path, timeout=30, check_same_thread=False)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute("PRAGMA cache_size=-65536")
            return connection
        # in a folder that nobody can write, SQLite cannot share its log; without one there is no need to
        log = path.with_name(f"{path.name}-wal")
        is_settled = not os.access(folder, os.W_OK) and not (log.exists() and log.stat().st_size)
        mode = "mode=ro&immutable=1" if is_settled else "mode=ro"
        return sqlite3.connect(f"file:{name}?{mode}", uri=True, timeout=30, check_same_thread=False)

    pool: dict[str, Any] = {"poolclass": NullPool} if read_only else {}
    return SqlStore(sa.create_engine("sqlite://", creator=connect, **pool), folder=folder)


def url_store(url: str, name: str | None = None) -> SqlStore:
    """Open a store by SQLAlchemy's URL of a database, for instance PostgreSQL's."""
    return SqlStore(sa.create_engine(url), name)
