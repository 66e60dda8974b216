"""Measuring one experiment while it runs: calls of units, iterations, and what units call.

Nothing of this is in the way of an experiment that is not profiled: compiled units are wrapped, once, when
the program is made.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from research.errors import did_you_mean
from research.profiling.stats import FunctionStats

if TYPE_CHECKING:
    from research.profiling.tracing import Tracer

Numbers: TypeAlias = "array[Any] | np.ndarray[Any, Any]"  # array.array takes no parameters before 3.12
Work = Callable[[], Any]
Binder = Callable[[Any], Work]  # of a running experiment
LEVELS: dict[Any, int] = {None: 0, 0: 0, 1: 1, 2: 2, "detailed": 2}  # True and False are 1 and 0


def read_profile(profile: Any, target: str, n_branches: int, name: str = "target") -> int:
    """Return the level that `profile` means: 0, 1 or 2.

    Parameters
    ----------
    profile : bool, int or str
    target : 'threads' or 'for'
    n_branches : int
    name : str
        What the argument that says the target is called, for the text of errors.

    Raises
    ------
    ValueError
        If it means nothing, or cannot be done for branches in threads.
    """
    if not isinstance(profile, int | str | None) or profile not in LEVELS:
        hint = did_you_mean(profile, ["detailed"]) if isinstance(profile, str) else ""
        raise ValueError(f"`profile` must be False, True, 0, 1, 2 or 'detailed', got {profile!r}{hint}")
    level = LEVELS[profile]
    if level == 2 and target == "threads" and n_branches > 1:
        raise ValueError(
            f"`profile=2` can follow one thread at a time: with several branches it needs `{name}='for'`"
        )
    return level


class Measured(NamedTuple):
    """Times of one unit in one experiment, in seconds, in the order of its calls.

    `unit` is empty for iterations as a whole, which have no `inner`.
    """

    place: int  # of the unit in the experiment; iterations come last
    unit: str
    iterations: Numbers
    total: Numbers
    inner: Numbers | None  # in the unit's function


class Timings(NamedTuple):
    """Times of one unit of one experiment, or of its iterations."""

    key: int  # of the experiment
    experiment: str
    times: Measured


class Called(NamedTuple):
    """What one unit of one experiment called."""

    experiment: str
    unit: str
    functions: Sequence[FunctionStats]


class Column:
    """Times of one unit that nobody has taken yet.

    The experiment's thread appends to `inner` last, while another may take what is there: it takes as much
    as `inner` has, from the front, so that neither waits for the other.
    """

    __slots__ = ("inner", "iterations", "total")

    def __init__(self) -> None:
        self.iterations = array("q")
        self.total = array("d")
        self.inner = array("d")

    def take(self, place: int, unit: str, forget: bool) -> Measured | None:
        """Return what there is, None if there is nothing."""
        size = len(self.inner)
        if not size:
            return None
        measured = Measured(place, unit, self.iterations[:size], self.total[:size], self.inner[:size])
        if forget:
            del self.iterations[:size], self.total[:size], self.inner[:size]
        return measured


class Times:
    """What is measured of one experiment.

    Parameters
    ----------
    units : sequence of str
        Names of its instances and units, by their places.

    Attributes
    ----------
    columns : list of Column
        By place; that of iterations is the last.
    tracers : dict of Tracer
        By place.
    inner : float
        Seconds in the function of the unit that runs.
    n_blocks : dict of int
        How many blocks of times have been made of each unit, by place.
    """

    def __init__(self, units: Sequence[str]) -> None:
        self._units = units
        self.n_blocks: dict[int, int] = {}
        self.columns = [Column() for _ in range(len(units) + 1)]
        self.tracers: dict[int, Tracer] = {}
        self.inner = 0.0

    def take(self, forget: bool) -> list[Measured]:
        """Return times of units and of iterations.

        Parameters
        ----------
        forget : bool
            Return each only once.
        """
        units = enumerate([*self._units, ""])
        taken = [self.columns[place].take(place, unit, forget) for place, unit in units]
        n_units = len(self._units)
        return [
            item._replace(inner=None) if item.place == n_units else item for item in taken if item is not None
        ]

    def traced(self) -> list[tuple[int, str, list[FunctionStats]]]:
        """Return place, name and called functions of each unit, when the experiment is over."""
        return [
            (place, self._units[place], tracer.functions()) for place, tracer in sorted(self.tracers.items())
        ]

    def add_iteration(self, iteration: int, seconds: float) -> None:
        """Note how long an iteration took."""
        column = self.columns[-1]
        column.iterations.append(iteration)
        column.total.append(seconds)
        column.inner.append(0.0)


class RootTimes:
    """Times of units that run once for several branches; they belong to the first of these branches.

    Parameters
    ----------
    branches : list of RunningExperiment
        For which the unit runs; the list may change between calls.
    """

    def __init__(self, branches: Sequence[Any]) -> None:
        self._branches = branches
        self.inner = 0.0

    @property
    def columns(self) -> list[Column]:
        """Columns of the first branch."""
        columns: list[Column] = self._branches[0].times.columns
        return columns

    @property
    def tracers(self) -> dict[int, Tracer]:
        """Tracers of the first branch."""
        tracers: dict[int, Tracer] = self._branches[0].times.tracers
        return tracers


def measured(bind: Binder, place: int, level: int) -> Binder:
    """Wrap a compiled unit so that its calls are measured.

    Parameters
    ----------
    bind : callable
        Returns its work for a running experiment, which has `times`.
    place : int
        Of the unit in the experiment.
    level : 0, 1 or 2
        With 0 it is returned as it is.
    """
    if not level:
        return bind

    def bind_measured(run: Any) -> Work:
        work = bind(run)
        return _timed(run, _traced(run, work, place) if level > 1 else work, place)

    return bind_measured


def _timed(run: Any, work: Work, place: int) -> Work:
    def timed() -> Any:
        times = run.times
        times.inner = 0.0
        begun = perf_counter()
        try:
            return work()
        finally:
            seconds = perf_counter() - begun
            column = times.columns[place]
            column.iterations.append(run.iteration)
            column.total.append(seconds)
            column.inner.append(times.inner)

    return timed


def _traced(run: Any, work: Work, place: int) -> Work:
    from research.profiling.tracing import Tracer  # few studies follow calls

    def traced() -> Any:
        tracers = run.times.tracers
        tracer = tracers.get(place)
        if tracer is None:
            tracer = tracers[place] = Tracer()
        tracer.start()
        try:
            return work()
        finally:
            tracer.stop()

    return traced


def invoke_timed(run: Any, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Call the function of a unit, and count the time for that unit."""
    times = run.times
    begun = perf_counter()
    try:
        return function(*args, **kwargs)
    finally:
        times.inner += perf_counter() - begun


