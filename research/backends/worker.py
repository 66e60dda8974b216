"""A worker process: takes commands from its pipe, runs tasks, sends events."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection

from research.backends.asking import Inquiry
from research.backends.base import Blueprint, WorkerSpec
from research.backends.board import Board
from research.backends.capture import Capture
from research.backends.memory import Gate
from research.backends.parcels import Parcel
from research.backends.pipes import FLUSH_SECONDS, Outlet
from research.backends.runner import TaskRunner
from research.backends.shepherd import Shepherd, replace_domain
from research.backends.spools import Spool
from research.backends.streams import flush_streams
from research.events import Ready, Replace, Revoke, Revoked, Run, StartFailed, Task, Verdict, Waiting

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)


class Inbox:
    """Tasks that wait. One thread puts them in, another takes them out, mostly without a lock."""

    def __init__(self) -> None:
        self._tasks: deque[tuple[Task, bool]] = deque()  # with: is it the last of its batch
        self._condition = threading.Condition()
        self._is_closed = False

    def put(self, tasks: Sequence[Task]) -> None:
        """Append a batch."""
        with self._condition:
            self._tasks.extend((task, task is tasks[-1]) for task in tasks)
            self._condition.notify()

    def take(self) -> tuple[Task, bool] | None:
        """Return the next task, when there is one, and whether its batch ends with it; None at the end."""
        while not self._is_closed:
            try:
                return self._tasks.popleft()
            except IndexError:
                with self._condition:
                    self._condition.wait_for(lambda: self._tasks or self._is_closed)
        return None

    def give_back(self, count: int) -> tuple[Task, ...]:
        """Take out at most `count` tasks, the last ones first."""
        tasks: list[Task] = []
        with contextlib.suppress(IndexError):  # the other thread has taken the last of them
            while len(tasks) < count:
                tasks.append(self._tasks.pop()[0])
        return tuple(tasks)

    @property
    def is_empty(self) -> bool:
        """Whether no task waits at the moment."""
        return not self._tasks

    def pause(self, seconds: float | None) -> bool:
        """Wait for so long, or None: for ever, or until the end; return whether that has come."""
        with self._condition:
            return self._condition.wait_for(lambda: self._is_closed, seconds)

    def close(self) -> None:
        """Let nothing be taken any more."""
        with self._condition:
            self._is_closed = True
            self._condition.notify()


def work(
    connection: Connection,
    board: Board,
    worker: int,
    load: Callable[[], tuple[Blueprint, WorkerSpec]],
    spool: Spool | None = None,
) -> None:
    """Run tasks until told to stop.

    Parameters
    ----------
    connection : Connection
        The pipe to the driver.
    board : Board
    worker : int
    load : callable
        Returns the blueprint and this worker's part of it.
    spool : Spool, optional
        Takes what is printed.
    """
    emit = Outlet(connection, () if spool is None else spool.descriptors)
    try:
        capture = None if spool is None else Capture(worker, spool)
        if capture is not None:
            capture.start()  # first: what is imported may print
        blueprint, spec = load()
        inquiry = Inquiry(emit)
        runner = TaskRunner(blueprint, worker, spec, emit, capture=capture, ask=inquiry)
    except Exception:  # (whatever it was, the driver has to say so)
        emit([StartFailed(worker, traceback.format_exc())])
        return
    gate = Gate(worker, spec, blueprint.memory_check)
    if blueprint.isolation == "experiment":
        Shepherd(board, worker, runner, gate, emit, inquiry).run()
        return
    try:
        _work(connection, board, worker, runner, gate, emit, inquiry)
    except OSError:
        emit.check()
        raise


def _work(
    connection: Connection,
    board: Board,
    worker: int,
    runner: TaskRunner,
    gate: Gate,
    emit: Outlet,
    inquiry: Inquiry,
) -> None:
    """Run tasks in this process."""
    inbox = Inbox()
    served = connection, inbox, runner, emit, worker, inquiry
    service = threading.Thread(target=_serve, args=served, daemon=True)
    service.start()
    emit([Ready(worker, os.getpid())])
    while (item := inbox.take()) is not None:
        task, is_last_of_batch = item
        if not _has_room(gate, inbox, runner, emit):
            break
        board.write(worker, task.number)
        runner.run(task)
        emit.check(only_pipe=True)  # as there may be very many tasks
        if is_last_of_batch or inbox.is_empty:  # the rest of the batch may have been handed back
            runner.flush()
        board.write(worker, None)  # last: should this process be unfit now, the board says by whose doing
    runner.flush()


def _has_room(gate: Gate, inbox: Inbox, runner: TaskRunner, emit: Outlet) -> bool:
    """Wait until a task may begin; return False if this worker does no more."""
    attempt = 1
    while (obstacle := gate.look(attempt)) is not None:
        runner.flush()  # who retires has told of all that it has done
        emit([obstacle])
        is_over = inbox.pause(gate.delay if isinstance(obstacle, Waiting) else None)
        if is_over:
            return False
        attempt += 1
    return True


def _serve(
    connection: Connection,
    inbox: Inbox,
    runner: TaskRunner,
    emit: Outlet,
    worker: int,
    inquiry: Inquiry,
) -> None:
    """Take commands, and send what there is from time to time, even while a unit runs for long."""
    flushed = time.monotonic()
    try:
        while True:
            is_told = connection.poll(max(0.0, flushed + FLUSH_SECONDS - time.monotonic()))
            emit.check()
            if is_told:
                command = pickle.loads(connection.recv_bytes())
                if isinstance(command, Run):
                    inbox.put(command.tasks)
                elif isinstance(command, Verdict):
                    inquiry.answer(command)
                elif isinstance(command, Replace):
                    replace_domain(command, runner, worker, emit)
                elif isinstance(command, Revoke):
                    runner.flush()
                    emit([Revoked(worker, inbox.give_back(command.n_tasks))])
                else:
                    inbox.close()  # and go on, as the task at hand may outlive the driver
            if time.monotonic() >= flushed + FLUSH_SECONDS:
                runner.flush()
                flushed = time.monotonic()
    except (EOFError, OSError):
        emit.check()
        # the driver is gone, and nobody is left to whom the results could be given
        os.killpg(os.getpgrp(), signal.SIGKILL)
    except BaseException:  # without this thread nobody hears of the worker any more
        traceback.print_exc()
        flush_streams()
        os._exit(1)


def limit_threads(n_threads: int) -> None:
    """Limit the threads of numeric libraries, of those that are loaded and those that will be."""
    for name in THREAD_VARIABLES:
        os.environ[name] = str(n_threads)
    from threadpoolctl import threadpool_limits

    threadpool_limits(n_threads)
    torch = sys.modules.get("torch")
    if torch is not None:
        with contextlib.suppress(RuntimeError, AttributeError):  # it refuses after its threads have begun
            torch.set_num_threads(n_threads)


def main(
    pipe: int,
    board: int,
    worker: int,
    n_workers: int,
    spool: tuple[tuple[int | None, int | None], int] | None = None,
) -> None:
    """Be a worker that was started as a program of its own; the first message holds all it needs."""
    connection = Connection(pipe)
    own = None if spool is None else Spool(*spool)
    for descriptor in () if own is None else own.descriptors:
        os.set_inheritable(descriptor, False)  # what units start has the streams, not their files
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def load() -> tuple[Blueprint, WorkerSpec]:
        parcel: Parcel = pickle.loads(connection.recv_bytes())
        return parcel.unpack(worker)

    work(connection, Board(n_workers, board), worker, load, own)
    flush_streams()
