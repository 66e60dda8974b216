"""Profiler: how long units take, as tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from research.errors import did_you_mean
from research.profiling.measuring import Called, Timings

if TYPE_CHECKING:
    import pandas as pd  # takes a tenth of a second: only those who ask for a table pay

AGGREGATES = ("sum", "mean", "max")


class Source(NamedTuple):
    """Where a profiler reads, each time it is asked."""

    times: Callable[[], Iterable[Timings]]  # by experiments, in their order
    calls: Callable[[], Iterable[Called]]


class Profiler:
    """Times of the units of a study or an executor. Reading again reads again.

    Parameters
    ----------
    source : Source
    level : 1 or 2
        What was measured: times, or functions as well.

    Raises
    ------
    ValueError
        If nothing was measured.
    """

    def __init__(self, source: Source, level: int) -> None:
        if not level:
            raise ValueError(
                "nothing was profiled: `profile=1` records the time of each call of a unit, `profile=2` what "
                "it calls as well"
            )
        self._source = source
        self._level = level

    @classmethod
    def of_runs(cls, runs: Sequence[Any], level: int) -> Self:
        """Return the profiler of experiments that run here."""

        def times() -> Iterable[Timings]:
            for key, run in enumerate(runs):
                yield from (Timings(key, run.id, measured) for measured in run.times.take(forget=False))

        def calls() -> Iterable[Called]:
            for run in runs:
                for _, unit, functions in () if run.is_alive else run.times.traced():
                    yield Called(run.id, unit, functions)

        return cls(Source(times, calls), level)

    @property
    def profile_info(self) -> pd.DataFrame:
        """Times of all calls so far, one row for each, by experiment, iteration and unit.

        Returns
        -------
        pandas.DataFrame
            Index `unit`: instances, units, and `(iteration)` for an iteration as a whole. Columns
            `experiment` (id), `iter`, and in seconds `total_time`, of the call with its named expressions
            and with saving, and `unit_time`, of the unit's function, generator or pipeline alone; 0 where it
            has none. In rows of iterations, `unit_time` is the sum over the units.
        """
        from research.profiling.frames import times_frame

        return times_frame(self._source.times())

    @property
    def details(self) -> pd.DataFrame:
        """What units called, summed over the calls of a unit in an experiment; of those that have ended.

        Returns
        -------
        pandas.DataFrame
            Index `unit`. Columns `experiment` (id), `function`, `file` (`~` for what is written in C),
            `line`, `ncalls`, and in seconds `tottime`, in the function itself, and `cumtime`, with all that
            it called.

        Raises
        ------
        ValueError
            If only times were recorded.
        """
        from research.profiling.frames import calls_frame

        if self._level < 2:
            raise ValueError("there are no details of functions: they are recorded with `profile=2`")
        return calls_frame(self._source.calls())

    def show_profile_info(
        self,
        per_iter: bool = False,
        per_experiment: bool = False,
        detailed: bool = False,
        groupby: str | Sequence[str] | None = None,
        columns: str | Sequence[str] | None = None,
        sortby: str | tuple[str, str] | None = None,
        limit: int | None = 10,
    ) -> pd.DataFrame:
        """Return what took the time, the slowest first.

        Parameters
        ----------
        per_iter : bool, default False
            One row for each iteration and unit: means over experiments. Else sum, mean and maximum over all
            calls of a unit.
        per_experiment : bool, default False
            For each experiment by itself.
        detailed : bool, default False
            Functions that units called, the slowest unit first: sum, mean and maximum over experiments. There
            are no details of single iterations.
        groupby : str or list of str, optional
            With `per_iter`: of `experiment`, `iter` and `unit`, what has a row of its own; default: `iter`
            and `unit`.
        columns : str or list of str, optional
            Default: `total_time` and `unit_time`; with `detailed` `ncalls`, `tottime` and `cumtime`.
        sortby : str or tuple of str, optional
            A column, or one with 'sum', 'mean' or 'max', such as `('total_time', 'max')`. Default:
            `total_time`, or `tottime`, by its sum.
        limit : int or None, default 10
            How many rows: of units, and, where there are several levels, of the last level within each of the
            others: of functions within each unit, say. None: all.

        Returns
        -------
        pandas.DataFrame
            Seconds; `ncalls` are numbers.

        Raises
        ------
        ValueError
            If an argument names nothing, or details are asked for that were not recorded.

        Examples
        --------
        >>> from research import Executor, Experiment
        >>> experiment = Experiment().add_callable('work', lambda: sum(range(1000)), save_to='total')
        >>> profiler = Executor(experiment, n_iters=5, profile=1).run().profiler
        >>> profiler.profile_info.columns.tolist()
        ['experiment', 'iter', 'total_time', 'unit_time']
        >>> sorted(profiler.show_profile_info().index)
        ['(iteration)', 'work']
        """
        from research.profiling.frames import slowest

        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
            raise ValueError(f"`limit` must be a positive int or None, got {limit!r}")
        if per_iter and detailed:
            raise ValueError(
                "`per_iter=True` and `detailed=True` exclude each other: functions are summed over the "
                "iterations of an experiment, as to tell them apart would cost more than what is measured"
            )
        if groupby is not None and not per_iter:
            raise ValueError(f"`groupby={groupby!r}` needs `per_iter=True`")
        known = ("ncalls", "tottime", "cumtime") if detailed else ("total_time", "unit_time")
        levels = ["unit", "function", "file", "line"] if detailed else ["unit"]
        if per_iter:
            levels = _names("groupby", groupby, ("experiment", "iter", "unit"), ("iter", "unit"))
        if per_experiment and "experiment" not in levels:
            levels.insert(0, "experiment")
        shown = _names("columns", columns, known, known)
        key = _sort_key(sortby, shown, not per_iter)
        aggregates = None if per_iter else AGGREGATES
        return slowest(self.details if detailed else self.profile_info, levels, shown, aggregates, key, limit)

    def __repr__(self) -> str:
        return f"<profiler: {'times and functions' if self._level > 1 else 'times'} of units>"


def _names(argument: str, given: Any, known: Sequence[str], default: Sequence[str]) -> list[str]:
    if given is None:
        return list(default)
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, list | tuple) or not names:
        raise ValueError(f"`{argument}` must be one or a list of {known}, got {given!r}")
    for name in names:
        if name not in known:
            raise ValueError(f"`{argument}` must be of {known}, got {name!r}{did_you_mean(name, known)}")
    return list(dict.fromkeys(names))


def _sort_key(sortby: Any, columns: Sequence[str], is_aggregated: bool) -> Any:
    """Return the label of a column: with how it was aggregated, if it was."""
    if sortby is None:
        sortby = next((name for name in ("total_time", "tottime") if name in columns), columns[0])
    column, *how = sortby if isinstance(sortby, list | tuple) and sortby else [sortby]
    if column not in columns or len(how) > is_aggregated or any(name not in AGGREGATES for name in how):
        pairs = f", or a pair of it and one of {AGGREGATES}" if is_aggregated else ""
        raise ValueError(f"`sortby` must be one of {tuple(columns)}{pairs}, got {sortby!r}")
    return (column, *(how or ["sum"])) if is_aggregated else column
