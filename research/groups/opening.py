"""Which database a text names."""

from __future__ import annotations

import os
from typing import Any

from research.groups.database import Database

URLS = ("postgresql:", "postgres:", "postgresql+psycopg:")
FILES = "sqlite:///"


def open_database(place: Any) -> Database:
    """Return a database of groups: in a file of SQLite, or on a PostgreSQL server.

    Raises
    ------
    TypeError, ValueError
        If the text names none.
    ImportError
        If there is nothing to connect with.
    """
    if not isinstance(place, str | os.PathLike) or not os.fspath(place):
        raise TypeError(
            f"`db` must be the path of a file, or the URL of a PostgreSQL database, got {place!r}"
        )
    text = os.fsdecode(place)
    if text.startswith(URLS):
        from research.groups.servers import ServerDatabase

        return ServerDatabase(text)
    return Database(text.removeprefix(FILES))
