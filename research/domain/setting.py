"""Values of a parameter, put in place of others in a domain that is there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from research.domain.config import Config
from research.domain.cubes import Cube
from research.domain.domain import Domain
from research.domain.factors import Column, Factor
from research.domain.listing import Listed

_MOST_LISTED = 1_000_000  # configs of a part of a domain that is listed for it


def set_values(domain: Domain, name: str, values: Sequence[Any], extend: bool = False) -> Domain:
    """Return a domain in which a parameter has other values, wherever it has any.

    A parameter that there is not is added to all configs. What is zipped with others, or listed with them,
    is combined with the values in turn, each config once.

    Parameters
    ----------
    domain : Domain
    name : str
    values : sequence
    extend : bool, default False
        Put them after those that are there, less what is among them.

    Raises
    ------
    ValueError
        If the parameter belongs to a part of the domain that cannot be listed, as it has draws or no end.

    Examples
    --------
    >>> grid = Domain(a=[1, 2]) * Domain(b=[3]) + Domain(c=[4])
    >>> [config.to_dict() for config in set_values(grid, 'a', [5])]
    [{'a': 5, 'b': 3}, {'c': 4}]
    >>> [config.to_dict() for config in set_values(Domain(a=[1, 2]), 'a', [2, 3], extend=True)]
    [{'a': 1}, {'a': 2}, {'a': 3}]
    """
    if name not in domain.names:
        return domain * Domain({name: list(values)})
    found = domain._alike([_in_cube(cube, name, values, extend) for cube in domain._sum.cubes])
    found._settings = dict(domain._settings)
    return found


def _in_cube(cube: Cube, name: str, values: Sequence[Any], extend: bool) -> Cube:
    factors = list(cube.factors)
    for place, factor in enumerate(factors):
        if name in factor.names:
            factors[place] = _in_factor(factor, name, values, extend)
            return cube.with_(factors=factors)
    if name in cube.defaults:
        before = [cube.defaults[name]] if extend else []
        return cube.with_(factors=[*factors, Column(name, _once(name, [*before, *values]))])
    return cube


def _in_factor(factor: Factor, name: str, values: Sequence[Any], extend: bool) -> Factor:
    if factor.names == (name,) and (isinstance(factor, Column) or not extend):
        before: Any = factor.values if extend and isinstance(factor, Column) else ()
        if len(before) > _MOST_LISTED:
            raise ValueError(
                f"the parameter {name!r} has {len(before)} values, too many to be listed with more"
            )
        return Column(name, _once(name, [*before, *values] if len(before) else values))
    part = Domain._of([Cube([factor])], {})
    if factor.drawn or factor.is_endless or factor.is_volatile:
        raise ValueError(
            f"the parameter {name!r} is drawn, or belongs together with what is, {factor!r}: write the "
            "domain anew"
        )
    length = part.count()
    if length is None or length > _MOST_LISTED:
        raise ValueError(f"the parameter {name!r} belongs to {length} configs that would have to be listed")
    configs: list[Config] = []
    for config in part:
        if extend or name not in config:
            configs.append(config)
        if name in config:
            items = dict(config.raw_items())
            configs += [
                Config.of_items({**items, name: value}, config.defaults, config.rules) for value in values
            ]
    return Listed(Domain._of([Cube([Listed(configs)])], {}).unique())


def _once(name: str, values: Sequence[Any]) -> Sequence[Any]:
    if isinstance(values, range):
        return values
    return [dict(config.raw_items())[name] for config in Domain({name: list(values)}).unique()]
