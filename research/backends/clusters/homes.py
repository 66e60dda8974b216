"""Folders of agents, which go with them, however they end, or at the latest with the next on the machine."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = "research-agent-"
_LOCK = "lock"  # held for as long as the process lives
# waits for a word, or for the end of the process that could say it, and of what that has started; no child of
# that process, as Ray ends its children with it
_WATCH = 'exec 3<&0; (read -r _ <&3 || { sleep 1; rm -rf -- "$0"; }) &'


@contextmanager
def own_folder() -> Iterator[Path]:
    """Give a folder among those for temporary files; remove those that killed processes have left there."""
    place = Path(tempfile.gettempdir())
    _sweep(place)
    folder, lock = _make(place)
    try:
        with _watched(folder):
            yield folder
    finally:
        os.close(lock)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _watched(folder: Path) -> Iterator[None]:
    """Let a shell remove a folder if this process is killed, as Ray does where the driver is gone."""
    try:
        shell = subprocess.Popen(
            ["/bin/sh", "-c", _WATCH, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )
    except OSError:  # there is none
        yield
        return
    try:
        yield
    finally:
        shell.communicate(b"\n")  # it is heard, and what has heard it has ended


def _make(place: Path) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        _hold(lock)
        if (folder / _LOCK).exists():  # else another has swept it away before it was held
            return folder, lock
        os.close(lock)


def _hold(lock: int) -> bool:
    """Take a lock, if nobody has it and the file system knows such."""
    try:
        import fcntl

        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError):
        return False
    return True


def _sweep(place: Path) -> None:
    for folder in place.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # of another user, or it has just gone, or has no lock yet
            lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC)
            try:
                if _hold(lock):
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)
