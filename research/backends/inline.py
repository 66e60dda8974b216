"""Everything in this process and this thread: for debugging, and for what cannot be forked."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext

from research.backends.asking import Ask
from research.backends.base import Blueprint, WorkerSpec
from research.backends.capture import Capture
from research.backends.memory import Gate
from research.backends.runner import TaskRunner
from research.backends.spools import Spools
from research.events import (
    Command,
    Ended,
    Event,
    Printed,
    Profiled,
    Ready,
    Replace,
    Revoke,
    Revoked,
    Run,
    Running,
    Task,
    Values,
    Waiting,
)
from research.experiment.seeding import kept_globals

FLUSH_SECONDS = 0.25
_OF_EXPERIMENTS = (Running, Values, Profiled, Printed, Ended)


class InlineBackend:
    """One worker, which works while it is asked for events; see `research.backends.base.Backend`.

    Parameters
    ----------
    interim : callable, optional
        Takes what experiments say while a task runs, as `events` returns only after it.
    allowing : callable, optional
        Returns a context that tasks run in: one that may be interrupted.
    ask : callable, optional
        Answers experiments that may be pruned.
    """

    def __init__(
        self,
        interim: Callable[[Sequence[Event]], None] | None = None,
        allowing: Callable[[], AbstractContextManager[None]] = nullcontext,
        ask: Ask | None = None,
    ) -> None:
        self._ask = ask
        self._interim = interim
        self._allowing = allowing
        self._events: list[Event] = []
        self._tasks: deque[Task] = deque()
        self._runner: TaskRunner | None = None
        self._gate: Gate | None = None
        self._attempt = 1  # to find room on devices for the next task
        self._next_look = 0.0
        self._is_retired = False
        self._flushed = 0.0
        self._before: dict[str, str | None] = {}  # variables of the environment, as they were
        self._spools: Spools | None = None
        self._capture: Capture | None = None
        self._seed_libraries = False
        self._thread = 0  # that runs tasks

    def start(self, blueprint: Blueprint, workers: Sequence[WorkerSpec]) -> None:
        if len(workers) != 1:
            raise ValueError(f"without processes there is one worker, got {len(workers)}")
        self._set_environment(workers[0].environment)
        self._seed_libraries = blueprint.seed_libraries
        if any(blueprint.captures):
            self._spools = Spools(1, blueprint.captures)
            self._capture = Capture(0, self._spools.of(0)._replace(ledger=None))  # they end together
        self._runner = TaskRunner(
            blueprint, 0, workers[0], self._emit, self._after_iteration, self._capture, self._ask
        )
        self._gate = Gate(0, workers[0], blueprint.memory_check)
        self._events.append(Ready(0, os.getpid()))

    def send(self, worker: int, command: Command) -> None:
        if isinstance(command, Run):
            self._tasks.extend(command.tasks)
        elif isinstance(command, Replace):
            if self._runner is not None:
                self._runner.replace(command.generation, command.domain)
        elif isinstance(command, Revoke):
            count = min(command.n_tasks, len(self._tasks))
            self._events.append(Revoked(0, tuple(self._tasks.pop() for _ in range(count))))

    def events(self, timeout: float) -> Sequence[Event]:
        deadline = time.monotonic() + timeout
        with self._lent():
            while self._tasks and self._runner is not None and self._has_room(deadline):
                try:
                    with self._allowing():
                        self._runner.run(self._tasks.popleft())
                except BaseException:  # in debug mode, or from the keyboard: what was done stays done
                    self._flush()
                    raise
                self._runner.flush()
                if time.monotonic() > deadline:
                    break
        events = list(self._events)
        self._events.clear()
        return events

    def _has_room(self, deadline: float) -> bool:
        """Return whether the next task may begin, or wait until that may be asked again, or a deadline."""
        if self._gate is None or self._is_retired:
            return False
        time.sleep(max(0.0, min(self._next_look, deadline) - time.monotonic()))
        if time.monotonic() < self._next_look:
            return False
        obstacle = self._gate.look(self._attempt)
        if obstacle is None:
            self._attempt = 1
            return True
        self._events.append(obstacle)
        self._attempt += 1
        self._next_look = time.monotonic() + self._gate.delay
        self._is_retired = not isinstance(obstacle, Waiting)
        return False

    def kill(self, worker: int, grace: float) -> None:
        raise NotImplementedError("what runs in this process cannot be ended from it: use processes")

    def close(self) -> None:
        self._tasks.clear()
        self._runner = None
        before, self._before = self._before, {}
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        if self._spools is not None:
            self._spools.close()
            self._spools = self._capture = None

    def _set_environment(self, variables: Mapping[str, str]) -> None:
        """Set variables until `close`."""
        self._before = {name: os.environ.get(name) for name in variables}
        os.environ.update(variables)

    @contextmanager
    def _lent(self) -> Iterator[None]:
        """While tasks run, what is printed is theirs, and so are global generators; then all is put back."""
        self._thread = threading.get_ident()
        with ExitStack() as stack:
            if self._capture is not None and self._tasks:
                stack.callback(self._capture.stop)  # first, as anything may be interrupted
                self._capture.start()
            if self._seed_libraries and self._tasks:
                stack.enter_context(kept_globals())
            yield

    def _emit(self, events: Sequence[Event]) -> None:
        self._events.extend(events)
        if any(isinstance(event, Values) and event.urgent for event in events):
            if self._capture is None or threading.get_ident() == self._thread:
                self._tell_interim()
            else:
                self._flushed = 0.0  # after this iteration: other branches may be printing now

    def _after_iteration(self) -> None:
        now = time.monotonic()
        if now - self._flushed >= FLUSH_SECONDS:
            self._flushed = now
            self._flush()

    def _flush(self) -> None:
        if self._runner is not None:
            self._runner.flush()
            self._tell_interim()

    def _tell_interim(self) -> None:
        """Tell what experiments said; the ends of tasks are for `events` to return."""
        if self._interim is not None:
            events, self._events = self._events, []
            told = [event for event in events if isinstance(event, _OF_EXPERIMENTS)]
            self._events = [event for event in events if not isinstance(event, _OF_EXPERIMENTS)]
            with ExitStack() as stack:
                if self._capture is not None:
                    stack.enter_context(self._capture.suspended())
                self._interim(told)
