"""Domain: a set of configurations as a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import index as as_index
from typing import Any, NamedTuple

from research.domain.config import Config, ConfigAlias, entries, join_entries
from research.domain.factors import PENDING, Cube, Factor, Zip, make_factor
from research.domain.ordering import Sum, Walk
from research.domain.values import Alias
from samplers import make_seed


class Point(NamedTuple):
    """A config as it comes from a domain."""

    values: dict[str, Any]
    listed: str | None  # canonical text of the listed values, if others are drawn


class Domain:
    """Configurations to run, written as sums and products of options.

    A Domain is a value: operators return new ones and never touch their operands.

    - `a + b`: all configs of a, then all of b.
    - `a * b`: every config of a with every config of b, those of b fastest.
    - `a @ b`: the first of a with the first of b, and so on.

    Parameters
    ----------
    domain : dict or Domain, optional
        Values of each parameter: a list, tuple, range, array, any other sequence, or a Sampler. All
        combinations are taken; where a parameter has a Sampler, each of them gets a value of its own.
        `Domain()` has no configs, `Domain({})` has one, which is empty.
    **kwargs
        More parameters, likewise.

    Raises
    ------
    TypeError
        If a parameter's values are none of these; a str is not.
    ValueError
        If a parameter is given twice.

    Examples
    --------
    >>> grid = Domain(model=['svm'], C=[1, 10]) + Domain(model=['tree']) * Domain(depth=[2, 4])
    >>> len(grid), grid[3]
    (4, Config({'model': 'tree', 'depth': 4}))
    >>> list(Domain(a=[1, 2]) @ Domain(b=[3, 4]))
    [Config({'a': 1, 'b': 3}), Config({'a': 2, 'b': 4})]
    """

    __slots__ = ("_aliases", "_iterator", "_seed", "_settings", "_sum")
    _sum: Sum

    def __init__(self, domain: Mapping[Any, Any] | Domain | None = None, **kwargs: Any) -> None:
        self._settings: dict[str, Any] = {}
        self._seed: int | None = None
        self._iterator: Iterator[ConfigAlias] | None = None
        self._aliases: dict[str, Alias] = {}
        if isinstance(domain, Domain):
            base = domain * Domain(kwargs) if kwargs else domain
            self._sum, self._aliases = base._sum, base._aliases
            return
        if domain is None and not kwargs:
            self._sum = Sum(())
            return
        if domain is not None and not isinstance(domain, Mapping):
            raise TypeError(f"`domain` must be a dict or a Domain, got {type(domain).__name__} {domain!r}")
        factors = []
        for key, values in [*(domain or {}).items(), *kwargs.items()]:
            name = key
            if isinstance(key, Alias):
                name = key.value
                self._aliases[name] = key
            factors.append(make_factor(name, values))
        self._sum = Sum([Cube(factors)])

    @classmethod
    def _of(cls, cubes: Sequence[Cube], aliases: Mapping[str, Alias]) -> Domain:
        domain = cls()
        domain._sum = Sum(cubes)
        domain._aliases = dict(aliases)
        return domain

    def __add__(self, other: Domain) -> Domain:
        if not isinstance(other, Domain):
            return NotImplemented
        return self._of([*self._sum.cubes, *other._sum.cubes], {**self._aliases, **other._aliases})

    def __mul__(self, other: Domain) -> Domain:
        if not isinstance(other, Domain):
            return NotImplemented
        cubes = [left * right for left in self._sum.cubes for right in other._sum.cubes]
        return self._of(cubes, {**self._aliases, **other._aliases})

    def __matmul__(self, other: Domain) -> Domain:
        if not isinstance(other, Domain):
            return NotImplemented
        aliases = {**self._aliases, **other._aliases}
        parts = (self._sum, other._sum)
        if all(len(part.cubes) == 1 and part.cubes[0].only_draws for part in parts):
            return self * other  # draws belong to their config: side by side or combined is the same
        lengths = [part.length for part in parts]
        if lengths[0] is None or lengths[0] != lengths[1]:
            sizes = " and ".join("endless" if length is None else str(length) for length in lengths)
            raise ValueError(f"`@` takes domains of equal finite size, got {sizes}")
        if not lengths[0]:
            return self._of([], aliases)
        sides = [factor for part in parts for factor in _side_by_side(part)]
        return self._of([Cube([Zip(sides)])], aliases)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all parameters, in the order in which they first appear."""
        return self._sum.names

    @property
    def len(self) -> int | None:
        """Number of configs, an int of any size; None if endless. Repetitions do not count."""
        return self._walk.n_configs

    @property
    def size(self) -> int | None:
        """Number of items that iteration produces, repetitions included; None if endless."""
        return self._walk.size

    @property
    def _walk(self) -> Walk:
        return self.walk()

    def walk(
        self, n_items: int | None = None, n_reps: int | None = None, repeat_each: int | None = None
    ) -> Walk:
        """Return the numbering of this domain's items; what is not given is as `set_iter_params` said."""
        given = {"n_items": n_items, "n_reps": n_reps, "repeat_each": repeat_each}
        settings = {**self._settings, **_checked(given)}
        return Walk(
            self._sum.length,
            settings.get("n_items"),
            settings.get("n_reps", 1),
            settings.get("repeat_each"),
        )

    @property
    def seed(self) -> int | None:
        """Seed of the draws, if `set_iter_params` set one."""
        return self._seed

    def set_iter_params(
        self,
        n_items: int | None = None,
        n_reps: int = 1,
        repeat_each: int | None = None,
        produced: int = 0,
        additional: bool = True,
        seed: Any = None,
    ) -> Domain:
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
        seed : optional
            Seed of the draws, see `samplers.make_seed`; overrides the samplers' own.

        Returns
        -------
        Domain
            This object.

        Raises
        ------
        ValueError
            If a number is not positive.

        Examples
        --------
        >>> domain = Domain(a=[1, 2]).set_iter_params(n_reps=2)
        >>> [(item['a'], item['repetition']) for item in domain.iterator]
        [(1, 0), (2, 0), (1, 1), (2, 1)]
        """
        numbers = {"n_items": n_items, "n_reps": n_reps, "repeat_each": repeat_each}
        if isinstance(produced, bool) or not isinstance(produced, int) or produced < 0:
            raise ValueError(f"`produced` must be a non-negative int, got {produced!r}")
        self._settings = {**_checked(numbers), "produced": produced, "additional": additional}
        self._seed = None if seed is None else make_seed(seed)
        self._iterator = None
        return self

    @property
    def iterator(self) -> Iterator[ConfigAlias]:
        """The walk that `next` continues: items with aliases and, unless told otherwise, repetitions."""
        if self._iterator is None:
            self._iterator = self._produce()
        return self._iterator

    def _produce(self) -> Iterator[ConfigAlias]:
        walk = self._walk
        number = self._settings.get("produced", 0)
        while walk.size is None or number < walk.size:
            place = walk.place(number)
            item = self.item(place.position, pass_=place.pass_)
            if self._settings.get("additional", True):
                item += {"repetition": place.repetition, "updates": 0}
            yield item
            number += 1

    def item(self, index: int, default_seed: int = 0, generation: int = 0, pass_: int = 0) -> ConfigAlias:
        """Return config number `index` with aliases; see `point`."""
        values = self.point(index, default_seed, generation, pass_).values
        return ConfigAlias([(self._aliases.get(name, name), value) for name, value in values.items()])

    def point(
        self,
        index: int,
        default_seed: int = 0,
        generation: int = 0,
        pass_: int = 0,
        listed: str | None = None,
    ) -> Point:
        """Return config number `index` as a new dict, in which values may be an Alias.

        Takes time in proportion to the number of parameters, for domains of any size.

        Parameters
        ----------
        index : int
            From 0, less than the number of configs; not checked.
        default_seed : int, default 0
            Seed of the draws where neither the domain nor the sampler has one.
        generation : int, default 0
            How many times a study had replaced its domain by another.
        pass_ : int, default 0
            How many times the domain had been walked before.
        listed : str, optional
            What this method returned as such for the same config, possibly in another process.
        """
        cube, position = self._sum.locate(index)
        items: dict[str, Any] = {}
        draws: list[Any] = []
        cube.put(position, items, draws)
        if draws:
            if listed is None:
                known = [(name, value) for name, value in items.items() if value is not PENDING]
                listed = join_entries(entries(known))
            count = position if cube.only_draws else pass_
            place = f"{generation}|{count}|{listed}"
            for draw in draws:
                items[draw.name] = draw.value(self._seed, default_seed, place)
        return Point(items, listed)

    def check(self) -> None:
        """Refuse listed values that could not be recognised in another process.

        Takes time in proportion to their number; ranges and arrays are known to be fine.

        Raises
        ------
        UnstableValueError
            Names the parameter and the way out.
        """
        self._sum.check()

    @property
    def key_aliases(self) -> Mapping[str, Alias]:
        """Short names of parameters that have one."""
        return self._aliases

    def __next__(self) -> ConfigAlias:
        return next(self.iterator)

    def __iter__(self) -> Iterator[Config]:
        number = 0
        while self._sum.length is None or number < self._sum.length:
            yield Config.of_items(self.point(number).values)
            number += 1

    def __getitem__(self, index: int) -> Config:
        try:
            number = as_index(index)
        except TypeError:
            raise TypeError(f"a Domain is indexed by an int, got {index!r}") from None
        length = self._sum.length
        if number < 0:
            if length is None:
                raise IndexError(f"an endless domain has no config number {number}")
            number += length
        if number < 0 or (length is not None and number >= length):
            raise IndexError(f"the domain has {length} configs, there is no number {index}")
        return Config.of_items(self.point(number).values)

    def __len__(self) -> int:
        if self.len is None:
            raise TypeError("an endless Domain has no len()")
        if self.len > _LARGEST_LEN:
            raise OverflowError(f"len() cannot say {self.len}: use `domain.len`")
        return self.len

    def __bool__(self) -> bool:
        return bool(self._sum.cubes)

    def __eq__(self, other: object) -> bool:
        return self._sum == other._sum if isinstance(other, Domain) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._sum)

    def __repr__(self) -> str:
        return repr(self._sum)

    def __getstate__(self) -> tuple[Any, ...]:
        return self._sum, self._aliases, self._settings, self._seed

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._sum, self._aliases, self._settings, self._seed = state
        self._iterator = None


_LARGEST_LEN = 2**63 - 1


def Option(name: str | Alias, values: Any) -> Domain:  # noqa: N802  (a class in the interface it comes from)
    """Return the Domain of one parameter.

    Examples
    --------
    >>> Option('a', [1, 2]) == Domain(a=[1, 2])
    True
    """
    return Domain({name: values})


def _checked(numbers: Mapping[str, int | None]) -> dict[str, int]:
    """Drop what is None, refuse what is not a positive int."""
    for name, value in numbers.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise ValueError(f"`{name}` must be a positive int or None, got {value!r}")
    return {name: value for name, value in numbers.items() if value is not None}


def _side_by_side(part: Sum) -> Sequence[Factor]:
    """Return the factors of a zip, so that zips of zips are one."""
    if len(part.cubes) == 1 and len(part.cubes[0].factors) == 1:
        factor = part.cubes[0].factors[0]
        return factor.parts if isinstance(factor, Zip) else [part]
    return [part]
