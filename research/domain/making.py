"""Domains made otherwise than from options: of configs, of quasi-random points."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

from research.domain.config import Config
from research.domain.cubes import Cube
from research.domain.listing import Listed
from research.domain.names import check_names
from research.domain.parameters import Reader, is_dataclass
from research.domain.quasirandom import Quasi
from research.domain.walking import Parents, Walked
from samplers import make_seed


class Making(Walked):
    """Class methods that return domains."""

    __slots__ = ()

    @classmethod
    def from_configs(cls, configs: Iterable[Any], **kwargs: Any) -> Self:
        """Return configs that are listed one by one, in their order.

        Parameters
        ----------
        configs : iterable
            Dicts, instances of dataclasses, or Configs, in any mixture. Fields of a dataclass are parameters,
            those of a dataclass in one of its fields `a/b`, at any depth; a dataclass in a list, a dict or an
            Alias stays a value. Which class it was is no part of a config, only its fields are.
        **kwargs
            Options that all of them are combined with; `[value]` is a constant.

        Raises
        ------
        TypeError
            If one of them is none of these.
        ValueError
            If two dataclasses with the same fields stand in the same place, so that the configs would not
            tell them apart.

        Examples
        --------
        >>> from dataclasses import dataclass
        >>> from research import Domain
        >>> @dataclass
        ... class Model:
        ...     depth: int
        >>> @dataclass
        ... class Params:
        ...     lr: float
        ...     model: Model
        >>> domain = Domain.from_configs([Params(0.1, Model(2)), {'lr': 0.2}], study=['first'])
        >>> [config.to_dict() for config in domain]
        [{'lr': 0.1, 'model/depth': 2, 'study': 'first'}, {'lr': 0.2, 'study': 'first'}]
        """
        if isinstance(configs, Mapping) and all(isinstance(item, Config) for item in configs.values()):
            configs = configs.values()  # `results.configs`, by their ids
        if isinstance(configs, Mapping | str | bytes) or not isinstance(configs, Iterable):
            is_one = isinstance(configs, Mapping) or is_dataclass(configs)
            hint = "; for a single one write [config]" if is_one else ""
            raise TypeError(
                "`configs` must be a list of dicts, dataclasses or Configs, "
                f"got {type(configs).__name__} {configs!r}{hint}"
            )
        read = Reader().config
        given = [read(item) if is_dataclass(item) else item for item in configs]
        domain = cls._of([Cube([Listed(part)]) for part in _compatible(given)], {})
        return domain * cls(kwargs) if kwargs else domain

    def bred(self, children: Mapping[Config, Sequence[str] | Sequence[Sequence[str]]]) -> Self:
        """Return configs, with the ids of the experiments that each was bred from.

        Parameters
        ----------
        children : Mapping
            Ids by configs; none of a config that is no child of others. A list of lists is of the first,
            second, … repetition, which have parents of their own.

        Returns
        -------
        Domain
            In which parameters have the short names that they have here. A study stores the ids; see
            `ResearchResults.lineage`.

        Examples
        --------
        >>> from research import Config, Domain
        >>> list(Domain(x=[1, 2]).bred({Config(x=3): ['0123456789abcdef']}))
        [Config({'x': 3})]
        """
        listed = type(self).from_configs(list(children))
        domain = self._of(listed._sum.cubes, self._aliases)
        domain._parents = {config.canonical: _as_tuples(ids) for config, ids in children.items() if ids}
        return domain

    @classmethod
    def quasi(
        cls,
        n: int,
        method: str = "sobol",
        seed: Any = 0,
        bounds: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> Self:
        """Return points that fill the space of several parameters more evenly than random ones.

        Parameters
        ----------
        n : int
            Number of points. Sobol sequences are best balanced at powers of 2.
        method : {'sobol', 'halton', 'lhs'}, default 'sobol'
            The first points of `sobol` and `halton` stay the same as n grows; those of a Latin hypercube do
            not.
        seed : optional
            Of the randomisation, see `samplers.make_seed`. Default 0.
        bounds : Mapping, optional
            For each parameter (low, high), a typed one such as `Int(1, 8)`, or a ScipySampler, through the
            inverse of whose distribution function the points are taken.
        **kwargs
            More of them.

        Raises
        ------
        ValueError
            If a number is out of its range, or there is no such method.

        Examples
        --------
        >>> from research import Domain
        >>> from samplers import ScipySampler
        >>> points = Domain.quasi(64, 'sobol', 1, a=(0, 1), lr=ScipySampler('loguniform', a=1e-5, b=1e-1))
        >>> sum(config['lr'] < 1e-3 for config in points)
        32
        """
        return cls._of([Cube([Quasi(n, method, make_seed(seed), {**(bounds or {}), **kwargs})])], {})


def _as_tuples(ids: Sequence[str] | Sequence[Sequence[str]]) -> Parents:
    """Return ids of parents, of all repetitions or of each, so that nobody changes them."""
    return tuple(id_ if isinstance(id_, str) else tuple(id_) for id_ in ids)  # type: ignore[return-value]


def _compatible(configs: list[Any]) -> list[list[Any]]:
    """Cut a list where a parameter that had a value gets parts, or the other way round."""
    parts: list[list[Any]] = [[]]
    names: set[str] = set()
    for config in configs:
        if isinstance(config, Mapping) and not names.issuperset(config):
            try:
                check_names(names.union(config))
            except ValueError:  # if it is that of this config alone, it is said when it is read
                names = set()
                parts.append([])
            names.update(config)
        parts[-1].append(config)
    return [part for part in parts if part]
