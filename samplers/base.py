"""What can be drawn from: distributions as values."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from samplers.random import Seed, fixed_seed, make_rng
from samplers.values import checked_int


class Distribution(ABC):
    """A distribution over vectors of `dim` coordinates: a `samplers.Sampler` without its operators.

    A distribution is a value: two of one class with equal `content`, `seed` and `weight` are equal. The
    position in its own random stream, which `sample` advances, is no part of that value.

    Parameters
    ----------
    dim : int, default 1
        Number of coordinates of each point.
    seed : optional
        Seed of the stream that `sample` reads, see `samplers.make_seed`. Without one, each object
        takes fresh entropy.

    Attributes
    ----------
    weight : float
        Its weight in mixtures; 1 unless `0.3 & sampler` said otherwise. Changes nothing of what is drawn
        from it alone.
    """

    weight: float = 1.0
    _transient: ClassVar[frozenset[str]] = frozenset({"_rng"})  # attributes that are no part of the value

    def __init__(self, dim: int = 1, seed: Seed = None) -> None:
        self.dim = checked_int("dim", dim, 1)
        self.seed = fixed_seed(seed)
        self._rng: np.random.Generator | None = None

    @property
    @abstractmethod
    def content(self) -> tuple[Any, ...]:
        """What distinguishes this distribution from others of its class; plain values, without the seed."""

    @abstractmethod
    def draw(self, rng: np.random.Generator, size: int) -> np.ndarray[Any, Any]:
        """Draw `size` points with a given generator.

        Depends on nothing but the generator's state and `content`.

        Returns
        -------
        numpy.ndarray
            Shape (size, dim).
        """

    def draw_one(self, rng: np.random.Generator) -> Any:
        """Draw one point: a Python scalar if the distribution has one dimension, else a tuple of them.

        The same as `draw(rng, 1)`, which subclasses may reach by a shorter way.

        Raises
        ------
        ValueError
            If `draw` gave an array of another shape than (1, dim).
        """
        point = self.checked(self.draw(rng, 1), 1)[0].tolist()
        return point[0] if self.dim == 1 else tuple(point)

    def sample(self, size: int) -> np.ndarray[Any, Any]:
        """Draw the next `size` points of this object's own stream.

        Returns
        -------
        numpy.ndarray
            Shape (size, dim).

        Raises
        ------
        ValueError
            If `size` is no non-negative int.
        """
        size = checked_int("size", size, 0)
        if self._rng is None:
            self._rng = make_rng(self.seed)
        return self.checked(self.draw(self._rng, size), size)

    def checked(self, points: Any, size: int) -> np.ndarray[Any, Any]:
        """Return what `draw` gave, if it is an array of shape (size, dim).

        Raises
        ------
        ValueError
            Names the distribution and both shapes.
        """
        shape = getattr(points, "shape", None)
        if shape != (size, self.dim):
            got = f"shape {shape}" if shape is not None else f"{type(points).__name__} {points!r}"
            raise ValueError(f"{self!r} must draw an array of shape {(size, self.dim)}, got {got}")
        return points  # type: ignore[no-any-return]

    @property
    def parts(self) -> tuple[Distribution, ...]:
        """The distributions that this one is made of; none, unless an operator made it."""
        return ()

    def with_weight(self, weight: float) -> Self:
        """Return a copy with another weight in mixtures."""
        changed = copy.copy(self)
        changed.weight = weight
        return changed

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Distribution) or type(self) is not type(other):
            return NotImplemented
        return (
            self.weight == other.weight
            and self.seed == other.seed
            and same(self.content, other.content)
            and self.parts == other.parts
        )

    def __hash__(self) -> int:
        return hash((type(self).__qualname__, self.dim, self.weight, self.parts, str(self.content[:1])))

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in self._transient}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._rng = None


def same(left: Any, right: Any) -> bool:
    """Whether two parameters are of one type and equal, arrays and nested containers included."""
    if type(left) is not type(right):
        return False
    if isinstance(left, np.ndarray):
        if left.dtype != right.dtype or left.shape != right.shape:
            return False
        if left.dtype.hasobject:
            return all(map(same, left.ravel().tolist(), right.ravel().tolist()))
        return left.tobytes() == right.tobytes() or (
            left.dtype.kind not in "biufcSUmM" and bool(np.array_equal(left, right))
        )
    if isinstance(left, Mapping):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float):
        return repr(left) == repr(right)  # which tells 0.0 from -0.0, and nan is nan
    return bool(left == right) or left is right
