"""Points that fill space more evenly than random ones: Sobol, Halton, Latin hypercube."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from samplers.algebra import Sampler
from samplers.random import Seed, make_rng
from samplers.values import checked_int


class QuasiSampler(Sampler):
    """Points of the unit cube [0, 1)^dim of low discrepancy, from `scipy.stats.qmc`.

    What is even is the set of points, not each of them: `sample` goes on where it stopped, while each call of
    `draw`, and of a sampler made from this one, gives a set of its own.

    Parameters
    ----------
    dim : int, default 1
        Number of coordinates.
    seed : optional
        Seed of the randomisation, see `samplers.make_seed`.
    """

    _transient = Sampler._transient | {"_engine"}

    def __init__(self, dim: int = 1, seed: Seed = None) -> None:
        super().__init__(dim, seed)
        self._engine: Any = None

    _engine_name: ClassVar[str]  # in scipy.stats.qmc

    def make_engine(self, rng: np.random.Generator) -> Any:
        """Return an engine of scipy that draws from `rng`."""
        from scipy.stats import qmc

        return getattr(qmc, self._engine_name)(self.dim, rng=rng)

    @property
    def content(self) -> tuple[Any, ...]:
        return (self.dim,)

    def draw(self, rng: np.random.Generator, size: int) -> np.ndarray[Any, Any]:
        # engines spawn further generators, which says nothing of the state of the one they get
        return _points(self.make_engine(make_rng(rng)), size, self.dim)

    def sample(self, size: int) -> np.ndarray[Any, Any]:
        """Return the next `size` points of the sequence.

        Returns
        -------
        numpy.ndarray
            Shape (size, dim), floats in [0, 1).
        """
        size = checked_int("size", size, 0)
        if self._engine is None:
            self._engine = self.make_engine(make_rng(self.seed))
        return _points(self._engine, size, self.dim)

    def written(self) -> str:
        arguments = [] if self.dim == 1 else [f"dim={self.dim}"]
        if self.seed is not None:
            arguments.append(f"seed={self.seed!r}")
        return f"{type(self).__name__}({', '.join(arguments)})"

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._engine = None


class SobolSampler(QuasiSampler):
    """A Sobol sequence, scrambled (A. B. Owen, "Scrambling Sobol' and Niederreiter-Xing points", 1998).

    Its balance is best for sizes that are powers of 2.

    Parameters
    ----------
    dim : int, default 1
    seed : optional

    Examples
    --------
    >>> points = SobolSampler(dim=2, seed=1).sample(64)
    >>> np.histogram2d(*points.T, bins=8, range=[[0, 1], [0, 1]])[0].min()  # one in each of 64 boxes
    np.float64(1.0)
    """

    _engine_name = "Sobol"


class HaltonSampler(QuasiSampler):
    """A Halton sequence, scrambled (A. B. Owen, "A randomized Halton algorithm in R", 2017); for any size.

    Parameters
    ----------
    dim : int, default 1
    seed : optional

    Examples
    --------
    >>> HaltonSampler(dim=3, seed=1).sample(10).shape
    (10, 3)
    """

    _engine_name = "Halton"


class LatinHypercubeSampler(QuasiSampler):
    """Latin hypercubes (M. D. McKay et al., 1979): each coordinate has one point in each of `size` intervals.

    Each sample is a hypercube of its own, which is not continued by the next.

    Parameters
    ----------
    dim : int, default 1
    seed : optional

    Examples
    --------
    >>> points = LatinHypercubeSampler(dim=2, seed=1).sample(5)
    >>> np.sort((points * 5).astype(int), axis=0).T.tolist()
    [[0, 1, 2, 3, 4], [0, 1, 2, 3, 4]]
    """

    _engine_name = "LatinHypercube"


METHODS: dict[str, type[QuasiSampler]] = {
    "sobol": SobolSampler,
    "halton": HaltonSampler,
    "lhs": LatinHypercubeSampler,
}


def is_quasirandom(sampler: Any) -> bool:
    """Whether a sampler, or one that it is made of, gives sets of points rather than points."""
    return isinstance(sampler, QuasiSampler) or any(map(is_quasirandom, sampler.parts))


def _points(engine: Any, size: int, dim: int) -> np.ndarray[Any, Any]:
    if not size:
        return np.empty((0, dim))
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that the size is no power of 2: the docstring says it
        points: np.ndarray[Any, Any] = engine.random(size)
    return points
