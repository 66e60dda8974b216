"""Workers as processes of this machine, each with a pipe of its own."""

from __future__ import annotations

import contextlib
import math
import os
import pickle
import select
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from research.backends.base import Blueprint, WorkerSpec
from research.backends.board import Board
from research.backends.launchers import Launcher, SpawnLauncher, describe_exit
from research.backends.limits import Watch
from research.backends.nursery import ForkLauncher
from research.backends.packing import pack_command
from research.backends.parcels import Parcel, pickled_domain
from research.backends.pipes import Channel
from research.backends.spools import Spools
from research.errors import StudyError
from research.events import Command, Died, Event, Ready, Replace, Run, StartFailed, Stop

START_METHODS = ("fork", "spawn")
_FAILED_STARTS = 3  # in a row, after which another try would not help: none has ever started
_FAILED_RESTARTS = 20  # the same where some have: somebody may be killing them
_MOST_PARTS = 64  # that are read of one worker at once
_LAST_WORD_SECONDS = 1.0  # for one that has lost its pipe, to notice that
_STOP_SECONDS = 0.3  # for workers that have nothing to do to leave by themselves


def choose_start_method() -> tuple[str, str | None]:
    """Return the start method that suits this process, and why if it is not the usual one."""
    if not hasattr(os, "fork"):
        return "spawn", "this platform cannot fork"
    torch = sys.modules.get("torch")
    if (torch is not None and torch.cuda.is_initialized()) or has_cuda_open():
        return "spawn", "CUDA is initialised in this process, and does not survive a fork"
    return "fork", None


def has_cuda_open(descriptors: Path = Path("/proc/self/fd")) -> bool:
    """Return whether this process has initialised CUDA, through whichever library.

    The driver then keeps this file open. Only Linux tells.
    """
    try:
        opened = list(descriptors.iterdir())
    except OSError:
        return False
    for descriptor in opened:
        with contextlib.suppress(OSError):  # one of them was the listing's own
            if descriptor.readlink() == Path("/dev/nvidia-uvm"):
                return True
    return False


