"""A study that is about to be run: it belongs to one driver, or each of its shards does."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from research.errors import StudyError, StudyExistsError, StudyNotFoundError, cannot_write
from research.events import DONE
from research.storage.base import Closed, Record, Store, Study
from research.storage.damage import readable
from research.storage.folder import DATABASE, EXPERIMENTS, LOG, NewFolder
from research.storage.lock import Held, Holder, Lock, name_holder
from research.storage.opening import open_store, server_store, shared_store
from research.storage.outputs import STREAMS
from research.storage.places import DRIVERS, DatabasePlace, DriverNote, FolderPlace, Place, SharedPlace
from research.storage.presence import Presence, Shard
from research.storage.sql import SqlStore

_OWN = (LOG, EXPERIMENTS, *(f"{name}.txt" for name in STREAMS))  # in the folder of a study in a database


class Taken(Protocol):
    """A study that a driver holds, to run it. Leaving the context lets go of it.

    Attributes
    ----------
    place : Place
    is_guarded : bool
        Whether nobody else can take it meanwhile.
    sockets : tuple of int
        Descriptors by which it is held.
    """

    @property
    def place(self) -> Place: ...

    @property
    def is_guarded(self) -> bool: ...

    @property
    def sockets(self) -> tuple[int, ...]: ...

    def open(self, stack: ExitStack, warn: Callable[[str], object]) -> Store:
        """Open the store, to write it; the stack closes it."""

    def keep(self) -> None:
        """Let what is there stay: the study has begun."""

    def hand_over(self) -> None:
        """Leave it to a child of this process."""

    def take_over(self) -> None:
        """Be the process that runs it, and not its parent."""

    def __enter__(self) -> Taken: ...

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None: ...


class TakenFolder:
    """A study in a folder.

    Parameters
    ----------
    held : NewFolder
    """

    def __init__(self, held: NewFolder) -> None:
        self._held = held
        self.place: Place = FolderPlace(held.path)
        self.is_guarded = held.is_guarded
        self.sockets: tuple[int, ...] = ()
        self.keep = held.keep
        self.hand_over = held.hand_over
        self.take_over = held.take_over

    def open(self, stack: ExitStack, warn: Callable[[str], object]) -> Store:
        return open_store(self._held.path, stack, warn)

    def __enter__(self) -> TakenFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.__exit__(kind, error, trace)


class TakenDatabase:
    """A study in a database, or a shard of it; `earlier` is what is stored of it.

    Nobody else can begin it before `keep` is called.

    Parameters
    ----------
    place : DatabasePlace
    shard : Shard
    resume : bool
        Whether a study that is there is gone on with.

    Raises
    ------
    StudyExistsError
        If there is one, and it is not; or something else in its folder.
    StudyError
        If it is being run, or the server or the folder cannot be used.
    """

    is_guarded = True

    def __init__(self, place: DatabasePlace, shard: Shard, resume: bool) -> None:
        self.place: Place = place
        self._place = place
        self._shard = shard
        self._is_ours = True
        self._connection = place.server.connect()
        try:
            self._presence = Presence(self._connection, place.name, place.server)
            self._presence.be_known()
            self._presence.take_turn()
            self._refuse_others(self._presence.take(shard))
            self.earlier = self._look(resume)
            self._made = _make_folder(place.folder)
        except BaseException:
            self._connection.close()
            raise

    def _refuse_others(self, others: Sequence[Shard]) -> None:
        if not others:
            return
        by = self._place.drivers()
        who = f", by {' and '.join(map(str, by))}" if by else ""
        running = " and ".join(map(str, others))
        raise StudyError(
            f"the study {self._place.name!r} in {str(self._place.server)!r} is being run{who}: {running}, "
            f"which has experiments in common with {self._shard}"
        )

    def _look(self, resume: bool) -> Study | None:
        try:
            with readable(self._place):
                earlier = self._place.store().study()
        except StudyNotFoundError:
            return None
        if not resume:
            name, server = self._place.name, str(self._place.server)
            raise StudyExistsError(
                f"there is a study {name!r} in {server!r} already: give another `name`, go on with it by "
                f"`resume=True`, or remove it with Research.remove({name!r}, storage=…)"
            )
        return earlier

    @property
    def sockets(self) -> tuple[int, ...]:
        return (self._connection.fileno(),)

    def open(self, stack: ExitStack, warn: Callable[[str], object]) -> Store:
        server = self._place.server
        store = server_store(server, self._place.name, server.engine_of(self._connection))
        stack.callback(store.close)
        if self._shard.total == 1:
            return store
        return _OneOfSeveral(store, self._presence, self._shard, self._conclude)

    def keep(self) -> None:
        self._made = []
        for name in self._place.names(DRIVERS):
            if not name.endswith(f"-{self._shard.total}"):  # of a run that cut it otherwise
                self._place.remove_file(name)
        self._note(None)
        self._presence.end_turn()

    def _note(self, closed: Closed | None) -> None:
        """Write who is at this shard, and how that has ended."""
        with self._place.writing(DriverNote.file(self._shard)) as file:
            file.write(DriverNote(Holder.this(), closed).written())

    def _conclude(self, closed: Closed) -> Closed | None:
        """Return how the study has ended, if nobody else is at it; it is this driver's turn."""
        self._note(closed)
        if self._presence.drivers() != [self._shard]:
            return None
        notes = [self._place.reading(name) for name in self._place.names(DRIVERS)]
        ends = [DriverNote.read(data).closed for data in notes if data is not None]
        known = [end for end in ends if end is not None]
        if len(known) < len(ends):  # one was killed
            return None
        return next((end for end in known if end.outcome != DONE), closed)

    def hand_over(self) -> None:
        self._is_ours = False
        # to close it as it is would tell the server, and the child has it as well
        with open(os.devnull, "r+b") as nothing:  # noqa: PTH123
            os.dup2(nothing.fileno(), self._connection.fileno())
        self._connection.close()

    def take_over(self) -> None:
        pass

    def __enter__(self) -> TakenDatabase:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._is_ours:
            return
        self._connection.close()
        if self._made:
            (self._place.folder / LOG).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # there may be something in it
            for path in self._made:
                path.rmdir()


