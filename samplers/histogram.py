"""Samplers of what has been counted."""

from __future__ import annotations

from typing import Any

import numpy as np

from samplers.algebra import Sampler
from samplers.random import Seed


class HistoSampler(Sampler):
    """The distribution that a histogram shows: a bin by its count, a point evenly within the bin.

    Parameters
    ----------
    histo : tuple, optional
        `(counts, edges)` as `numpy.histogramdd` or `numpy.histogram` returns them; not normalised by volume.
    edges : sequence of arrays, or array, optional
        Edges of the bins along each axis, instead of `histo`, for points that `update` will bring; an
        array for one axis. Until then, all bins are equally probable.
    seed : optional
        See `Sampler`.

    Raises
    ------
    ValueError
        If neither or both are given, counts are negative, edges do not ascend, or their numbers do not match.

    Examples
    --------
    >>> sampler = HistoSampler(edges=[0, 1, 2], seed=1)
    >>> sampler.update([[0.3], [0.2], [0.7]])
    >>> bool((sampler.sample(100) < 1).all())
    True
    """

    def __init__(self, histo: tuple[Any, Any] | None = None, edges: Any = None, seed: Seed = None) -> None:
        if (histo is None) == (edges is None):
            raise ValueError("HistoSampler takes either `histo` or `edges`")
        if histo is not None:
            if not isinstance(histo, tuple | list) or len(histo) != 2:
                raise ValueError(
                    "`histo` must be a pair (counts, edges), as numpy.histogram or numpy.histogramdd return "
                    f"it, got {histo!r}"
                )
            counts, edges = histo
        self.edges = _edges(edges)
        shape = tuple(len(axis) - 1 for axis in self.edges)
        self.counts = np.zeros(shape) if histo is None else np.array(counts, dtype=float)
        if self.counts.shape != shape:
            raise ValueError(f"edges of {shape} bins do not fit counts of shape {self.counts.shape}")
        if not np.isfinite(self.counts).all() or (self.counts < 0).any():
            raise ValueError("counts of a histogram must be finite and not negative")
        super().__init__(len(shape), seed)

    @property
    def content(self) -> tuple[Any, ...]:
        return self.counts, self.edges

    def update(self, points: Any) -> None:
        """Count more points.

        Domains that have taken this sampler keep the counts that it had.

        Parameters
        ----------
        points : array-like
            Shape (n, dim), or (n,) for one axis. Points outside of the edges are left out.

        Raises
        ------
        ValueError
            If the points have another dimension.
        """
        points = np.asarray(points, dtype=float)
        if points.ndim == 1 and self.dim == 1:
            points = points.reshape(-1, 1)
        if points.ndim != 2 or points.shape[1] != self.dim:
            raise ValueError(f"`points` must have the shape (n, {self.dim}), got {points.shape}")
        self.counts = self.counts + np.histogramdd(points, bins=self.edges)[0]

    def draw(self, rng: np.random.Generator, size: int) -> np.ndarray[Any, Any]:
        counts = self.counts.ravel()
        if not counts.any():
            counts = np.ones_like(counts)
        bounds = np.cumsum(counts)
        # the last bound is left out: rounding must not lead beyond the last bin that has a count
        last = np.flatnonzero(counts)[-1]
        bins = np.searchsorted(bounds[:last], rng.random(size) * bounds[-1], side="right")
        within = rng.random((size, self.dim))
        columns = []
        for axis, numbers in enumerate(np.unravel_index(bins, self.counts.shape)):
            edges = self.edges[axis]
            left, right = edges[numbers], edges[numbers + 1]
            columns.append(left + (right - left) * within[:, axis])
        return np.stack(columns, axis=1)

    def written(self) -> str:
        edges = [axis.tolist() for axis in self.edges]
        arguments = f"({self.counts.tolist()!r}, {edges!r})" if self.counts.any() else f"edges={edges!r}"
        return f"HistoSampler({arguments}{'' if self.seed is None else f', seed={self.seed!r}'})"


def _edges(edges: Any) -> tuple[np.ndarray[Any, Any], ...]:
    try:
        is_one_axis = np.ndim(edges[0]) == 0
        axes = tuple(np.array(axis, dtype=float) for axis in ([edges] if is_one_axis else edges))
    except (TypeError, ValueError, IndexError) as error:
        raise ValueError(f"`edges` must be an array, or one for each axis, got {edges!r}") from error
    for axis in axes:
        if axis.ndim != 1 or len(axis) < 2 or not (np.diff(axis) > 0).all() or not np.isfinite(axis).all():
            raise ValueError(f"edges of bins must be at least two finite numbers that ascend, got {axis!r}")
    return axes
