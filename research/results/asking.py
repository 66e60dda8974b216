"""Questions put to results: `select`, `best`, `describe`, `compare`, `aggregate` and `sql`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from research.results.added import Added
from research.results.derived import Column, Moved
from research.results.reads import Reads
from research.results.selection import select
from research.storage.base import Snapshot

if TYPE_CHECKING:
    import pandas as pd  # takes a tenth of a second: only those who ask for a table pay

    from research.results.answers import Question
    from research.results.columns import Columns
    from research.results.conditions import Condition, Terms


class Asking(Reads):
    """Questions whose answers have one row per experiment, or less.

    A name is a parameter, a variable (its last value counts), or what every experiment has: `id`, `status`,
    `attempt`, `worker`, `started`, `finished`, `iterations`, `error`, `group`, `slot`, `code`, `repetition`,
    `updates`, `device`; where a parameter or variable is called so, these end in an underscore.
    """

    _load_objects: bool
    _filters: dict[str, Any]
    _moved: tuple[Moved, ...]

    def _all_columns(self) -> list[Column]:
        raise NotImplementedError

    @property
    def c(self) -> Terms:
        """Names, of which conditions are made: `results.c.f1 > 0.8`, `results.c['model/lr'] == 0.1`.

        They are compared by `==`, `!=`, `<`, `<=`, `>` and `>=`, with values or each other, have `isin`,
        `between`, `like`, `isnull` and `notnull`, and are joined by `&`, `|` and `~`.

        Examples
        --------
        >>> from research import EC, Research, Domain
        >>> study = Research(domain=Domain(a=[1, 2, 3])).add_callable('f', abs, args=[EC('a')], save_to='b')
        >>> results = study.run(dump_results=False, parallel=False, bar=False).results
        >>> results.select('a', where=(results.c.b > 1) & ~results.c.a.isin([3]))
           a
        0  2
        """
        from research.results.conditions import Terms

        return Terms()

    def select(
        self,
        *names: str | Condition,
        where: str | Condition | None = None,
        order_by: str | Sequence[str] | None = None,
        limit: int | None = None,
        **equal: Any,
    ) -> pd.DataFrame:
        """Return what is asked for, of the experiments that are asked for: one row each.

        Parameters
        ----------
        *names : str or Condition
            Columns, in their order. Default: `id`, all parameters, all variables. Conditions among them are
            added to `where`.
        where : str or Condition, optional
            Such as `"f1 > 0.8 and kernel in ('rbf', 'poly')"`; the language is that of the page on questions.
            Or a condition: `results.c.f1 > 0.8`. Default: all experiments.
        order_by : str or list of str, optional
            Names, with a minus for what is to fall. Missing values come last. Default: as handed out.
        limit : int, optional
            How many rows at most.
        **equal
            Values of names: `kernel='rbf'`. A list, set, range or array is of several, of which one is
            to be equal; None stands for missing values. Numbers are equal by what they are, as 1 and 1.0.

        Returns
        -------
        pandas.DataFrame
            Of variables the last values. What was not saved, or a config lacks, is a missing value.

        Raises
        ------
        ValueError
            If `where` cannot be read, no experiment has a parameter or variable of a name, or `limit` is
            negative.
        TypeError
            If an argument is of another kind.

        Examples
        --------
        >>> from research import EC, Research, Domain
        >>> study = Research(domain=Domain(a=[1, 2, 3])).add_callable('f', abs, args=[EC('a')], save_to='b')
        >>> results = study.run(dump_results=False, parallel=False, bar=False).results
        >>> results.select('a', 'b', where='b >= 2', order_by='-b')
           a  b
        0  3  3
        1  2  2
        >>> results.select('b', a=[1, 2, 4])['b'].tolist()
        [1, 2]
        """
        from research.results.answers import asked, selected

        question = asked(names, where, equal, order_by, limit)
        return selected(self._columns(question), question)

    def best(
        self,
        name: str,
        n: int = 5,
        mode: str = "max",
        by: str | Sequence[str] = (),
        where: str | Condition | None = None,
        **equal: Any,
    ) -> pd.DataFrame:
        """Return the best experiments, the best first.

        Parameters
        ----------
        name : str
            The variable that decides. Experiments where it is missing, or no number, are left out.
        n : int, default 5
            How many.
        mode : 'max' or 'min', default 'max'
            What is best.
        by : str or list of str, optional
            `n` for each value of these; in the order of the best of each.
        where, **equal
            As in `select`.

        Returns
        -------
        pandas.DataFrame
            `id`, parameters, those of `by`, and `name`. Of equal ones the first is the better.

        Raises
        ------
        ValueError, TypeError
            As in `select`, and if `n` or `mode` is none of these, or all values are no numbers.

        Examples
        --------
        >>> from research import EC, Research, Domain
        >>> study = Research(domain=Domain(a=[1, 3, 2])).add_callable('f', abs, args=[EC('a')], save_to='b')
        >>> results = study.run(dump_results=False, parallel=False, bar=False).results
        >>> results.best('b', n=2)[['a', 'b']]
           a  b
        0  3  3
        1  2  2
        """
        from research.results.answers import as_names, asked, best

        if not isinstance(n, int) or isinstance(n, bool) or n < 1:
            raise ValueError(f"`n` must be a positive int, got {n!r}")
        if mode not in ("max", "min"):
            raise ValueError(f"`mode` must be 'max' or 'min', got {mode!r}")
        groups = as_names("by", by)
        question = asked((), where, equal)._replace(needed=(*as_names("name", name), *groups))
        return best(self._columns(question), question, name, n, mode, groups)

    def describe(self, where: str | Condition | None = None, **equal: Any) -> pd.DataFrame:
        """Return what there is: one row for each parameter and variable.

        Parameters
        ----------
        where, **equal
            Of which experiments, as in `select`. Default: of all.

        Returns
        -------
        pandas.DataFrame
            Columns `name`, `role` (`'parameter'` or `'variable'`), `types`, `count` (how many experiments
            have a value), `missing` (how many have none), `different` (how many values there are), `min` and
            `max` of numbers, and `values`: the first of them as text. Objects are not opened.

        Examples
        --------
        >>> from research import EC, Research, Domain
        >>> study = Research(domain=Domain(a=[1, 2, 3])).add_callable('f', abs, args=[EC('a')], save_to='b')
        >>> results = study.run(dump_results=False, parallel=False, bar=False).results
        >>> results.describe()[['name', 'role', 'types', 'count', 'min', 'max']]
          name       role types  count  min  max
        0    a  parameter   int      3    1    3
        1    b   variable   int      3    1    3
        """
        from research.results.answers import asked, described

        question = asked((), where, equal)
        return described(self._columns(question, True), question)

    def compare(self, ids: str | Collection[str]) -> pd.DataFrame:
        """Return in what experiments differ.

        Parameters
        ----------
        ids : list of str
            Of experiments, as they are shown or the 16 digits alone.

        Returns
        -------
        pandas.DataFrame
            One column per experiment, one row for each parameter and variable that is not the same in all of
            them, and one for `status` if that differs. Types count: 1 is not 1.0. Saved objects are not
            opened, and are taken to differ.

        Raises
        ------
        ValueError
            If there is no experiment of an id.

        Examples
        --------
        >>> from research import EC, Research, Domain
        >>> domain = Domain(a=[-1, 1], c=[5])
        >>> study = Research(domain=domain).add_callable('f', abs, args=[EC('a')], save_to='b')
        >>> results = study.run(dump_results=False, parallel=False, bar=False).results
        >>> results.compare(list(results.configs)).T['a'].tolist()
        [-1, 1]
        """
        from research.results.answers import as_names, asked, compared

        wanted = as_names("ids", ids)
        return compared(self._columns(asked((), None, {}), True, ("id", "status")), wanted)

    def aggregate(
        self,
        name: str,
        over: str | Sequence[str] = "repetition",
        where: str | Condition | None = None,
        **equal: Any,
    ) -> pd.DataFrame:
        """Return means over experiments that are equal in all parameters but some.

        Parameters
        ----------
        name : str
            The variable.
        over : str or list of str, default 'repetition'
            What they may differ in: what every experiment has, as `repetition`, by which parameters are all
            equal, or parameters.
        where, **equal
            As in `select`.

        Returns
        -------
        pandas.DataFrame
            The other parameters, then `mean`, `std` (of a sample: the square root of the sum of squares by
            `count - 1`), `count` (how many experiments have a number) and `sem`, the standard error of the
            mean, `std / sqrt(count)`; nan where there are too few. They end in an underscore where a
            parameter is called so.

        Raises
        ------
        ValueError, TypeError
            As in `select`.

        Examples
        --------
        >>> from research import EC, Research, Domain
        >>> domain = Domain(a=[1, 2], fold=[0, 1])
        >>> study = Research(domain=domain)
        >>> study = study.add_callable('f', int.__add__, args=[EC('a'), EC('fold')], save_to='b')
        >>> results = study.run(dump_results=False, parallel=False, bar=False).results
        >>> results.aggregate('b', over='fold').round(3)
           a  mean    std  count  sem
        0  1   1.5  0.707      2  0.5
        1  2   2.5  0.707      2  0.5
        """
        from research.results.answers import aggregated, as_names, asked

        names = as_names("over", over)
        question = asked((), where, equal)._replace(needed=(*as_names("name", name), *names))
        return aggregated(self._columns(question), question, name, names)

    def sql(self, query: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> pd.DataFrame:
        """Answer a `select` of SQL, in SQLite's dialect wherever the study is stored.

        It is asked of a copy in memory, in which nothing can be written and nothing else be reached.

        Parameters
        ----------
        query : str
            On the table `experiments`: one row for each, with columns of all names. Of columns that
            differ in capitals alone, which SQL takes for one, later ones end in an underscore.
        parameters : list or dict
            Values of `?` or `:name` in the query.

        Returns
        -------
        pandas.DataFrame
            What it gives. True and false are 1 and 0; None and nan are NULL; integers beyond 64 bits are
            approximate; what is neither number nor text is its text.

        Raises
        ------
        ValueError
            If there is no answer, or it would be more than reading.

        Examples
        --------
        >>> from research import EC, Research, Domain
        >>> study = Research(domain=Domain(a=[1, 2, 3])).add_callable('f', abs, args=[EC('a')], save_to='b')
        >>> results = study.run(dump_results=False, parallel=False, bar=False).results
        >>> results.sql('select count(*) as n, max(b) as most from experiments where a < ?', [3])
           n  most
        0  2     2
        """
        from research.results.answers import asked
        from research.results.columns import FIELDS
        from research.results.querying import queried

        return queried(self._columns(asked((), None, {}), True, FIELDS), query, parameters)

    def _columns(
        self, question: Question, everything: bool = False, fields: Collection[str] = ("id",)
    ) -> Columns:
        """Read what a question is about; all variables, if nothing is named or a name is not known."""
        from research.results.columns import FIELDS, Columns, Known, stored_columns

        study = self.study
        with self._reading():
            added = Added(study.settings)
        selection = select(study.seed, added, **self._filters)
        settings = study.settings
        known = Known(
            [*settings.get("parameters", ()), *added.names],
            settings.get("variables", ()),
            added,
            self._load_objects,
            self._reading,
        )
        used = question.used()
        wanted = {name.rstrip("_") for name in used} & set(FIELDS)
        used |= wanted
        wanted |= set(fields)
        is_all = everything or (question.names is None and not question.needed)

        if self._moved or self._all_columns():  # columns that are made of others, paths as they are now
            experiments, series = self._read({})
            rows = Snapshot([item.row for item in experiments])
            return Columns(rows, known, None, ([dict(item.shown.items()) for item in experiments], series))

        def read(variables: Sequence[str] | None) -> Columns:
            if selection.variables is not None:
                allowed = selection.variables
                variables = allowed if variables is None else [name for name in variables if name in allowed]
            last = selection.iterations is None
            with self._reading():
                columns = stored_columns(wanted, added) if selection.experiments is None else ()
                snapshot = self._store.read(selection.experiments, variables, last=last, columns=columns)
                return Columns(snapshot, known, selection.iterations)

        columns = read(None if is_all else sorted(used))
        if not is_all and question.unknown(columns):
            return read(None)  # for names that are near
        return columns
