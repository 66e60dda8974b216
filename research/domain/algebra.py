"""The algebra of domains: what they contain, in which order, and how they are combined."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import index as as_index
from typing import Any, NamedTuple, Self

import numpy as np

from research.domain.config import Config
from research.domain.cubes import Cube
from research.domain.drawing import Draft, Stream
from research.domain.factors import Factor, Key, Zip, make_factor
from research.domain.listing import Listed
from research.domain.ordering import Sum
from research.domain.rules import Rules
from research.domain.values import Alias
from research.domain.views import Slice
from samplers.values import checked_weight


class Point(NamedTuple):
    """A config as it comes from a domain.

    Parameters
    ----------
    values : dict
        Parameters and values, which may be an Alias.
    places : tuple of str
        What each of the drawn values depended on; pass it to `point` to draw them again elsewhere.
    defaults : dict
        Canonical texts of defaults, see `Config.of_items`.
    rules : Rules or None
    """

    values: dict[str, Any]
    places: tuple[str, ...]
    defaults: dict[str, str]
    rules: Rules | None = None

    @property
    def config(self) -> Config:
        """The config with its identity."""
        return Config.of_items(self.values, self.defaults, self.rules)


class Algebra:
    """An immutable, indexed sequence of configs: a sum of weighted products."""

    __slots__ = ("_aliases", "_seed", "_sum")
    _sum: Sum
    __array_ufunc__ = None  # lets `np.float64(0.5) * domain` come to `__rmul__`

    def __init__(self, domain: Any = None, **kwargs: Any) -> None:
        self._seed: int | None = None
        self._aliases: dict[str, Alias] = {}
        if isinstance(domain, Algebra):
            base = domain * type(self)(kwargs) if kwargs else domain
            self._sum, self._aliases = base._sum, base._aliases
            return
        if domain is None and not kwargs:
            self._sum = Sum(())
            return
        if isinstance(domain, Sequence) and not isinstance(domain, str | bytes):
            cube = Cube([Listed(domain)])
            self._sum = Sum([cube * Cube(self._options(kwargs.items()))] if kwargs else [cube])
            return
        if domain is not None and not isinstance(domain, Mapping):
            raise TypeError(
                "`domain` must be a dict, a list of dicts or a Domain, "
                f"got {type(domain).__name__} {domain!r}"
            )
        self._sum = Sum([Cube(self._options([*(domain or {}).items(), *kwargs.items()]))])

    def _options(self, options: Any) -> list[Factor]:
        factors = []
        for key, values in options:
            name = key
            if isinstance(key, Alias):
                name = key.value
                self._aliases[name] = key
            factors.append(make_factor(name, values))
        return factors

    @classmethod
    def _of(cls, cubes: Sequence[Cube], aliases: Mapping[str, Alias], seed: int | None = None) -> Self:
        domain = cls()
        domain._sum = Sum(cubes)
        domain._aliases = dict(aliases)
        domain._seed = seed
        return domain

    def _alike(self, cubes: Sequence[Cube]) -> Self:
        """Return a domain of other configs with what this one has been told beside them."""
        return self._of(cubes, self._aliases, self._seed)

    def _view(self, factor: Factor) -> Self:
        """Return the domain of one factor that shows configs of this one."""
        return self._alike([Cube([factor])])

    def __add__(self, other: Algebra) -> Self:
        if not isinstance(other, Algebra):
            return NotImplemented
        return self._of([*self._sum.cubes, *other._sum.cubes], {**self._aliases, **other._aliases})

    def __radd__(self, other: Any) -> Self:
        return self if other == 0 and isinstance(other, int) else NotImplemented  # what `sum` begins with

    def __mul__(self, other: Algebra | float) -> Self:
        if isinstance(other, Algebra):
            cubes = [left * right for left in self._sum.cubes for right in other._sum.cubes]
            return self._of(cubes, {**self._aliases, **other._aliases})
        if isinstance(other, bool | np.bool_) or not isinstance(
            other, int | float | np.integer | np.floating
        ):
            return NotImplemented
        weight = checked_weight("domain", other)
        cubes = [
            cube.with_(weight=weight if cube.weight is None else weight * cube.weight)
            for cube in self._sum.cubes
        ]
        return self._alike(cubes)

    def __rmul__(self, other: float) -> Self:
        return self * other

    def __matmul__(self, other: Algebra) -> Self:
        if not isinstance(other, Algebra):
            return NotImplemented
        aliases = {**self._aliases, **other._aliases}
        parts = (self._sum, other._sum)
        if all(len(part.cubes) == 1 and _is_free(part.cubes[0]) for part in parts):
            return self * other  # draws belong to their config: side by side or combined is the same
        if any(part.is_volatile for part in parts):
            raise ValueError(
                "`@` takes domains whose length does not depend on drawn values; filter the result instead"
            )
        lengths = [None if part.is_endless else part.count(self.stream()) for part in parts]
        if lengths[0] is None or lengths[0] != lengths[1]:
            sizes = " and ".join("endless" if length is None else str(length) for length in lengths)
            raise ValueError(f"`@` takes domains of equal finite size, got {sizes}")
        if not lengths[0]:
            return self._of([], aliases)
        sides = [factor for part in parts for factor in _side_by_side(part)]
        return self._of([Cube([Zip(sides, lengths[0])])], aliases)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all parameters, in the order in which they first appear."""
        return self._sum.names

    @property
    def key_aliases(self) -> Mapping[str, Alias]:
        """Short names of parameters that have one."""
        return self._aliases

    @property
    def default_texts(self) -> dict[str, str]:
        """Canonical texts, by paths, of what any config of the domain has that lacks the parameter."""
        first, *others = [cube.default_texts for cube in self._sum.cubes] or [{}]
        return {
            path: text for path, text in first.items() if all(texts.get(path) == text for texts in others)
        }

    @property
    def drawn(self) -> frozenset[str]:
        """Names of the parameters that may be drawn."""
        return self._sum.drawn

    @property
    def is_bare(self) -> bool:
        """Whether no parameter or listed value has a short name, and no parameter a default or a rule."""
        return not self._aliases and self._sum.is_bare

    @property
    def seed(self) -> int | None:
        """Seed of the draws, if `set_iter_params` set one."""
        return self._seed

    @property
    def is_endless(self) -> bool:
        """Whether there is no last config."""
        return self._sum.is_endless

    @property
    def is_volatile(self) -> bool:
        """Whether it depends on drawn values which configs there are."""
        return self._sum.is_volatile

    def stream(self, default_seed: int = 0, generation: int = 0) -> Stream:
        """Return what draws depend on beside the config.

        Parameters
        ----------
        default_seed : int, default 0
            Seed where neither the domain nor the sampler has one.
        generation : int, default 0
            How many times a study had replaced its domain by another.
        """
        return Stream(self._seed, default_seed, generation)

    def count(self) -> int | None:
        """Return the number of configs, None if endless.

        Where filters leave open how many there are, all configs are looked at, once; then `len` knows it,
        too.

        Examples
        --------
        >>> from research import Domain
        >>> odd = Domain(a=range(10), b=range(2)).where(lambda a, b: a % 2 > b)
        >>> odd.len, odd.count(), odd.len
        (None, 5, 5)
        """
        return None if self._sum.is_endless else self._sum.count(self.stream())

    def locate(self, index: int, stream: Stream) -> Key:
        """Return where config number `index` is found without looking: an int, or nested tuples of them.

        Raises
        ------
        IndexError
            If there is none; looked at only where the number of configs is not known.
        """
        return self._sum.locate(index, stream)

    def point(self, key: Key, stream: Stream, pass_: int = 0, places: Sequence[str] | None = None) -> Point:
        """Return a config as a new dict.

        Takes time in proportion to the number of parameters, for domains of any size.

        Parameters
        ----------
        key : see `locate`
            Not checked. An index is a key where there are no weights, filters or differences.
        stream : Stream
        pass_ : int, default 0
            How many times the domain had been walked before.
        places : sequence of str, optional
            What this method returned as such for the same config, possibly in another process.
        """
        draft = Draft()
        self._sum.put(key, draft)
        drawn = draft.draw(stream, pass_, places) if draft.pending else ()
        return Point(draft.items, drawn, draft.defaults, draft.rules)

    def canonical(self, key: Key) -> str | None:
        """Return the `Config.canonical` of a config without making it, None if that cannot be done."""
        return self._sum.canonical(key)

    @property
    def texts(self) -> Callable[[Key], str | None]:
        """What `canonical` says, to be asked for a million keys."""
        return self._sum.texts

    def grid(self, stream: Stream) -> Callable[[Key], dict[str, Any]] | None:
        """Return what gives the `values` of a `point` by its key alone; None if it takes more."""
        return self._sum.grid(stream)

    def check(self) -> None:
        """Refuse listed values that could not be recognised in another process.

        Takes time in proportion to their number; ranges and arrays are known to be fine.

        Raises
        ------
        UnstableValueError
            Names the parameter and the way out.
        """
        self._sum.check()

    def columns(self) -> Iterator[tuple[str, Any]]:
        """Return pairs of a parameter and its values, a sequence or a Sampler, as they are listed."""
        return self._sum.columns()

    def configs(self, default_seed: int = 0, generation: int = 0) -> Iterator[Config]:
        """Make the configs one after another, drawn as for a seed and a generation; see `stream`."""
        return self._sum.configs(self.stream(default_seed, generation))

    def __iter__(self) -> Iterator[Config]:
        return self.configs()

    def __getitem__(self, index: Any) -> Any:
        """Return one config, or a Domain of some of them; indices and slices count as those of a list do.

        Takes time in proportion to the number of parameters, for domains of any size; with weights, filters
        and differences, also to what comes before, once.
        """
        if isinstance(index, slice):
            return self._view(Slice(self._sum, _checked_slice(index)))
        try:
            number = as_index(index)
        except TypeError:
            raise TypeError(f"a Domain is indexed by an int or a slice, got {index!r}") from None
        stream = self.stream()
        if number < 0:
            length = self.count()
            if length is None:
                raise IndexError(f"an endless domain has no config number {number}")
            number += length
        if number < 0 or self._sum.reach(number + 1, stream) <= number:
            raise IndexError(f"the domain has {self.count()} configs, there is no number {index}")
        return self.point(self._sum.locate(number, stream), stream).config

    def __bool__(self) -> bool:
        return self._sum.reach(1, self.stream()) > 0

    def __eq__(self, other: object) -> bool:
        return self._sum == other._sum if isinstance(other, Algebra) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._sum)

    def __repr__(self) -> str:
        return repr(self._sum)


def _checked_slice(part: slice) -> slice:
    try:
        bounds = [None if end is None else as_index(end) for end in (part.start, part.stop, part.step)]
    except TypeError:
        raise TypeError(f"slices of a Domain are made by ints, got {part!r}") from None
    if bounds[2] == 0:
        raise ValueError("the step of a slice must not be 0")
    return slice(*bounds)


def _is_free(cube: Cube) -> bool:
    """Whether a product is an endless sequence of draws, and nothing else."""
    return cube.only_draws and not cube.conditions and cube.weight is None


def _side_by_side(part: Sum) -> Sequence[Factor]:
    """Return the factors of a zip, so that zips of zips are one."""
    if len(part.cubes) == 1 and len(part.cubes[0].factors) == 1:
        cube = part.cubes[0]
        if cube.weight is None and not (cube.conditions or cube.defaults or cube.rules):
            factor = cube.factors[0]
            return factor.parts if isinstance(factor, Zip) else [part]
    return [part]
