"""The nursery: one process, forked before anything is opened, that forks the workers.

It inherits the experiment, the domain and the user's data without pickling them, and so do the workers,
whenever they are forked. It holds no connection but the one to the driver, runs no user code, and ends
every worker's process group when the driver goes away.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import socket
import sys
import time
import traceback
import warnings
from collections.abc import Sequence
from multiprocessing.connection import Connection
from struct import Struct

from research.backends.base import Blueprint, WorkerSpec
from research.backends.board import Board
from research.backends.launchers import LAST_SECONDS, signal_group
from research.backends.spools import Spools
from research.backends.streams import flush_streams
from research.backends.worker import limit_threads, work
from research.errors import StudyError

_MESSAGE = Struct("<cqq")  # (LAUNCH, worker, 0), (SIGNAL, worker, number) one way, (EXIT, worker, code) back
_LAUNCH, _SIGNAL, _EXIT = b"L", b"S", b"E"
_NO_NURSERY = (
    "the process that starts workers has ended, so that there can be no more of them: somebody may have "
    "killed it, or the system for want of memory; run(resume=True) goes on with the study"
)


class ForkLauncher:
    """The driver's end of a nursery; see `research.backends.launchers.Launcher`.

    Parameters
    ----------
    blueprint : Blueprint
    specs : sequence of WorkerSpec
    board : Board
    spools : Spools or None
        Where workers print.
    """

    def __init__(
        self, blueprint: Blueprint, specs: Sequence[WorkerSpec], board: Board, spools: Spools | None = None
    ) -> None:
        self._control, theirs = socket.socketpair()
        flush_streams()
        with warnings.catch_warnings():
            # the child runs nothing but this module and, in grandchildren, what the user hands over
            warnings.simplefilter("ignore", DeprecationWarning)
            self._pid = os.fork()
        if self._pid == 0:
            try:
                self._control.close()
                _Nursery(theirs, blueprint, specs, board, spools).run()
            finally:
                os._exit(1)
        theirs.close()
        self._alive: set[int] = set()

    def launch(self, worker: int, pipe: socket.socket) -> None:
        try:
            socket.send_fds(self._control, [_MESSAGE.pack(_LAUNCH, worker, 0)], [pipe.fileno()])
        except OSError as error:
            raise StudyError(_NO_NURSERY) from error
        self._alive.add(worker)

    def exits(self) -> Sequence[tuple[int, int]]:
        ended = []
        while self._alive and _readable(self._control.fileno(), timeout=0):
            data = _receive(self._control)
            if data is None:
                raise StudyError(_NO_NURSERY)
            _, worker, code = _MESSAGE.unpack(data)
            self._alive.discard(worker)
            ended.append((worker, code))
        return ended

    def signal(self, worker: int, number: int) -> None:
        if worker in self._alive:
            with contextlib.suppress(OSError):
                self._control.sendall(_MESSAGE.pack(_SIGNAL, worker, number))

    def descriptors(self) -> Sequence[int]:
        return (self._control.fileno(),)

    def close(self) -> None:
        if self._pid:
            self._control.close()
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self._pid, 0)
            self._pid = 0


def _readable(*descriptors: int, timeout: float | None = None) -> Sequence[int]:
    """Return which of some descriptors can be read, when there is one; timeout in milliseconds."""
    poll = select.poll()  # (select.select knows no descriptors beyond 1023)
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return [descriptor for descriptor, _ in poll.poll(timeout)]


def _receive(control: socket.socket) -> bytes | None:
    """Read one message, None when the other end is gone."""
    data = b""
    while len(data) < _MESSAGE.size:
        try:
            part = control.recv(_MESSAGE.size - len(data))
        except OSError:
            part = b""
        if not part:
            return None
        data += part
    return data


def _close_stdin() -> None:
    """Let nobody here wait for what a user might type: the terminal belongs to the driver."""
    if sys.__stdin__ is None:  # it was closed from the start, and its number may be anything's by now
        return
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115  (the old one may have read ahead)


class _Nursery:
    """The process itself."""

    def __init__(
        self,
        control: socket.socket,
        blueprint: Blueprint,
        specs: Sequence[WorkerSpec],
        board: Board,
        spools: Spools | None,
    ) -> None:
        self._control = control
        self._blueprint = blueprint
        self._specs = specs
        self._board = board
        self._spools = spools
        self._workers: dict[int, int] = {}  # pid -> number

    def run(self) -> None:
        """Serve the driver until it goes away, then end every worker."""
        os.setsid()  # what a terminal sends to the driver is the driver's to act on
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        wakeup, child_ended = os.pipe()
        for descriptor in (wakeup, child_ended):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(child_ended, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        _close_stdin()
        limit_threads(self._specs[0].n_threads)
        gc.freeze()  # what is here already stays on pages that are shared
        while True:
            readable = _readable(self._control.fileno(), wakeup)
            if wakeup in readable:
                with contextlib.suppress(BlockingIOError):
                    os.read(wakeup, 4096)
            self._reap()
            if self._control.fileno() in readable and not self._obey():
                break
        self._end()
        os._exit(0)

    def _obey(self) -> bool:
        data, pipes, _, _ = socket.recv_fds(self._control, _MESSAGE.size, 1)
        if len(data) < _MESSAGE.size:
            return False
        kind, worker, number = _MESSAGE.unpack(data)
        if kind == _LAUNCH:
            self._fork(worker, pipes[0])
        else:
            for pid, owner in self._workers.items():
                if owner == worker:
                    signal_group(pid, number)
        return True

    def _fork(self, worker: int, pipe: int) -> None:
        pid = os.fork()
        if pid == 0:
            try:
                os.setpgid(0, 0)
                self._control.close()
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                spec = self._specs[worker]
                os.environ.update(spec.environment)
                spool = None if self._spools is None else self._spools.of(worker)
                work(Connection(pipe), self._board, worker, lambda: (self._blueprint, spec), spool)
                flush_streams()
                os._exit(0)
            except BaseException:
                traceback.print_exc()
                flush_streams()
            finally:
                os._exit(1)
        with contextlib.suppress(OSError):  # the child may have been faster
            os.setpgid(pid, pid)
        os.close(pipe)
        self._workers[pid] = worker

    def _reap(self) -> None:
        while self._workers:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            worker = self._workers.pop(pid, None)
            signal_group(pid, signal.SIGKILL)  # what it started and left behind
            if worker is not None:
                with contextlib.suppress(OSError):
                    code = os.waitstatus_to_exitcode(status)
                    self._control.sendall(_MESSAGE.pack(_EXIT, worker, code))

    def _end(self) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in self._workers:
                signal_group(pid, number)
            deadline = time.monotonic() + LAST_SECONDS
            while self._workers and time.monotonic() < deadline:
                self._reap()
                time.sleep(0.005)
