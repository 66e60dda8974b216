"""Large objects, each in a file of its own: whoever saves one writes it, and only its name goes further."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Callable, Container
from pathlib import Path
from typing import BinaryIO

from research.domain.hashing import digest
from research.storage.files import OBJECTS
from research.whole import is_temporary, whole_file

LARGE = 2**20  # bytes from which an object gets a file of its own, where there is a folder for it
_ROOM = 8  # times an object's size that must be free: the last of it is for the one that tells of a full disk
_NAME = re.compile(r"[0-9a-f]{32}\.bin")


def object_path(name: str) -> str:
    """Return where a large object is kept, relative to the study's folder.

    Parameters
    ----------
    name : str
        What no other object has.
    """
    return f"{OBJECTS}/{digest(name, 16)}.bin"


class Shelf:
    """Where one attempt at an experiment puts large objects, before anybody is told of them.

    No other attempt has the same names, so that what the database says of an earlier one holds until it says
    something else. Objects of one format that are saved at one iteration have one name: the last one counts.

    Parameters
    ----------
    folder : Path
        The study's; it is not made.
    """

    __slots__ = ("_attempt", "_folder")

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._attempt = ""  # what no other attempt has; most experiments save nothing large

    def put(
        self, variable: str, iteration: int, kind: str, size: int, write: Callable[[BinaryIO], object]
    ) -> tuple[str, int] | None:
        """Write a file; return its path in the study's folder and its size.

        None if it cannot be written, or there is little room: the driver tries again, and says what is wrong.

        Parameters
        ----------
        variable : str
        iteration : int
        kind : str
            The format.
        size : int
            About how many bytes there are.
        write : callable
            Writes them to an open file.
        """
        self._attempt = self._attempt or secrets.token_hex(16)
        path = object_path(f"{self._attempt}|{variable}|{iteration}|{kind}")
        try:
            with contextlib.suppress(FileExistsError):
                (self._folder / OBJECTS).mkdir()  # but not the folder of a study that was removed
            found = os.statvfs(self._folder / OBJECTS)
            if found.f_blocks and found.f_bavail * found.f_frsize < _ROOM * size:  # (0: it does not say)
                return None
            with whole_file(self._folder / path) as file:
                write(file)
                return path, file.tell()
        except OSError:
            return None


def sweep(folder: Path, find_named: Callable[[], Container[str]]) -> None:
    """Remove objects that nobody knows of, as a process was killed that had saved them, or began anew.

    Parameters
    ----------
    folder : Path
        Of a study that no process is at.
    find_named : callable
        Returns the paths that are in the database; called if there is anything.
    """
    objects = folder / OBJECTS
    try:
        names = [] if objects.is_symlink() else os.listdir(objects)  # noqa: PTH208  (names are all it needs)
    except OSError:
        return
    names = [name for name in names if _NAME.fullmatch(name) or is_temporary(name)]
    named = find_named() if names else ()
    for name in names:
        if f"{OBJECTS}/{name}" not in named:
            with contextlib.suppress(OSError):
                (objects / name).unlink()
