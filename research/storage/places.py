"""Where a study is kept: in a folder of its own, or in a database on a server."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol, runtime_checkable

from research.errors import StudyNotFoundError, did_you_mean
from research.storage.base import Closed, Store
from research.storage.connecting import Ask, asking, connect_read_only
from research.storage.files import inside
from research.storage.folder import DATABASE
from research.storage.lock import Holder, is_held, read_holder
from research.storage.presence import Presence, Shard
from research.storage.servers import Server, Storage
from research.storage.shared import SharedFile
from research.whole import whole_file

if TYPE_CHECKING:
    from research.storage.catalog import Catalog

DRIVERS = "drivers"  # small files in which drivers say who they are


@runtime_checkable
class Place(Protocol):
    """Where a study is kept, whether it is there or not; its text is what users know it by.

    Attributes
    ----------
    folder : Path
        Of the files of experiments, and of the log, on this machine.
    look_seconds : float
        Between two looks whether a study has ended.
    """

    folder: Path
    look_seconds: float

    @property
    def reader(self) -> str:
        """What is to be written in Python to read the results."""

    def exists(self) -> bool:
        """Whether there is a study."""

    def check(self) -> None:
        """Raise StudyNotFoundError if there is none."""

    def store(self) -> Store:
        """Open the store, to read it."""

    def drivers(self) -> Sequence[Holder]:
        """Return the processes that run the study, as far as they have said who they are."""

    def is_held(self) -> bool:
        """Whether a process runs the study, as far as can be known."""

    def asking(self) -> AbstractContextManager[Ask]:
        """Open the database to be asked by SQL, for what is to be known at a glance."""

    def writing(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Open a small file that belongs to the study, to be written whole or not at all."""

    def reading(self, name: str) -> bytes | None:
        """Return what is in such a file, None if there is none."""

    def names(self, top: str) -> list[str]:
        """Return the names of all such files below a folder."""


class FolderPlace:
    """A study in a folder of its own.

    Parameters
    ----------
    path : Path
    """

    look_seconds = 0.02

    def __init__(self, path: Path) -> None:
        self._shown = str(path)
        self.folder = path.absolute()

    def __str__(self) -> str:
        return self._shown

    @property
    def reader(self) -> str:
        return f"ResearchResults({self._shown!r})"

    def exists(self) -> bool:
        return (self.folder / DATABASE).is_file()

    def check(self) -> None:
        if not self.exists():
            raise StudyNotFoundError(f"there is no study in {self._shown!r}: it has no {DATABASE}")

    def store(self) -> Store:
        from research.storage.opening import sqlite_store  # a study that is yet to be run has none

        return sqlite_store(Path(self._shown), read_only=True)

    def asking(self) -> AbstractContextManager[Ask]:
        return asking(self.folder / DATABASE)

    def drivers(self) -> Sequence[Holder]:
        holder = read_holder(self.folder) if self.is_held() else None
        return [] if holder is None else [holder]

    def is_held(self) -> bool:
        return is_held(self.folder)

    def writing(self, name: str) -> AbstractContextManager[BinaryIO]:
        return whole_file(self.folder / name)

    def reading(self, name: str) -> bytes | None:
        path = self.folder / name
        return path.read_bytes() if path.is_file() else None

    def names(self, top: str) -> list[str]:
        paths = (self.folder / top).rglob("*.txt")
        return [inside(self.folder, path).relative_to(self.folder).as_posix() for path in paths]


