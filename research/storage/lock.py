"""Whose a study is while it runs: a lock on a file in its folder, which says which process holds it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import time
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from research.beginnings import start_of
from research.storage.files import identity

FILE = "research.lock"
LAST_SECONDS = 5.0  # in which workers of a driver that was killed have to end: they do, but not at once


class Holder(NamedTuple):
    """A process, named so that no other is ever taken for it."""

    host: str
    pid: int
    start: str  # when it began: a pid is given again, with another start

    @classmethod
    def this(cls) -> Holder:
        """Return this process."""
        return cls(socket.gethostname(), os.getpid(), start_of(os.getpid()) or "")

    @property
    def is_alive(self) -> bool:
        """Whether it is a process of this machine that has not ended."""
        return self.host == socket.gethostname() and start_of(self.pid) == self.start

    @property
    def has_ended(self) -> bool:
        """Whether it was a process of this machine, and is no more."""
        return self.host == socket.gethostname() and not self.is_alive

    def __str__(self) -> str:
        return f"process {self.pid} of {self.host}"


class Lock:
    """A lock that is held; `take` makes one.

    It belongs to the open file, so that it ends with the last process that has it open: a study is over when
    its driver and all workers are. https://man7.org/linux/man-pages/man2/flock.2.html
    """

    def __init__(self, path: Path, descriptor: int, is_real: bool) -> None:
        self._path = path
        self._descriptor = descriptor
        self.is_real = is_real

    @classmethod
    def take(cls, folder: Path) -> Self | None:
        """Lock a folder; None if another process or thread has it.

        If that is no more than what is left of a driver that was killed, it is waited for, and so is somebody
        who just looks whether it is held.
        """
        deadline = time.monotonic() + LAST_SECONDS
        while (lock := cls._try(folder)) is None:
            holder = read_holder(folder)
            is_left = holder is not None and holder.has_ended
            if (is_held(folder) and not is_left) or time.monotonic() > deadline:
                return None
            time.sleep(0.01)
        return lock

    @classmethod
    def _try(cls, folder: Path) -> Self | None:
        """Lock a folder, if nobody has it.

        On a file system without locks, what the file says of a process of this machine is all that is known.
        """
        path = folder / FILE
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except OSError:
            holder = read_holder(folder)
            if holder is not None and holder.is_alive:
                os.close(descriptor)
                return None
            lock = cls(path, descriptor, False)
        else:
            if identity(path) != identity(descriptor):  # who had it removed the file, and let go then
                os.close(descriptor)
                return None
            lock = cls(path, descriptor, True)
        lock.sign()
        return lock

    def sign(self) -> None:
        """Write into the file that this process is the one to talk to."""
        data = json.dumps(Holder.this()._asdict()).encode()
        with contextlib.suppress(OSError):  # a full disk is told of by what matters more
            os.pwrite(self._descriptor, data.ljust(200), 0)

    def release(self, remove: bool = True) -> None:
        """Let go, for all processes that have it."""
        if remove:
            self._path.unlink(missing_ok=True)
        if self.is_real:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)  # workers that still end have the same open file
        os.close(self._descriptor)

    def hand_over(self) -> None:
        """Leave it to a child of this process."""
        os.close(self._descriptor)


class Held:
    """What a lock keeps for one process, until that leaves it or hands it over to a child."""

    _lock: Lock
    _is_ours = True

    @property
    def is_guarded(self) -> bool:
        """Whether no other process can take it: there are file systems without locks."""
        return self._lock.is_real

    def hand_over(self) -> None:
        """Leave it to a child of this process, which has inherited it."""
        self._is_ours = False
        self._lock.hand_over()

    def take_over(self) -> None:
        """Be the process that runs the study, and not its parent."""
        self._lock.sign()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_ours:
            self._lock.release()


def is_held(folder: Path) -> bool:
    """Whether a process of this machine runs the study in a folder, as far as can be known."""
    try:
        descriptor = os.open(folder / FILE, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # the study has ended, or may not be read
        return False
    try:
        fcntl.flock(
            descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB
        )  # shared: those who ask do not disturb each other
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks
        holder = read_holder(folder)
        return holder is not None and holder.is_alive
    finally:
        os.close(descriptor)
    return False


def read_holder(folder: Path) -> Holder | None:
    """Return who wrote last that it runs the study in a folder."""
    try:
        return Holder(**json.loads((folder / FILE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def name_holder(folder: Path) -> str:
    """Say in words who holds the lock of a folder."""
    holder = read_holder(folder)
    if holder is None:
        return "another process"
    return f"what {holder} has left behind: it has ended" if holder.has_ended else str(holder)
