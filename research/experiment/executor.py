"""The executor runs one task: an experiment per branch, iteration by iteration, unit by unit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from logging import getLogger
from pathlib import Path
from typing import Any, Self

from research.domain import Config, ConfigAlias
from research.domain.identity import experiment_id
from research.experiment.engine import Engine
from research.experiment.experiment import Experiment, checked_experiment
from research.experiment.merging import merge_configs
from research.experiment.program import Program
from research.experiment.running import MemorySink, RunningExperiment, Sink
from research.experiment.seeding import kept_globals
from research.profiling.measuring import read_profile
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
        Where there are several branches: called with the experiments that units, or the making of an
        instance, are about to run for, in the thread in which they do.
    seed_libraries : bool, default False
        Seed the global generators of `random`, numpy and torch for each experiment; see `Research.run`. They
        are put back at the end. Several branches need `target='for'`.
    is_hopeless : callable, optional
        Called with each experiment between two iterations; it ends if this returns True.

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
        is_hopeless: Callable[[RunningExperiment], bool] | None = None,
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
        self._is_alone = on_end is None  # nobody else is there to tell of failures
        if ids is None:
            ids = [experiment_id(config.canonical) for config in merged]
        self._engine = Engine(
            program,
            make_seed(seed),
            folder,
            finalize,
            debug,
            on_end,
            on_iteration,
            on_turn,
            seed_libraries,
            self.target == "threads",
            is_hopeless=is_hopeless,
        )
        own_sinks = [MemorySink() for _ in merged] if sinks is None else sinks
        self.experiments = self._engine.begin(ids, merged, own_sinks)

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
        if self._seed_libraries and self._is_alone:  # (else who made it knows what to put back, and when)
            with kept_globals():
                self._engine.run()
        else:
            self._engine.run()
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
        names = [step.name for step in self.program.steps]
        states = ", ".join(f"{count} {state}" for state, count in counts.items())
        return f"<executor of {names}: {states}>"
