"""Databases on servers: how they are named, and connections to them."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote, quote_plus

from research.errors import StudyError, did_you_mean
from research.storage.shared import SCHEME, SharedFile

if TYPE_CHECKING:
    import psycopg
    import sqlalchemy as sa

SCHEMES = ("postgresql+psycopg", "postgresql", "postgres")
_AS = "'postgresql+psycopg://user@host/database'"
_EXTRA = "it is the extra 'postgres', as in pip install 'domain-research[postgres]'"
# who has lost a server should know it within a minute; what the URL says comes first
_OPTIONS = {
    "connect_timeout": "10",
    "keepalives_idle": "20",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",  # milliseconds
    "application_name": "research",
}
_SECRETS = ("password", "sslpassword")  # parameters of a URL
_SECRET = "***"  # noqa: S105  (what stands for one)


class Server:
    """A database on a PostgreSQL server; `read` makes one of what a user gives.

    Its text never holds the password, nor the rest of the URL, where there may be another; nor does its
    pickle.
    """

    def __init__(self, url: sa.URL) -> None:
        self._url = url
        self._engine: sa.Engine | None = None

    def __reduce__(self) -> Any:
        """Go to another process, or into a definition that is kept, without the password."""
        url = self._url._replace(password=None).difference_update_query(_SECRETS)
        return _read, (url.render_as_string(hide_password=False),)

    @classmethod
    def read(cls, storage: Any) -> Server:
        """Return the database that a URL names; nothing is connected to.

        Raises
        ------
        TypeError, ValueError
            If it is no such URL.
        ImportError
            If there is nothing to connect with.
        """
        if isinstance(storage, Server):
            return storage
        if not isinstance(storage, str) and not hasattr(storage, "render_as_string"):
            raise TypeError(
                f"`storage` must be the URL of a PostgreSQL database, {_AS}, got {type(storage).__name__}"
            )
        text = storage if isinstance(storage, str) else storage.render_as_string(hide_password=False)
        scheme, found, rest = text.partition("://")
        if not found or scheme not in SCHEMES:
            is_scheme = found and scheme.replace("+", "").isalnum()  # else it may hold a password
            what = f"{scheme!r}{did_you_mean(scheme, SCHEMES)}" if is_scheme else "a text without a scheme"
            raise ValueError(f"`storage` must be the URL of a PostgreSQL database, {_AS}, got {what}")
        import sqlalchemy as sa

        try:
            url = sa.make_url(f"{SCHEMES[0]}://{rest}")
            if "@" in (url.host or ""):  # which is a part of the password
                raise ValueError
        except (ValueError, sa.exc.ArgumentError):  # their texts may quote a part of the password
            raise ValueError(
                f"`storage` must be a URL as {_AS}, and cannot be read: a password with a sign such as "
                "'@', '/' or ':' is to be written as urllib.parse.quote(password, safe='') gives it"
            ) from None
        if find_spec("psycopg") is None:
            raise ImportError(f"studies in PostgreSQL need psycopg, which is not installed: {_EXTRA}")
        return cls(url)

    def __str__(self) -> str:
        url = self._url
        user = f"{url.username}@" if url.username else ""
        port = f":{url.port}" if url.port else ""
        return f"postgresql://{user}{url.host or ''}{port}/{url.database or ''}"

    def __repr__(self) -> str:
        return f"<{self}>"

    def hide(self, text: str) -> str:
        """Return a text without the password, as it is or as URLs write it."""
        given = (self._url.password, *(self._url.query.get(name) for name in _SECRETS))
        for word in given:
            if isinstance(word, str) and len(word) > 2:  # (in a text a shorter one is everywhere)
                for form in (word, quote(word, safe=""), quote(word, safe=" +"), quote_plus(word)):
                    text = text.replace(form, _SECRET)
        return text

    def connect(self) -> psycopg.Connection[Any]:
        """Connect to it.

        Raises
        ------
        StudyError
            If it is not there, or lets nobody in.
        """
        try:
            import psycopg
        except ImportError as error:  # it is there, and the library that it needs is not
            raise ImportError(f"psycopg cannot be used: {error}: {_EXTRA}") from error
        _, given = self._url.get_dialect()().create_connect_args(self._url)
        try:
            return psycopg.connect(**{**_OPTIONS, **given})
        except psycopg.Error as error:
            reason = self.hide(str(error).strip().partition("\n")[0])
            raise StudyError(
                f"the database {str(self)!r} cannot be reached: {reason}; see whether the server runs there, "
                "and whether database, user and password are right"
            ) from None

    def engine(self) -> sa.Engine:
        """Return what reads the database, by a connection for each time."""
        if self._engine is None:
            import sqlalchemy as sa

            url = f"{SCHEMES[0]}://"
            self._engine = sa.create_engine(url, creator=self.connect, poolclass=sa.pool.NullPool)
        return self._engine

    @staticmethod
    def engine_of(connection: psycopg.Connection[Any]) -> sa.Engine:
        """Return what uses one connection, and never another."""
        import sqlalchemy as sa

        return sa.create_engine(f"{SCHEMES[0]}://", creator=lambda: connection, poolclass=sa.pool.StaticPool)


def _read(text: str) -> Server:
    return Server.read(text)


Storage: TypeAlias = Server | SharedFile  # where several studies are kept


def read_storage(storage: Any) -> Storage:
    """Return what `storage` names: a database on a server, or the file of one.

    Raises
    ------
    TypeError, ValueError
        If it is no such URL.
    ImportError
        If there is nothing to connect with.
    """
    if isinstance(storage, SharedFile):
        return storage
    if isinstance(storage, str) and storage.startswith(f"{SCHEME}:"):
        return SharedFile.read(storage)
    return Server.read(storage)
