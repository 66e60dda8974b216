"""How long a task may take and how much memory its worker may hold, and who exceeds it."""

from __future__ import annotations

import contextlib
import math
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

from research.backends.board import Board
from research.events import FAILED, TIMEOUT, Event, Ready, TaskDone

if TYPE_CHECKING:
    import psutil

GRACE_SECONDS = 5.0  # between SIGTERM and SIGKILL
LOOK_SECONDS = 0.25  # between two looks
UNITS = {
    "": 1,
    **{f"{letter}B": 1000**power for power, letter in enumerate(("", "K", "M", "G", "T"))},
    **{f"{letter}IB": 1024**power for power, letter in enumerate(("K", "M", "G", "T"), 1)},
}


class Limits(NamedTuple):
    """What a task must not exceed; None: anything goes."""

    timeout: float | None = None  # seconds
    memory: int | None = None  # bytes


UNLIMITED = Limits()


def read_limits(timeout: Any, memory_limit: Any, parallel: bool) -> Limits:
    """Check the arguments of these names.

    Raises
    ------
    ValueError
        If one of them means nothing, or there are no processes that could be ended.

    Examples
    --------
    >>> read_limits(timeout=60, memory_limit='1.5 GB', parallel=True)
    Limits(timeout=60.0, memory=1500000000)
    """
    if timeout is not None and not (_is_number(timeout) and 0 < timeout < math.inf):
        raise ValueError(f"`timeout` must be a positive number of seconds or None, got {timeout!r}")
    memory = None if memory_limit is None else read_size("memory_limit", memory_limit)
    limits = Limits(None if timeout is None else float(timeout), memory)
    if not parallel and limits != UNLIMITED:
        name, value = ("memory_limit", memory_limit) if timeout is None else ("timeout", timeout)
        raise ValueError(
            f"`{name}={value!r}` needs `parallel=True`: what runs in this process cannot be ended from it"
        )
    return limits


def read_size(name: str, value: Any) -> int:
    """Return a number of bytes that may be written with a unit.

    Raises
    ------
    ValueError
        If it is none; the text names the argument.

    Examples
    --------
    >>> read_size('memory_limit', '1.5 GB')
    1500000000
    """
    number, unit = value, ""
    if isinstance(value, str) and (match := re.fullmatch(r"\s*([\d.]+)\s*([A-Za-z]+)\s*", value)):
        with contextlib.suppress(ValueError):  # such as 1.2.3
            number, unit = float(match[1]), match[2]
    factor = UNITS.get(unit.upper())
    if factor is None or not _is_number(number) or not 1 <= number * factor < math.inf:
        raise ValueError(
            f"`{name}` must be a positive number of bytes, or one with a unit as in '4 GB' and "
            f"'512 MiB', got {value!r}"
        )
    return int(number * factor)


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


class Excess(NamedTuple):
    """A worker is to be ended, as the task that it is at exceeds a limit."""

    worker: int
    task: int
    status: str  # that experiments of the task get
    reason: str
    grace: float  # seconds that it has to end by itself


