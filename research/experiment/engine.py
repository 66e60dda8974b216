"""The loop of a task: an experiment per branch, iteration by iteration, unit by unit."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from research.domain import Config
from research.experiment.compiling import MissingOutput
from research.experiment.program import Program
from research.experiment.running import FanOut, RunningExperiment, RunningUnit, Sink
from research.experiment.seeding import Turns, seed_globals
from research.experiment.targets import Binder, Bound
from research.experiment.units import Step
from research.profiling.measuring import IterationClock

Work = tuple[Step, bool, Bound]  # with: is it due at every iteration


class Engine:
    """Runs experiments side by side, as often as there are some: `begin`, then `run`.

    See `research.Executor` for what its arguments mean. All of them are given, and nothing is checked: a
    worker has one of these for all of a million experiments. `variables` are those that are known to have
    other names than parameters.

    Attributes
    ----------
    experiments : list of RunningExperiment
        Those that are at work, or were last.
    """

    __slots__ = (
        "_clock",
        "_debug",
        "_finalize",
        "_folder",
        "_in_threads",
        "_is_hopeless",
        "_on_end",
        "_on_iteration",
        "_on_turn",
        "_program",
        "_root",
        "_seed",
        "_seed_libraries",
        "_targets",
        "_turns",
        "_variables",
        "experiments",
    )

    def __init__(
        self,
        program: Program,
        seed: int,
        folder: Callable[[str], Path] | None,
        finalize: bool,
        debug: bool,
        on_end: Callable[[RunningExperiment], None] | None,
        on_iteration: Callable[[], None] | None,
        on_turn: Callable[[Sequence[RunningExperiment]], None] | None,
        seed_libraries: bool,
        in_threads: bool,
        variables: Collection[str] = (),
        is_hopeless: Callable[[RunningExperiment], bool] | None = None,
    ) -> None:
        self._program = program
        self._seed, self._folder = seed, folder
        self._finalize, self._debug = finalize, debug
        self._clock = IterationClock(program.names, on_end, on_iteration) if program.profile else None
        self._on_end = on_end if self._clock is None else self._clock.end
        self._on_iteration = on_iteration if self._clock is None else self._clock.next
        self._on_turn = on_turn
        self._seed_libraries, self._in_threads = seed_libraries, in_threads
        self._variables = frozenset(variables)
        self._is_hopeless = is_hopeless
        self.experiments: list[RunningExperiment] = []
        self._root: RunningExperiment | None = None
        self._targets: list[RunningExperiment] = []  # that what a root unit saves is for
        self._turns: Turns | None = None

    def begin(
        self, ids: Sequence[str], configs: Sequence[Config], sinks: Sequence[Sink]
    ) -> list[RunningExperiment]:
        """Make the experiments that are to run next, and return them."""
        steps, has_root = self._program.steps, self._program.has_root
        roots = {}
        if has_root:
            roots = {step.name: RunningUnit(step.name, step.is_pipeline) for step in steps if step.root}
        self.experiments = runs = [
            RunningExperiment(
                id_,
                config,
                self._seed,
                sink,
                {
                    step.name: roots[step.name] if step.root else RunningUnit(step.name, step.is_pipeline)
                    for step in steps
                },
                {},
                self._folder,
                self._variables,
            )
            for id_, config, sink in zip(ids, configs, sinks, strict=True)
        ]
        if has_root or len(runs) > 1:
            self._put_together(runs)
        elif self._targets:  # there were several before
            self._targets, self._turns = [], None
        if self._clock is not None:
            self._clock.begin(runs, self._root, self._targets)
        return runs

    def _put_together(self, runs: Sequence[RunningExperiment]) -> None:
        """Let experiments know of each other, and take turns."""
        for run in runs:
            run.branches = runs
        self._targets = list(runs)
        self._root = self._make_root() if self._program.has_root else None
        self._turns = None
        on_turn = self._on_turn if len(runs) > 1 else None
        if on_turn is not None or self._seed_libraries:
            self._turns = Turns(on_turn, self._seed_libraries)

    def _make_root(self) -> RunningExperiment:
        first = self.experiments[0]
        root = RunningExperiment(
            f"root of {first.id}",
            first.full_config,
            self._seed,
            FanOut(self._targets),
            first.units,
            first.instances,
            None if self._folder is None else lambda _: first.folder,
        )
        root.branches = self.experiments
        return root

    def run(self) -> None:
        """Run all iterations of all branches."""
        if self._clock is not None:
            self._clock.start()
        if self._seed_libraries and self._turns is None:
            seed_globals(self.experiments[0])
        if len(self.experiments) == 1 and self._root is None:
            self._create_instances(_one_by_one)
            self._run_alone(self.experiments[0])
        elif self._in_threads:
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(len(self.experiments), "branch") as pool:
                self._run(lambda work, branches: deque(pool.map(work, branches), maxlen=0))
        else:
            self._run(_one_by_one)

    def _run_alone(self, run: RunningExperiment) -> None:
        """Do what `_run` does, for the one experiment that there is."""
        works, on_iteration = _bind(run, self._program.steps), self._on_iteration
        final = None if self._program.n_iters is None else self._program.n_iters - 1
        for iteration in count():
            if not run.is_alive:
                break
            run.iteration = iteration
            is_last = iteration == final
            self._run_steps(run, works, is_last)
            if is_last or run.ending:
                self._end(run)
            elif self._is_hopeless is not None:
                self._prune(run)
            if on_iteration is not None:
                on_iteration()
            if is_last:
                break

    def _run(self, for_each: Callable[[Callable[[RunningExperiment], None], Any], Any]) -> None:
        self._create_instances(for_each)
        root = self._root
        segments = [
            {run: _bind(run, steps) for run in (self.experiments if root is None or not is_root else [root])}
            for is_root, steps in self._program.segments
        ]
        final = None if self._program.n_iters is None else self._program.n_iters - 1
        for iteration in count():
            is_last = iteration == final
            alive = [run for run in self.experiments if run.is_alive]
            if not alive:
                break
            for run in alive if root is None else [*alive, root]:
                run.iteration = iteration
            for works in segments:
                if root in works:
                    self._run_root(root, works[root], is_last)
                elif len(alive) == 1:
                    self._run_steps(alive[0], works[alive[0]], is_last)
                else:
                    for_each(partial(self._run_one, works=works, is_last=is_last), alive)
            for run in alive:
                if is_last or run.ending:
                    self._end(run)
                elif self._is_hopeless is not None:
                    self._prune(run)
            if self._on_iteration is not None:
                self._on_iteration()
            if is_last:
                break

    def _create_instances(self, for_each: Callable[..., Any]) -> None:
        if not self._program.instances:
            return
        for name, is_root, make in self._program.instances:
            if is_root and self._root is not None:
                owners = [self._root]
            else:
                owners = [run for run in self.experiments if not run.ending]

            def create(run: RunningExperiment, name: str = name, make: Binder = make) -> None:
                if self._turns is not None:
                    self._turns.begin(run, self.experiments if run is self._root else (run,))
                try:
                    run.instances[name] = make(run)()
                except BaseException as error:
                    self._handle(run, name, error)

            for_each(create, owners)
            if is_root and self._root is not None:
                if self._root.ending:
                    self._pass_on(self._root)
                else:
                    for run in self.experiments:
                        run.instances[name] = self._root.instances[name]
        for run in self.experiments:
            if run.ending:  # there is nothing that units could work with
                self._end(run)

    def _run_root(self, root: RunningExperiment, works: Sequence[Work], is_last: bool) -> None:
        """Run units once for all branches for which they are due."""
        for step, _, call in works:
            due = [run for run in self.experiments if run.is_alive and self._is_due(step, run, is_last)]
            if due:
                self._targets[:] = due
                if self._turns is not None:
                    self._turns.begin(root, due)
                try:
                    call()
                    self._dump(step, root, is_last or all(run.ending for run in due))
                except BaseException as error:
                    self._take(root, step, error)
                if root.ending:
                    self._pass_on(root)

    def _pass_on(self, root: RunningExperiment) -> None:
        """Let every branch end the way the root did."""
        for run in self.experiments:
            if run.is_alive:
                run.ending = run.ending or root.ending
                run.errors.extend(root.errors)
        root.ending, root.errors = None, []

    def _run_one(self, run: RunningExperiment, works: Mapping[Any, Sequence[Work]], is_last: bool) -> None:
        self._run_steps(run, works[run], is_last)

    def _run_steps(self, run: RunningExperiment, works: Sequence[Work], is_last: bool) -> None:
        """Run the units of one iteration that are due, one after another."""
        if self._turns is not None:
            self._turns.begin(run, (run,))
        rest = iter(works)
        while True:
            try:
                for step, always, call in rest:
                    if (always and run.ending is None) or self._is_due(step, run, is_last):
                        call()
                        if step.dump is not None:
                            self._dump(step, run, is_last)
                break
            except BaseException as error:
                self._take(run, step, error)  # and go on with the next
        if run.is_copy:
            self._end(run)  # here: of a thread's process there is nothing but the thread in a copy

    def _is_due(self, step: Step, run: RunningExperiment, is_last: bool) -> bool:
        if run.ending is None:
            return step.always or step.when.is_due(run.iteration, is_last)
        if not self._finalize or run.is_copy:
            return False
        return step.when.last if run.ending == "exhausted" else step.when.is_due(run.iteration, True)

    def _dump(self, step: Step, run: RunningExperiment, is_last: bool) -> None:
        if step.dump is not None and step.dump.is_due(run.iteration, is_last or run.ending is not None):
            run.dump()

    def _take(self, run: RunningExperiment, step: Step, error: BaseException) -> None:
        """Take note of what a unit has raised."""
        if isinstance(error, StopIteration):
            run.ending = run.ending or "exhausted"
        elif isinstance(error, MissingOutput):
            run.units[step.name].has_output = False  # the unit that failed has said why
        else:
            self._handle(run, step.name, error)

    def _handle(self, run: RunningExperiment, name: str, error: BaseException) -> None:
        run.fail(name, error)
        if self._debug:
            self._end(run)
            raise error

    def _prune(self, run: RunningExperiment) -> None:
        """End an experiment between iterations if that is hopeless."""
        if self._is_hopeless is not None and self._is_hopeless(run):
            run.ending = "pruned"
            self._end(run)

    def _end(self, run: RunningExperiment) -> None:
        if run.is_alive:
            run.is_alive = False
            if self._on_end is not None:
                self._on_end(run)


def _bind(run: RunningExperiment, steps: Sequence[Step]) -> list[Work]:
    """Return units with what is left to do for each call."""
    return [(step, step.always, step.bind(run)) for step in steps]


def _one_by_one(work: Callable[[RunningExperiment], None], branches: Sequence[RunningExperiment]) -> None:
    for run in branches:
        work(run)
