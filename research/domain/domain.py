"""Domain: a set of configurations as a value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from research.domain.algebra import Algebra
from research.domain.aliases import ConfigAlias
from research.domain.conditions import Condition
from research.domain.config import Config
from research.domain.cubes import Cube
from research.domain.keeping import Unique, contains, index_of, subtract
from research.domain.listing import Listed, plain_config
from research.domain.ordering import Sum
from research.domain.ruling import Ruled
from research.domain.values import Alias
from research.domain.views import Permuted, Slice
from research.errors import did_you_mean
from samplers import Sampler, make_seed
from samplers.values import checked_int

if TYPE_CHECKING:
    import pandas as pd

_LARGEST_TABLE = 10**7  # configs


class Domain(Ruled):
    """Configurations to run, written as sums and products of options.

    A Domain is a value: operators return new ones and never touch their operands.

    - `a + b`: all configs of a, then all of b.
    - `a * b`: every config of a with every config of b, those of b fastest.
    - `a @ b`: the first of a with the first of b, and so on.
    - `0.3 * a + 0.7 * b`: configs of a and of b in turn, at random by weight, until all are used up.
    - `a - b`: configs of a that are not in b. `a[i]`, `a[start:stop:step]`: one; a Domain of some.

    Parameters
    ----------
    domain : dict, Domain or list of dicts, optional
        Values of each parameter: a list, tuple, range, array, any other sequence, or a Sampler. All
        combinations are taken; where a parameter has a Sampler, each of them gets a value of its own. A
        list of dicts is taken as the configs. `Domain()` has none, `Domain({})` has one, which is empty.
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

    __slots__ = ()

    def where(self, predicate: Callable[..., Any]) -> Domain:
        """Return the configs for which a predicate holds, in their order.

        Parameters
        ----------
        predicate : callable
            Its arguments are names of parameters, as in `lambda a, b: a < b`; arguments with defaults may be
            missing in a config, and `**` collects all of it. A predicate whose only argument is no parameter
            gets the whole Config.

        Returns
        -------
        Domain
            Of one listed parameter, the values are asked about here. Otherwise configs are found as they are
            read, and the number of configs is not known until `count` has been called: `d[i]` takes time in
            proportion to the configs before it, once. A predicate with named arguments is asked as soon as
            these are known, once for each combination of their values, and of a rejected one no config is
            made; views, zips and lists of dicts count as one parameter here. In products the conditions of
            both factors must hold.

        Raises
        ------
        ValueError
            If it asks for a parameter that there is not.
        NoMatchError
            When configs are read: after 10^6 misses in a row.

        Examples
        --------
        >>> triangle = Domain(a=range(3), b=range(3)).where(lambda a, b: a < b)
        >>> [tuple(config.values()) for config in triangle]
        [(0, 1), (0, 2), (1, 2)]
        """
        names = self.names
        cubes = [
            cube.where(Condition(predicate, cube.names, names, cube.defaults)) for cube in self._sum.cubes
        ]
        return self._alike(cubes)

    def shuffle(self, seed: Any = 0) -> Domain:
        """Return all configs in a random order, which is not listed.

        `d[i]` takes a few keyed hashes more, for domains of any size. A domain with filters is counted at its
        first use: where that takes too long, filter what you have shuffled.

        Parameters
        ----------
        seed : optional
            See `samplers.make_seed`; another seed gives another order. Default 0.

        Raises
        ------
        ValueError
            If the domain is endless.

        Examples
        --------
        >>> grid = Domain(a=range(10**9), b=range(10**9), c=range(10**9))
        >>> len(set(grid.shuffle(seed=1)[:5]))
        5
        """
        return self._view(Permuted(self._sum, make_seed(seed)))

    def sample(self, n: int, seed: Any = 0) -> Domain:
        """Return `n` configs at random, none of them twice: `d.shuffle(seed)[:n]`, at the same cost.

        Raises
        ------
        ValueError
            If there are not as many, or the domain is endless.

        Examples
        --------
        >>> [config['a'] for config in Domain(a=range(100)).sample(3, seed=1)]
        [19, 72, 97]
        """
        n = checked_int("n", n, 0)
        shuffled = self.shuffle(seed)
        if not self.is_volatile and self._sum.reach(n, self.stream()) < n:
            raise ValueError(f"`n` must be at most {self.count()}, the number of configs, got {n}")
        return shuffled._view(Slice(shuffled._sum, slice(n)))

    def shard(self, k: int, n: int) -> Domain:
        """Return part `k` of `n`, from 0: every n-th config, `d[k::n]`.

        The parts have no config in common and together all of them, so that each of n machines can take
        its own. It costs what the domain does.

        Raises
        ------
        ValueError
            Unless 0 <= k < n.

        Examples
        --------
        >>> [config['a'] for config in Domain(a=range(10)).shard(1, 3)]
        [1, 4, 7]
        """
        for name, value in {"k": k, "n": n}.items():
            if isinstance(value, bool) or not isinstance(value, int | np.integer):
                raise TypeError(f"`{name}` must be an int, got {value!r}")
        if not 0 <= k < n:
            raise ValueError(f"0 <= k < n must hold, but got k={k}, n={n}")
        return self._view(Slice(self._sum, slice(int(k), None, int(n))))

    def unique(self) -> Domain:
        """Return the configs without those that came before.

        Configs are looked at as they are read; the hash of each is kept.

        Examples
        --------
        >>> [config['a'] for config in Domain(a=[1, 2, 1, 3, 2]).unique()]
        [1, 2, 3]
        """
        return self._view(Unique(self._sum))

    def __sub__(self, other: Any) -> Domain:
        """Return the configs that are not in another domain or list of configs, each once.

        Configs are looked at as they are read, as in `unique`; the other is not walked, but asked by index.
        A Config goes by its identity; dicts in a list may have or lack parameters that have their default.
        """
        if isinstance(other, Algebra):
            return self._view(subtract(self._sum, other._sum))
        if isinstance(other, Mapping) and all(isinstance(item, Config) for item in other.values()):
            other = other.values()  # `results.configs`, by their ids
        if not isinstance(other, Iterable) or isinstance(other, str | bytes | Mapping):
            return NotImplemented
        given, rest = list(other), self
        for is_exact in (True, False):
            configs = [plain_config(item) for item in given if isinstance(item, Config) == is_exact]
            if configs or (is_exact and not given):
                rest = rest._view(subtract(rest._sum, Sum([Cube([Listed(configs)])]), is_exact))
        return rest

    def index(self, config: Any) -> int:
        """Return the index of the first config that equals this one.

        Takes time in proportion to the number of parameters and summands; the first time also to that of
        listed values. Filters, differences and weights are walked as far as the config.

        Parameters
        ----------
        config : Mapping or ConfigAlias
            In a dict, parameters may have their default or be missing; a Config goes by its identity.

        Raises
        ------
        ValueError
            If it is not there; or not among the first 10^4 of an endless sequence of draws.

        Examples
        --------
        >>> Domain(a=range(10**9), b=range(10**9)).index({'a': 3, 'b': 7})
        3000000007
        """
        if not isinstance(config, Mapping | ConfigAlias):
            raise TypeError(f"`config` must be a dict or a Config, got {type(config).__name__} {config!r}")
        found = index_of(self._sum, plain_config(config), self.stream(), isinstance(config, Config))
        if found is None:
            raise ValueError(f"{config!r} is not in this domain")
        return found

    def __contains__(self, config: Any) -> bool:
        """Whether a config is there: as `index`, but filters are asked about this config alone."""
        try:
            wanted = plain_config(config)
        except (TypeError, ValueError):  # it is no config
            return False
        return contains(self._sum, wanted, self.stream(), isinstance(config, Config))

    def with_defaults(self, defaults: Mapping[str, Any] | None = None, /, **kwargs: Any) -> Domain:
        """Return the same configs, with values for parameters that they lack.

        A parameter that has its default is shown, but is no part of the identity: a config with b=10 has the
        id of one without b, and the same draws. So a study can be extended by a parameter that all that was
        run before had without saying so.

        Parameters
        ----------
        defaults : Mapping, optional
        **kwargs
            More of them.

        Examples
        --------
        >>> old = Domain(a=[1, 2])
        >>> new = Domain(a=[1, 2], b=[10, 20]).with_defaults(b=10)
        >>> [config in old for config in new]
        [True, False, True, False]
        """
        if not isinstance(defaults, Mapping | None):
            raise TypeError(f"`defaults` must be a dict, got {type(defaults).__name__} {defaults!r}")
        given = dict(Config({**(defaults or {}), **kwargs}).raw_items())
        cubes = [cube.with_(defaults={**given, **cube.defaults}) for cube in self._sum.cubes]
        return self._alike(cubes)

    @classmethod
    def star(cls, center: Mapping[str, Any], vary: Mapping[str, Any] | None = None, **kwargs: Any) -> Domain:
        """Return a config, and those that differ from it in one parameter.

        Parameters
        ----------
        center : Mapping
        vary : Mapping, optional
            Values to try of some of its parameters; the one that the center has is left out.
        **kwargs
            More of them.

        Raises
        ------
        ValueError
            If the center lacks a parameter that is varied.

        Examples
        --------
        >>> [config.to_dict() for config in Domain.star({'a': 1, 'b': 7}, a=[1, 2], b=[7, 8, 9])]
        [{'a': 1, 'b': 7}, {'a': 2, 'b': 7}, {'a': 1, 'b': 8}, {'a': 1, 'b': 9}]
        """
        middle = {name: [value] for name, value in dict(center).items()}
        star = cls(middle)
        for name, values in {**(vary or {}), **kwargs}.items():
            if name not in middle:
                raise ValueError(f"the center lacks the parameter {name!r}{did_you_mean(name, middle)}")
            others = cls({**middle, name: values})
            if not isinstance(values, Sampler):
                others = cls([config.to_dict() for config in others - [Config(center)]] or None)
            star += others
        return star

    def describe(self) -> pd.DataFrame:
        """Return what the parameters are.

        Returns
        -------
        pandas.DataFrame
            A row for each parameter: `kind`, the types of its values or samplers; `n_values`, how many are
            listed, None if drawn; `min` and `max` of the numbers among them, or of those that may be drawn;
            `values`, the first of them. Of views these are the values of what they show.

        Examples
        --------
        >>> table = Domain(lr=[0.1, 0.01], depth=range(3, 9)).describe()
        >>> table.loc['depth'].to_dict()
        {'kind': 'int', 'n_values': 6, 'min': 3, 'max': 8, 'values': '3, 4, 5, 6, ...'}
        """
        from research.domain.describing import parameters_frame

        return parameters_frame(self._sum)

    def to_df(self, n: int | None = None) -> pd.DataFrame:
        """Return the first `n` configs as a table; default all.

        Raises
        ------
        ValueError
            If `n` is not given, and the domain is endless or has more than 10^7 configs.

        Examples
        --------
        >>> Domain(a=[1, 2], b=['x', 'y']).to_df(3)
           a  b
        0  1  x
        1  1  y
        2  2  x
        """
        from research.domain.describing import configs_frame

        known = self._sum.known(self.stream())
        if n is None and (self.is_endless or (known or 0) > _LARGEST_TABLE):
            size = "an endless domain" if known is None else f"a domain of {known} configs"
            raise ValueError(f"{size} makes no table: say how many, `to_df(n)`")
        return configs_frame(islice(self, None if n is None else checked_int("n", n, 0)))

    def _repr_html_(self) -> str:
        from research.domain.describing import as_html

        return as_html(self._sum, self.stream())


def Option(name: str | Alias, values: Any) -> Domain:  # noqa: N802  (a class in the interface it comes from)
    """Return the Domain of one parameter.

    Examples
    --------
    >>> Option('a', [1, 2]) == Domain(a=[1, 2])
    True
    """
    return Domain({name: values})
