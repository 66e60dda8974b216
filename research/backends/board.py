"""A page of memory that all processes of a study share: which task each worker is at."""

from __future__ import annotations

import mmap
import os
import tempfile
from struct import Struct

from research.errors import cannot_write

_SLOT = Struct("<q")
_NONE = -1


class Board:
    """One number per worker: the task it works on. It outlives the worker that wrote it.

    Parameters
    ----------
    n_workers : int
    descriptor : int, optional
        Of a board that exists.

    Raises
    ------
    StudyError
        If there is no room for it.
    """

    def __init__(self, n_workers: int, descriptor: int | None = None) -> None:
        if descriptor is None:
            room = bytes(n_workers * _SLOT.size)  # written, as memory for which there is none is a SIGBUS
            try:
                with tempfile.TemporaryFile(buffering=0) as file:
                    file.write(room)
                    self.descriptor = os.dup(file.fileno())
            except OSError as error:
                raise cannot_write(tempfile.gettempdir(), error, len(room)) from error
        else:
            self.descriptor = descriptor
        self._memory = mmap.mmap(self.descriptor, n_workers * _SLOT.size)
        if descriptor is None:
            for worker in range(n_workers):
                self.write(worker, None)

    def write(self, worker: int, task: int | None) -> None:
        """Note which task a worker begins, None when it has ended."""
        _SLOT.pack_into(self._memory, worker * _SLOT.size, _NONE if task is None else task)

    def read(self, worker: int) -> int | None:
        """Return the task that a worker is at."""
        number: int = _SLOT.unpack_from(self._memory, worker * _SLOT.size)[0]
        return None if number == _NONE else number

    def close(self) -> None:
        """Unmap the page."""
        self._memory.close()
        os.close(self.descriptor)
