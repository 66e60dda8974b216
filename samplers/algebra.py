"""Samplers made of samplers: mixtures, stacks, arithmetic, transformations, truncations.

What is made draws everything from one generator, so one seed reproduces it whole. Its own seed is made
from the seeds of its parts; if none of them has one, neither has it.
"""

from __future__ import annotations

import copy
import operator
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from samplers.base import Distribution
from samplers.random import combine_seeds
from samplers.rejection import Bounds, draw_kept, make_bounds
from samplers.values import (
    checked_weight,
    common_dtype,
    constant,
    is_number,
    name_in_code,
    written_constant,
)

Array = np.ndarray[Any, Any]


OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
}


def _operator(symbol: str) -> tuple[Callable[[Any, Any], Sampler], Callable[[Any, Any], Sampler]]:
    """Return the methods of a binary operator: for a sampler at its left, and at its right."""

    def combine(left: Any, right: Any, other: Any) -> Any:
        can_be = isinstance(other, Sampler) or constant(other) is not None
        return Arithmetic(symbol, left, right) if can_be else NotImplemented

    def at_left(self: Any, other: Any) -> Any:
        return combine(self, other, other)

    def at_right(self: Any, other: Any) -> Any:
        return combine(other, self, other)

    return at_left, at_right


class Sampler(Distribution):
    """A distribution over vectors of `dim` coordinates, with an algebra.

    - `a | b`: points of a or of b, by their weights; `0.3 & a` is a with the weight 0.3.
    - `a & b`: the coordinates of a, then those of b, drawn independently.
    - `+ - * / // % **`: of points, with samplers, numbers and arrays, from either side.
    - `a.apply(function)`, `a.truncate(high, low)`.

    Operators return new samplers and never touch their operands. `repr` evaluates to an equal sampler
    wherever the parameters' own does.

    To write a sampler of one's own, give it `content` and `draw`, and let `__init__` call that of this class.

    Parameters
    ----------
    dim : int, default 1
        Number of coordinates of each point.
    seed : optional
        Seed of the stream that `sample` reads, see `samplers.make_seed`. Without one, each sampler
        takes fresh entropy.

    Examples
    --------
    >>> from samplers import NumpySampler
    >>> peaks = 0.9 & NumpySampler('n', seed=1) | 0.1 & NumpySampler('n', loc=10)
    >>> points = peaks.sample(1000)
    >>> points.shape, (points > 5).sum() in range(50, 151)
    ((1000, 1), True)
    >>> rates = (10 ** NumpySampler('uniform', low=-5, high=-1, seed=1)).truncate(high=1e-2)
    >>> bool(rates.sample(100).max() <= 1e-2)
    True
    """

    __array_ufunc__ = None  # lets `np.float64(2) * sampler` and `array + sampler` come to the operators below

    def __or__(self, other: Sampler) -> Sampler:
        return Mixture([self, other]) if isinstance(other, Sampler) else NotImplemented

    def __and__(self, other: Sampler | float) -> Sampler:
        if isinstance(other, Sampler):
            return Stack([self, other])
        return self.with_weight(checked_weight("sampler", other)) if is_number(other) else NotImplemented

    __rand__ = __and__

    __add__, __radd__ = _operator("+")
    __sub__, __rsub__ = _operator("-")
    __mul__, __rmul__ = _operator("*")
    __truediv__, __rtruediv__ = _operator("/")
    __floordiv__, __rfloordiv__ = _operator("//")
    __mod__, __rmod__ = _operator("%")
    __pow__, __rpow__ = _operator("**")

    def __neg__(self) -> Sampler:
        return Arithmetic("*", -1, self)

    def apply(self, function: Callable[[Array], Any]) -> Sampler:
        """Return a sampler of `function(points)`.

        Parameters
        ----------
        function : callable
            Takes an array of shape (size, dim); returns one of shape (size, k), or (size,) for k = 1. It is
            called once with dim + 1 points, to learn k.

        Raises
        ------
        ValueError
            If the function returns an array of another length.

        Examples
        --------
        >>> from samplers import NumpySampler
        >>> (NumpySampler('n') & NumpySampler('n')).apply(lambda points: points.max(axis=1)).dim
        1
        """
        return Applied(self, function)

    def truncate(
        self,
        high: Any = None,
        low: Any = None,
        expr: Callable[[Array], Any] | None = None,
        prob: float = 0.5,
        max_iters: int | None = None,
        sample_anyways: bool = False,
    ) -> Sampler:
        """Return a sampler of those points alone that lie within bounds.

        Parameters
        ----------
        high, low : float or array-like, optional
            `low <= points <= high` must hold for every coordinate; shape () or (dim,).
        expr : callable, optional
            Takes points of shape (size, dim). With bounds, `low <= expr(points) <= high` must hold;
            without, it returns whether to keep each point.
        prob : float, default 0.5
            A guess at the share of points that are kept: how many are drawn at once. The distribution
            does not depend on it.
        max_iters : int, optional
            How many batches to draw at most. Default: as many as it takes, given up after 10^6 points in a
            row of which none was kept.
        sample_anyways : bool, default False
            What to do after `max_iters` batches: fill up with points that are not within the bounds, and
            warn; or raise.

        Raises
        ------
        ValueError
            If there is nothing to truncate by, or an argument is out of its range. From `sample`: if too
            few points are kept.

        Examples
        --------
        >>> from samplers import NumpySampler
        >>> disc = NumpySampler('n', dim=2, seed=1).truncate(high=1, expr=lambda x: (x ** 2).sum(axis=1))
        >>> bool(((disc.sample(50) ** 2).sum(axis=1) <= 1).all())
        True
        """
        return Truncated(self, make_bounds(self.dim, high, low, expr, prob, max_iters, sample_anyways))

    @property
    def own_weight(self) -> float:
        """The weight that it has unless another was given."""
        return 1.0

    def written(self) -> str:
        """Return the expression that makes this sampler, but for its weight."""
        seed = [] if self.seed is None else [f"seed={self.seed!r}"]
        return f"{type(self).__name__}({', '.join([*map(repr, self.content), *seed])})"

    def __repr__(self) -> str:
        if self.weight == self.own_weight:
            return self.written()
        return f"{self.weight!r} & {_in_parentheses(self.with_weight(self.own_weight))}"