class ProcessBackend:
    """See `research.backends.base.Backend`.

    Parameters
    ----------
    start_method : 'fork' or 'spawn'
        Fork: workers inherit everything, nothing needs to be pickled. Spawn: workers are new interpreters
        and get the study by dill. So they get a parcel.
    bell : int, optional
        A descriptor: `events` ends its wait when there is something to be read from it.
    """

    def __init__(self, start_method: str = "fork", bell: int | None = None) -> None:
        if start_method not in START_METHODS:
            raise ValueError(f"`start_method` must be one of {START_METHODS}, got {start_method!r}")
        self._method = start_method
        self._bell = () if bell is None else (bell,)
        self._launcher: Launcher | None = None
        self._board: Board | None = None
        self._spools: Spools | None = None
        self._pipes: dict[int, Channel] = {}  # that never wait: a worker may be slow to read, or stopped
        self._ready: set[int] = set()
        self._failed_starts = 0
        self._most_failed_starts = _FAILED_STARTS
        self._watch: Watch | None = None
        self._deadlines: dict[int, float] = {}
        self._replaced: dict[int, bytes] = {}  # commands that workers to come need, too
        self._stopped: set[int] = set()  # nobody takes the place of these

    def start(self, blueprint: Blueprint | Parcel, workers: Sequence[WorkerSpec]) -> None:
        self._board = Board(len(workers))
        if any(limit is not None for limit in blueprint.limits):
            self._watch = Watch(blueprint.limits, self._board, len(workers))
        if any(blueprint.captures):
            self._spools = Spools(len(workers), blueprint.captures)
        if self._method == "fork" and isinstance(blueprint, Blueprint):
            self._launcher = ForkLauncher(blueprint, workers, self._board, self._spools)
        else:
            parcel = blueprint if isinstance(blueprint, Parcel) else Parcel.pack(blueprint, workers)
            self._launcher = SpawnLauncher(parcel, workers, self._board, self._spools)
        for worker in range(len(workers)):
            self._launch(self._launcher, worker)

    def send(self, worker: int, command: Command) -> None:
        if isinstance(command, Replace):
            if command.generation not in self._replaced:  # it is sent to one worker after another
                sent = Replace(command.generation, pickled_domain(command.domain))
                self._replaced[command.generation] = pickle.dumps(sent, protocol=5)
            self._send(worker, self._replaced[command.generation])
        else:
            if isinstance(command, Stop):
                self._stopped.add(worker)
            elif isinstance(command, Run) and self._spools is not None:
                self._spools.expect(worker, command.tasks)
            self._send(worker, pack_command(command))

    def _send(self, worker: int, data: bytes) -> None:
        if worker in self._pipes:  # else its death is reported by `events`
            self._pipes[worker].send(data)

    def events(self, timeout: float) -> Sequence[Event]:
        launcher = self._started()
        events: list[Event] = []
        for worker in self._wait(launcher, self._until(timeout)):
            self._pipes[worker].write()
            self._receive(worker, events, _MOST_PARTS)
        for worker, code in launcher.exits():
            self._bury(launcher, worker, code, events)
        if self._watch is not None:
            self._enforce(launcher, self._watch)
        now = time.monotonic()
        for worker in [worker for worker, deadline in self._deadlines.items() if deadline <= now]:
            del self._deadlines[worker]
            launcher.signal(worker, signal.SIGKILL)
        return events

    def _wait(self, launcher: Launcher, timeout: float) -> Sequence[int]:
        """Wait until something happens; return the workers whose pipes it happens at."""
        poll = select.poll()
        workers = {pipe.descriptor: worker for worker, pipe in self._pipes.items()}
        for descriptor, worker in workers.items():
            poll.register(descriptor, select.POLLIN | (select.POLLOUT if self._pipes[worker].n_unsent else 0))
        for descriptor in (*launcher.descriptors(), *self._bell):
            poll.register(descriptor, select.POLLIN)
        found = poll.poll(math.ceil(1000 * timeout))
        return [workers[descriptor] for descriptor, _ in found if descriptor in workers]

    def _enforce(self, launcher: Launcher, watch: Watch) -> None:
        """End workers that exceed a limit, unless they end what they were at."""
        for worker in watch.spared():
            self._deadlines.pop(worker, None)
        for excess in watch.look():
            if excess.grace:
                self.kill(excess.worker, excess.grace)
            else:
                launcher.signal(excess.worker, signal.SIGKILL)

    def kill(self, worker: int, grace: float) -> None:
        self._started().signal(worker, signal.SIGTERM)
        self._deadlines[worker] = time.monotonic() + grace

    def close(self) -> None:
        launcher, self._launcher = self._launcher, None
        if launcher is not None:
            for worker in list(self._pipes):
                self.send(worker, Stop())
            self._await_exits(launcher)
            launcher.close()
        for pipe in self._pipes.values():
            pipe.close()
        self._pipes.clear()
        if self._board is not None:
            self._board.close()
            self._board = None
        if self._spools is not None:
            self._spools.close()
            self._spools = None

    def _await_exits(self, launcher: Launcher) -> None:
        """Give workers that have nothing to do the time to leave."""
        deadline = time.monotonic() + _STOP_SECONDS
        remaining = set(self._pipes)
        with contextlib.suppress(StudyError):  # who could tell is gone; workers notice that by themselves
            while remaining and time.monotonic() < deadline:
                remaining -= {worker for worker, _ in launcher.exits()}
                for worker in remaining:
                    self._pipes[worker].write()
                if remaining:
                    time.sleep(0.001)

    def _started(self) -> Launcher:
        if self._launcher is None:
            raise StudyError("this backend has not been started, or has been closed")
        return self._launcher

    def _launch(self, launcher: Launcher, worker: int) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            launcher.launch(worker, theirs)
        self._pipes[worker] = Channel(ours.detach())
        if isinstance(launcher, SpawnLauncher):
            self._send(worker, launcher.message)
        for data in self._replaced.values():
            self._send(worker, data)

    def _until(self, timeout: float) -> float:
        if self._watch is not None:
            timeout = min(timeout, self._watch.patience)
        if self._deadlines:
            timeout = min(timeout, min(self._deadlines.values()) - time.monotonic())
        return max(0.0, timeout)

    def _receive(self, worker: int, events: list[Event], most: int | None = None) -> None:
        """Take what a worker has said; at most so many parts, so that the others are heard as well."""
        pipe = self._pipes[worker]
        n_parts = 0
        while (most is None or n_parts < most) and pipe.read():
            n_parts += 1
            for message in pipe.messages():
                said = pickle.loads(message)
                self._take(worker, said)
                events.extend(said)
        if not pipe.is_open:
            pipe.close()
            del self._pipes[worker]
            # a worker without its pipe is of no use, should it be alive; what it says by its end is of more
            self._deadlines.setdefault(worker, time.monotonic() + _LAST_WORD_SECONDS)

    def _take(self, worker: int, said: Sequence[Event]) -> None:
        """Take note of what a worker has said."""
        if self._spools is not None:
            self._spools.note(worker, said)
        if self._watch is not None:
            self._watch.note(worker, said)
        if worker not in self._ready and any(isinstance(event, Ready) for event in said):
            self._ready.add(worker)
            self._failed_starts = 0
            self._most_failed_starts = _FAILED_RESTARTS

    def _bury(self, launcher: Launcher, worker: int, code: int, events: list[Event]) -> None:
        """Report a worker that has ended, and start another in its place."""
        if worker in self._pipes:
            self._receive(worker, events)
        if worker in self._pipes:  # a process that it started may hold the other end
            self._pipes.pop(worker).close()
        self._deadlines.pop(worker, None)
        excess = None if self._watch is None else self._watch.bury(worker)
        if worker in self._stopped:
            return
        reason = describe_exit(code)
        if worker not in self._ready:
            self._failed_starts += 1
            if self._failed_starts >= self._most_failed_starts:
                events.append(
                    StartFailed(worker, f"{self._failed_starts} workers ended as they began: {reason}")
                )
                return
        self._ready.discard(worker)
        task = None
        if self._board is not None:
            task = self._board.read(worker)
            self._board.write(worker, None)
        if self._spools is not None:
            events.extend(self._spools.rest(worker, task))
        if excess is None:
            events.append(Died(worker, reason, task))
        elif excess.task == task:
            events.append(Died(worker, excess.reason, task, excess.status))
        else:  # it had just ended that, and nothing else is to blame
            events.append(Died(worker, excess.reason, None))
        self._launch(launcher, worker)
