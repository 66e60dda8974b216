"""How a domain is walked: how many configs, repeated how, numbered how."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from typing import Any, NamedTuple, Self, TypeAlias, cast

from research.domain.algebra import Algebra
from research.domain.aliases import ConfigAlias
from research.domain.cubes import Cube
from research.domain.ordering import Walk
from samplers import make_seed

Parents: TypeAlias = tuple[str, ...] | tuple[tuple[str, ...], ...]  # of all repetitions, or of each

_LARGEST_LEN = 2**63 - 1


class Replacement(NamedTuple):
    """What `set_update` was told. Studies make use of it; here it is only kept."""

    function: Callable[..., Any]
    when: Any
    numbers: Mapping[str, int]  # n_items, n_reps, repeat_each of what the function returns
    wait: bool
    kwargs: Mapping[str, Any]


class Walked(Algebra):
    """A sequence of configs together with the way in which `next` goes through it."""

    __slots__ = ("_iterator", "_parents", "_replacements", "_settings")

    def __init__(self, domain: Any = None, **kwargs: Any) -> None:
        super().__init__(domain, **kwargs)
        self._settings: dict[str, Any] = {}
        self._replacements: tuple[Replacement, ...] = ()
        self._parents: Mapping[str, Parents] = {}
        self._iterator: Iterator[ConfigAlias] | None = None

    def _alike(self, cubes: Sequence[Cube]) -> Self:
        domain = super()._alike(cubes)
        domain._replacements = self._replacements
        domain._parents = self._parents
        return domain

    @property
    def has_parents(self) -> bool:
        """Whether there are configs that were bred from others; see `bred`."""
        return bool(self._parents)

    def parents(self, canonical: str, repetition: int) -> tuple[str, ...]:
        """Return the ids of the experiments that a config was bred from, the one with this canonical text."""
        found = self._parents.get(canonical, ())
        if not found or isinstance(found[0], str):
            return cast("tuple[str, ...]", found)
        return tuple(found[repetition]) if repetition < len(found) else ()

    @property
    def is_bare(self) -> bool:
        return super().is_bare and not self._parents

    @property
    def len(self) -> int | None:
        """Number of configs, an int of any size; repetitions do not count.

        None if endless, or if filters leave it open and `count` has not been called.
        """
        n_items: int | None = self._settings.get("n_items")
        known = self._sum.known(self.stream())
        return known if n_items is None or known == 0 else n_items

    @property
    def size(self) -> int | None:
        """Number of items that iteration produces, repetitions included; None where `len` is."""
        return None if self.len is None else self.len * self.n_reps

    def walk(
        self,
        n_items: int | None = None,
        n_reps: int | None = None,
        repeat_each: int | None = None,
        default_seed: int = 0,
        generation: int = 0,
    ) -> Walk:
        """Return the numbering of this domain's items; what is not given is as `set_iter_params` said.

        Where filters leave open how many configs there are, they are counted, as far as `n_items`.

        Raises
        ------
        ValueError
            If `n_items` is more than there are in a domain whose filters read drawn values.
        """
        given = {"n_items": n_items, "n_reps": n_reps, "repeat_each": repeat_each}
        settings = {**self._settings, **checked_numbers(given)}
        n_items = settings.get("n_items")
        stream = self.stream(default_seed, generation)
        length = self._sum.known(stream)
        if length is None and n_items is not None:
            length = self._sum.reach(n_items, stream)
        elif length is None and not self.is_endless:
            length = self._sum.count(stream)
        if self.is_volatile and n_items is not None and length is not None and length < n_items:
            raise ValueError(
                f"`n_items` is {n_items}, but filters that read drawn values leave {length} configs: such a "
                "domain is walked once; ask for repetitions, or for more values"
            )
        if self.is_endless and length is not None and n_items is not None and length >= n_items:
            length = None  # there are more
        return Walk(length, n_items, settings.get("n_reps", 1), settings.get("repeat_each"))

    def set_iter_params(
        self,
        n_items: int | None = None,
        n_reps: int = 1,
        repeat_each: int | None = None,
        produced: int = 0,
        additional: bool = True,
        create_id_prefix: bool | int = False,
        seed: Any = None,
    ) -> Self:
        """Set how `iterator` and `next` walk this object. What it contains stays as it is.

        Parameters
        ----------
        n_items : int, optional
            Number of configs to produce; more than there are starts again from the beginning, with new
            draws. Default: all.
        n_reps : int, default 1
            How many times each config is produced.
        repeat_each : int, optional
            How many configs are produced before they are repeated. Default: all of a finite domain, 100
            of an endless one.
        produced : int, default 0
            How many items count as produced already.
        additional : bool, default True
            Add `repetition` and `updates` to each item.
        create_id_prefix : bool or int, default False
            What `Research.run` does where it is not told otherwise; items stay as they are.
        seed : optional
            Seed of the draws, see `samplers.make_seed`; overrides the samplers' own.

        Returns
        -------
        Domain
            This object.

        Raises
        ------
        ValueError
            If a number is not positive, or a number of digits makes no sense.

        Examples
        --------
        >>> from research import Domain
        >>> domain = Domain(a=[1, 2]).set_iter_params(n_reps=2)
        >>> [(item['a'], item['repetition']) for item in domain.iterator]
        [(1, 0), (2, 0), (1, 1), (2, 1)]
        """
        numbers = {"n_items": n_items, "n_reps": n_reps, "repeat_each": repeat_each}
        if isinstance(produced, bool) or not isinstance(produced, int) or produced < 0:
            raise ValueError(f"`produced` must be a non-negative int, got {produced!r}")
        self._settings = {**checked_numbers(numbers), "produced": produced, "additional": additional}
        self._settings["n_digits"] = checked_digits(create_id_prefix)
        self._seed = None if seed is None else make_seed(seed)
        self._iterator = None
        return self

    def set_update(
        self,
        function: Callable[..., Any],
        when: Any = "last",
        n_items: int | None = None,
        n_reps: int | None = None,
        repeat_each: int | None = None,
        wait: bool = True,
        **kwargs: Any,
    ) -> Self:
        """Add a function that a study asks for the next domain; see `Research.update_domain`.

        What this object contains stays as it is, and so does how `iterator` and `next` walk it. Views and
        weighted domains have the functions of the domain that they were made from; sums and products have
        none.

        Parameters
        ----------
        function : callable
            Returns a Domain, or None to go on as before.
        when : int, str or list of them, default 'last'
            When it is asked. Read by the study, which refuses what means nothing.
        n_items, n_reps, repeat_each : int, optional
            How the new domain is walked; see `set_iter_params`. Default: as it says itself.
        wait : bool, default True
            Whether every config generated so far must have ended.
        **kwargs
            Arguments of the function, in which `R()` stands for the results.

        Returns
        -------
        Domain
            This object.

        Raises
        ------
        TypeError, ValueError
            If an argument makes no sense.

        Examples
        --------
        >>> from research import EC, Domain, Research
        >>> steps = iter([Domain(x=[3]), None])
        >>> domain = Domain(x=[1, 2]).set_update(lambda: next(steps))
        >>> study = Research('steps', domain).add_callable('f', abs, args=[EC('x')], save_to='y')
        >>> study.run(dump_results=False, bar=False).results.df['y'].tolist()
        [1, 2, 3]
        """
        numbers = {"n_items": n_items, "n_reps": n_reps, "repeat_each": repeat_each}
        self._replacements += (make_replacement(function, when, numbers, wait, kwargs),)
        return self

    @property
    def replacements(self) -> tuple[Replacement, ...]:
        """What `set_update` was told, in the order in which it was."""
        return self._replacements

    def without_replacements(self) -> Self:
        """Return this domain, walked as before, which no function replaces."""
        domain = copy(self)
        domain._replacements = ()
        return domain

    @property
    def n_reps(self) -> int:
        """How many times each config is produced."""
        n_reps: int = self._settings.get("n_reps", 1)
        return n_reps

    @property
    def n_digits(self) -> int:
        """How many digits `create_id_prefix` asked for, 0 if it did not."""
        n_digits: int = self._settings.get("n_digits", 0)
        return n_digits

    @property
    def iterator(self) -> Iterator[ConfigAlias]:
        """The walk that `next` continues: items with aliases and, unless told otherwise, repetitions."""
        if self._iterator is None:
            self._iterator = self._produce()
        return self._iterator

    def _produce(self) -> Iterator[ConfigAlias]:
        walk = self.walk()
        number = self._settings.get("produced", 0)
        while walk.size is None or number < walk.size:
            place = walk.place(number)
            item = self.item(place.position, pass_=place.pass_)
            if self._settings.get("additional", True):
                item += {"repetition": place.repetition, "updates": 0}
            yield item
            number += 1

    def item(self, index: int, pass_: int = 0) -> ConfigAlias:
        """Return config number `index`, of a pass over the domain, with aliases."""
        stream = self.stream()
        values = self.point(self.locate(index, stream), stream, pass_).values
        return ConfigAlias([(self._aliases.get(name, name), value) for name, value in values.items()])

    def __next__(self) -> ConfigAlias:
        return next(self.iterator)

    def __len__(self) -> int:
        n_items: int | None = self._settings.get("n_items")
        length = self.count() if n_items is None or not self else n_items
        if length is None:
            raise TypeError("an endless Domain has no len()")
        if length > _LARGEST_LEN:
            raise OverflowError(f"len() cannot say {length}: use `domain.len`")
        return length

    def __getstate__(self) -> tuple[Any, ...]:
        return self._sum, self._aliases, self._settings, self._seed, self._replacements, self._parents

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._sum, self._aliases, self._settings, self._seed, self._replacements, *rest = state
        self._parents = rest[0] if rest else {}  # which earlier versions did not know
        self._iterator = None


def make_replacement(
    function: Any, when: Any, numbers: Mapping[str, Any], wait: Any, kwargs: Mapping[str, Any]
) -> Replacement:
    """Check all arguments of `set_update` but `when`, which is the study's to read.

    Raises
    ------
    TypeError, ValueError
        Names the argument that makes no sense.
    """
    if not callable(function):
        raise TypeError(f"`function` must be callable, got {type(function).__name__} {function!r}")
    if not isinstance(wait, bool):
        raise TypeError(f"`wait` must be a bool, got {wait!r}")
    return Replacement(function, when, checked_numbers(numbers), wait, dict(kwargs))


def checked_numbers(numbers: Mapping[str, Any]) -> dict[str, int]:
    """Drop what is None, refuse what is not a positive int."""
    checked = {}
    for name, value in numbers.items():
        if value is None:
            continue
        number = value.item() if hasattr(value, "item") else value  # an int of numpy is an int
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise ValueError(f"`{name}` must be a positive int or None, got {value!r}")
        checked[name] = number
    return checked


def checked_digits(create_id_prefix: Any) -> int:
    """Return the number of digits that a user asks for, 0 for none.

    Raises
    ------
    ValueError
        If it is no such number.
    """
    if isinstance(create_id_prefix, bool):
        return int(create_id_prefix)
    if not isinstance(create_id_prefix, int) or not 0 <= create_id_prefix <= 20:
        raise ValueError(
            f"`create_id_prefix` must be True, False or a number of digits, at most 20, "
            f"got {create_id_prefix!r}"
        )
    return create_id_prefix
