"""ResearchResults: everything that a study found out, running, finished or loaded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from research.domain import Config, Domain
from research.events import FUNCTIONS, TIMES
from research.profiling.profiler import Profiler, Source
from research.results.added import Added
from research.results.asking import Asking
from research.results.beside import Beside
from research.results.deriving import Deriving
from research.results.exports import Exports
from research.results.foreign import Foreign
from research.results.importing import Importing
from research.results.lineage import Lineage
from research.results.merging import Merging
from research.results.profiles import read_calls, read_timings
from research.results.selection import StoredExperiment, check_parameters, select
from research.results.values import Series, all_series, opened
from research.storage.base import Snapshot, Store, Study
from research.storage.damage import readable
from research.storage.places import Place, keeps_files, place_of
from research.storage.servers import read_storage

if TYPE_CHECKING:
    import pandas as pd  # takes a tenth of a second: only those who ask for a table pay

    from research.results.plots.plots import Plots


class ResearchResults(Deriving, Asking, Beside, Exports, Foreign, Importing, Lineage, Merging):
    """Results of a study, read from where it keeps them.

    Reading runs no code of the study: configs and numbers are plain data. Pickled objects stay closed
    unless `load_objects` is True, and then run whatever code their writer put there. Then, too, functions
    and classes among the parameters are those of the modules that are loaded here; else they are names.

    Parameters
    ----------
    name : str, Path or Store
        The study's folder, or its name in a database; or an open store.
    load_objects : bool, default False
        Unpickle objects, look up functions and classes. Arrays are loaded in any case.
    env_meta : mapping of str to str, optional
        What `env_meta()` gives of a study in memory.
    storage : str, optional
        The URL of the database; see `Research`.

    Raises
    ------
    StudyNotFoundError
        If there is no such study.
    StudyError
        If the database cannot be reached; also by what reads.
    DamagedStudyError
        By what reads, if the study holds what cannot be read, or leads to files that are not its own.

    Examples
    --------
    >>> from research import EC, Research, Domain
    >>> study = Research(domain=Domain(a=[1, 2])).add_callable('f', lambda a: a ** 2, a=EC('a'), save_to='b')
    >>> results = study.run(dump_results=False, parallel=False, bar=False).results
    >>> results.to_df(a=2)[['a', 'iteration', 'b']]
       a  iteration  b
    0  2          0  4
    """

    def __init__(
        self,
        name: str | Path | Store | Place,
        load_objects: bool = False,
        env_meta: Mapping[str, str] | None = None,
        storage: str | None = None,
    ) -> None:
        self._place: Place | None = None
        if isinstance(name, str | Path):
            self._place = place_of(str(name), None if storage is None else read_storage(storage))
        elif isinstance(name, Place):
            self._place = name
        elif storage is not None:
            raise ValueError(
                f"`storage` says where a study of a name is, got an open store as `name`: {name!r}"
            )
        else:
            self._store: Store = name
        if self._place is not None:
            self._store = self._place.store()
        is_folder = keeps_files(self._place)
        self._folder = self._place.folder if self._place is not None and is_folder else None
        self._load_objects = load_objects
        self._env_meta = env_meta
        self._filters: dict[str, Any] = {}
        self._within: range | None = None
        self._look_at_columns()

    @property
    def store(self) -> Store:
        """Where the results are read from."""
        return self._store

    @property
    def study(self) -> Study:
        """What is stored of the study as a whole: name, time, seed, version, domain, settings."""
        with self._reading():
            return self._store.study()

    def load(self, load_objects: bool | None = None, **filters: Any) -> Self:
        """Keep to some of the results from here on.

        Parameters
        ----------
        load_objects : bool, optional
            Unpickle objects, look up functions and classes.
        **filters
            As in `to_df`. They replace those of an earlier call of `load`; those of `to_df` are added.

        Returns
        -------
        ResearchResults
            This object.
        """
        select(0, **filters)
        self._filters = filters
        if load_objects is not None:
            self._load_objects = load_objects
        return self

    @property
    def configs(self) -> dict[str, Config]:
        """Configs by the ids of experiments, in the order in which they were handed out."""
        experiments, _ = self._read({}, values=False)
        return {experiment.row.shown_id: experiment.shown for experiment in experiments}

    @property
    def results(self) -> dict[str, dict[str, dict[int, Any]]]:
        """`results[id][variable][iteration]`, each value of the type it had when it was saved."""
        experiments, series = self._read({})
        ids = {experiment.row.key: experiment.row.shown_id for experiment in experiments}
        found: dict[str, dict[str, dict[int, Any]]] = {id_: {} for id_ in ids.values()}
        for item in series:
            found[ids[item.key]][item.variable] = item.as_saved()
        return found

    @property
    def df(self) -> pd.DataFrame:
        """All results as a DataFrame; see `to_df`."""
        return self.to_df()

    def to_df(
        self,
        pivot: bool = True,
        include_config: bool = True,
        use_alias: bool = False,
        concat_config: bool = False,
        remove_auxilary: bool = True,
        drop_columns: bool = True,
        **filters: Any,
    ) -> pd.DataFrame:
        """Return results as a DataFrame with one row per experiment and iteration.

        Parameters
        ----------
        pivot : bool, default True
            One column per variable; else columns `name` and `value`, one row per value (`name_` and
            `value_` where a parameter is called so).
        include_config : bool, default True
            Columns for parameters.
        use_alias : bool, default False
            Short names of parameters and values.
        concat_config : bool, default False
            One column `config` that holds the whole config as text.
        remove_auxilary : bool, default True
            Leave out `repetition`, `updates` and `device`.
        drop_columns : bool, default True
            With `concat_config`, leave out the parameters' own columns.
        **filters
            `experiment_id`, `name` (variables), `iterations`: one or a list; `config={…}`, `alias={…}` or
            `domain=Domain(…)`; any other keyword is a parameter with its value.

        Returns
        -------
        pandas.DataFrame
            First `id`, then parameters, then `iteration`, then variables. What a config lacks, or what was
            not saved at an iteration, is a missing value.

        Raises
        ------
        ValueError
            If more than one of `config`, `alias` and `domain` is given, a parameter is given twice, or no
            experiment has a parameter of that name.
        TypeError
            If a filter is of another kind.
        """
        import pandas as pd

        from research.results.frames import free_name, head_frame, long_frame, values_frame

        experiments, series = self._read(filters)
        order = {experiment.row.key: place for place, experiment in enumerate(experiments)}
        if pivot:
            frame, owners = values_frame(series, order, self.study.settings.get("variables", ()))
        else:
            frame, owners = long_frame(series, order)
        head = head_frame(
            experiments, include_config, use_alias, concat_config, remove_auxilary, drop_columns
        )
        if not pivot:
            frame = frame.rename(
                columns={name: free_name(name, map(str, head.columns)) for name in ("name", "value")}
            )
        head = head.take(owners).reset_index(drop=True)
        return pd.concat([head, frame], axis=1)

    def configs_to_df(
        self,
        use_alias: bool = True,
        concat_config: bool = False,
        remove_auxilary: bool = True,
        drop_columns: bool = True,
    ) -> pd.DataFrame:
        """Return configs as a DataFrame with one row per experiment; arguments as in `to_df`."""
        from research.results.frames import configs_frame

        experiments, _ = self._read({}, values=False)
        return configs_frame(experiments, use_alias, concat_config, remove_auxilary, drop_columns)

    def to_domain(self, **filters: Any) -> Domain:
        """Return the configs of results as a Domain, each once: to repeat them, or to go on from the best.

        Their ids are those that they have here, in any study whose domain has not been replaced; which values
        were drawn is listed. What workers and branches added is left out.

        Parameters
        ----------
        **filters
            As in `to_df`. Variables and iterations choose no configs.

        Returns
        -------
        Domain
            In the order in which configs were handed out. A value that only code could rebuild, as an array,
            is shown, and refused by a study that would run it; functions and classes are themselves in
            the results of one's own study.

        Raises
        ------
        ValueError, TypeError
            As in `to_df`.

        Examples
        --------
        >>> from research import EC, Research, Domain
        >>> study = Research(domain=Domain(x=[1, 2, 3])).add_callable('f', abs, args=[EC('x')], save_to='y')
        >>> results = study.run(dump_results=False, parallel=False, bar=False).results
        >>> best = results.df.nlargest(2, 'y')
        >>> second = results.to_domain(experiment_id=best['id']) * Domain(scale=[1, 10])
        >>> [config.to_dict() for config in second[:2]]
        [{'x': 2, 'scale': 1}, {'x': 2, 'scale': 10}]
        """
        experiments, _ = self._read(filters, values=False)
        with self._reading():
            given = {config.canonical: config for config in (item.given() for item in experiments)}
        return Domain.from_configs(given.values())

    def statuses_to_df(self) -> pd.DataFrame:
        """Return what became of each experiment.

        Returns
        -------
        pandas.DataFrame
            Columns `id`, `status`, `attempt`, `worker`, `started` and `finished` (seconds since the epoch),
            `iterations`, `error`, `group` (experiments that ran side by side have the same), `slot` (as
            which of the branches) and `code` (experiments with the same were made by the same code;
            missing where that is not known).
        """
        import pandas as pd

        from research.framing import as_text

        experiments, _ = self._read({}, values=False, configs=False)
        names = ["status", "attempt", "worker", "started", "finished", "iterations", "error"]
        names += ["group", "slot", "code"]
        table = pd.DataFrame(
            [[item.row.shown_id, *(getattr(item.row, name) for name in names)] for item in experiments],
            columns=["id", *names],
        )
        return as_text(table)

    @property
    def plot(self) -> Plots:
        """Pictures: `plot.curves`, `plot.parallel`, `plot.heatmap`, `plot.scatter` and `plot.importance`.

        They need the extra `plot`; nothing of it is loaded before one is drawn.

        Examples
        --------
        >>> from research import Research
        >>> study = Research().add_callable('f', lambda: 1, save_to='x')
        >>> results = study.run(dump_results=False, parallel=False, bar=False).results
        >>> results.plot
        <plots of results of 'research': curves, parallel, heatmap, scatter, importance>
        """
        from research.results.plots.plots import Plots

        return Plots(self)

    @property
    def profiler(self) -> Profiler:
        """Times of units, if the study was run with `profile=1` or `profile=2`.

        Of the filters of `load`, those of experiments hold.

        Raises
        ------
        ValueError
            If the study was not profiled.

        Examples
        --------
        >>> from research import Research
        >>> study = Research().add_callable('work', lambda: sum(range(1000)), save_to='total')
        >>> results = study.run(n_iters=3, profile=1, dump_results=False, parallel=False, bar=False).results
        >>> results.profiler.profile_info.loc['work', 'iter'].tolist()
        [0, 1, 2]
        """

        def snapshot(kind: str) -> Snapshot:
            study = self.study
            selection = select(study.seed, Added(study.settings), **self._filters)
            return self._store.read(selection.experiments, (), kind)

        def checked(kind: str, read: Any) -> list[Any]:
            with self._reading():
                return list(read(snapshot(kind)))

        source = Source(lambda: checked(TIMES, read_timings), lambda: checked(FUNCTIONS, read_calls))
        return Profiler(source, self.study.settings.get("profile", 0))

    def _read_stored(
        self, filters: dict[str, Any], values: bool = True, configs: bool = True
    ) -> tuple[list[StoredExperiment], list[Series]]:
        study = self.study
        with self._reading():
            added = Added(study.settings)
        selection = select(study.seed, added, **self._filters) & select(study.seed, added, **filters)
        with self._reading():
            variables = selection.variables if values else ()
            snapshot = self._store.read(selection.experiments, variables, within=self._within)
            parameters = [*study.settings.get("parameters", ()), *added.names]
            experiments = [
                StoredExperiment(row, parameters, added, self._load_objects) for row in snapshot.experiments
            ]
            for item in experiments if configs else ():
                item.check()
        if not experiments and (filters or self._filters) and self._within is None:
            known = [StoredExperiment(row, (), added) for row in self._store.read().experiments]
            for given in (self._filters, filters) if known else ():
                check_parameters(given, known, added)
        if not values:
            return experiments, []
        objects = opened(snapshot.objects, self._load_objects)  # what is in them fails in its own way
        with self._reading():
            return experiments, list(all_series(snapshot, objects, selection.iterations))

    def _reading(self) -> AbstractContextManager[None]:
        return readable("memory" if self._place is None else self._place)

    def __repr__(self) -> str:
        with self._reading():
            counts = Counter(row.status for row in self._store.read().experiments)
        return (
            f"<results of {self.study.name!r}: {', '.join(f'{n} {status}' for status, n in counts.items())}>"
        )
