"""Parameters that are one of several options: with an order, without one, True or False."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from samplers.base import same
from samplers.random import Seed
from samplers.typed import Numbered


class Ordinal(Numbered):
    """One of several values that have an order: the next ones are more alike than others.

    Parameters
    ----------
    options : sequence
        In their order.
    seed : optional
        See `Sampler`.

    Raises
    ------
    ValueError
        If there are none, or two are equal and of one type.

    Examples
    --------
    >>> sizes = Ordinal(['S', 'M', 'L', 'XL'])
    >>> sizes.mutate('S', np.random.default_rng(1), step=0.01)
    'M'
    """

    _transient = Numbered._transient | {"_places"}

    def __init__(self, options: Sequence[Any] | np.ndarray[Any, Any], seed: Seed = None) -> None:
        given: Any = options.tolist() if isinstance(options, np.ndarray) else options
        if isinstance(given, str | bytes) or not isinstance(given, Sequence):
            raise ValueError(f"`options` must be a list of values, got {options!r}")
        self.options = tuple(item.item() if isinstance(item, np.generic) else item for item in given)
        if not self.options:
            raise ValueError("`options` must have at least one value, got none")
        super().__init__(seed)
        for number, option in enumerate(self.options):
            if self.number(option) != number:
                raise ValueError(f"`options` must differ, got {option!r} twice")

    @property
    def content(self) -> tuple[Any, ...]:
        return (self.options,)

    @property
    def n_values(self) -> int:  # type: ignore[override]
        return len(self.options)

    def value(self, number: int) -> Any:
        return self.options[number]

    def number(self, value: Any) -> int:
        for number in self._places.get(_key(value), ()):
            option = self.options[number]
            if option is value or same(option, value):
                return number
        raise ValueError(f"{value!r} is no value of {self!r}")

    @cached_property
    def _places(self) -> dict[Any, list[int]]:
        """Numbers of options that may be equal, by what is quickly looked up."""
        places: dict[Any, list[int]] = {}
        for number, option in enumerate(self.options):
            places.setdefault(_key(option), []).append(number)
        return places

    def written(self) -> str:
        return self._written(repr(list(self.options)))


class Choice(Ordinal):
    """One of several values without an order, each as likely as any other.

    A plain list among the values of a Domain is the same for what refines it, but is walked as a grid is.

    Parameters
    ----------
    options : sequence
        Of anything that may be a parameter's value.
    seed : optional
        See `Sampler`.

    Raises
    ------
    ValueError
        If there are none, or two are equal and of one type.

    Examples
    --------
    >>> Choice(['relu', 'tanh', None]).mutate('tanh', np.random.default_rng(1)) in ('relu', None)
    True
    """

    def mutate(self, value: Any, rng: np.random.Generator, step: float = 0.1) -> Any:
        number = self.number(value)
        if self.n_values == 1:
            return value
        return self.value((number + 1 + int(rng.integers(self.n_values - 1))) % self.n_values)

    def cross(self, left: Any, right: Any, rng: np.random.Generator, eta: float = 15.0) -> tuple[Any, Any]:
        return (left, right) if rng.random() < 0.5 else (right, left)


class Bool(Choice):
    """True or False.

    Parameters
    ----------
    seed : optional
        See `Sampler`.

    Examples
    --------
    >>> Bool().mutate(True, np.random.default_rng(1))
    False
    """

    def __init__(self, seed: Seed = None) -> None:
        super().__init__([False, True], seed)

    @property
    def content(self) -> tuple[Any, ...]:
        return ()

    def draw(self, rng: np.random.Generator, size: int) -> np.ndarray[Any, Any]:
        return super().draw(rng, size).astype(bool)

    def written(self) -> str:
        return self._written()


def _key(value: Any) -> Any:
    """Return what is equal for equal options, and mostly differs for others."""
    if isinstance(value, float):
        return repr(value)
    try:
        return hash(value)
    except TypeError:
        return type(value)
