"""Distributions of numpy and scipy as samplers."""

from __future__ import annotations

import copy
import math
from functools import cached_property
from typing import Any

import numpy as np

from samplers.algebra import Sampler
from samplers.random import Seed
from samplers.values import checked_int, common_dtype

# short name -> (name in numpy.random.Generator, name in scipy.stats)
ALIASES: dict[str, tuple[str | None, str | None]] = {
    "n": ("normal", "norm"),
    "u": ("uniform", "uniform"),
    "mvn": ("multivariate_normal", "multivariate_normal"),
    "e": ("exponential", "expon"),
    "g": ("gamma", "gamma"),
    "be": ("beta", "beta"),
    "mnm": ("multinomial", "multinomial"),
    "f": ("f", "f"),
    "p": ("poisson", "poisson"),
    "w": ("weibull", "weibull_min"),
    "ln": ("lognormal", "lognorm"),
    "b": ("binomial", "binom"),
    "chi2": ("chisquare", "chi2"),
    "c": ("choice", None),
}

# distributions of numpy whose points are vectors by themselves
_NUMPY_VECTORS = {"multivariate_normal", "multinomial", "dirichlet", "multivariate_hypergeometric"}
_NUMPY_OTHERS = {"bit_generator", "bytes", "permutation", "permuted", "shuffle", "spawn"}


def _resolve(name: str, library: int) -> str:
    """Return the library's own name of a distribution, given a short name or the other library's."""
    if not isinstance(name, str):
        raise TypeError(f"the name of a distribution must be a str, got {name!r}")
    for alias, names in ALIASES.items():
        own = names[library]
        if own is not None and name in (alias, names[1 - library]):
            return own
    return name


def _unknown(name: str, library: str, known: list[str]) -> ValueError:
    from difflib import get_close_matches  # where something is misspelt

    near = get_close_matches(name, known, 3)
    hint = f"; did you mean {', '.join(near)}?" if near else ""
    return ValueError(f"{library} has no distribution named {name!r}{hint}")


class _Named(Sampler):
    """A distribution that a library knows by name."""

    _transient = Sampler._transient | {"_distribution", "_is_scalar"}

    def __init__(self, name: str, dim: int, seed: Seed, parameters: dict[str, Any]) -> None:
        super().__init__(dim, seed)
        self.name = name
        self.parameters = copy.deepcopy(parameters)  # what happens to the arguments later is not ours

    @property
    def content(self) -> tuple[Any, ...]:
        return self.name, self.dim, self.parameters

    def written(self) -> str:
        arguments = [repr(self.name)]
        if self.dim != 1 and not self._is_vector:
            arguments.append(f"dim={self.dim}")
        if self.seed is not None:
            arguments.append(f"seed={self.seed!r}")
        arguments.extend(f"{key}={value!r}" for key, value in self.parameters.items())
        return f"{type(self).__name__}({', '.join(arguments)})"

    @property
    def _is_vector(self) -> bool:
        raise NotImplementedError


class NumpySampler(_Named):
    """A distribution of `numpy.random.Generator`.

    Parameters
    ----------
    name : str
        Name of the Generator's method, a short name of `ALIASES`, or scipy's name of the same distribution.
    dim : int, default 1
        Number of independent coordinates. Distributions over vectors know theirs by themselves.
    seed : optional
        See `Sampler`.
    **kwargs
        Parameters of the distribution, as numpy names them.

    Raises
    ------
    ValueError
        If numpy has no such distribution, or refuses the parameters.

    Examples
    --------
    >>> NumpySampler('n', seed=1, loc=10).sample(3).shape
    (3, 1)
    >>> NumpySampler('uniform', dim=2, low=-1)
    NumpySampler('uniform', dim=2, low=-1)
    """

    def __init__(self, name: str, dim: int = 1, seed: Seed = None, **kwargs: Any) -> None:
        resolved = _resolve(name, 0)
        known = [
            key for key in dir(np.random.Generator) if not key.startswith("_") and key not in _NUMPY_OTHERS
        ]
        if resolved not in known:
            raise _unknown(name, "numpy", [*known, *ALIASES])
        super().__init__(resolved, dim, seed, kwargs)
        try:
            probe = self.draw(np.random.Generator(np.random.Philox(key=0)), 1)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{self!r}: numpy refuses these parameters: {error}") from error
        self.dim = probe.shape[1]

    @property
    def _is_vector(self) -> bool:
        points = self.parameters.get("a") if self.name == "choice" else None
        return self.name in _NUMPY_VECTORS or np.ndim(points) > 1  # type: ignore[arg-type]

    @cached_property
    def _is_scalar(self) -> bool:
        """Whether numpy gives one point as a Python number, the same as in an array."""
        is_known = self.name not in _NUMPY_VECTORS | {"choice", "integers"}
        return (
            is_known
            and self.dim == 1
            and all(type(item) in (int, float) for item in self.parameters.values())
        )

    def draw_one(self, rng: np.random.Generator) -> Any:
        return getattr(rng, self.name)(**self.parameters) if self._is_scalar else super().draw_one(rng)

    def draw(self, rng: np.random.Generator, size: int) -> np.ndarray[Any, Any]:
        shape: Any = size if self._is_vector else (size, self.dim)
        points: np.ndarray[Any, Any] = getattr(rng, self.name)(size=shape, **self.parameters)
        return points if points.ndim == 2 else points.reshape(size, math.prod(points.shape[1:]))


