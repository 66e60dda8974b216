"""The executor runs one task: an experiment per branch, iteration by iteration, unit by unit."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import count
from logging import getLogger
from pathlib import Path
from typing import Any, Self

from research.domain import Config, ConfigAlias
from research.domain.identity import experiment_id
from research.experiment.compiling import Evaluator, MissingOutput
from research.experiment.experiment import Experiment, checked_experiment
from research.experiment.merging import merge_configs
from research.experiment.program import Program
from research.experiment.running import FanOut, MemorySink, RunningExperiment, RunningUnit, Sink
from research.experiment.seeding import Turns, kept_globals, seed_globals
from research.experiment.units import Step
from research.profiling.measuring import IterationClock, read_profile
from research.profiling.profiler import Profiler
from samplers import make_seed

TARGETS = {"threads": "threads", "t": "threads", "for": "for", "f": "for"}


class Executor:
    """Runs an experiment for one config, or for several side by side.

    Parameters
    ----------
    experiment : Experiment
    target : 'threads' or 'for', default 'threads'
        Whether branches run in threads or one after another; 't' and 'f' are accepted.
    configs : sequence of Config, ConfigAlias or dict, optional
        One for each branch, or a single one for all `branches_configs`. Default: empty.
    branches_configs : sequence of dict, optional
        More parameters for each branch.
    executor_config : dict, optional
        More parameters for all branches. No parameter may be given twice.
    n_iters : int, optional
        Default: one if there are only callables, else until a unit is exhausted.
    finalize : bool, default True
        After the end of a generator still run remaining units that are due at the 'last' iteration, after
        an exception all remaining units of the iteration.
    debug : bool, default False
        Raise the first exception where it happens; needs `target='for'`.
    seed : optional
        Seed of the experiments' random streams, see `samplers.make_seed`.
    folder : callable, optional
        Takes an experiment's id, returns a folder for `EP()`.
    ids : sequence of str, optional
        The experiments' ids. Default: made from the configs.
    sinks : sequence of Sink, optional
        Where saved values go. Default: into `experiments[i].results`.
    program : Program, optional
        The experiment compiled before.
    on_end : callable, optional
        Called with each experiment when it ends.
    on_iteration : callable, optional
        Called after each iteration.
    profile : 0, 1 or 2, default 0
        What is measured: nothing, the times of units, or what they call as well; see `profiler`.
    on_turn : callable, optional
        Called with the experiments that units, or the making of an instance, are about to run for, in the
        thread in which they do.
    seed_libraries : bool, default False
        Seed the global generators of `random`, numpy and torch for each experiment; see `Research.run`. They
        are put back at the end. Several branches need `target='for'`.

    Raises
    ------
    ValueError, TypeError
        If an argument makes no sense, or a parameter is given twice.

    Attributes
    ----------
    experiments : list of RunningExperiment
        One for each branch.

    Examples
    --------
    >>> from research import Experiment, O
    >>> experiment = Experiment().add_generator('count', lambda: iter(range(3))).save(O('count'), 'n')
    >>> Executor(experiment).run().experiments[0].results
    {'n': {0: 0, 1: 1, 2: 2}}
    """

    def __init__(
        self,
        experiment: Experiment,
        target: str = "threads",
        configs: Sequence[Config | ConfigAlias | Mapping[str, Any]] | None = None,
        branches_configs: Sequence[Mapping[str, Any]] | None = None,
        executor_config: Mapping[str, Any] | None = None,
        n_iters: int | None = None,
        finalize: bool = True,
        debug: bool = False,
        seed: Any = None,
        folder: Callable[[str], Path] | None = None,
        ids: Sequence[str] | None = None,
        sinks: Sequence[Sink] | None = None,
        program: Program | None = None,
        on_end: Callable[[RunningExperiment], None] | None = None,
        on_iteration: Callable[[], None] | None = None,
        profile: bool | int | str = 0,
        on_turn: Callable[[Sequence[RunningExperiment]], None] | None = None,
        seed_libraries: bool = False,
    ) -> None:
        if target not in TARGETS:
            raise ValueError(f"`target` must be one of {sorted(TARGETS)}, got {target!r}")
        self.target = TARGETS[target]
        if debug and self.target != "for":
            raise ValueError("`debug=True` needs `target='for'`: an exception in a thread has nowhere to go")
        merged = merge_configs(configs, branches_configs, executor_config)
        if seed_libraries and self.target == "threads" and len(merged) > 1:
            raise ValueError("`seed_libraries=True` needs `target='for'`: threads share global generators")
        self._seed_libraries = seed_libraries
        if program is None:
            level = read_profile(profile, self.target, len(merged))
            program = Program.compile(checked_experiment(experiment), n_iters, level)
        self.program = program
        self._finalize, self._debug = finalize, debug
        self._is_alone = on_end is None  # nobody else is there to tell of failures
        self._on_end, self._on_iteration = on_end, on_iteration
        if ids is None:
            ids = [experiment_id(config.canonical) for config in merged]
        sinks = [MemorySink() for _ in merged] if sinks is None else sinks
        seed = make_seed(seed)
        steps = [step for _, steps in self.program.segments for step in steps]
        roots = {step.name: RunningUnit(step.name, step.is_pipeline) for step in steps if step.root}
        shared: dict[str, Any] = {}
        self.experiments = [
            RunningExperiment(
                id_,
                config,
                seed,
                sink,
                {
                    step.name: roots.get(step.name) or RunningUnit(step.name, step.is_pipeline)
                    for step in steps
                },
                dict(shared),
                folder,
            )
            for id_, config, sink in zip(ids, merged, sinks, strict=True)
        ]
        self._root: RunningExperiment | None = None
        self._targets = list(self.experiments)  # that what a root unit saves is for
        for run in self.experiments:
            run.branches = self.experiments
        if self.program.has_root:
            first = self.experiments[0]
            self._root = RunningExperiment(
                f"root of {first.id}",
                first.full_config,
                seed,
                FanOut(self._targets),
                first.units,
                first.instances,
                None if folder is None else lambda _: first.folder,
            )
            self._root.branches = self.experiments
        self._turns: Turns | None = None
        if on_turn is not None or (seed_libraries and (self._root is not None or len(merged) > 1)):
            self._turns = Turns(on_turn, seed_libraries)
        self._clock: IterationClock | None = None
        if program.profile:
            runs = self.experiments, self._root, self._targets
            self._clock = IterationClock(*runs, program.names, on_end, on_iteration)
            self._on_end, self._on_iteration = self._clock.end, self._clock.next

    @property
    def profiler(self) -> Profiler:
        """Times of units so far, with `profile=1` or `2`; see `Research.profiler`.

        Raises
        ------
        ValueError
            If nothing is measured.
        """
        return Profiler.of_runs(self.experiments, self.program.profile)

    def run(self) -> Self:
        """Run all iterations of all branches.

        Exceptions of units end their experiment, and are in its `errors`. If no experiment succeeds, a
        warning goes to the logger `research`, which is shown on stderr unless logging was told otherwise.

        Returns
        -------
        Executor
            This object, with `experiments` at their end.
        """
        if self._clock is not None:
            self._clock.start()
        if self._seed_libraries and self._is_alone:  # (else who made it knows what to put back, and when)
            with kept_globals():
                self._run_all()
        else:
            self._run_all()
        if self._is_alone and all(run.is_failed for run in self.experiments):
            text = "all %s experiments failed; the first error: %r; see `.experiments[i].errors`"
            getLogger("research").warning(text, len(self.experiments), self.experiments[0].errors[0])
        return self

    def __repr__(self) -> str:
        counts = Counter(
            "failed" if run.is_failed else "running" if run.is_alive else "done" for run in self.experiments
        )
        if all(run.is_alive and not run.iteration for run in self.experiments):
            counts = Counter({"not run": len(self.experiments)})
        names = [step.name for _, steps in self.program.segments for step in steps]
        states = ", ".join(f"{count} {state}" for state, count in counts.items())
        return f"<executor of {names}: {states}>"

    def _run_all(self) -> None:
        if self._seed_libraries and self._turns is None:
            seed_globals(self.experiments[0])
        if self.target != "threads" or len(self.experiments) == 1:
            self._run(_one_by_one)
            return
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(len(self.experiments), "branch") as pool:
            self._run(lambda work, branches: deque(pool.map(work, branches), maxlen=0))

    def _run(self, for_each: Callable[[Callable[[RunningExperiment], None], Any], Any]) -> None:
        self._create_instances(for_each)
        final = None if self.program.n_iters is None else self.program.n_iters - 1
        for iteration in count():
            is_last = iteration == final
            alive = [run for run in self.experiments if run.is_alive]
            if not alive:
                break
            for run in alive if self._root is None else [*alive, self._root]:
                run.iteration = iteration
            for is_root, steps in self.program.segments:
                if is_root and self._root is not None:
                    self._run_root(self._root, steps, is_last)
                elif len(alive) == 1:
                    self._run_steps(alive[0], steps, is_last)
                else:
                    for_each(partial(self._run_steps, steps=steps, is_last=is_last), alive)
            for run in alive:
                if is_last or run.ending:
                    self._end(run)
            if self._on_iteration is not None:
                self._on_iteration()
            if is_last:
                break

    def _create_instances(self, for_each: Callable[..., Any]) -> None:
        for name, is_root, make in self.program.instances:
            if is_root and self._root is not None:
                owners = [self._root]
            else:
                owners = [run for run in self.experiments if not run.ending]

            def create(run: RunningExperiment, name: str = name, make: Evaluator = make) -> None:
                if self._turns is not None:
                    self._turns.begin(run, self.experiments if run is self._root else (run,))
                try:
                    run.instances[name] = make(run)
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

    def _run_root(self, root: RunningExperiment, steps: Sequence[Step], is_last: bool) -> None:
        """Run units once for all branches for which they are due."""
        for step in steps:
            due = [run for run in self.experiments if run.is_alive and self._is_due(step, run, is_last)]
            if due:
                self._targets[:] = due
                if self._turns is not None:
                    self._turns.begin(root, due)
                self._call(step, root, is_last or all(run.ending for run in due))
                if root.ending:
                    self._pass_on(root)

    def _pass_on(self, root: RunningExperiment) -> None:
        """Let every branch end the way the root did."""
        for run in self.experiments:
            if run.is_alive:
                run.ending = run.ending or root.ending
                run.errors.extend(root.errors)
        root.ending, root.errors = None, []

    def _run_steps(self, run: RunningExperiment, steps: Sequence[Step], is_last: bool) -> None:
        """Run the units of one iteration that are due, one after another."""
        if self._turns is not None:
            self._turns.begin(run, (run,))
        for step in steps:
            if (step.always and run.ending is None) or self._is_due(step, run, is_last):
                self._call(step, run, is_last)
        if run.is_copy:
            self._end(run)  # here: of a thread's process there is nothing but the thread in a copy

    def _is_due(self, step: Step, run: RunningExperiment, is_last: bool) -> bool:
        if run.ending is None:
            return step.always or step.when.is_due(run.iteration, is_last)
        if not self._finalize or run.is_copy:
            return False
        return step.when.last if run.ending == "exhausted" else step.when.is_due(run.iteration, True)

    def _call(self, step: Step, run: RunningExperiment, is_last: bool) -> None:
        try:
            step.call(run)
            if step.dump is not None and step.dump.is_due(run.iteration, is_last or run.ending is not None):
                run.dump()
        except StopIteration:
            run.ending = run.ending or "exhausted"
        except MissingOutput:
            run.units[step.name].has_output = False  # the unit that failed has said why
        except BaseException as error:
            self._handle(run, step.name, error)

    def _handle(self, run: RunningExperiment, name: str, error: BaseException) -> None:
        run.fail(name, error)
        if self._debug:
            self._end(run)
            raise error

    def _end(self, run: RunningExperiment) -> None:
        if run.is_alive:
            run.is_alive = False
            if self._on_end is not None:
                self._on_end(run)


def _one_by_one(work: Callable[[RunningExperiment], None], branches: Sequence[RunningExperiment]) -> None:
    for run in branches:
        work(run)
