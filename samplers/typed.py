"""Parameters that know their type: values that are drawn, checked, changed a little, made of two others."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from samplers.algebra import Sampler
from samplers.breeding import binary_crossover, polynomial_mutation
from samplers.random import Seed
from samplers.values import checked_int, is_number

_LARGEST_INT = 2**53  # beyond which floats leave out integers


class Parameter(Sampler):
    """What a parameter may be: a sampler whose values have places in an interval.

    All values lie in [0, 1], each at a place, or over a part of it. `at` and `place` go from one to the
    other, and what draws evenly, changes or combines values does so there.

    Parameters
    ----------
    seed : optional
        See `Sampler`.
    """

    def __init__(self, seed: Seed = None) -> None:
        super().__init__(1, seed)

    @property
    @abstractmethod
    def n_values(self) -> int | None:
        """How many values there are; None of floats."""

    @abstractmethod
    def at(self, place: float) -> Any:
        """Return the value at a place of [0, 1]."""

    @abstractmethod
    def place(self, value: Any) -> float:
        """Return the place of a value, the middle of its part of [0, 1].

        Raises
        ------
        ValueError
            If it is none of the parameter's values.
        """

    def contains(self, value: Any) -> bool:
        """Whether it is a value of this parameter."""
        try:
            self.place(value)
        except ValueError:
            return False
        return True

    @abstractmethod
    def mutate(self, value: Any, rng: np.random.Generator, step: float = 0.1) -> Any:
        """Return another value; the same only if there is no other.

        Parameters
        ----------
        value : object
        rng : numpy.random.Generator
        step : float, default 0.1
            How far away it is on average, as a part of all values; means nothing where they have no order.
        """

    @abstractmethod
    def cross(self, left: Any, right: Any, rng: np.random.Generator, eta: float = 15.0) -> tuple[Any, Any]:
        """Return two values made of two others.

        Parameters
        ----------
        left, right : object
        rng : numpy.random.Generator
        eta : float, default 15
            The larger, the nearer to `left` and `right` they are; means nothing where values have no order.
        """

    def draw(self, rng: np.random.Generator, size: int) -> np.ndarray[Any, Any]:
        values = np.empty((size, 1), dtype=object)
        values[:, 0] = _as_objects([self.at(place) for place in rng.random(size).tolist()])
        return values

    def draw_one(self, rng: np.random.Generator) -> Any:
        return self.at(float(rng.random()))

    def _written(self, *arguments: str) -> str:
        seed = [] if self.seed is None else [f"seed={self.seed!r}"]
        return f"{type(self).__name__}({', '.join([*arguments, *seed])})"


class Float(Parameter):
    """A float from `low` to `high`.

    Parameters
    ----------
    low, high : float
        Both included.
    log : bool, default False
        Whether ratios count rather than differences: learning rates, regularisation.
    seed : optional
        See `Sampler`.

    Raises
    ------
    ValueError
        Unless low < high, both finite; with `log`, unless low > 0.

    Examples
    --------
    >>> rates = Float(1e-5, 1e-1, log=True, seed=1).sample(1000)
    >>> int((rates < 1e-3).sum()) in range(450, 551)
    True
    """

    def __init__(self, low: float, high: float, log: bool = False, seed: Seed = None) -> None:
        self.low, self.high = _end("low", low), _end("high", high)
        self.log = _checked_log(log, low)
        if not self.low < self.high:
            raise ValueError(f"low < high must hold, but got low={low!r}, high={high!r}")
        if not math.isfinite(self.high - self.low):
            raise ValueError(f"low={low!r} and high={high!r} are farther apart than floats can tell")
        super().__init__(seed)

    @property
    def content(self) -> tuple[Any, ...]:
        return self.low, self.high, self.log

    @property
    def n_values(self) -> int | None:
        return None

    def at(self, place: float) -> float:
        if self.log:
            low, high = math.log(self.low), math.log(self.high)
            value = math.exp(low + (high - low) * place)
        else:
            value = self.low + (self.high - self.low) * place
        return min(max(value, self.low), self.high)

    def place(self, value: Any) -> float:
        if not is_number(value) or not self.low <= value <= self.high:
            raise ValueError(f"{value!r} is no value of {self!r}")
        low, high, value = self.low, self.high, float(value)
        if self.log:
            low, high, value = math.log(low), math.log(high), math.log(value)
        return float(min(max((value - low) / (high - low), 0.0), 1.0))

    def mutate(self, value: Any, rng: np.random.Generator, step: float = 0.1) -> float:
        return self.at(polynomial_mutation(self.place(value), step, rng))

    def cross(
        self, left: Any, right: Any, rng: np.random.Generator, eta: float = 15.0
    ) -> tuple[float, float]:
        first, second = binary_crossover(self.place(left), self.place(right), eta, rng)
        return self.at(first), self.at(second)

    def draw(self, rng: np.random.Generator, size: int) -> np.ndarray[Any, Any]:
        return super().draw(rng, size).astype(float)

    def written(self) -> str:
        return self._written(repr(self.low), repr(self.high), *(["log=True"] if self.log else []))


class Numbered(Parameter):
    """Values that can be counted, in an order."""

    n_values: int

    def value(self, number: int) -> Any:
        """Return value number `number`, from 0."""
        raise NotImplementedError

    def number(self, value: Any) -> int:
        """Return the number of a value.

        Raises
        ------
        ValueError
            If it is none of the parameter's values.
        """
        raise NotImplementedError

    def number_at(self, place: float) -> int:
        """Return the number of the value at a place."""
        return min(int(place * self.n_values), self.n_values - 1)

    def place_of(self, number: int) -> float:
        """Return the middle of the places of a value."""
        return (number + 0.5) / self.n_values

    def at(self, place: float) -> Any:
        return self.value(self.number_at(place))

    def place(self, value: Any) -> float:
        return self.place_of(self.number(value))

    def mutate(self, value: Any, rng: np.random.Generator, step: float = 0.1) -> Any:
        number = self.number(value)
        if self.n_values == 1:
            return value
        moved = self.number_at(polynomial_mutation(self.place_of(number), step, rng))
        if moved == number:  # a step to the next one, so that no value stays where it is
            moved += 1 if rng.random() < 0.5 else -1
            moved = moved if 0 <= moved < self.n_values else 2 * number - moved
        return self.value(moved)

    def cross(self, left: Any, right: Any, rng: np.random.Generator, eta: float = 15.0) -> tuple[Any, Any]:
        first, second = binary_crossover(self.place(left), self.place(right), eta, rng)
        return self.at(first), self.at(second)


class Int(Numbered):
    """An int from `low` to `high`.

    Parameters
    ----------
    low, high : int
        Both included; `high` only if a number of steps leads there.
    log : bool, default False
        Whether ratios count rather than differences: sizes of layers, numbers of trees.
    step : int, default 1
        From one value to the next.
    seed : optional
        See `Sampler`.

    Raises
    ------
    ValueError
        Unless low <= high, both at most 2^53 from 0; with `log`, unless low > 0 and step is 1.

    Examples
    --------
    >>> sorted(set(Int(-4, 4, step=4, seed=1).sample(100)[:, 0].tolist()))
    [-4, 0, 4]
    """

    def __init__(self, low: int, high: int, log: bool = False, step: int = 1, seed: Seed = None) -> None:
        for name, value in {"low": low, "high": high}.items():
            if isinstance(value, bool) or not isinstance(value, int | np.integer):
                raise ValueError(f"`{name}` must be an int, got {value!r}")
            if abs(int(value)) > _LARGEST_INT:
                raise ValueError(f"`{name}` must be at most 2**53 from 0, got {value!r}")
        self.low, self.high, self.step = int(low), int(high), checked_int("step", step, 1)
        self.log = _checked_log(log, low)
        if not self.low <= self.high:
            raise ValueError(f"low <= high must hold, but got low={low!r}, high={high!r}")
        if self.log and self.step != 1:
            raise ValueError(f"`step` must be 1 where `log` is True, got {step!r}")
        super().__init__(seed)

    @property
    def content(self) -> tuple[Any, ...]:
        return self.low, self.high, self.log, self.step

    @property
    def n_values(self) -> int:  # type: ignore[override]
        return (self.high - self.low) // self.step + 1

    def value(self, number: int) -> int:
        return self.low + self.step * number

    def number(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            raise ValueError(f"{value!r} is no value of {self!r}")
        number, rest = divmod(int(value) - self.low, self.step)
        if rest or not 0 <= number < self.n_values:
            raise ValueError(f"{value!r} is no value of {self!r}")
        return number

    def _ends(self) -> tuple[float, float]:
        """Return the logarithms between which values lie, each with half a step on both sides."""
        return math.log(self.low - 0.5), math.log(self.high + 0.5)

    def number_at(self, place: float) -> int:
        if not self.log:
            return super().number_at(place)
        low, high = self._ends()
        number = round(math.exp(low + (high - low) * place)) - self.low
        return min(max(number, 0), self.n_values - 1)

    def place_of(self, number: int) -> float:
        if not self.log:
            return super().place_of(number)
        low, high = self._ends()
        return (math.log(self.low + number) - low) / (high - low)

    def draw(self, rng: np.random.Generator, size: int) -> np.ndarray[Any, Any]:
        return super().draw(rng, size).astype(np.int64)

    def written(self) -> str:
        arguments = [repr(self.low), repr(self.high)]
        if self.log:
            arguments.append("log=True")
        if self.step != 1:
            arguments.append(f"step={self.step}")
        return self._written(*arguments)


def _as_objects(values: Sequence[Any]) -> np.ndarray[Any, Any]:
    """Return values as an array that leaves them as they are, sequences among them too."""
    array = np.empty(len(values), dtype=object)
    for number, value in enumerate(values):
        array[number] = value
    return array


def _end(name: str, value: Any) -> float:
    if not is_number(value) or not math.isfinite(value):
        raise ValueError(f"`{name}` must be a finite number, got {value!r}")
    return float(value)


def _checked_log(log: Any, low: Any) -> bool:
    if not isinstance(log, bool):
        raise ValueError(f"`log` must be True or False, got {log!r}")
    if log and low <= 0:
        raise ValueError(f"`low` must be positive where `log` is True, got {low!r}")
    return log
