"""A worker that gives each task a process of its own: it forks that, and passes on what it says.

    driver <──pipe──> shepherd <──pipe── child: one task

What a task leaves behind (memory of a GPU, global variables, threads) ends with its process. The shepherd
runs no unit and has one thread, so that it may be forked at any time. Each process writes to a pipe of its
own, as what two write to one gets mixed up; the child has no descriptor of the driver's.

A child that dies takes the shepherd along, which ends in the same way: to the driver, that is a worker
that died at a task.
"""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import resource
import select
import signal
import socket
import threading
import time
import traceback
import warnings
from collections import deque
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any, NoReturn

from research.backends.asking import Inquiry
from research.backends.board import Board
from research.backends.memory import Gate
from research.backends.pipes import FLUSH_SECONDS, Channel, Outlet
from research.backends.runner import TaskRunner
from research.backends.streams import flush_streams
from research.events import Event, Ready, Replace, Revoke, Revoked, Run, StartFailed, Task, Verdict, Waiting

_MOST_UNSENT = 1 << 24  # bytes that wait for the driver, beyond which children are not heard
_COMPLETE = b""  # the last message of a child that has done its task


class Shepherd:
    """Serves the driver while one child after another works.

    Parameters
    ----------
    board : Board
    worker : int
    runner : TaskRunner
        Used by children only.
    gate : Gate
    outlet : Outlet
        What the runner says things through: so far, the pipe to the driver.
    inquiry : Inquiry
        What the runner asks by.
    """

    def __init__(
        self,
        board: Board,
        worker: int,
        runner: TaskRunner,
        gate: Gate,
        outlet: Outlet,
        inquiry: Inquiry,
    ) -> None:
        self._inquiry = inquiry
        self._board = board
        self._worker = worker
        self._runner = runner
        self._gate = gate
        self._outlet = outlet
        self._driver = Channel(outlet.connection.fileno())
        self._tasks: deque[Task] = deque()
        self._child: _Child | None = None
        self._wakeup = -1
        self._is_stopped = False  # the driver said so
        self._is_retired = False
        self._is_terminated = False  # by SIGTERM
        self._attempt = 1  # to find room for the next task
        self._next_look = 0.0

    def run(self) -> None:
        """Run tasks until told to stop."""
        self._catch_signals()
        gc.freeze()  # what is here already stays on pages that are shared
        self._emit(Ready(self._worker, os.getpid()))
        while True:
            self._proceed()
            if self._child is None and self._is_stopped:
                break
            self._wait()
            self._obey()
            self._hear()
            self._reap()
        self._driver.drain()

    def _catch_signals(self) -> None:
        """Let a child's end and SIGTERM be noticed in `_wait`."""
        self._wakeup, interrupted = os.pipe()
        for descriptor in (self._wakeup, interrupted):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(interrupted, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.signal(signal.SIGTERM, self._terminate)

    def _terminate(self, number: int, frame: Any) -> None:
        self._is_terminated = True

    def _emit(self, event: Event) -> None:
        self._driver.send(pickle.dumps([event], protocol=5))

    def _wait(self) -> None:
        """Wait for anything to happen."""
        poll = select.poll()
        poll.register(self._wakeup, select.POLLIN)
        unsent = self._driver.n_unsent
        poll.register(self._driver.descriptor, select.POLLIN | (select.POLLOUT if unsent else 0))
        if self._child is not None and self._child.pipe.is_open and unsent < _MOST_UNSENT:
            poll.register(self._child.pipe.descriptor, select.POLLIN)
        timeout = None
        if self._tasks and self._child is None and not self._is_retired:
            timeout = 1000 * max(0.0, self._next_look - time.monotonic())
        poll.poll(timeout)
        with contextlib.suppress(BlockingIOError):
            os.read(self._wakeup, 4096)

    def _proceed(self) -> None:
        """Begin the next task, if there is one and it is time and devices have room."""
        if self._is_terminated:
            self._pass_on_sigterm()
        is_free = self._child is None and not self._is_retired
        if not is_free or not self._tasks or time.monotonic() < self._next_look:
            return
        obstacle = self._gate.look(self._attempt)
        if obstacle is None:
            self._attempt = 1
            self._begin(self._tasks.popleft())
            return
        self._emit(obstacle)
        self._attempt += 1
        self._next_look = time.monotonic() + self._gate.delay
        self._is_retired = not isinstance(obstacle, Waiting)

    def _pass_on_sigterm(self) -> None:
        """Let the child decide what it makes of it; without one, end."""
        if self._child is None:
            self._end_like(-signal.SIGTERM)
        if not self._child.is_terminated:
            self._child.is_terminated = True
            os.kill(self._child.pid, signal.SIGTERM)

    def _obey(self) -> None:
        """Send the driver what it reads, and do what it says."""
        self._driver.write()
        self._driver.read()
        for message in self._driver.messages():
            command = pickle.loads(message)
            if isinstance(command, Run):
                self._tasks.extend(command.tasks)
            elif isinstance(command, Replace):
                replace_domain(command, self._runner, self._worker, lambda events: self._emit(*events))
            elif isinstance(command, Revoke):
                count = min(command.n_tasks, len(self._tasks))
                self._emit(Revoked(self._worker, tuple(self._tasks.pop() for _ in range(count))))
            elif isinstance(command, Verdict):
                if self._child is not None:
                    self._child.pipe.send(message)
            else:
                self._is_stopped = True
                self._tasks.clear()
        if not self._tasks:  # the next one has not waited yet
            self._attempt, self._next_look = 1, 0.0
        if not self._driver.is_open:
            end_group()  # nobody is left to whom the results could be given

    def _hear(self) -> None:
        """Pass on what the child says."""
        if self._child is not None and self._driver.n_unsent < _MOST_UNSENT:
            self._child.pipe.read()
            self._relay(self._child)

    def _relay(self, child: _Child) -> None:
        for message in child.pipe.messages():
            if message == _COMPLETE:
                child.is_complete = True
            else:
                self._driver.send(message)

    def _reap(self) -> None:
        """See whether the child has ended."""
        child = self._child
        if child is None:
            return
        pid, status = os.waitpid(child.pid, os.WNOHANG)
        if pid == 0:
            return
        while child.pipe.read():
            pass
        self._relay(child)
        child.pipe.close()
        if not child.is_complete:
            self._end_like(os.waitstatus_to_exitcode(status))
        self._is_terminated = False  # what came meanwhile came to the child, too, and it has ended in order
        self._board.write(self._worker, None)
        self._child = None

    def _end_like(self, code: int) -> NoReturn:
        """End as a child has ended, when the driver knows all that it said; what it started ends as well."""
        self._driver.drain()
        flush_streams()
        if code < 0:
            _, most = resource.getrlimit(resource.RLIMIT_CORE)
            resource.setrlimit(resource.RLIMIT_CORE, (0, most))  # the child has left its own
            with contextlib.suppress(OSError, ValueError):  # nobody can say what SIGKILL does
                signal.signal(-code, signal.SIG_DFL)
            os.kill(os.getpid(), -code)
        os._exit(code if code >= 0 else 128 - code)

    def _begin(self, task: Task) -> None:
        ours, theirs = socket.socketpair()
        self._board.write(self._worker, task.number)
        flush_streams()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # threads that an import may have started
            pid = os.fork()
        if pid == 0:
            try:
                self._become_child()
                ours.close()
                self._work(task, Connection(theirs.detach()))
            except BaseException:
                self._outlet.check()
                traceback.print_exc()
                flush_streams()
            finally:
                os._exit(1)
        theirs.close()
        self._child = _Child(pid, Channel(ours.detach()))

    def _become_child(self) -> None:
        """Give up what is the shepherd's."""
        interrupted = signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.close(interrupted)
        os.close(self._wakeup)
        self._outlet.connection.close()

    def _work(self, task: Task, pipe: Connection) -> NoReturn:
        """Run a task and end; in the child."""
        self._outlet.replace(pipe)
        served = self._outlet, self._runner, self._inquiry
        threading.Thread(target=_look_after, args=served, daemon=True).start()
        self._runner.run(task)
        self._runner.flush()
        flush_streams()
        self._outlet.send(_COMPLETE)
        os._exit(0)


class _Child:
    """The process of a task, as the shepherd sees it."""

    def __init__(self, pid: int, pipe: Channel) -> None:
        self.pid = pid
        self.pipe = pipe
        self.is_complete = False  # it has done its task and said all
        self.is_terminated = False


def _look_after(outlet: Outlet, runner: TaskRunner, inquiry: Inquiry) -> None:
    """Send what there is from time to time, and hear answers; end when the shepherd goes away."""
    try:
        while True:
            if outlet.connection.poll(FLUSH_SECONDS):
                inquiry.answer(pickle.loads(outlet.connection.recv_bytes()))
            outlet.check()
            runner.flush()
    except (EOFError, OSError):
        pass
    except BaseException:  # without this thread nobody hears of the task any more
        traceback.print_exc()
        flush_streams()
        os._exit(1)
    outlet.check()
    end_group()


def replace_domain(
    command: Replace, runner: TaskRunner, worker: int, emit: Callable[[Sequence[Event]], None]
) -> None:
    """Take note of a domain; one that cannot be unpickled here could not be elsewhere."""
    import dill

    try:
        runner.replace(command.generation, dill.loads(command.domain))
    except Exception:  # it runs code of users
        emit([StartFailed(worker, traceback.format_exc())])


def end_group() -> NoReturn:
    """End this process, and those of its worker."""
    os.killpg(os.getpgrp(), signal.SIGKILL)
    raise SystemExit  # (never: that was the end)