class TakenShared(Held):
    """A study in a file of SQLite where there are others; `earlier` is what is stored of it.

    It is held by a lock in the folder of its files.

    Parameters
    ----------
    place : SharedPlace
    resume : bool
        Whether a study that is there is gone on with.

    Raises
    ------
    StudyExistsError
        If there is one, and it is not.
    StudyError
        If it is being run, or the folder cannot be made.
    """

    sockets: tuple[int, ...] = ()

    def __init__(self, place: SharedPlace, resume: bool) -> None:
        self.place: Place = place
        self._place = place
        try:
            place.folder.mkdir(parents=True, exist_ok=True)
            lock = Lock.take(place.folder)
        except OSError as error:
            raise cannot_write(place.folder, error) from error
        if lock is None:
            raise StudyError(f"the study {str(place)!r} is being run, by {name_holder(place.folder)}")
        self._lock = lock
        try:
            with readable(place):
                self.earlier = place.store().study() if place.exists() else None
            if self.earlier is not None and not resume:
                raise StudyExistsError(
                    f"there is a study {str(place)!r} already: give another `name`, or go on with it by "
                    "`resume=True`"
                )
        except BaseException:
            lock.release()
            raise

    def open(self, stack: ExitStack, warn: Callable[[str], object]) -> Store:
        store = shared_store(self._place.file.path, self._place.name, warn=warn)
        stack.callback(store.close)
        return store

    def keep(self) -> None:
        pass


class _OneOfSeveral:
    """The store of a study as the driver of one of its shards has it.

    How the study has ended says the driver that ends last.
    """

    def __init__(
        self,
        store: SqlStore,
        presence: Presence,
        shard: Shard,
        conclude: Callable[[Closed], Closed | None],
    ) -> None:
        self._store = store
        self._conclude = conclude
        self._presence = presence
        self._shard = shard
        self.begin = store.begin
        self.study = store.study
        self.read = store.read
        self.close = store.close

    def write(self, records: Sequence[Record]) -> None:
        ends = [record for record in records if isinstance(record, Closed)]
        if not ends:
            self._store.write(records)
            return
        self._presence.take_turn()
        end = self._conclude(ends[-1])
        others = [record for record in records if not isinstance(record, Closed)]
        self._store.write(others if end is None else [*others, end])
        self._presence.leave(self._shard)
        self._presence.end_turn()


def remove_from_database(
    place: DatabasePlace, ask: bool, force: bool, end: Callable[[Place], object]
) -> bool:
    """Remove a study from its database, and its folder on this machine; see `Research.remove`."""
    place.check()
    shown = str(place)
    if place.is_held() and not force:
        raise StudyError(
            f"the study in {shown!r} is running; nothing was removed: end it first, or say `force=True`"
        )
    if ask:
        answer = input(f"Remove {shown} with everything of it? [y/N] ")
        if answer.strip().lower() not in ("y", "yes"):
            return False
    if place.is_held():
        end(place)
    place.remove()
    if place.folder.is_dir() and not _others(place.folder):
        shutil.rmtree(place.folder)
    return True


def _others(folder: Path) -> list[str]:
    """Return what is in the folder of a study in a database that is not the study's."""
    return sorted({path.name for path in folder.iterdir()}.difference(_OWN))


def _make_folder(folder: Path) -> list[Path]:
    """Make the folder for files of a study in a database; return what was made.

    Raises
    ------
    StudyExistsError
        If there is something else.
    StudyError
        If it cannot be made.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    if (folder / DATABASE).exists():
        raise StudyExistsError(
            f"there is another study in the folder {str(folder)!r}, where files of this one would be: give "
            "another `name`"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        others = _others(folder)
    except OSError as error:
        raise cannot_write(folder, error) from error
    if others:
        raise StudyExistsError(
            f"there is {others[0]!r} in the folder {str(folder)!r}, where files of the study would be: give "
            "another `name`"
        )
    return made
