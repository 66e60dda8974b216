"""Groups of parameters for any program: the face."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from research.errors import GroupNotFoundError, ParametersError, StudyError
from research.groups.database import REPORTS, Database, Entry
from research.groups.group import Group
from research.groups.opening import open_database
from research.groups.reports import DATA, DATABASE, GROUP, given, reporting

if TYPE_CHECKING:
    from research.groups.merging import Merged
    from research.groups.scores import Generation, Score
    from research.research import Research
    from research.results.results import ResearchResults


class ParameterStore:
    r"""Groups of parameters in a database, one of which this program runs with, and what came of each.

    Parameters are read by dot, as `params.seconds_15.stop_threshold.fast`, or as
    `params['seconds_15.stop_threshold.fast']`, which also reads one that is called as a method here.

    Parameters
    ----------
    db : str or path, optional
        A file of SQLite, or the URL of a PostgreSQL database. Default: `RESEARCH_DB`, or `GF_DB`.
    group : str, optional
        The id of a group, or its beginning. Default: `RESEARCH_GROUP`, or `GF_PARAM_GROUP`; else the only
        one that there is.
    data : str, optional
        The data set of which this program reports. Default: `RESEARCH_DATA`, `GF_DATA` or `GF_FAMILY`.

    Raises
    ------
    ValueError
        If no database is said.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / 'first.js').write_text('stop__fast = 12.3\nn_int = 5')
    >>> params = ParameterStore(folder / 'prime.db')
    >>> group = params.load(folder / 'first.js')
    >>> params.stop.fast, params.n_int
    (12.3, 5)
    >>> with params.report(dataset='ice') as results:
    ...     results.update({'melt': {'tons': 2 * params.stop.fast}})
    >>> [(score.group == group, score.value) for score in params.top('melt/tons')]
    [(True, 24.6)]
    """

    def __init__(
        self,
        db: str | os.PathLike[str] | None = None,
        group: str | None = None,
        data: str | None = None,
    ) -> None:
        place = given(db, DATABASE)
        if place is None:
            raise ValueError(f"no database is said: give `db`, or set {DATABASE}")
        self._database: Database = open_database(place)
        self._wanted = given(group, GROUP)
        self._data = given(data, DATA)
        self._entry: Entry | None = None
        self._group: Group | None = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.group(), name)

    def __getitem__(self, name: str) -> Any:
        return self.group()[name]

    def __contains__(self, name: object) -> bool:
        return name in self.group()

    def __dir__(self) -> list[str]:
        own = list(super().__dir__())
        try:
            return [*own, *self.group()]
        except (GroupNotFoundError, StudyError, ParametersError):  # whoever completes a name is told nothing
            return own

    def __repr__(self) -> str:
        return f"ParameterStore({self._database.place!r}, group={self._wanted!r}, data={self._data!r})"

    @property
    def database(self) -> Database:
        """Where groups are."""
        return self._database

    @property
    def id(self) -> str:
        """The id of the group that this program runs with."""
        return self._own().id

    @property
    def ids(self) -> list[str]:
        """The ids of all groups, in the order in which they came to be."""
        return [entry.id for entry in self._database.groups()]

    def group(self, id_: str | None = None) -> Group:
        """Return a group, to be read by dot.

        Parameters
        ----------
        id_ : str, optional
            Its id, or the beginning of it. Default: that with which this program runs.

        Raises
        ------
        GroupNotFoundError
            If there is none, or several.
        """
        if id_ is not None:
            return _read(self._database.find(id_))
        if self._group is None:
            self._group = _read(self._own())
        return self._group

    def _own(self) -> Entry:
        if self._entry is None:
            self._entry = self._database.find(self._wanted)
        return self._entry

    def load(self, *files: str | os.PathLike[str], schema: str | os.PathLike[str] | None = None) -> str:
        """Load files of parameters into a group; later files override earlier ones.

        Parameters
        ----------
        *files : str or path
            With lines of the form `name = JSON`.
        schema : str or path, optional
            A TOML file with types, bounds, tags and constraints.

        Returns
        -------
        str
            The group's id, which depends on names and values alone.

        Raises
        ------
        ParametersError
            Names file and line, and what was expected. Then nothing is loaded.
        """
        if not files:
            raise ValueError("`files` must name at least one file of parameters")
        from research.groups.files import load_files

        values, found = load_files([Path(file) for file in files], None if schema is None else Path(schema))
        source = " ".join(map(os.fsdecode, files))
        (id_,) = self._database.add([(values, (), 0)], found, source)
        return id_

    def report(self, dataset: str | None = None) -> AbstractContextManager[dict[str, Any]]:
        """Report what comes of a run: `with params.report() as results: results.update({...})`.

        Dicts in dicts become results named `algo/metric`. Start and end are stored, and a traceback, if the
        block raises. In a program that a study runs for this group and data set, it is the study that stores.

        Parameters
        ----------
        dataset : str, optional
            What the program has worked on. Default: as `data` of this object.

        Raises
        ------
        ValueError
            If no data set is said.
        """
        name = self._data if dataset is None else dataset
        if not isinstance(name, str) or not name:
            raise ValueError(f"no data set is said, got {name!r}: give `dataset`, or set {DATA}")
        return reporting(self._database, self._own(), name)

    def diff(self, one: str, other: str) -> dict[str, tuple[Any, Any]]:
        """Return the parameters in which two groups differ; a missing value is `...`.

        Parameters
        ----------
        one, other : str
            Ids.
        """
        left, right = self._database.find(one).values, self._database.find(other).values
        names = dict.fromkeys([*left, *right])
        pairs = {name.replace("/", "."): (left.get(name, ...), right.get(name, ...)) for name in names}
        return {name: (a, b) for name, (a, b) in pairs.items() if type(a) is not type(b) or a != b}

    def top(
        self,
        metric: str,
        n: int = 5,
        mode: str = "max",
        aggregate: str | None = None,
        data: Sequence[str] | None = None,
    ) -> list[Score]:
        """Return the best groups by something that was reported.

        Parameters
        ----------
        metric : str
            As `algo/metric`.
        n : int, default 5
        mode : 'max' or 'min', default 'max'
        aggregate : 'mean', 'median' or 'worst', optional
            Compare groups by all data sets together; who lacks one of them is not compared. Default: the best
            of each data set apart.
        data : sequence of str, optional
            Only these data sets.

        Returns
        -------
        list of Score
            `group`, `dataset`, `value`, `n_runs`.

        Raises
        ------
        StudyError, ValueError
            If nothing of that name was reported, or an argument makes no sense.
        """
        from research.groups.scores import top

        return top(self._database, metric, n, mode, aggregate, data)

    def history(
        self,
        metric: str,
        mode: str = "max",
        aggregate: str | None = None,
        data: Sequence[str] | None = None,
    ) -> list[Generation]:
        """Return how good the best group of each generation is; see `top`.

        Returns
        -------
        list of Generation
            `generation`, `dataset`, `value`, and `so_far`, the best of it and all before.
        """
        from research.groups.scores import history

        return history(self._database, metric, mode, aggregate, data)

    def commands(self, command: str, data: Sequence[str], groups: Sequence[str] | None = None) -> list[str]:
        """Return a line of a shell for each group and data set, which runs a program for it.

        Parameters
        ----------
        command : str
            In which `{data}` stands for the data set, and `{group}` for the group's id.
        data : sequence of str
        groups : sequence of str, optional
            Default: all.
        """
        from research.groups.commands import shell_lines

        ids = self.ids if groups is None else [self._database.find(id_).id for id_ in groups]
        return list(shell_lines(command, self._database.place, ids, data))

    def breed(
        self,
        metric: str,
        top: int = 6,
        children: int = 15,
        mode: str = "max",
        aggregate: str | None = None,
        data: Sequence[str] | None = None,
        focus: Sequence[str] | None = None,
        seed: int = 0,
    ) -> list[str]:
        """Breed the best groups, and add their children to the others.

        Parameters
        ----------
        metric : str
        top : int, default 6
            How many of the best have children.
        children : int, default 15
            Without `aggregate`, for each data set.
        mode : 'max' or 'min', default 'max'
        aggregate : 'mean', 'median' or 'worst', optional
            Compare groups by all data sets together. Default: breed for each data set apart.
        data : sequence of str, optional
            Only these data sets.
        focus : sequence of str, optional
            Parameters, or tags of the schema, which alone are changed. Default: all.
        seed : int, default 0

        Returns
        -------
        list of str
            The children's ids.
        """
        from research.groups.breeding import Recipe, breed

        recipe = Recipe(metric, mode, top, children, aggregate, _names(data), _names(focus))
        return list(dict.fromkeys(child.id for child in breed(self._database, recipe, seed)))

    def evolve(
        self,
        command: str,
        metric: str,
        generations: int | None = None,
        top: int = 6,
        children: int = 15,
        mode: str = "max",
        workers: int = 1,
        aggregate: str | None = None,
        data: Sequence[str] | None = None,
        focus: Sequence[str] | None = None,
        name: str = "evolve",
        seed: Any = None,
        timeout: float | None = None,
        bar: bool = True,
    ) -> Research:
        """Run a program for all groups, breed the best, run it for their children, and so on.

        It is a study like any other, in the same database. Whoever says the same again goes on where it was.

        Parameters
        ----------
        command : str
            In which `{data}` stands for the data set. The program finds its group by the variables
            `RESEARCH_DB` and `RESEARCH_GROUP`, as a ParameterStore without arguments does.
        metric : str
        generations : int, optional
            How many to breed in all. Default: until it is ended.
        top, children, mode, aggregate, focus
            See `breed`.
        workers : int, default 1
            How many programs run at a time.
        data : sequence of str, optional
            Default: all data sets that were ever reported.
        name : str, default 'evolve'
            Of the study.
        seed : optional
            See `Research.run`.
        timeout : float, optional
            Seconds that a run may take.
        bar : bool, default True
            Show a bar for each generation, and the best group so far.

        Returns
        -------
        Research
        """
        from research.groups.breeding import Recipe
        from research.groups.evolving import evolve

        recipe = Recipe(metric, mode, top, children, aggregate, _names(data), _names(focus))
        return evolve(self._database, command, recipe, generations, name, workers, seed, timeout, bar)

    def merge(self, *others: str | os.PathLike[str]) -> Merged:
        """Add groups and runs of other databases to this one.

        Parameters
        ----------
        *others : str or path

        Returns
        -------
        Merged
            How many `groups` and `runs` are new.
        """
        from research.groups.merging import merge

        return merge(self._database, [open_database(other) for other in others])

    def results(self, name: str = REPORTS) -> ResearchResults:
        """Return results of runs, as those of any study.

        Parameters
        ----------
        name : str, default 'reports'
            The study: `reports` is what programs have reported by themselves, `evolve` the closed loop.
        """
        from research.results.results import ResearchResults

        return ResearchResults(name, storage=self._database.storage)


def _names(given: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if given is None else tuple(given)


def _read(entry: Entry) -> Group:
    return Group(entry.values, f"the group {entry.id}")