class DatabasePlace:
    """A study in a database on a server, where there may be others; what its units write stays in a folder.

    Parameters
    ----------
    server : Server
    name : str
        The study's, and the path of the folder.
    """

    look_seconds = 0.5

    def __init__(self, server: Server, name: str) -> None:
        self.server = server
        self.name = str(PurePosixPath(name))  # one name, however its path was typed
        self.folder = Path(name).absolute()

    def __str__(self) -> str:
        return f"{self.name} in {self.server}"

    @property
    def reader(self) -> str:
        return f"ResearchResults({self.name!r}, storage=…)"

    def exists(self) -> bool:
        with self._catalog() as catalog:
            return self.name in catalog.studies()

    def check(self) -> None:
        with self._catalog() as catalog:
            known = catalog.studies()
        if self.name not in known:
            name, server = self.name, str(self.server)
            raise StudyNotFoundError(f"there is no study {name!r} in {server!r}{did_you_mean(name, known)}")

    def store(self) -> Store:
        from research.storage.opening import server_store

        self.check()
        return server_store(self.server, self.name)

    @contextmanager
    def asking(self) -> Iterator[Ask]:
        with self._catalog() as catalog:
            yield partial(catalog.ask, self.name)

    def drivers(self) -> Sequence[Holder]:
        found = [self.reading(DriverNote.file(shard)) for shard in self.shards()]
        return [DriverNote.read(data).holder for data in found if data is not None]

    def is_held(self) -> bool:
        return bool(self.shards())

    def shards(self) -> list[Shard]:
        """Return the shards of the study that are being run."""
        with closing(self.server.connect()) as connection:
            return Presence(connection, self.name, self.server).drivers()

    @contextmanager
    def writing(self, name: str) -> Iterator[BinaryIO]:
        file = io.BytesIO()
        yield file
        with self._catalog() as catalog:
            catalog.put_file(self.name, name, file.getvalue())

    def reading(self, name: str) -> bytes | None:
        with self._catalog() as catalog:
            return catalog.read_file(self.name, name)

    def names(self, top: str) -> list[str]:
        with self._catalog() as catalog:
            return [name for name in catalog.file_names(self.name) if name.startswith(f"{top}/")]

    def remove_file(self, name: str) -> None:
        """Remove a small file, if it is there."""
        with self._catalog() as catalog:
            catalog.remove_file(self.name, name)

    def remove(self) -> None:
        """Remove all that the database has of the study."""
        with self._catalog() as catalog:
            catalog.remove(self.name)

    @contextmanager
    def _catalog(self) -> Iterator[Catalog]:
        from research.storage.catalog import Catalog  # takes a quarter of a second

        with Catalog.of(self.server) as catalog:
            yield catalog


class SharedPlace(FolderPlace):
    """A study in a file of SQLite where there are others; small files, and those of units, are in a folder.

    Parameters
    ----------
    file : SharedFile
    name : str
        The study's.
    """

    def __init__(self, file: SharedFile, name: str) -> None:
        super().__init__(file.folder(name))
        self.file = file
        self.name = name

    def __str__(self) -> str:
        return f"{self.name} in {self.file}"

    @property
    def reader(self) -> str:
        return f"ResearchResults({self.name!r}, storage='sqlite:///{self.file}')"

    def exists(self) -> bool:
        return self.name in self.studies()

    def asking(self) -> AbstractContextManager[Ask]:
        from research.storage.encoding import encode_name

        return asking(self.file.path, encode_name(self.name))

    def studies(self) -> list[str]:
        """Return the names of the studies in the file."""
        from research.storage.encoding import decode_name

        if not self.file.path.is_file():
            return []
        with closing(connect_read_only(self.file.path)) as connection:
            if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'studies'").fetchone() is None:
                return []
            return [
                decode_name(name) for (name,) in connection.execute("SELECT name FROM studies ORDER BY id")
            ]

    def check(self) -> None:
        known = self.studies()
        if self.name not in known:
            name, file = self.name, str(self.file)
            raise StudyNotFoundError(f"there is no study {name!r} in {file!r}{did_you_mean(name, known)}")

    def store(self) -> Store:
        from research.storage.opening import shared_store

        self.check()
        return shared_store(self.file.path, self.name, read_only=True)


def place_of(name: str, storage: Storage | None) -> Place:
    """Return where a study of a name is kept."""
    if isinstance(storage, SharedFile):
        return SharedPlace(storage, name)
    return FolderPlace(Path(name)) if storage is None else DatabasePlace(storage, name)


def keeps_files(place: Place | None) -> bool:
    """Whether large objects, and what is printed, are files beside the database of a study."""
    return isinstance(place, FolderPlace) and not isinstance(place, SharedPlace)


class DriverNote(NamedTuple):
    """What the driver of a shard of a study in a database says of itself, in a small file."""

    holder: Holder
    closed: Closed | None = None  # how it has ended; None: it is at work, or was killed

    @staticmethod
    def file(shard: Shard) -> str:
        """Return the name of the file."""
        return f"{DRIVERS}/{shard.number}-{shard.total}"

    @classmethod
    def read(cls, data: bytes) -> DriverNote:
        """Return what `written` wrote."""
        holder, closed = json.loads(data)
        return cls(Holder(*holder), None if closed is None else Closed(*closed))

    def written(self) -> bytes:
        """Return it as a file has it."""
        return json.dumps(self).encode()
