"""The work of a worker, in whichever process: from tasks to events."""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from research.backends.base import Blueprint, WorkerSpec
from research.backends.capture import Capture
from research.backends.columns import Column
from research.backends.guarding import AT_WORK, Whereabouts, leave
from research.domain import Config, Domain
from research.events import (
    DONE,
    FAILED,
    Ended,
    Event,
    Failure,
    Member,
    ProfileBlock,
    Profiled,
    Running,
    Task,
    TaskDone,
    Values,
)
from research.experiment.engine import Engine
from research.experiment.executor import Executor
from research.experiment.merging import merge_configs
from research.experiment.program import Program
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

    Units save from the worker's thread while a timer collects from another.
    """

    def __init__(
        self, worker: int, experiment: str, flush: Callable[[], None], shelf: Shelf | None = None
    ) -> None:
        self._worker = worker
        self._shelf = shelf
        self.experiment = experiment
        self._flush = flush
        self.started = time.time()
        self.run: RunningExperiment | None = None
        self._lock = threading.Lock()
        self._columns: dict[str, Column] = {}
        self._n_profiled: dict[int, int] = {}  # blocks of each unit
        self._is_urgent = False
        self._ended: Ended | None = None
        self._is_over = False  # and everything has been collected

    def save(self, variable: str, iteration: int, value: Any) -> None:
        if type(value) not in SCALARS:  # what most save is known to be frozen, without a further call
            try:
                value = freeze(value, self._shelf, variable, iteration)
            except TypeError as error:
                raise TypeError(f"{variable!r} was not saved: {error}") from error.__cause__
        column = self._columns.get(variable)
        if column is not None and column.last != iteration:
            column.last = iteration
            column.pairs.append((iteration, value))
            return
        with self._lock:
            if column is None:
                column = self._columns.setdefault(variable, Column())
            column.last = iteration
            column.replace(value)

    def dump(self) -> None:
        self._is_urgent = True
        self._flush()

    def end(self, run: RunningExperiment) -> None:
        """Note how the experiment ended."""
        self._ended = Ended(
            self._worker,
            self.experiment,
            FAILED if run.is_failed else DONE,
            self.started,
            time.time(),
            run.iteration + 1,
            tuple(describe(error) for error in run.errors),
            None,
        )

    def break_off(self, error: Exception) -> None:
        """Note that the executor failed, if the experiment had not ended before."""
        if self._ended is not None:
            return
        iteration = 0 if self.run is None else self.run.iteration
        failure = describe(UnitError("executor", iteration, error))
        now = time.time()
        self._ended = Ended(
            self._worker, self.experiment, FAILED, self.started, now, iteration, (failure,), None
        )

    def become_copy(self) -> None:
        """Be of no use but to the unit that forked; what it saves goes nowhere."""
        self._lock = threading.Lock()  # a thread that is not here may have held it
        self._shelf = None
        if self.run is not None:
            self.run.is_copy = True
            self.run.ending = self.run.ending or "copied"

    def let_go(self) -> None:
        """Forget the experiment, which is over: what its units hold is to be free before the next begins."""
        if self.run is not None:
            self.run.branches = ()
            self.run = None

    def collect(self) -> list[Event]:
        """Return events of all that happened since the last call."""
        if self._is_over:
            return []
        ended = self._ended  # read first: what was saved before the end is collected before it
        with self._lock:
            blocks = [
                block
                for variable, column in self._columns.items()
                if (block := column.take_block(variable)) is not None
            ]
            urgent, self._is_urgent = self._is_urgent, False
        events: list[Event] = []
        if ended is None:
            iteration = 0 if self.run is None else self.run.iteration
            events.append(Running(self._worker, self.experiment, self.started, iteration))
        if blocks:
            events.append(Values(self.experiment, tuple(blocks), urgent))
        if self.run is not None and self.run.times is not None:
            events.extend(self._collect_profile(self.run.times, ended is not None))
        if ended is not None:
            events.append(ended)
            self._is_over = True
        return events

    def _collect_profile(self, times: Times, is_over: bool) -> Iterator[Profiled]:
        """Encode what was measured since the last call; what units called is known at the end."""
        blocks: list[ProfileBlock] = []
        for measured in times.take(forget=True):
            number = self._n_profiled.get(measured.place, 0)
            self._n_profiled[measured.place] = number + 1
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


class TaskRunner:
    """Runs tasks, one after another.

    Parameters
    ----------
    blueprint : Blueprint
    worker : int
    spec : WorkerSpec
    emit : callable
        Takes a sequence of events; called from the thread that calls `run`, and from that which calls
        `flush`, never at once.
    on_iteration : callable, optional
        Called after each iteration.
    capture : Capture, optional
        Knows what units print.
    """

    def __init__(
        self,
        blueprint: Blueprint,
        worker: int,
        spec: WorkerSpec,
        emit: Callable[[Sequence[Event]], None],
        on_iteration: Callable[[], None] | None = None,
        capture: Capture | None = None,
    ) -> None:
        self._blueprint = blueprint
        self._worker = worker
        self._spec = spec
        self._emit = emit
        self._on_iteration = on_iteration
        self._capture = capture
        self._program = Program.compile(blueprint.experiment, blueprint.n_iters, blueprint.profile)
        self._lock = threading.RLock()
        self._domains = {
            generation: (domain, domain.stream(blueprint.seed, generation))
            for generation, domain in enumerate(blueprint.domains)
        }
        self._devices: dict[int, dict[str, Any]] = {}  # what configs of a branch say of its devices
        self._variables = frozenset(blueprint.experiment.variables)
        self._folders: dict[str, str] = {}  # names of experiments' folders, where they are not their ids
        self._recorders: list[Recorder] = []  # of the task that runs
        self._waiting: list[Event] = []  # of tasks that are done
        self._whereabouts = Whereabouts()
        self._is_copy = False  # which a unit has made by forking

    def run(self, task: Task) -> None:
        """Run a task to its end; events that are not sent by then are kept until the next `flush`."""
        begun = time.perf_counter()
        recorders = [Recorder(self._worker, member.id, self.flush, self._shelf()) for member in task.members]
        blueprint = self._blueprint
        if self._capture is not None:
            in_threads = len(recorders) > 1 and blueprint.executor_target == "threads"
            self._capture.begin(task.number, [member.id for member in task.members], in_threads)
        try:
            AT_WORK.add(self)
            self._execute(task, recorders)
            if self._is_copy:
                leave(None)
        except BaseException as error:  # in a subclass of the executor: those of units it has caught
            if self._is_copy:
                leave(error)
            if blueprint.debug or not isinstance(error, Exception):
                raise
            if self._capture is not None:
                self._capture.cut()
            for recorder in recorders:
                recorder.break_off(error)
        finally:
            AT_WORK.discard(self)
            self._whereabouts.go_back()
        with self._lock:
            if self._capture is not None:
                self._waiting.extend(self._capture.end())
            for recorder in self._recorders:
                self._waiting.extend(recorder.collect())
                recorder.let_go()
            self._recorders = []
            self._waiting.append(TaskDone(self._worker, task.number, time.perf_counter() - begun))

    def _execute(self, task: Task, recorders: list[Recorder]) -> None:
        blueprint, spec, members = self._blueprint, self._spec, task.members
        with self._lock:
            self._recorders = recorders
        self._folders = {member.id: member.folder_name for member in members if member.prefix is not None}
        ids = [member.id for member in members]
        configs = [self._config(member, branch) for branch, member in enumerate(members)]
        branches = blueprint.branches_configs[: len(members)] or None  # the last task may be smaller
        on_turn = self._turn_taker(len(members))
        executor: Engine | Executor
        if blueprint.executor_class is Executor:  # what it would check has been
            executor = Engine(
                self._program,
                ids,
                merge_configs(configs, branches, spec.config),
                recorders,
                blueprint.seed,
                self._folder,
                blueprint.finalize,
                blueprint.debug,
                self._end,
                self._on_iteration,
                on_turn,
                blueprint.seed_libraries,
                blueprint.executor_target == "threads",
                self._variables,
            )
        else:
            executor = blueprint.executor_class(
                blueprint.experiment,
                blueprint.executor_target,
                configs,
                branches,
                spec.config,
                finalize=blueprint.finalize,
                debug=blueprint.debug,
                seed=blueprint.seed,
                folder=self._folder,
                ids=ids,
                sinks=recorders,
                program=self._program,
                on_end=self._end,
                on_iteration=self._on_iteration,
                on_turn=on_turn,
                seed_libraries=blueprint.seed_libraries,
            )
        for run, recorder in zip(executor.experiments, recorders, strict=True):
            recorder.run = run
        executor.run()

    def _folder(self, id_: str) -> Path:
        """Return the folder of an experiment, or of a root."""
        return self._blueprint.experiment_folder(self._folders.get(id_, id_))

    def replace(self, generation: int, domain: Domain) -> None:
        """Take note of a further domain; from any thread, before tasks that need it."""
        self._domains[generation] = domain, domain.stream(self._blueprint.seed, generation)

    def become_copy(self) -> None:
        """Do what the unit that forked does here, and no more: the task goes on in the other process."""
        self._is_copy = True
        for recorder in self._recorders:
            recorder.become_copy()

    def flush(self) -> None:
        """Send everything that has happened so far."""
        if self._is_copy:
            return
        with self._lock:
            events, self._waiting = self._waiting, []
            if self._capture is not None:
                events.extend(self._capture.collect())
            for recorder in self._recorders:
                events.extend(recorder.collect())
            if events:
                self._emit(events)
                if self._capture is not None:
                    self._capture.told()

    def _end(self, run: RunningExperiment) -> None:
        if self._is_copy:
            leave(run.errors[-1].exception if run.errors else None)
        (recorder,) = [recorder for recorder in self._recorders if recorder.run is run]
        if self._capture is None:
            recorder.end(run)
            return
        with self._lock:  # what it printed is told before its end, whoever collects
            self._capture.cut()
            recorder.end(run)

    def _shelf(self) -> Shelf | None:
        """Return where an experiment puts large objects, if there is a folder for them."""
        blueprint = self._blueprint
        return Shelf(blueprint.folder) if blueprint.keeps_objects else None

    def _turn_taker(self, n_branches: int) -> Callable[[Sequence[RunningExperiment]], None] | None:
        """Return what has to be told whose turn it is, if there are several and somebody has to know."""
        capture = self._capture
        if capture is None or n_branches == 1:
            return None
        return lambda runs: capture.turn(tuple(run.id for run in runs))

    def _config(self, member: Member, branch: int) -> Config:
        domain, stream = self._domains[member.generation]
        values = domain.point(member.key, stream, member.pass_, member.places).values
        values["repetition"] = member.repetition
        values["updates"] = member.generation
        if branch not in self._devices:
            more = (self._spec.config, *self._blueprint.branches_configs[branch : branch + 1])
            is_said = any("device" in config for config in more)  # who deals none may say it in their own way
            self._devices[branch] = {} if is_said else {"device": self._spec.device(branch)}
        values.update(self._devices[branch])
        return Config.of_items(values)
