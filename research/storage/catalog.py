"""Studies in a database on a server: which there are, their small files, and how one is removed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from research.errors import StudyNotFoundError, cannot_ask
from research.storage import schema
from research.storage.encoding import decode_name, encode_name
from research.storage.servers import Server
from research.storage.tables import OF_STUDY


class Catalog:
    """What is known of the studies in a database beside their results; `of` opens one.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    """

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        found = sa.inspect(connection)
        tables = (schema.studies.name, schema.files.name)
        self._is_begun = all(found.has_table(name) for name in tables)

    @classmethod
    @contextmanager
    def of(cls, server: Server) -> Iterator[Catalog]:
        """Open that of a database, for one transaction.

        Raises
        ------
        StudyError
            If the database cannot be reached, or refuses what it is asked.
        """
        try:
            with server.engine().begin() as connection:
                yield cls(connection)
        except sa.exc.DBAPIError as error:
            raise cannot_ask(server, error) from error

    def studies(self) -> list[str]:
        """Return the names of all studies, in the order in which they were begun."""
        if not self._is_begun:
            return []
        table = schema.studies
        names = self._connection.execute(sa.select(table.c.name).order_by(table.c.id)).scalars()
        return [decode_name(name) for name in names]

    def ask(self, study: str, query: str, **given: Any) -> Sequence[Sequence[Any]]:
        """Ask by SQL, where `:study` stands for a study's number; see `research.storage.connecting.Ask`."""
        return self._connection.execute(sa.text(query), {"study": self._number(study), **given}).all()

    def put_file(self, study: str, name: str, data: bytes) -> None:
        """Write a small file of a study, in the place of one of that name."""
        number = self._number(study)
        if number is None:
            raise StudyNotFoundError(f"there is no study {study!r} any more: {name!r} has nowhere to go")
        statement = insert(schema.files).values(study=number, name=name, data=data)
        keys = [column.name for column in schema.files.primary_key]
        changes = {"data": statement.excluded.data}
        self._connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changes))

    def read_file(self, study: str, name: str) -> bytes | None:
        """Return what is in a small file of a study, None if there is none."""
        table = schema.files
        query = sa.select(table.c.data).where(table.c.study == self._number(study), table.c.name == name)
        found = self._connection.execute(query).scalar_one_or_none() if self._is_begun else None
        return None if found is None else bytes(found)

    def file_names(self, study: str) -> list[str]:
        """Return the names of the small files of a study."""
        table = schema.files
        query = sa.select(table.c.name).where(table.c.study == self._number(study)).order_by(table.c.name)
        return list(self._connection.execute(query).scalars()) if self._is_begun else []

    def remove_file(self, study: str, name: str) -> None:
        """Remove a small file of a study, if it is there."""
        table = schema.files
        own = sa.and_(table.c.study == self._number(study), table.c.name == name)
        if self._is_begun:
            self._connection.execute(sa.delete(table).where(own))

    def remove(self, study: str) -> None:
        """Remove all rows of a study."""
        number = self._number(study)
        tables = {**schema.metadata.tables, **schema.on_servers.tables}
        for table in [tables[kind.name] for kind in OF_STUDY] if number is not None else ():
            self._connection.execute(sa.delete(table).where(table.c.study == number))
        if number is not None:
            self._connection.execute(sa.delete(schema.studies).where(schema.studies.c.id == number))

    def _number(self, study: str) -> int | None:
        if not self._is_begun:
            return None
        table = schema.studies
        query = sa.select(table.c.id).where(table.c.name == encode_name(study))
        return self._connection.execute(query).scalar_one_or_none()