class Watch:
    """Looks at what workers are at, since when, and how much memory they hold.

    Parameters
    ----------
    limits : Limits
    board : Board
    n_workers : int
    clock : callable, optional
        Returns seconds; nobody sets it.
    measure : callable, optional
        Takes processes and a number of bytes; returns which of them hold more, and how much.
    """

    def __init__(
        self,
        limits: Limits,
        board: Board,
        n_workers: int,
        clock: Callable[[], float] = time.monotonic,
        measure: Callable[[Collection[int], int], Mapping[int, int]] | None = None,
    ) -> None:
        self._timeout = math.inf if limits.timeout is None else limits.timeout
        self._memory = limits.memory
        self._board = board
        self._workers = range(n_workers)
        self._clock = clock
        self._measure = held_beyond if measure is None else measure
        self._since: dict[int, tuple[int, float]] = {}  # what each worker is at, and since when
        self._pids: dict[int, int] = {}
        self._ended: dict[int, Excess] = {}  # workers that have been told to end
        self._next_look = 0.0  # at memory

    def note(self, worker: int, said: Sequence[Event]) -> None:
        """Take note of what a worker has said."""
        for event in said:
            if isinstance(event, Ready):
                self._pids[worker] = event.pid
            elif isinstance(event, TaskDone):
                task, _ = self._since.get(worker, (None, 0.0))
                if task == event.number:  # should the worker get it again, it begins then
                    del self._since[worker]

    @property
    def patience(self) -> float:
        """Seconds until the next look is due."""
        looks = [since + self._timeout for _, since in self._since.values()]
        looks.append(self._clock() + LOOK_SECONDS)  # who has begun a task is seen by then
        return max(0.0, min(looks) - self._clock())

    def look(self) -> Iterator[Excess]:
        """Walk workers that exceed a limit, each once for a task."""
        now = self._clock()
        at = {worker: task for worker in self._workers if (task := self._board.read(worker)) is not None}
        for worker in self._workers:
            if worker not in at:
                self._since.pop(worker, None)
            elif self._since.get(worker, (None, 0.0))[0] != at[worker]:
                self._since[worker] = at[worker], now
        found = [*self._look_at_memory(at, now), *self._look_at_clock(now)]
        for excess in found:
            before = self._ended.get(excess.worker)
            is_worse = before is not None and (before.status, excess.status) == (TIMEOUT, FAILED)
            if before is None or before.task != excess.task or is_worse:
                self._ended[excess.worker] = excess
                yield excess

    def _look_at_clock(self, now: float) -> Iterator[Excess]:
        for worker, (task, since) in self._since.items():
            if now - since >= self._timeout:
                reason = f"it took longer than timeout={self._timeout:g} seconds"
                yield Excess(worker, task, TIMEOUT, reason, GRACE_SECONDS)

    def _look_at_memory(self, at: Mapping[int, int], now: float) -> Iterator[Excess]:
        if self._memory is None or now < self._next_look:
            return
        self._next_look = now + LOOK_SECONDS
        busy = {self._pids[worker]: worker for worker in at if worker in self._pids}
        for pid, size in self._measure(busy, self._memory).items() if busy else ():
            worker = busy[pid]
            most = f"memory_limit={self._memory / 1e6:,.0f} MB"
            reason = f"its worker held {size / 1e6:,.0f} MB of memory, more than {most}"
            yield Excess(worker, at[worker], FAILED, reason, 0.0)

    def spared(self) -> Iterator[int]:
        """Walk workers that were told to end and have ended what they were at instead."""
        for worker, excess in list(self._ended.items()):
            if self._board.read(worker) != excess.task:
                del self._ended[worker]
                yield worker

    def bury(self, worker: int) -> Excess | None:
        """Forget a worker that has ended; return what it was ended for."""
        self._since.pop(worker, None)
        self._pids.pop(worker, None)
        return self._ended.pop(worker, None)


def held_beyond(pids: Collection[int], most: int) -> dict[int, int]:
    """Return which processes hold more than so many bytes, with what they started, and how many.

    That is their resident size. What a process and those that it started share counts once, where the
    platform can tell.
    """
    import psutil

    started: dict[int, list[psutil.Process]] = {}
    for process in psutil.process_iter():  # one look at all, as asking each for its children looks at all
        with contextlib.suppress(psutil.Error):
            started.setdefault(process.ppid(), []).append(process)
    held = {}
    for pid in pids:
        family = [process for process in (_process(pid),) if process is not None]
        for process in family:  # it grows meanwhile
            family.extend(started.get(process.pid, ()))
        size = sum(_resident(process) for process in family)
        if size > most and len(family) > 1:
            size = sum(_proportional(process) for process in family)
        if size > most:
            held[pid] = size
    return held


def _process(pid: int) -> psutil.Process | None:
    import psutil

    try:
        return psutil.Process(pid)
    except psutil.Error:  # it has ended
        return None


def _resident(process: psutil.Process) -> int:
    import psutil

    with contextlib.suppress(psutil.Error):
        return int(process.memory_info().rss)
    return 0


def _proportional(process: psutil.Process) -> int:
    """Return the size of a process to which pages that others share count in part."""
    import psutil

    with contextlib.suppress(psutil.Error):
        full = process.memory_full_info()
        return int(getattr(full, "pss", full.rss))
    return 0