class Composed(Sampler):
    """What operators make.

    Parameters
    ----------
    parts : iterable of Sampler
    """

    def __init__(self, parts: Iterable[Sampler]) -> None:
        self._parts = tuple(map(copy.copy, parts))  # what happens to a histogram later is not ours
        super().__init__(1, combine_seeds(part.seed for part in self._parts))

    @property
    def parts(self) -> tuple[Sampler, ...]:
        return self._parts

    @property
    def form(self) -> tuple[Any, ...]:
        """What distinguishes this operator from others of its class, beside its parts."""
        return ()

    @property
    def content(self) -> tuple[Any, ...]:
        return (*self.form, *((type(part), part.content) for part in self._parts))


class Mixture(Composed):
    """Points of one part or another, by weight: what `|` makes."""

    _transient = Composed._transient | {"_bounds", "_dtype"}

    def __init__(self, parts: Iterable[Sampler]) -> None:
        flat: list[Sampler] = []
        for part in parts:
            is_plain = isinstance(part, Mixture) and part.weight == part.own_weight
            flat.extend(part.parts if is_plain else [part])  # type: ignore[arg-type]
        super().__init__(flat)
        dims = sorted({part.dim for part in flat})
        if len(dims) > 1:
            raise ValueError(f"`|` takes samplers of equal dimension, got {dims[0]} and {dims[-1]}")
        self.dim = dims[0]
        self.weight = self.own_weight
        self._bounds: Array | None = None

    @property
    def own_weight(self) -> float:
        return sum(part.weight for part in self._parts)

    @property
    def form(self) -> tuple[Any, ...]:
        return tuple(part.weight for part in self._parts)

    def draw(self, rng: np.random.Generator, size: int) -> Array:
        if self._bounds is None:
            shares = np.cumsum(np.array(self.form) / max(self.form))
            self._bounds = shares / shares[-1]
            probe = np.random.Generator(np.random.Philox(key=0))
            self._dtype = common_dtype([part.draw(probe, 1) for part in self._parts])
        chosen = np.searchsorted(self._bounds[:-1], rng.random(size), side="right")
        points = np.empty((size, self.dim), dtype=self._dtype)
        for number, part in enumerate(self._parts):
            is_its = chosen == number
            if count := int(is_its.sum()):
                points[is_its] = part.checked(part.draw(rng, count), count)
        return points

    def written(self) -> str:
        return " | ".join(_in_parentheses(part, but_weights=True) for part in self._parts)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._bounds = None


