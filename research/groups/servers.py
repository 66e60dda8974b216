"""Groups in a PostgreSQL database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from research.errors import cannot_read, cannot_write
from research.groups.database import Database
from research.groups.tables import OWN
from research.storage import schema
from research.storage.servers import Server
from research.storage.statements import indexing, making
from research.storage.tables import Table

_TURN = 0x67726F757073  # a lock: who makes tables, one after another


class ServerDatabase(Database):
    """See `Database`.

    Parameters
    ----------
    url : str
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._server = Server.read(url)
        self.place = str(self._server)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_url": self.place}  # without a password

    @property
    def whole_place(self) -> str:
        return self._url

    @property
    def storage(self) -> Any:
        return self._server

    def is_at(self, place: str) -> bool:
        return place == self._url

    def exists(self) -> bool:
        return True

    @contextmanager
    def reading(self) -> Iterator[Any]:
        import psycopg

        with self._server.connect() as connection:
            try:
                yield connection
            except psycopg.Error as error:
                raise cannot_read(self.place, error) from error

    @contextmanager
    def writing(self) -> Iterator[Any]:
        import psycopg

        self._make_tables()
        with self._server.connect() as connection:  # which is one transaction
            try:
                yield connection
            except psycopg.Error as error:
                raise cannot_write(self.place, error) from error

    def _make_tables(self) -> None:
        with self.reading() as connection:
            if self.has_table(connection, OWN[-1]):
                return
        with self._server.connect() as connection:
            connection.execute(f"SELECT pg_advisory_xact_lock({_TURN})")
            if self.has_table(connection, OWN[-1]):
                return
            for metadata in (schema.metadata, schema.on_servers):
                metadata.create_all(self._server.engine())
            for table in OWN:
                for text in (making(table), *indexing(table)):
                    connection.execute(text.replace(" DOUBLE ", " DOUBLE PRECISION "))

    def run(self, connection: Any, text: str, values: Sequence[Any] = ()) -> Any:
        return connection.execute(text.replace("?", "%s"), tuple(values))

    def has_table(self, connection: Any, table: Table) -> bool:
        text = "SELECT to_regclass(?)"
        return self.run(connection, text, (table.name,)).fetchone()[0] is not None
