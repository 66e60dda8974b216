"""What looks after one worker on another machine: it starts the process, and passes on what goes both ways.

    driver ── engine ──> agent ──pipe──> worker process
           <── engine ──       <──pipe──

The agent lives in a process of the engine, and runs nothing that users have written; the worker is a
process of its own, the same as with `processes`: it may be limited, killed and replaced without the engine's
knowing.

The driver calls, and the agent answers. What both say is numbered, so that a call whose answer was lost can
be made again. An agent that has not been called for long takes the driver for dead, and ends with its worker.

Whichever of them is cut off, the agent is the first to give up: its time begins when it gave an answer that
the driver has had, and the driver's when that has come. So what the driver hands out again runs nowhere else.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import shutil
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from research.backends.base import WorkerSpec
from research.backends.clusters.engine import Hello
from research.backends.clusters.files import FilePart, Folders, Receiver
from research.backends.clusters.homes import own_folder
from research.backends.clusters.pieces import NOTHING, PIECE, Joiner, cut
from research.backends.parcels import Parcel
from research.backends.processes import ProcessBackend
from research.events import FAILED, Died, Ended, Event, Failure, Run, StartFailed, Task, TaskDone
from research.scheduling.devices import get_devices
from research.storage.folder import EXPERIMENTS

MOST_WAITING = 1 << 26  # bytes for the driver, beyond which the worker is not heard
MOST_AT_ONCE = PIECE  # bytes of one answer, or little more
LOOK_SECONDS = 0.5  # between two looks at whether anybody wants this agent


class Begin(NamedTuple):
    """The first that an agent is told: what its worker is to be."""

    worker: int
    parcel: Parcel
    n_threads: int
    n_branches: int
    most_files: int  # bytes of the files of one experiment
    lease: float  # seconds without a call, after which the driver is taken for dead


class Kill(NamedTuple):
    """End the worker process, which is replaced; after so many seconds for certain."""

    grace: float


class Agent:
    """Runs one worker.

    Parameters
    ----------
    devices : sequence of str, default ()
        Its own.
    lease : float
        Seconds, until the driver has said how long it is.
    """

    def __init__(self, devices: Sequence[str] = (), lease: float = 60.0) -> None:
        self.hello = Hello.here()
        self._devices = tuple(devices)
        self._lease = lease
        self._lock = threading.Condition()
        self._heard = time.monotonic()  # when the driver was there for certain
        self._told: deque[bytes] = deque()
        self._joiner = Joiner()
        self._n_told = 0  # pieces of messages that came so far
        self._to_say: deque[bytes] = deque()  # pieces
        self._first = 0  # number of the first of these
        self._answers: deque[tuple[int, float]] = deque()  # up to which number, and when
        self._size = 0  # of all of them, in bytes
        self._is_over = False
        self._is_late = False  # nobody wants to hear what there still is
        self._listeners: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
        self._bell, self._button = os.pipe()
        for descriptor in (self._bell, self._button):
            os.set_blocking(descriptor, False)

    # called by the engine, from whichever thread

    def tell(self, first: int, pieces: Sequence[bytes]) -> None:
        """Take pieces of messages, the first of which has this number; what came before is left out."""
        with self._lock:
            if self.is_late:
                return
            new = pieces[max(0, self._n_told - first) :]
            self._told.extend(message for piece in new if (message := self._joiner.join(piece)) is not None)
            self._n_told += len(new)
            self._ring()

    async def hear(self, position: int, seconds: float) -> list[bytes] | None:
        """Return what there is from a number on, or comes within so many seconds; None at the end."""
        news = asyncio.Event()
        listener = asyncio.get_running_loop(), news
        with self._lock:
            self._listeners.append(listener)
        try:
            answer = self._take(position)
            if answer == []:
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(news.wait(), seconds)
                answer = self._take(position, or_nothing=True)
            return answer
        finally:
            with self._lock:
                self._listeners.remove(listener)

    def close(self) -> None:
        """Let `run` come to its end."""
        with self._lock:
            self._is_over = True
            self._ring()

    def _take(self, position: int, or_nothing: bool = False) -> list[bytes] | None:
        with self._lock:
            while self._answers and self._answers[0][0] <= position:
                _, answered = self._answers.popleft()
                self._heard = max(self._heard, answered)
            if self.is_late:
                return None
            while self._to_say and self._first < position:
                self._size -= len(self._to_say.popleft())
                self._first += 1
            self._lock.notify_all()
            if or_nothing and not self._to_say and not self._is_over:
                self._to_say.append(NOTHING)  # a number that the driver can say it has come to
            answer: list[bytes] = []
            size = 0
            for message in self._to_say:
                size += len(message)
                if answer and size > MOST_AT_ONCE:
                    break
                answer.append(message)
            end = self._first + len(answer)
            if answer and (not self._answers or self._answers[-1][0] < end):
                self._answers.append((end, time.monotonic()))
            return None if self._is_over and not answer else answer

    def _ring(self) -> None:
        """End a wait of the thread that runs; with the lock."""
        self._lock.notify_all()
        with contextlib.suppress(OSError):  # it has been rung, or nobody is there any more
            os.write(self._button, b"!")

    # called by the thread that runs

    def run(self, is_wanted: Callable[[], bool] = lambda: True) -> None:
        """Serve until the driver says that it is over, is silent for too long, or nobody wants this agent.

        Parameters
        ----------
        is_wanted : callable, optional
            Asked from time to time.
        """
        begin = self._first_command(is_wanted)
        try:
            if begin is not None:
                self._lease = begin.lease
                with own_folder() as folder:
                    _Served(self, begin, folder, self._devices).run(is_wanted)
        except Exception:
            self.say([StartFailed(0 if begin is None else begin.worker, traceback.format_exc())])
        finally:
            with self._lock:
                self._is_over = True
                self._tell_listeners()
                os.close(self._bell)
                os.close(self._button)
                self._button = -1

    @property
    def bell(self) -> int:
        """A descriptor from which there is something to be read when a message has come."""
        return self._bell

    def _first_command(self, is_wanted: Callable[[], bool]) -> Begin | None:
        while is_wanted() and not self.is_forsaken:
            with self._lock:
                if self._told:
                    begin = pickle.loads(self._told.popleft())
                    return begin if isinstance(begin, Begin) else None
                self._lock.wait(LOOK_SECONDS)
        return None

    def commands(self) -> list[Any]:
        """Take what the driver has said."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._bell, 4096)
        with self._lock:
            told = list(self._told)
            self._told.clear()
        return [pickle.loads(message) for message in told]

    @property
    def is_forsaken(self) -> bool:
        """Whether it is over, or the driver has not been heard of for too long."""
        return self._is_over or self.is_late

    @property
    def is_late(self) -> bool:
        """Whether the driver, if it is there, has given this up, whatever comes from it now.

        This process, or the whole machine, may have been stopped meanwhile: so that is for ever.
        """
        self._is_late = self._is_late or time.monotonic() - self._heard > self._lease
        return self._is_late

    def say(self, what: Sequence[Event | FilePart]) -> None:
        """Say things to the driver, when there is room for them."""
        if not what:
            return
        pieces = list(cut(pickle.dumps(list(what), protocol=5)))
        with self._lock:
            while self._size > MOST_WAITING and not self.is_forsaken:
                self._lock.wait(LOOK_SECONDS)
            self._to_say.extend(pieces)
            self._size += sum(map(len, pieces))
            self._tell_listeners()

    def _tell_listeners(self) -> None:
        for loop, news in self._listeners:
            with contextlib.suppress(RuntimeError):  # the loop has been closed
                loop.call_soon_threadsafe(news.set)


