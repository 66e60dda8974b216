"""Operational parameters: what says how an experiment runs, and not what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

from research.domain.making import Making
from research.domain.rules import Rules
from research.errors import did_you_mean


class Ruled(Making):
    """`ignore` and `hash_with` of a domain."""

    __slots__ = ()

    def ignore(self, *names: str) -> Self:
        """Return the same configs, in whose identities some parameters are no part.

        Configs that differ in nothing else are one experiment, with the same id, the same draws and the same
        random stream. A study keeps the values that it ran with, and shows them in its results.

        Parameters
        ----------
        *names : str
            Parameters, or groups of them.

        Raises
        ------
        ValueError
            If there is no such parameter.

        Examples
        --------
        >>> from research import Domain
        >>> domain = Domain(size=[10, 20], num_gpus=[1]).ignore('num_gpus')
        >>> domain[0].hash() == Domain(size=[10], num_gpus=[4]).ignore('num_gpus')[0].hash()
        True
        >>> domain[0].explain_hash()
        {'size': 10, 'num_gpus': {'$ignored': 1}}
        """
        return self._with_rules(Rules(self._checked(names)))

    def hash_with(self, functions: Mapping[str, Callable[..., Any]] | None = None, /, **kwargs: Any) -> Self:
        """Return the same configs, in whose identities some parameters enter by what functions make of them.

        The rest is as for `ignore`. What a parameter enters with is never equal to a value as it is: with a
        function and without there are different ids.

        Parameters
        ----------
        functions : Mapping, optional
            Of a config and the parameter's value, by names of parameters, or groups of them. They must give
            the same whenever they are asked, and may ask for no parameter that is drawn, if any is.
        **kwargs
            More of them.

        Raises
        ------
        ValueError
            If there is no such parameter.
        TypeError
            If a function is none.

        Examples
        --------
        >>> from research import Domain
        >>> sizes = Domain(size=[4500]) * Domain(num_gpus=[1]) + Domain(size=[9000]) * Domain(num_gpus=[1, 2])
        >>> ruled = sizes.ignore('num_gpus').hash_with(size=lambda config, size: size / config['num_gpus'])
        >>> small, large, split = (config.hash() for config in ruled)
        >>> small == split, small == large
        (True, False)
        >>> ruled[2].explain_hash()
        {'size': {'$rule': 4500.0}, 'num_gpus': {'$ignored': 2}}
        """
        given = {**(functions or {}), **kwargs}
        for name, function in given.items():
            if not callable(function):
                raise TypeError(
                    f"the rule of {name!r} must be a function of the config and the value, got {function!r}; "
                    f"`ignore({name!r})` leaves a parameter out"
                )
        self._checked(given)
        return self._with_rules(Rules((), given))

    def _checked(self, names: Iterable[str]) -> list[str]:
        names = list(names)
        for name in names if self._sum.cubes else ():  # one without configs may not know its parameters
            is_known = any(f"{known}/".startswith(f"{name}/") for known in self.names)
            if not is_known and not self._is_inside(name):
                raise ValueError(f"there is no parameter {name!r}{did_you_mean(name, self.names)}")
        return names

    def _is_inside(self, name: Any) -> bool:
        """Whether something may be a part of a parameter whose values are groups."""
        return isinstance(name, str) and any(name.startswith(f"{known}/") for known in self.names)

    def _with_rules(self, rules: Rules) -> Self:
        return self._alike(
            [
                cube.with_(rules=rules if cube.rules is None else cube.rules.joined(rules))
                for cube in self._sum.cubes
            ]
        )
