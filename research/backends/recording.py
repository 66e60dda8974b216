"""What an experiment saves, and how it ends, as events."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock
from time import time
from typing import Any

from research.backends.columns import Column
from research.events import (
    DONE,
    FAILED,
    PRUNED,
    Ended,
    Event,
    Failure,
    ProfileBlock,
    Profiled,
    Running,
    Values,
    new,
)
from research.experiment.running import RunningExperiment, UnitError
from research.profiling.measuring import Times
from research.storage.encoding import SCALARS, encode_functions, encode_times, freeze
from research.storage.shelf import Shelf

MOST_TEXT = 2**20  # characters of what an exception says that are kept
ANYTHING = (
    Exception,
    SystemExit,
    GeneratorExit,
)  # that code of users may raise; the rest is from the keyboard


class Recorder:
    """Takes an experiment's values and turns them into events, on its own time or when asked.

    Units save from the worker's thread while a timer collects from another. `folder` is the study's, where
    large objects are kept in it.
    """

    run: RunningExperiment | None = None
    _is_urgent = False
    _ended: tuple[str, float, float, int, tuple[Failure, ...], str | None] | None = None  # from its status on
    _hopeless: str | None = None  # why it is
    _is_over = False  # and everything has been collected
    _shelf: Shelf | None = None  # most save nothing that could be large

    def __init__(
        self, worker: int, experiment: str, flush: Callable[[], None], folder: Path | None = None
    ) -> None:
        self._worker = worker
        self._folder = folder
        self.experiment = experiment
        self._flush = flush
        self.started = time()
        self._lock = Lock()
        self._columns: dict[str, Column] = {}

    def save(self, variable: str, iteration: int, value: Any) -> None:
        if type(value) not in SCALARS:  # what most save is known to be frozen, without a further call
            try:
                if self._shelf is None and self._folder is not None:
                    self._shelf = Shelf(self._folder)
                value = freeze(value, self._shelf, variable, iteration)
            except TypeError as error:
                raise TypeError(f"{variable!r} was not saved: {error}") from error.__cause__
        column = self._columns.get(variable)
        if column is None:
            with self._lock:
                self._columns[variable] = Column(iteration, value)
        elif column.last != iteration:
            column.last = iteration
            column.iterations.append(iteration)
            column.values.append(value)  # last, see `Column`
        else:
            with self._lock:
                column.replace(value)

    def dump(self) -> None:
        self._is_urgent = True
        self._flush()

    def end(self, run: RunningExperiment) -> None:
        """Note how the experiment ended."""
        failures: tuple[Failure, ...] = ()
        status = DONE if self._hopeless is None else PRUNED
        if run.errors:
            failures, status = tuple(map(describe, run.errors)), FAILED
        self._ended = status, self.started, time(), run.iteration + 1, failures, self._hopeless

    def break_off(self, error: Exception) -> None:
        """Note that the executor failed, if the experiment had not ended before."""
        if self._ended is not None:
            return
        iteration = 0 if self.run is None else self.run.iteration
        failure = describe(UnitError("executor", iteration, error))
        self._ended = FAILED, self.started, time(), iteration, (failure,), None

    def become_copy(self) -> None:
        """Be of no use but to the unit that forked; what it saves goes nowhere."""
        self._lock = Lock()  # a thread that is not here may have held it
        self._folder = self._shelf = None
        if self.run is not None:
            self.run.is_copy = True
            self.run.ending = self.run.ending or "copied"

    def let_go(self) -> None:
        """Forget the experiment, which is over: what its units hold is to be free before the next begins."""
        if self.run is not None:
            self.run.branches = ()
            self.run = None

    def is_hopeless(self) -> bool:
        """Whether the experiment is to end now; between iterations."""
        return False

    def collect(self) -> list[Event]:
        """Return events of all that happened since the last call."""
        if self._is_over:
            return []
        ended, run = self._ended, self.run  # first: what was saved before the end is collected with it
        with self._lock:
            taken = [column.take_block(variable) for variable, column in self._columns.items()]
            urgent, self._is_urgent = self._is_urgent, False
        blocks = tuple([block for block in taken if block is not None])
        events: list[Event] = []
        if run is not None and run.times is not None:
            events.extend(self._collect_profile(run.times, ended is not None))
        if ended is not None:
            events.append(new(Ended, (self._worker, self.experiment, *ended, blocks)))
            self._is_over = True
            return events
        iteration = 0 if run is None else run.iteration
        events.append(Running(self._worker, self.experiment, self.started, iteration))
        if blocks:
            events.append(Values(self.experiment, blocks, urgent))
        return events

    def _collect_profile(self, times: Times, is_over: bool) -> Iterator[Profiled]:
        """Encode what was measured since the last call; what units called is known at the end."""
        blocks: list[ProfileBlock] = []
        for measured in times.take(forget=True):
            number = times.n_blocks.get(measured.place, 0)
            times.n_blocks[measured.place] = number + 1
            blocks.append(encode_times(measured, number))
        if is_over:
            blocks.extend(encode_functions(*traced) for traced in times.traced())
        if blocks:
            yield Profiled(self.experiment, tuple(blocks))


def describe(error: UnitError) -> Failure:
    """Turn an exception into what can cross to another process whatever it is."""
    exception = error.exception
    pickled: bytes | None = None
    try:
        pickled = pickle.dumps(exception)
        pickle.loads(pickled)
        pickled = None if len(pickled) > MOST_TEXT else pickled
    except ANYTHING:  # (exceptions of users may refuse in any way)
        pickled = None
    try:
        message = str(exception)
    except ANYTHING as problem:
        message = f"<its text cannot be shown: {type(problem).__qualname__}>"
    name = type(exception).__qualname__
    return Failure(error.name, error.iteration, name, _cut(message), _cut(error.traceback), pickled)


def _cut(text: str) -> str:
    """Leave out the middle of a text that nobody would read."""
    if len(text) <= MOST_TEXT:
        return text
    half = MOST_TEXT // 2
    return f"{text[:half]} … {len(text) - 2 * half} characters … {text[-half:]}"