class _Served:
    """One worker, and what it has to do with files."""

    def __init__(self, agent: Agent, begin: Begin, folder: Path, devices: Sequence[str]) -> None:
        self._agent = agent
        self._worker = begin.worker
        self._most_files = begin.most_files
        self._folders = Folders(folder / EXPERIMENTS)
        self._receiver = Receiver(folder / EXPERIMENTS)
        self._tasks: dict[int, Task] = {}
        self._backend = ProcessBackend("spawn", agent.bell)
        self._folder = folder
        dealt = get_devices(list(devices) or None, 1, begin.n_branches)[0]
        own = tuple(map(tuple, dealt))
        self._spec = WorkerSpec({}, begin.n_threads, own)
        self._parcel = begin.parcel._replace(folder=folder, devices=own if devices else None)

    def run(self, is_wanted: Callable[[], bool]) -> None:
        try:
            self._backend.start(self._parcel, [self._spec])
            while not self._agent.is_forsaken and is_wanted():
                for command in self._agent.commands():
                    self._obey(command)
                events = self._backend.events(LOOK_SECONDS)
                if events:
                    self._pass_on(events)
            if self._agent.is_late:
                self._backend.kill(0, 0.0)  # what it still does would be done twice
                self._backend.events(0.0)
            elif not self._agent.is_forsaken:
                self._agent.say([Died(self._worker, "the cluster takes its place away", None)])
        finally:
            self._backend.close()
            self._receiver.close()
            shutil.rmtree(self._folder, ignore_errors=True)

    def _obey(self, command: Any) -> None:
        if isinstance(command, Kill):
            self._backend.kill(0, command.grace)
        elif isinstance(command, FilePart):
            self._receiver.take(command)
        else:
            if isinstance(command, Run):
                self._tasks.update((task.number, task) for task in command.tasks)
            self._backend.send(0, command)

    def _pass_on(self, events: Iterable[Event]) -> None:
        """Say what the worker has said, and before the end of an experiment what is in its folder."""
        said: list[Event] = []
        for event in events:
            if isinstance(event, Ended):
                names = self._folders.names(event.experiment)
                if names:
                    self._agent.say(said)
                    said = []
                    event = self._send_files(event, names)
            elif isinstance(event, TaskDone):
                self._end_task(event.number, said)
            elif isinstance(event, Died):
                for number in list(self._tasks):  # what is to be done again is sent again
                    self._forget(number)
            said.append(self._renamed(event))
        self._agent.say(said)

    def _renamed(self, event: Any) -> Event:
        """Return an event under the number by which the driver knows this worker."""
        renamed: Event = event._replace(worker=self._worker) if getattr(event, "worker", None) == 0 else event
        return renamed

    def _send_files(self, ended: Ended, names: Sequence[str]) -> Ended:
        for name in names:
            size = self._folders.size(name)
            if size > self._most_files:
                return _too_large(ended, size, self._most_files)
            try:
                for part in self._folders.parts(name):
                    self._agent.say([part])
            except OSError as error:  # a unit has taken it away from itself, or still does
                text = f"its files cannot be sent back: {type(error).__name__}: {error}"
                return _failed(ended, text)
        return ended

    def _end_task(self, number: int, said: list[Event]) -> None:
        """Send what root units have put into a folder since, and remove it."""
        task = self._tasks.pop(number, None)
        for member in () if task is None else task.members:
            for name in self._folders.names(member.id):
                if (
                    task is not None
                    and len(task.members) > 1
                    and self._folders.size(name) <= self._most_files
                ):
                    self._agent.say(said)
                    said.clear()
                    with contextlib.suppress(OSError):  # of what has been removed meanwhile nothing is left
                        for part in self._folders.parts(name):
                            self._agent.say([part])
                self._folders.forget(name)

    def _forget(self, number: int) -> None:
        for member in self._tasks.pop(number).members:
            for name in self._folders.names(member.id):
                self._folders.forget(name)


def _too_large(ended: Ended, size: int, most: int) -> Ended:
    """Return the end of an experiment whose files stay behind."""
    text = (
        f"its files hold {size / 1e6:,.1f} MB, and at most {most / 1e6:,.1f} MB are sent back: raise "
        "`files_limit` of the backend, or write to a place that all machines share"
    )
    return _failed(ended, text)


def _failed(ended: Ended, text: str) -> Ended:
    failure = Failure("files", max(0, (ended.iterations or 0) - 1), "StudyError", text, text, None)
    return ended._replace(status=FAILED, failures=(*ended.failures, failure))