class ScipySampler(_Named):
    """A distribution of `scipy.stats`.

    Parameters
    ----------
    name : str
        Name of the distribution in scipy.stats, a short name of `ALIASES`, or numpy's name of the same.
    dim : int, default 1
        Number of independent coordinates. Distributions over vectors know theirs by themselves.
    seed : optional
        See `Sampler`.
    **kwargs
        Parameters of the distribution, as scipy names them.

    Raises
    ------
    ValueError
        If scipy has no such distribution, or refuses the parameters.

    Examples
    --------
    >>> points = ScipySampler('loguniform', seed=1, a=1e-5, b=1e-1).sample(100)
    >>> bool((points > 1e-5).all() and (points < 1e-1).all())
    True
    """

    def __init__(self, name: str, dim: int = 1, seed: Seed = None, **kwargs: Any) -> None:
        from scipy import stats  # takes half a second: only those who use it pay

        resolved = _resolve(name, 1)
        known = [
            key for key, found in vars(stats).items() if hasattr(found, "rvs") and type(found) is not type
        ]
        if resolved not in known:
            raise _unknown(name, "scipy.stats", [*known, *ALIASES])
        super().__init__(resolved, dim, seed, kwargs)
        try:
            probe = self.draw(np.random.Generator(np.random.Philox(key=0)), 1)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{self!r}: scipy refuses these parameters: {error}") from error
        if self._is_vector:
            self.dim = probe.shape[1]

    @property
    def distribution(self) -> Any:
        """The frozen distribution of scipy.stats."""
        return self._distribution

    @cached_property
    def _distribution(self) -> Any:
        from scipy import stats

        return getattr(stats, self.name)(**self.parameters)

    @property
    def _is_vector(self) -> bool:
        from scipy import stats

        return not isinstance(getattr(stats, self.name), stats.rv_continuous | stats.rv_discrete)

    def draw(self, rng: np.random.Generator, size: int) -> np.ndarray[Any, Any]:
        shape: Any = size if self._is_vector else (size, self.dim)
        points = np.asarray(self._distribution.rvs(size=shape, random_state=rng))
        # scipy drops the first axis of a single vector
        return points.reshape(size, points.size // size if size else self.dim)


class ConstantSampler(Sampler):
    """Always the same point.

    Parameters
    ----------
    constant : scalar or sequence of scalars
        Numbers, strings or anything else; a list, tuple or array of them for several coordinates.
    dim : int, default 1
        How many times to repeat it.
    seed : optional
        Changes nothing of what is drawn.

    Examples
    --------
    >>> (ConstantSampler(3) | ConstantSampler(5)).sample(100).sum() in range(300, 501)
    True
    """

    def __init__(self, constant: Any, dim: int = 1, seed: Seed = None) -> None:
        dim = checked_int("dim", dim, 1)
        is_list = isinstance(constant, list | tuple | range | np.ndarray)
        values = copy.deepcopy(list(constant) if is_list and np.ndim(constant) else [constant])
        if not values or any(
            isinstance(value, list | tuple | np.ndarray) and np.ndim(value) for value in values
        ):
            raise ValueError(f"`constant` must be a scalar or a list of scalars, got {constant!r}")
        values = [value.item() if isinstance(value, np.generic) else value for value in values]
        self.constant = np.empty(
            len(values) * dim, dtype=common_dtype([np.asarray(value) for value in values])
        )
        self.constant[:] = values * dim
        super().__init__(len(self.constant), seed)

    @property
    def content(self) -> tuple[Any, ...]:
        return (self.constant,)

    def draw(self, rng: np.random.Generator, size: int) -> np.ndarray[Any, Any]:
        return np.repeat(self.constant.reshape(1, -1), size, axis=0)

    def written(self) -> str:
        values = self.constant.tolist()
        seed = "" if self.seed is None else f", seed={self.seed!r}"
        return f"ConstantSampler({(values[0] if len(values) == 1 else values)!r}{seed})"