class Stack(Composed):
    """The coordinates of one part after those of another: what `&` makes."""

    def __init__(self, parts: Iterable[Sampler]) -> None:
        super().__init__(
            inner
            for part in parts
            for inner in (part.parts if isinstance(part, Stack) and part.weight == 1 else [part])
        )
        self.dim = sum(part.dim for part in self._parts)

    def draw(self, rng: np.random.Generator, size: int) -> Array:
        drawn = [part.checked(part.draw(rng, size), size) for part in self._parts]
        dtype = common_dtype(drawn)
        return np.concatenate([item.astype(dtype, copy=False) for item in drawn], axis=1)

    def written(self) -> str:
        return " & ".join(_in_parentheses(part) for part in self._parts)


class Arithmetic(Composed):
    """An operator applied to points: of two samplers, or of a sampler and a constant.

    Parameters
    ----------
    symbol : str
    left, right : Sampler or array-like
        At least one of them a Sampler.
    """

    def __init__(self, symbol: str, left: Any, right: Any) -> None:
        self.symbol = symbol
        self.operands = tuple(
            operand if isinstance(operand, Sampler) else constant(operand) for operand in (left, right)
        )
        super().__init__(operand for operand in self.operands if isinstance(operand, Sampler))
        own = iter(self._parts)
        self.operands = tuple(next(own) if isinstance(item, Sampler) else item for item in self.operands)
        dims = [
            operand.dim if isinstance(operand, Sampler) else np.size(operand) for operand in self.operands
        ]
        if 1 not in dims and dims[0] != dims[1]:
            raise ValueError(
                f"`{symbol}` takes samplers of equal dimension, or of one, got {dims[0]} and {dims[1]}"
            )
        self.dim = max(dims)

    @property
    def form(self) -> tuple[Any, ...]:
        constants = [None if isinstance(operand, Sampler) else operand for operand in self.operands]
        return self.symbol, *constants

    def draw(self, rng: np.random.Generator, size: int) -> Array:
        left, right = (
            operand.checked(operand.draw(rng, size), size) if isinstance(operand, Sampler) else operand
            for operand in self.operands
        )
        points: Array = OPERATORS[self.symbol](left, right)
        return points

    def written(self) -> str:
        left, right = (
            _in_parentheses(operand) if isinstance(operand, Sampler) else written_constant(operand)
            for operand in self.operands
        )
        return f"{left} {self.symbol} {right}"


class Applied(Composed):
    """A function of points: what `apply` makes."""

    def __init__(self, sampler: Sampler, function: Callable[[Array], Any]) -> None:
        if not callable(function):
            raise TypeError(f"`function` must be callable, got {function!r}")
        super().__init__([sampler])
        self.function = function
        # as many points as no number of coordinates, so that a mix-up of axes is seen
        probe = self.draw(np.random.Generator(np.random.Philox(key=0)), sampler.dim + 1)
        self.dim = probe.shape[1]

    @property
    def form(self) -> tuple[Any, ...]:
        return (self.function,)

    def draw(self, rng: np.random.Generator, size: int) -> Array:
        part = self._parts[0]
        points = np.asarray(self.function(part.checked(part.draw(rng, size), size)))
        if points.ndim == 1:
            points = points.reshape(-1, 1)
        if points.ndim != 2 or len(points) != size:
            raise ValueError(
                f"the function {name_in_code(self.function)} applied to {part!r} must return an array "
                f"of shape ({size}, k) or ({size},), got {points.shape}"
            )
        return points

    def written(self) -> str:
        return f"{_in_parentheses(self._parts[0])}.apply({name_in_code(self.function)})"


class Truncated(Composed):
    """Points within bounds, by rejection: what `truncate` makes."""

    def __init__(self, sampler: Sampler, bounds: Bounds) -> None:
        super().__init__([sampler])
        self.dim = sampler.dim
        self.bounds = bounds

    @property
    def form(self) -> tuple[Any, ...]:
        return tuple(self.bounds)

    def draw(self, rng: np.random.Generator, size: int) -> Array:
        part = self._parts[0]
        try:
            return draw_kept(lambda count: part.checked(part.draw(rng, count), count), self.bounds, size)
        except ValueError as error:
            error.add_note(f"drawing from {self!r}")
            raise

    def written(self) -> str:
        return f"{_in_parentheses(self._parts[0])}.truncate({self.bounds.written()})"


def _in_parentheses(sampler: Sampler, but_weights: bool = False) -> str:
    is_weighted = sampler.weight != sampler.own_weight
    if (is_weighted and not but_weights) or (
        not is_weighted and isinstance(sampler, Mixture | Stack | Arithmetic)
    ):
        return f"({sampler!r})"
    return repr(sampler)
