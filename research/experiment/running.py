"""One experiment while it runs: what named expressions see."""

from __future__ import annotations

import signal
import traceback
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from research.domain import Config
from research.domain.config import AUXILIARY, PLAIN, copy_containers
from research.domain.identity import experiment_bytes, experiment_rng, experiment_seeds
from research.errors import did_you_mean
from research.experiment.compiling import MissingOutput
from research.experiment.experiment import check_variable


class Sink(Protocol):
    """Where saved values go. Called from the thread that runs the experiment."""

    def save(self, variable: str, iteration: int, value: Any) -> None:
        """Take a value; a second one for the same iteration replaces the first."""

    def dump(self) -> None:
        """Pass on everything taken so far without waiting."""


class MemorySink:
    """Keeps values as they are: `results[variable][iteration]`."""

    def __init__(self) -> None:
        self.results: dict[str, dict[int, Any]] = {}

    def save(self, variable: str, iteration: int, value: Any) -> None:
        self.results.setdefault(variable, {})[iteration] = value

    def dump(self) -> None:
        """Nothing waits here."""


class RunningUnit:
    """State of a unit in one experiment.

    Attributes
    ----------
    output : object
        What its last call returned, None before the first.
    has_output : bool
        False from the moment that it failed, or was skipped for want of another's output.
    pipeline : object
        Of a unit that is a pipeline: the experiment's own, None before the first call.
    """

    __slots__ = ("has_output", "is_pipeline", "iterator", "name", "output", "pipeline")

    def __init__(self, name: str, is_pipeline: bool = False) -> None:
        self.name = name
        self.output: Any = None
        self.has_output = True
        self.iterator: Any = None
        self.is_pipeline = is_pipeline
        self.pipeline: Any = None

    def __repr__(self) -> str:
        return f"<unit {self.name!r}>"


class UnitError:
    """What went wrong in a unit.

    Attributes
    ----------
    name : str
        The unit.
    iteration : int
    exception : BaseException
    traceback : str
    """

    __slots__ = ("exception", "iteration", "name", "traceback")

    def __init__(self, name: str, iteration: int, exception: BaseException) -> None:
        self.name = name
        self.iteration = iteration
        self.exception = exception
        self.traceback = format_traceback(exception)

    def __repr__(self) -> str:
        return f"<{self.exception!r} in {self.name!r} at iteration {self.iteration}>"


def format_traceback(exception: BaseException) -> str:
    """Write a traceback that begins where the user's code does."""
    begin = exception.__traceback__
    while begin is not None and begin.tb_frame.f_code.co_filename.startswith(_PACKAGE):
        begin = begin.tb_next
    return "".join(traceback.format_exception(type(exception), exception, begin or exception.__traceback__))


_PACKAGE = str(Path(__file__).parents[1])


class Storage:
    """What `S()` gives to units."""

    def __init__(self, experiment: RunningExperiment) -> None:
        self._experiment = experiment

    def update_variable(self, name: str, value: Any) -> None:
        """Save a value under a name at the current iteration."""
        self._experiment.save(name, value)


