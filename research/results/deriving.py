"""Results with columns that are made of others."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from functools import partial
from pathlib import Path, PurePath
from typing import Any, NamedTuple, Self

import numpy as np

from research.experiment.experiment import check_variable
from research.results.added import Added
from research.results.derived import Column, Moved, derive, is_wanted, translate
from research.results.keeping import KeptColumns
from research.results.reads import Reads
from research.results.selection import (
    AUXILIARY,
    StoredExperiment,
    as_texts,
    check_parameters,
    config_test,
    select,
)
from research.results.values import Series, filtered


class _Asked(NamedTuple):
    """Filters, taken apart."""

    rest: dict[str, Any]  # what the store is asked
    derived: list[tuple[str, Any]]  # values of columns that are made of others
    moved: dict[str, Any]  # paths among parameters, as they are now
    names: frozenset[str] | None  # variables; None: all


class Deriving(Reads):
    """`with_column` and `map_paths` of results."""

    _folder: Path | None
    _filters: dict[str, Any]
    _within: range | None

    def _look_at_columns(self) -> None:
        self._made: tuple[Column, ...] = ()
        self._moved: tuple[Moved, ...] = ()
        self._kept = None if self._folder is None else KeptColumns(self._folder)

    def _read_stored(
        self, filters: dict[str, Any], values: bool = True, configs: bool = True
    ) -> tuple[list[StoredExperiment], list[Series]]:
        raise NotImplementedError

    def with_column(
        self, name: str, function: Callable[[Mapping[str, Any]], Any] | Any, store: bool = False
    ) -> Self:
        """Return the same results with a column that is made of others.

        It is a variable like those that experiments have saved: a column of `to_df` and of what is exported,
        and a filter, `to_df(gap=0)`. Nothing is computed before that.

        Parameters
        ----------
        name : str
            If a variable is called so, the column takes its place.
        function : callable or scalar
            Gets each row, a Mapping of parameters, variables and columns added before, by their names, and
            `id`, `iteration`, `repetition`, `updates` and `device`. What is missing in a row is no key of it:
            where the function reads such a one by `row[…]` the column is missing, too, and
            `row.get(…)` is None there. Anything that cannot be called is the value of all rows.
        store : bool, default False
            Compute it now, of the experiments that pass the filters of `load`, and keep it in the study's
            folder, apart from what they have saved: everybody who opens the study has the column. Values
            that were kept so of other experiments stay. Only scalars can be kept.

        Returns
        -------
        ResearchResults
            New ones; these stay as they are.

        Raises
        ------
        ValueError
            If a parameter, or a column of every table, has that name; or if a study without a folder is to
            keep it. By what reads: if the function reads what no row has.
        TypeError
            If `name` is no str, or a value that is to be kept no scalar.
        ExpressionError
            By what reads: if the function fails. Names the experiment.

        Examples
        --------
        >>> from research import EC, Research, Domain
        >>> study = Research(domain=Domain(a=[1, 2]))
        >>> study = study.add_callable('f', lambda a: a ** 2, a=EC('a'), save_to='b')
        >>> results = study.run(dump_results=False, parallel=False, bar=False).results
        >>> results = results.with_column('gap', lambda row: row['b'] - row['a'])
        >>> results.df['gap'].tolist(), results.to_df(gap=2)['a'].tolist()
        ([0, 2], [2])
        """
        settings = self.study.settings
        check_variable(name, [*settings.get("parameters", ()), *Added(settings).names])
        if not callable(function):
            constant = function
            function = lambda row: constant  # noqa: E731
        made = copy(self)
        made._made = (*(item for item in self._made if item.name != name), Column(name, function))
        if not store:
            return made
        if self._kept is None:
            raise ValueError(
                f"the study has no folder in which the column {name!r} could be kept: leave out "
                "`store=True`, or run the study, or read its files, with a name"
            )
        self._kept.put(name, made._values_of(name))
        made._made = tuple(item for item in made._made if item.name != name)
        return made

    def map_paths(self, old: str | os.PathLike[str], new: str | os.PathLike[str]) -> Self:
        """Return the same results with paths as they are here, after files were moved or copied.

        Every text and path, among parameters and variables, that is `old` or lies below it, is shown, asked
        for and given to columns as it is below `new`. What is stored stays, and ids with it.

        Parameters
        ----------
        old, new : str or path
            Folders, with or without a separator at their end.

        Returns
        -------
        ResearchResults
            New ones; these stay as they are.

        Examples
        --------
        >>> from research import Research
        >>> study = Research().save('/scratch/results/7', 'output')
        >>> results = study.run(dump_results=False, parallel=False, bar=False).results
        >>> results.map_paths('/scratch', '/home/me').df['output'].tolist()
        ['/home/me/results/7']
        """
        for name, path in (("old", old), ("new", new)):
            if not isinstance(path, str | os.PathLike) or not os.fsdecode(path):
                raise ValueError(f"`{name}` must be the path of a folder, got {path!r}")
        made = copy(self)
        made._moved = (*self._moved, Moved.make(os.fsdecode(old), os.fsdecode(new)))
        return made

    def _all_columns(self) -> list[Column]:
        """Return kept columns, then those of these results."""
        with self._reading():
            kept = [] if self._kept is None else self._kept.columns()
        names = {column.name for column in self._made}
        return [*(column for column in kept if column.name not in names), *self._made]

    def _values_of(self, name: str) -> dict[str, dict[int | None, Any]]:
        """Return the values of a column, by ids and iterations; None is that of all."""
        experiments, series = self._read({})
        ids = {item.row.key: item.row.id for item in experiments}
        iterations: dict[str, set[int]] = {identity: set() for identity in ids.values()}
        values: dict[str, dict[int | None, Any]] = {identity: {} for identity in ids.values()}
        for item in series:
            iterations[ids[item.key]].update(item.iterations.tolist())
            if item.variable == name:
                values[ids[item.key]].update((at, value) for at, value in item.as_saved().items())
        columns = self._all_columns()
        for experiment in experiments:
            identity = experiment.row.id
            if not iterations[identity]:  # a label belongs to it all the same
                found = derive(columns, _base(experiment))
                values[identity] = {None: found[name]} if name in found else {}
            elif set(values[identity]) == iterations[identity] and _all_equal(values[identity].values()):
                values[identity] = {None: next(iter(values[identity].values()))}
        return values

    def _read(
        self, filters: dict[str, Any], values: bool = True, configs: bool = True
    ) -> tuple[list[StoredExperiment], list[Series]]:
        """Return what is stored, and what columns make of it."""
        columns = self._all_columns()
        if not columns and not self._moved:
            return self._read_stored(filters, values, configs)
        own = {column.name for column in columns}
        asked = [_take_apart(given, own, bool(self._moved)) for given in (self._filters, filters)]
        derived = [test for item in asked for test in item.derived]
        names = _both(item.names for item in asked)
        is_derived = bool(derived) or (values and (names is None or not names.isdisjoint(own)))
        if not is_derived:  # only what is wanted need be read
            asked = [
                item._replace(rest=item.rest | ({} if item.names is None else {"name": sorted(item.names)}))
                for item in asked
            ]
        plain = copy(self)
        plain._filters = asked[0].rest
        experiments, series = plain._read_stored(asked[1].rest, values or is_derived, configs)
        if self._moved:
            experiments, series = self._move(experiments, series, [item.moved for item in asked])
        if is_derived:
            series = list(self._derived(columns, experiments, series))
            if derived:
                experiments, series = _passing(experiments, series, derived)
        if names is not None:
            series = [item for item in series if item.variable in names]
        return experiments, series if values else []

    def _move(
        self, experiments: list[StoredExperiment], series: list[Series], wanted: list[dict[str, Any]]
    ) -> tuple[list[StoredExperiment], list[Series]]:
        """Translate paths, and keep the experiments that have those that are asked for."""
        change = partial(translate, moved=self._moved)
        experiments = [item.changed(change) for item in experiments]
        for given in filter(None, wanted):
            test = config_test(given)
            found = [item for item in experiments if test(item)]
            if not found and self._within is None:
                check_parameters({"config": given}, experiments, Added(self.study.settings))
            experiments = found
        keys = {item.row.key for item in experiments}
        moved = [
            item
            if isinstance(item.values, np.ndarray)
            else item._replace(values=list(map(change, item.values)))
            for item in series
            if item.key in keys
        ]
        return experiments, moved

    def _derived(
        self, columns: Sequence[Column], experiments: Sequence[StoredExperiment], series: Sequence[Series]
    ) -> Iterator[Series]:
        """Walk series, and with them those of columns."""
        known = None if self._within is not None else self._names(columns, experiments, series)
        own = {column.name for column in columns}
        by_key: dict[int, list[Series]] = {}
        for item in series:
            by_key.setdefault(item.key, []).append(item)
        for experiment in experiments:
            key = experiment.row.key
            rows: dict[int, dict[str, Any]] = {}
            for item in by_key.get(key, ()):
                for iteration, value in item.as_saved().items():
                    rows.setdefault(iteration, {})[item.variable] = value
            base = _base(experiment)
            found: dict[str, dict[int, Any]] = {}
            for iteration in sorted(rows):
                row = {**base, "iteration": iteration, **rows[iteration]}
                for name, value in derive(columns, row, known).items():
                    found.setdefault(name, {})[iteration] = value
            yield from (item for item in by_key.get(key, ()) if item.variable not in own)
            for name, made in found.items():
                yield Series(key, name, np.array(list(made), dtype=np.int64), list(made.values()), False)

    def _names(
        self, columns: Sequence[Column], experiments: Sequence[StoredExperiment], series: Sequence[Series]
    ) -> set[str]:
        """Return the names that a row may have."""
        settings = self.study.settings
        names = {"id", "iteration", *AUXILIARY, *settings.get("parameters", ()), *Added(settings).names}
        names.update(settings.get("variables", ()), (column.name for column in columns))
        names.update((item.variable for item in series), *(item.shown for item in experiments))
        return names


def _base(experiment: StoredExperiment) -> dict[str, Any]:
    """Return what is known of an experiment at all its iterations."""
    return {"id": experiment.row.shown_id, **dict(experiment.shown.items()), **experiment.auxiliary}


def _take_apart(filters: Mapping[str, Any], own: set[str], are_moved: bool) -> _Asked:
    select(0, **filters)  # says what is wrong with them
    rest = dict(filters)
    names = rest.pop("name", None)
    derived = [(name, rest.pop(name)) for name in list(rest) if name in own]
    moved: dict[str, Any] = {}
    config = rest.get("config")
    if isinstance(config, Mapping):
        derived += [(name, value) for name, value in config.items() if name in own]
        config = {name: value for name, value in config.items() if name not in own}
    if are_moved and rest.get("alias") is None:
        known = ("experiment_id", "iterations", "config", "domain")
        moved = {name: rest.pop(name) for name in list(rest) if name not in known and _is_path(rest[name])}
        if isinstance(config, Mapping):
            moved |= {name: value for name, value in config.items() if _is_path(value)}
            config = {name: value for name, value in config.items() if name not in moved}
    if isinstance(config, Mapping):
        rest["config"] = config
    texts = None if names is None else frozenset(as_texts("name", names))
    return _Asked(rest, derived, moved, texts)


def _all_equal(values: Iterable[Any]) -> bool:
    return len({(type(value), repr(value)) for value in values}) == 1


def _is_path(value: Any) -> bool:
    return isinstance(value, str | PurePath)


def _both(given: Iterable[frozenset[str] | None]) -> frozenset[str] | None:
    names = [item for item in given if item is not None]
    return frozenset.intersection(*names) if names else None


def _passing(
    experiments: list[StoredExperiment], series: list[Series], wanted: list[tuple[str, Any]]
) -> tuple[list[StoredExperiment], list[Series]]:
    """Keep the rows in which columns hold what is asked for."""
    kept: dict[int, frozenset[int]] = {}
    for place, (name, value) in enumerate(wanted):
        found = {
            item.key: frozenset(at for at, own in item.as_saved().items() if is_wanted(own, value))
            for item in series
            if item.variable == name
        }
        kept = {key: own if place == 0 else own & kept.get(key, frozenset()) for key, own in found.items()}
    kept = {key: iterations for key, iterations in kept.items() if iterations}
    passing = [part for item in series if item.key in kept for part in filtered(item, kept[item.key])]
    return [item for item in experiments if item.row.key in kept], passing
