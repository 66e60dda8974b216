"""The work of a worker, in whichever process: it runs tasks, and says what comes of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

from research.backends.asking import Ask
from research.backends.base import Blueprint, WorkerSpec
from research.backends.capture import Capture
from research.backends.guarding import AT_WORK, Whereabouts, leave
from research.backends.recording import Recorder
from research.domain import Config, Domain
from research.domain.drawing import Stream
from research.events import (
    Event,
    Member,
    Task,
    TaskDone,
    new,
)
from research.experiment.engine import Engine
from research.experiment.executor import Executor
from research.experiment.merging import merge_configs
from research.experiment.owning import own_values
from research.experiment.program import Program
from research.experiment.running import RunningExperiment


class _Source(NamedTuple):
    """Where configs come from."""

    domain: Domain
    stream: Stream
    grid: Callable[[Any], dict[str, Any]] | None  # makes their values, where there is nothing else to it


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
    ask : callable, optional
        Puts questions to the driver, where experiments may be pruned.
    """

    def __init__(
        self,
        blueprint: Blueprint,
        worker: int,
        spec: WorkerSpec,
        emit: Callable[[Sequence[Event]], None],
        on_iteration: Callable[[], None] | None = None,
        capture: Capture | None = None,
        ask: Ask | None = None,
    ) -> None:
        self._ask = ask
        self._blueprint = blueprint
        self._worker = worker
        self._spec = spec
        self._emit = emit
        self._on_iteration = on_iteration
        self._capture = capture
        self._program = Program.compile(blueprint.experiment, blueprint.n_iters, blueprint.profile)
        self._lock = threading.RLock()
        self._has_parents = False  # some experiment was bred from others
        self._domains: dict[int, _Source] = {}
        for generation, domain in enumerate(blueprint.domains):
            self.replace(generation, domain)
        self._devices: dict[int, dict[str, Any]] = {}  # what configs of a branch say of its devices
        self._object_folder = blueprint.folder if blueprint.keeps_objects else None
        self._folders: dict[str, str] = {}  # names of experiments' folders, where they are not their ids
        self._recorders: list[Recorder] = []  # of the task that runs
        self._waiting: list[Event] = []  # of tasks that are done
        self._in_threads = blueprint.executor_target == "threads"
        self._hopeless = None if blueprint.pruning is None or ask is None else self._is_hopeless
        self._whereabouts = Whereabouts()
        self._is_copy = False  # which a unit has made by forking
        self._engine = self._make_engine()
        is_usual = blueprint.executor_class is Executor and not (blueprint.branches_configs or spec.config)
        self._is_plain = is_usual  # nothing is added to configs, and nobody else takes part in running them

    def run(self, task: Task) -> None:
        """Run a task to its end; events that are not sent by then are kept until the next `flush`."""
        begun = perf_counter()
        number, members = task
        capture = self._capture
        ids: list[str] = []
        recorders: list[Recorder] = []
        for member in members:
            ids.append(member.id)
            recorders.append(self._recorder(member.id))
            if member.prefix is not None:
                self._folders[member.id] = member.folder_name
        if capture is not None:
            capture.begin(number, ids, self._in_threads and len(ids) > 1)
        try:
            AT_WORK.add(self)
            self._execute(members, ids, recorders)
            if self._is_copy:
                leave(None)
        except BaseException as error:  # in a subclass of the executor: those of units it has caught
            if self._is_copy:
                leave(error)
            if self._blueprint.debug or not isinstance(error, Exception):
                raise
            if capture is not None:
                capture.cut()
            for recorder in recorders:
                recorder.break_off(error)
        finally:
            AT_WORK.discard(self)
            self._whereabouts.go_back()
            if self._folders:
                self._folders = {}
        with self._lock:
            waiting = self._waiting
            if capture is not None:
                waiting += capture.end()
            for recorder in recorders:
                waiting += recorder.collect()
                recorder.let_go()
            self._recorders = []
            waiting.append(new(TaskDone, (self._worker, number, perf_counter() - begun)))

    def _execute(self, members: Sequence[Member], ids: Sequence[str], recorders: list[Recorder]) -> None:
        self._recorders = recorders
        engine: Engine | Executor = self._engine
        if self._is_plain:
            configs = [self._config(member, branch) for branch, member in enumerate(members)]
            for run, recorder in zip(self._engine.begin(ids, configs, recorders), recorders, strict=True):
                recorder.run = run
        else:
            engine = self._begin_otherwise(members, ids, recorders)
        if self._has_parents:
            for run, member in zip(engine.experiments, members, strict=True):
                if self._domains[member.generation].domain.has_parents:
                    run.find_parent = partial(self._parent_folder, member)
        engine.run()

    def _config(self, member: Member, branch: int) -> Config:
        return Config.of_items(own_values(self._values(member, branch)))

    def _begin_otherwise(
        self, members: Sequence[Member], ids: Sequence[str], recorders: list[Recorder]
    ) -> Engine | Executor:
        """Make experiments where more is added to their configs, or the executor is of the user's class."""
        engine: Engine | Executor = self._engine
        configs = [Config.of_items(self._values(member, branch)) for branch, member in enumerate(members)]
        branches = self._blueprint.branches_configs[: len(members)] or None  # the last task may be smaller
        if self._blueprint.executor_class is Executor:  # what it would check has been
            self._engine.begin(ids, merge_configs(configs, branches, self._spec.config), recorders)
        else:
            engine = self._make_executor(ids, configs, branches, recorders)
        for run, recorder in zip(engine.experiments, recorders, strict=True):
            recorder.run = run
        return engine

    def _make_engine(self) -> Engine:
        blueprint = self._blueprint
        return Engine(
            self._program,
            blueprint.seed,
            self._folder,
            blueprint.finalize,
            blueprint.debug,
            self._end,
            self._on_iteration,
            None if self._capture is None else self._turn,
            blueprint.seed_libraries,
            self._in_threads,
            blueprint.experiment.variables,
            self._hopeless,
        )

    def _make_executor(
        self,
        ids: Sequence[str],
        configs: Sequence[Config],
        branches: Sequence[Mapping[str, Any]] | None,
        recorders: Sequence[Recorder],
    ) -> Executor:
        """Make one of the user's own class."""
        blueprint = self._blueprint
        more: dict[str, Any] = {} if self._hopeless is None else {"is_hopeless": self._hopeless}
        return blueprint.executor_class(
            blueprint.experiment,
            blueprint.executor_target,
            configs,
            branches,
            self._spec.config,
            finalize=blueprint.finalize,
            debug=blueprint.debug,
            seed=blueprint.seed,
            folder=self._folder,
            ids=ids,
            sinks=recorders,
            program=self._program,
            on_end=self._end,
            on_iteration=self._on_iteration,
            on_turn=None if self._capture is None else self._turn,
            seed_libraries=blueprint.seed_libraries,
            **more,
        )

    def _folder(self, id_: str) -> Path:
        """Return the folder of an experiment, or of a root."""
        return self._blueprint.experiment_folder(self._folders.get(id_, id_))

    def _parent_folder(self, member: Member) -> Path | None:
        """Return the folder of the experiment that another was bred from, None if there is none."""
        domain, stream, _ = self._domains[member.generation]
        config = domain.point(member.key, stream, member.pass_, member.places).config
        parents = domain.parents(config.canonical, member.repetition)
        return self._blueprint.find_folder(parents[0], member.prefix is not None) if parents else None

    def replace(self, generation: int, domain: Domain) -> None:
        """Take note of a further domain; from any thread, before tasks that need it."""
        stream = domain.stream(self._blueprint.seed, generation)
        self._domains[generation] = _Source(domain, stream, domain.grid(stream))
        self._has_parents = self._has_parents or domain.has_parents

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
        recorder = self._recorder_of(run)
        if self._capture is None:
            recorder.end(run)
            return
        with self._lock:  # what it printed is told before its end, whoever collects
            self._capture.cut()
            recorder.end(run)

    def _recorder(self, id_: str) -> Recorder:
        pruning = self._blueprint.pruning
        if pruning is None or self._ask is None:
            return Recorder(self._worker, id_, self.flush, self._object_folder)
        from research.backends.watched import Watched  # most studies prune nothing

        return Watched(pruning, self._ask, self._worker, id_, self.flush, self._object_folder)

    def _is_hopeless(self, run: RunningExperiment) -> bool:
        return self._recorder_of(run).is_hopeless()

    def _recorder_of(self, run: RunningExperiment) -> Recorder:
        if len(self._recorders) == 1:
            return self._recorders[0]
        (recorder,) = [recorder for recorder in self._recorders if recorder.run is run]
        return recorder

    def _turn(self, runs: Sequence[RunningExperiment]) -> None:
        """Take note of whose turn it is, where several take turns."""
        if self._capture is not None:
            self._capture.turn(tuple([run.id for run in runs]))

    def _values(self, member: Member, branch: int) -> dict[str, Any]:
        """Return what an experiment is told, but for what is added for branches and workers."""
        domain, stream, grid = self._domains[member.generation]
        if grid is None:
            values = domain.point(member.key, stream, member.pass_, member.places).values
        else:
            values = grid(member.key)
        values["repetition"] = member.repetition
        values["updates"] = member.generation
        if branch not in self._devices:
            more = (self._spec.config, *self._blueprint.branches_configs[branch : branch + 1])
            is_said = any("device" in config for config in more)  # who deals none may say it in their own way
            self._devices[branch] = {} if is_said else {"device": self._spec.device(branch)}
        values.update(self._devices[branch])
        return values
