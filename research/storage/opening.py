"""Where stores are, and how they are opened."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from research.errors import StudyNotFoundError
from research.storage.base import Store
from research.storage.connecting import connect_read_only, connect_to_write
from research.storage.folder import DATABASE
from research.storage.memory import MemoryStore
from research.storage.servers import Server
from research.storage.sql import SqlStore
from research.storage.sqlite import SqliteWriter
from research.storage.writing import not_found

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from research.storage.reading import Reader


def open_store(folder: Path | None, stack: ExitStack, warn: Callable[[str], object]) -> Store:
    """Open the store of a study that is to be run: in its folder, or in memory if it has none.

    Parameters
    ----------
    folder : Path or None
    stack : ExitStack
        Closes the store, but for one in memory, which is read after the run.
    warn : callable
        Told of a place where a database is less than it could be.
    """
    if folder is None:
        return MemoryStore()
    store = sqlite_store(folder, warn=warn)
    stack.callback(store.close)
    return store


def sqlite_store(
    folder: Path, read_only: bool = False, warn: Callable[[str], object] = lambda text: None
) -> SqlStore:
    """Open the store of a study in its folder: `research.db`, in WAL mode where that can be.

    Parameters
    ----------
    folder : Path
    read_only : bool, default False
        For those who read while another process may write.
    warn : callable, optional
        Told if it cannot be in WAL mode.
    """
    path = folder.absolute() / DATABASE  # units and users change the directory
    if read_only and not path.is_file():
        raise StudyNotFoundError(f"there is no study in {str(folder)!r}: it has no {DATABASE}")
    return _file_store(path, None, folder, read_only, warn)


def shared_store(
    path: Path,
    name: str,
    read_only: bool = False,
    warn: Callable[[str], object] = lambda text: None,
) -> SqlStore:
    """Open the store of one of the studies in a file of SQLite."""
    return _file_store(path, name, None, read_only, warn)


def _file_store(
    path: Path, name: str | None, folder: Path | None, read_only: bool, warn: Callable[[str], object]
) -> SqlStore:
    def connect() -> sqlite3.Connection:
        return connect_read_only(path) if read_only else connect_to_write(path, warn)

    def look() -> sqlite3.Connection:
        if not path.is_file():
            raise not_found(None)
        return connect_read_only(path)

    def read(name: str | None) -> Reader:
        import sqlalchemy as sa  # takes a quarter of a second, which who only writes should not wait for

        from research.storage.reading import Reader

        engine = sa.create_engine("sqlite://", creator=look, poolclass=sa.pool.NullPool)
        return Reader(engine, name, folder)

    return SqlStore(SqliteWriter(connect, path), read, name, folder)


def url_store(url: str, name: str | None = None) -> SqlStore:
    """Open a store by the URL of a database."""
    return server_store(Server.read(url), name)


def server_store(server: Server, name: str | None = None, writing: Engine | None = None) -> SqlStore:
    """Open a store in a database on a server.

    Parameters
    ----------
    server : Server
    name : str, optional
        The study's. Default: the one that was begun last.
    writing : sqlalchemy.Engine, optional
        By which it is written. Default: the one by which it is read.
    """
    return engine_store(server.engine(), name, writing, server)


def engine_store(
    engine: Engine, name: str | None = None, writing: Engine | None = None, place: object = None
) -> SqlStore:
    """Open a store in a database that SQLAlchemy connects to."""
    from research.storage.databases import DatabaseWriter
    from research.storage.reading import Reader

    return SqlStore(DatabaseWriter(writing or engine, place), lambda name: Reader(engine, name), name)
