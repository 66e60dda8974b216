"""What a worker needs of its process, and units may take away: its files, its directory, being one."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Iterable
from typing import Any, NoReturn, Protocol

from research.backends.streams import flush_streams
from research.storage.files import identity

ROBBED = 121  # how a worker ends whose pipe a unit has closed


class Files:
    """Descriptors, and what they stand for: who closes all of them may open others by the same numbers.

    Parameters
    ----------
    descriptors : iterable of int
    """

    __slots__ = ("_known", "_numbers")

    def __init__(self, descriptors: Iterable[int]) -> None:
        self._numbers = tuple(descriptors)
        self._known = [identity(number) for number in self._numbers]

    @property
    def are_here(self) -> bool:
        """Whether each is still what it was."""
        return [identity(number) for number in self._numbers] == self._known


class Whereabouts:
    """The directory in which every experiment begins, whatever those before it did."""

    __slots__ = ("_directory",)

    def __init__(self) -> None:
        self._directory = _directory()

    def go_back(self) -> None:
        """Be there again."""
        if self._directory is not None and _directory() != self._directory:
            with contextlib.suppress(OSError):  # it has been removed
                os.chdir(self._directory)


def _directory() -> str | None:
    try:
        return os.getcwd()  # noqa: PTH109  (a path would cost as much again, for every task)
    except OSError:  # it has been removed
        return None


class Copyable(Protocol):
    """What has to know that it is in a copy of the process in which it was."""

    def become_copy(self) -> None:
        """Take note of that; called in the copy, in the thread that forked."""


AT_WORK: set[Copyable] = set()  # who is to be told when a copy of this process is made


def _tell() -> None:
    for worker in AT_WORK:
        worker.become_copy()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_tell)


def leave(error: BaseException | None) -> NoReturn:
    """End this process as a program ends that has returned, or raised an error."""
    code: Any = 0
    if isinstance(error, SystemExit):
        code = error.code
    elif error is not None:
        traceback.print_exception(error)
        code = 1
    if code is not None and not isinstance(code, int):
        print(code, file=sys.stderr)
        code = 1
    flush_streams()
    os._exit((code or 0) & 0xFF)