class IterationClock:
    """Measures iterations of experiments that run side by side: from one end to the next.

    Parameters
    ----------
    units : sequence of str
        Names of instances and units, by their places.
    on_end : callable or None
        To be called with an experiment that has ended, after its last iteration was noted.
    on_iteration : callable or None
        To be called after each iteration; this takes no part in any.
    """

    def __init__(
        self,
        units: Sequence[str],
        on_end: Callable[[Any], None] | None,
        on_iteration: Callable[[], None] | None,
    ) -> None:
        self._units = units
        self._on_end = on_end
        self._on_iteration = on_iteration
        self._experiments: Sequence[Any] = ()
        self._begun = 0.0

    def begin(self, experiments: Sequence[Any], root: Any, targets: Sequence[Any]) -> None:
        """Take up experiments, which get `times`.

        Parameters
        ----------
        experiments : sequence of RunningExperiment
        root : RunningExperiment or None
            Runs units once for several of them.
        targets : list of RunningExperiment
            For which it does so at the moment.
        """
        self._experiments = experiments
        for run in experiments:
            run.times = Times(self._units)
        if root is not None:
            root.times = RootTimes(targets)

    def start(self) -> None:
        """Begin the first iteration."""
        self._begun = perf_counter()

    def end(self, run: Any) -> None:
        """Note an experiment's last iteration."""
        run.times.add_iteration(run.iteration, perf_counter() - self._begun)
        if self._on_end is not None:
            self._on_end(run)

    def next(self) -> None:
        """Note an iteration of those that go on."""
        seconds = perf_counter() - self._begun
        for run in self._experiments:
            if run.is_alive:
                run.times.add_iteration(run.iteration, seconds)
        if self._on_iteration is not None:
            self._on_iteration()
        self._begun = perf_counter()
