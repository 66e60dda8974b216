"""The way back: from results to the next domain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from research.domain import Domain
from research.domain.walking import Replacement, make_replacement
from research.experiment.calling import check_call
from research.experiment.compiling import compile_value
from research.experiment.schedule import When, parse_when
from research.refining.refiner import Refiner

if TYPE_CHECKING:
    from research.results.results import ResearchResults


class Update(NamedTuple):
    """A function that may replace a study's domain; see `Research.update_domain`."""

    function: Callable[..., Any]
    when: When
    numbers: Mapping[str, int]  # n_items, n_reps, repeat_each of what it returns
    wait: bool
    kwargs: Mapping[str, Any]
    domain: Domain | None = None  # which the study began with, for a refiner

    @property
    def name(self) -> str:
        """What the function is called."""
        return getattr(self.function, "__qualname__", None) or repr(self.function)

    def refining(self, domain: Domain, n_configs: int | None, n_reps: int) -> Update:
        """Return this update of a study; a refiner that is not told otherwise repeats as the study does.

        Raises
        ------
        ValueError
            If a refiner would wait for the end of a domain that has none, or cannot refine it.
        """
        if not isinstance(self.function, Refiner):
            return self
        self.function.check(domain)
        if self.when == When(last=True) and n_configs is None and domain.is_endless and domain.len is None:
            raise ValueError(
                f"the domain is endless, and {self.name} would wait for its end: say by `n_configs` of the "
                "study how many configs it begins with, or `when` it is asked"
            )
        numbers = self.numbers if n_reps == 1 else {"n_reps": n_reps, **self.numbers}
        return self._replace(domain=domain, numbers=numbers)

    def call(self, results: ResearchResults) -> Domain | None:
        """Ask for another domain, without updates of its own; None if there is none.

        Raises
        ------
        TypeError
            If the function returns something else.
        """
        results = results.load(load_objects=True)  # it is the study itself that asks
        read = compile_value(dict(self.kwargs), self.name)
        kwargs = self.kwargs if read is None else read(SimpleNamespace(study_results=results))
        if isinstance(self.function, Refiner):
            kwargs = {"results": results, "domain": self.domain, **kwargs}
        domain = self.function(**kwargs)
        if domain is not None and not isinstance(domain, Domain):
            raise TypeError(f"it must return a Domain or None, got {type(domain).__name__} {domain!r}")
        return None if domain is None else domain.without_replacements()


def make_update(given: Replacement) -> Update:
    """Read what `Research.update_domain` or `Domain.set_update` was told.

    Raises
    ------
    ValueError
        If `when` means nothing.
    TypeError
        If the function does not take such arguments.
    """
    update = Update(given.function, parse_when(given.when), given.numbers, given.wait, given.kwargs)
    passed = {"results": None, "domain": None} if isinstance(given.function, Refiner) else {}
    check_call(given.function, (), {**passed, **given.kwargs}, f"the update of the domain by {update.name}")
    return update


class Updating:
    """What a study says about updates of its domain."""

    domain: Domain
    n_configs: int | None
    n_reps: int | None
    _updates: list[Update]

    def _all_updates(self) -> list[Update]:
        """Return what may replace the domain, in the order of asking: first what the domain itself has."""
        updates = [*map(make_update, self.domain.replacements), *self._updates]
        return [self._refining(update) for update in updates]

    def _refining(self, update: Update) -> Update:
        domain = self.domain.without_replacements()
        return update.refining(domain, self.n_configs, self.n_reps or domain.n_reps)

    def update_domain(
        self,
        function: Callable[..., Any],
        when: Any = "last",
        n_items: int | None = None,
        n_reps: int | None = None,
        repeat_each: int | None = None,
        wait: bool = True,
        **kwargs: Any,
    ) -> Self:
        """Replace the domain by another, made from the results so far.

        Parameters
        ----------
        function : callable
            Returns a Domain, or None to go on as before. A refiner, such as `Genetic`, needs no arguments.
        when : int, str or list of them, default 'last'
            Read on the number of the config just generated, counted from 0 over the whole study, repetitions
            included: `8` is after every eighth, `'%5'` after the sixth, `'last'` when the domain is used up;
            that for every domain in turn, until the function returns None. Nothing beyond is generated
            before the function has answered. Of updates due together, the first that returns a Domain wins.
        n_items, n_reps, repeat_each : int, optional
            How the new domain is walked; see `Domain.set_iter_params`. Default: as it says itself; where a
            refiner has made it, `n_reps` of the study.
        wait : bool, default True
            Call the function when every config generated so far has ended, so that the study can be repeated
            exactly; else at once, with the results that are there.
        **kwargs
            Arguments of the function, in which `R()` stands for the results, a `ResearchResults`.

        Returns
        -------
        Research
            This object.

        Raises
        ------
        TypeError, ValueError
            If an argument makes no sense.

        Examples
        --------
        >>> from research import EC, Domain, R, Research
        >>> def around_best(results):
        ...     table = results.to_df()
        ...     best = table.loc[table['y'].idxmin(), 'x']
        ...     return Domain(x=[best - 1, best + 1]) if len(table) < 5 else None
        >>> study = Research('parabola', Domain(x=[0, 8]))
        >>> study = study.add_callable('f', lambda x: (x - 5) ** 2, x=EC('x'), save_to='y')
        >>> study = study.update_domain(around_best, results=R())
        >>> study.run(dump_results=False, bar=False).results.to_df()['x'].tolist()
        [0, 8, 7, 9, 6, 8]
        """
        numbers = {"n_items": n_items, "n_reps": n_reps, "repeat_each": repeat_each}
        update = make_update(make_replacement(function, when, numbers, wait, kwargs))
        self._refining(update)  # refuses what would never be asked
        self._updates.append(update)
        return self