class RunningExperiment:
    """One experiment of a run: its config, its units' state, its random stream.

    Parameters
    ----------
    id : str
    config : Config
        What the experiment is told, `repetition`, `updates` and `device` included.
    seed : int
        The study's seed.
    sink : Sink
    units : dict of RunningUnit
    instances : dict
    folder : callable, optional
        Makes the experiment's folder and returns its path.
    variables : frozenset of str, optional
        Names of variables that are known to be fine.

    Attributes
    ----------
    scalars : dict
        Parameters that are given as they are: numbers, texts, None.
    iteration : int
    ending : str or None
        'exhausted' or 'failed' from the moment that this iteration became the last by itself.
    errors : list of UnitError
    branches : sequence of RunningExperiment
        All that run side by side, this one included.
    times : Times or RootTimes
        What is measured of it, None where nothing is.
    find_parent : callable or None
        Returns the folder of the experiment that this one was bred from; None where there can be none.
    is_copy : bool
        This process is a copy that a unit made, and the experiment goes on in another.
    """

    # as they are for most of a million experiments, each of which has its own where it is otherwise
    iteration = 0
    ending: str | None = None
    is_alive = True
    is_copy = False
    times: Any = None
    find_parent: Callable[[], Path | None] | None = None
    _config: Config | None = None
    _random: np.random.Generator | None = None

    def __init__(
        self,
        id: str,  # noqa: A002  (users write E().id)
        config: Config,
        seed: int,
        sink: Sink,
        units: dict[str, RunningUnit],
        instances: dict[str, Any],
        folder: Callable[[str], Path] | None = None,
        variables: frozenset[str] = frozenset(),
    ) -> None:
        self.id = id
        self.full_config = config
        self.scalars = config.scalars()
        self.units = units
        self.instances = instances
        self.errors: list[UnitError] = []
        self.branches: Sequence[RunningExperiment] = (self,)
        self.sink = sink
        self._seed = seed
        self._make_folder = folder
        self._variables = variables

    def __repr__(self) -> str:
        config = ", ".join(f"{name}={value!r}" for name, value in self.config.to_dict().items())
        return f"<experiment {self.id}: {config or 'empty config'}>"

    @property
    def storage(self) -> Storage:
        """What `S()` gives; made anew each time, so that an experiment holds nothing that holds it."""
        return Storage(self)

    @property
    def config(self) -> Config:
        """What the experiment is told, without what the study has added."""
        if self._config is None:
            items = self.full_config.raw_items()
            self._config = Config.of_items({key: value for key, value in items if key not in AUXILIARY})
        return self._config

    @property
    def random(self) -> np.random.Generator:
        """The experiment's own random generator, the same wherever and whenever it runs."""
        if self._random is None:
            self._random = experiment_rng(self._seed, self.id)
        return self._random

    def seed_sequence(self, purpose: str) -> np.random.SeedSequence:
        """Make a source of seeds for one purpose, of which `random` knows nothing."""
        return experiment_seeds(self._seed, f"{self.id}|{purpose}")

    def seed_bytes(self, purpose: str, n_bytes: int) -> bytes:
        """Return at most 64 bytes for one purpose, at a fraction of what `seed_sequence` costs."""
        return experiment_bytes(self._seed, f"{self.id}|{purpose}", n_bytes)

    @property
    def is_failed(self) -> bool:
        """Whether a unit raised an exception."""
        return bool(self.errors)

    @property
    def outputs(self) -> dict[str, Any]:
        """Last output of each unit."""
        return {name: unit.output for name, unit in self.units.items()}

    @property
    def results(self) -> dict[str, dict[int, Any]]:
        """`results[variable][iteration]`, where the executor was not told to send values elsewhere."""
        if isinstance(self.sink, MemorySink):
            return self.sink.results
        raise AttributeError("the values of this experiment are in its study's results")

    @property
    def folder(self) -> Path:
        """The experiment's own folder, made when it is first asked for."""
        if self._make_folder is None:
            raise ValueError("EP() needs a study, or `folder=` of the Executor")
        return self._make_folder(self.id)

    @property
    def parent_folder(self) -> Path | None:
        """The folder of the experiment that this one was bred from, None if there is none."""
        return None if self.find_parent is None else self.find_parent()

    @property
    def has_folder(self) -> bool:
        """Whether there can be such a folder."""
        return self._make_folder is not None

    def find(self, name: str) -> Any:
        """Return an instance, a pipeline or another unit by its name."""
        if name in self.instances:
            return self.instances[name]
        unit = self.units[name]
        if not unit.is_pipeline:
            return unit
        if unit.pipeline is None:
            if not unit.has_output:
                raise MissingOutput(name)
            raise ValueError(
                f"there is no pipeline {name!r} before its first call: units that ask for it come after it, "
                "with a `when` that is not due earlier"
            )
        return unit.pipeline

    def output_of(self, name: str) -> Any:
        """Return the last output of a unit."""
        unit = self.units[name]
        if not unit.has_output:
            raise MissingOutput(name)
        return unit.output

    def parameter(self, name: str) -> Any:
        """Return the value of a parameter; lists, dicts and sets in it are copies, arrays read-only."""
        try:
            value = self.full_config[name]
            return value if type(value) in PLAIN else copy_containers(value)
        except KeyError:
            raise KeyError(
                f"the config has no parameter {name!r}{did_you_mean(name, self.full_config)}"
            ) from None

    def save(self, variable: str, value: Any) -> None:
        """Save a value at the current iteration."""
        self.save_at(variable, self.iteration, value)

    def saver(self, variables: Collection[str]) -> Callable[[str, int, Any], None]:
        """Return what saves values of these variables: `save_at`, without what need not be checked."""
        return self.sink.save if self._variables.issuperset(variables) else self.save_at

    def save_at(self, variable: str, iteration: int, value: Any) -> None:
        """Save a value at an iteration that somebody else may count, never one before the last."""
        if variable not in self._variables:
            check_variable(variable, self.full_config)
            self._variables |= {variable}
        self.sink.save(variable, iteration, value)

    def dump(self) -> None:
        """Send what has been saved so far to the store."""
        self.sink.dump()

    def fail(self, name: str, error: BaseException) -> None:
        """Note that a unit failed; the current iteration is the last.

        Raises
        ------
        KeyboardInterrupt
            If that is the error, and can have come from a keyboard: no worker listens to one.
        """
        is_heard = not self.is_copy and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
        if isinstance(error, KeyboardInterrupt) and is_heard:
            raise error
        self.errors.append(UnitError(name, self.iteration, error))
        self.ending = "failed"
        if name in self.units:
            self.units[name].has_output = False


class FanOut:
    """Sends what a root unit saves to the branches that it was run for."""

    def __init__(self, branches: Sequence[RunningExperiment]) -> None:
        self._branches = branches

    def save(self, variable: str, iteration: int, value: Any) -> None:
        for branch in self._branches:
            branch.save(variable, value)

    def dump(self) -> None:
        for branch in self._branches:
            branch.dump()
