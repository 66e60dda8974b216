"""Starting worker processes: as programs of their own, or as forks of a nursery."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Protocol

from research.backends.base import WorkerSpec
from research.backends.board import Board
from research.backends.guarding import ROBBED
from research.backends.parcels import Parcel
from research.backends.spools import Spools
from research.backends.worker import THREAD_VARIABLES

LAST_SECONDS = 1.0  # between SIGTERM and SIGKILL when everything ends


class Launcher(Protocol):
    """Starts processes and tells how they ended."""

    def launch(self, worker: int, pipe: socket.socket) -> None:
        """Start a worker at one end of a pipe, which the caller closes afterwards."""

    def exits(self) -> Sequence[tuple[int, int]]:
        """Return (worker, exit code) of those that ended; the code is -n after signal n."""

    def signal(self, worker: int, number: int) -> None:
        """Send a signal to a worker and to the processes it started, if it is alive."""

    def descriptors(self) -> Sequence[int]:
        """Return file descriptors that become readable when `exits` has something to tell."""

    def close(self) -> None:
        """End all that are alive."""


class SpawnLauncher:
    """Starts each worker as a new interpreter, which gets the blueprint by dill.

    Parameters
    ----------
    parcel : Parcel
    specs : sequence of WorkerSpec
    board : Board
    spools : Spools or None
        Where workers print.
    """

    def __init__(
        self, parcel: Parcel, specs: Sequence[WorkerSpec], board: Board, spools: Spools | None = None
    ) -> None:
        self.message = parcel.message  # what a new worker has to be told first
        self._specs = specs
        self._board = board
        self._spools = spools
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    def launch(self, worker: int, pipe: socket.socket) -> None:
        spool = None if self._spools is None else self._spools.of(worker)
        arguments = (
            *(pipe.fileno(), self._board.descriptor, worker, len(self._specs)),
            None if spool is None else tuple(spool),
        )
        code = (
            f"import sys; sys.path[:] = {sys.path!r}; "
            f"from research.backends.worker import main; main{arguments!r}"
        )
        spec = self._specs[worker]
        threads = dict.fromkeys(THREAD_VARIABLES, str(spec.n_threads))
        self._processes[worker] = subprocess.Popen(
            [sys.executable, "-c", code],
            pass_fds=(pipe.fileno(), self._board.descriptor, *(() if spool is None else spool.descriptors)),
            env={**os.environ, **threads, **spec.environment},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def exits(self) -> Sequence[tuple[int, int]]:
        ended = [
            (worker, code)
            for worker, process in self._processes.items()
            if (code := process.poll()) is not None
        ]
        for worker, _ in ended:
            signal_group(self._processes.pop(worker).pid, signal.SIGKILL)
        return ended

    def signal(self, worker: int, number: int) -> None:
        process = self._processes.get(worker)
        if process is not None and process.poll() is None:
            signal_group(process.pid, number)

    def descriptors(self) -> Sequence[int]:
        return ()

    def close(self) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            for worker in list(self._processes):
                self.signal(worker, number)
            deadline = time.monotonic() + LAST_SECONDS
            while self._processes and time.monotonic() < deadline:
                self.exits()
                time.sleep(0.005)


def signal_group(group: int, number: int) -> None:
    """Send a signal to a process group, if there is one left."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def describe_exit(code: int) -> str:
    """Say in words how a process ended."""
    if code == ROBBED:
        return f"exit code {code}, as files of the worker had been closed, like its pipe to this process"
    from research.experiment.external import describe_code  # few processes end before they should

    return describe_code(code)
