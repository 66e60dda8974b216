"""What every sampler is: a distribution as a value."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np

from samplers.random import Seed, make_rng


class Sampler(ABC):
    """A distribution over vectors of `dim` coordinates.

    A sampler is a value: two samplers of one class with equal `content` and `seed` are equal. The
    position in its own random stream, which `sample` advances, is no part of that value.

    Parameters
    ----------
    dim : int, default 1
        Number of coordinates of each point.
    seed : optional
        Seed of the stream that `sample` reads, see `samplers.make_seed`. Without one, each sampler
        takes fresh entropy.
    """

    def __init__(self, dim: int = 1, seed: Seed = None) -> None:
        if isinstance(dim, bool) or not isinstance(dim, int | np.integer) or dim < 1:
            raise ValueError(f"`dim` must be a positive int, got {dim!r}")
        self.dim = int(dim)
        self.seed = seed
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

    def sample(self, size: int) -> np.ndarray[Any, Any]:
        """Draw the next `size` points of this sampler's own stream.

        Returns
        -------
        numpy.ndarray
            Shape (size, dim).
        """
        if self._rng is None:
            self._rng = make_rng(self.seed)
        return self.draw(self._rng, size)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sampler) or type(self) is not type(other):
            return NotImplemented
        return same(self.seed, other.seed) and same(self.content, other.content)

    def __hash__(self) -> int:
        return hash((type(self).__qualname__, self.dim, str(self.content[:1])))

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if not name.startswith("_")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._rng = None


def same(left: Any, right: Any) -> bool:
    """Whether two parameters are of one type and equal, arrays and nested containers included."""
    if type(left) is not type(right):
        return False
    if isinstance(left, np.ndarray):
        return left.dtype == right.dtype and bool(np.array_equal(left, right))
    if isinstance(left, Mapping):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)
