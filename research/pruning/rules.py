"""When an experiment is hopeless. Scores are such that less is better, whatever the user's mode is."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable


class Progress(NamedTuple):
    """What an experiment has reported of the objective so far."""

    best: float
    mean: float
    since_best: int  # reports that were no better than the best before them

    @classmethod
    def begin(cls) -> Progress:
        """Return what there is before the first report."""
        return cls(math.inf, 0.0, -1)


class Others:
    """What has been reported at one rung.

    Parameters
    ----------
    progress : iterable of Progress, optional

    Attributes
    ----------
    bests, means : list of float
        Sorted.
    """

    __slots__ = ("bests", "means")

    def __init__(self, progress: Iterable[Progress] = ()) -> None:
        there = list(progress)
        self.bests = sorted(one.best for one in there)
        self.means = sorted(one.mean for one in there)

    def add(self, progress: Progress) -> None:
        """Take in one more."""
        insort(self.bests, progress.best)
        insort(self.means, progress.mean)

    def __len__(self) -> int:
        return len(self.bests)


@runtime_checkable
class Rule(Protocol):
    """Decides about an experiment at rungs: numbers of iterations that are the same for all.

    Attributes
    ----------
    min_delta : float
        By how much a report has to be better to count as one.
    is_alone : bool
        Whether it asks for nothing but the experiment's own progress.
    """

    @property
    def min_delta(self) -> float: ...

    @property
    def is_alone(self) -> bool: ...

    def rung(self, iterations: int) -> int:
        """Return the last rung that is reached after so many iterations, 0 if none is."""

    def verdict(self, own: Progress, others: Others) -> str | None:
        """Say why an experiment is to end, None if it is to go on.

        Parameters
        ----------
        own : Progress
            Of the experiment, at a rung.
        others : Others
            At the same rung.
        """


@dataclass(frozen=True)
class Patience:
    """End an experiment that has not become better for a while.

    It compares an experiment with nothing but itself.

    Parameters
    ----------
    n : int
        Reports of the objective in a row that may be no better than the best before them.
    min_delta : float, default 0.0
        By how much a report has to be better to count as such.
    min_iters : int, default 1
        Iterations that each experiment has in any case.

    Raises
    ------
    ValueError
        If a number makes no sense.

    Examples
    --------
    >>> Patience(3)
    Patience(n=3, min_delta=0.0, min_iters=1)
    """

    n: int
    min_delta: float = 0.0
    min_iters: int = 1
    is_alone = True

    def __post_init__(self) -> None:
        _check_int("n", self.n, 1)
        _check_int("min_iters", self.min_iters, 1)
        if not (_is_number(self.min_delta) and self.min_delta >= 0):
            raise ValueError(f"`min_delta` must be a number from 0, got {self.min_delta!r}")

    def rung(self, iterations: int) -> int:
        return iterations if iterations >= self.min_iters else 0

    def verdict(self, own: Progress, others: Others) -> str | None:
        if own.since_best < self.n:
            return None
        return f"no better for {own.since_best} reports"


@dataclass(frozen=True)
class Median:
    """End an experiment whose best value is worse than the median of others at the same iteration.

    The others count with the mean of what they had reported until then.

    Parameters
    ----------
    min_iters : int, default 1
        Iterations that each experiment has in any case: the first rung.
    every : int, default 1
        Iterations from one rung to the next.
    min_experiments : int, default 5
        Others that have to be known at a rung before anything ends there.

    Raises
    ------
    ValueError
        If a number makes no sense.

    Notes
    -----
    The median stopping rule of Golovin et al., "Google Vizier: A Service for Black-Box Optimization",
    KDD 2017, section 3.2.1; but others need not be complete, only as far.

    Examples
    --------
    >>> Median(min_iters=10, every=5)
    Median(min_iters=10, every=5, min_experiments=5)
    """

    min_iters: int = 1
    every: int = 1
    min_experiments: int = 5
    min_delta = 0.0
    is_alone = False

    def __post_init__(self) -> None:
        for name in ("min_iters", "every", "min_experiments"):
            _check_int(name, getattr(self, name), 1)

    def rung(self, iterations: int) -> int:
        over = iterations - self.min_iters
        return 0 if over < 0 else iterations - over % self.every

    def verdict(self, own: Progress, others: Others) -> str | None:
        if len(others) < self.min_experiments:
            return None
        middle = (others.means[(len(others) - 1) // 2] + others.means[len(others) // 2]) / 2
        return f"worse than the median of {len(others)} others" if own.best > middle else None


@dataclass(frozen=True)
class SuccessiveHalving:
    """At each rung, let the best go on, and end the others.

    An experiment goes on if it is among the best of those that have come to the rung so far, itself
    included. Rungs are at `min_iters`, `min_iters * eta`, `min_iters * eta ** 2`, … iterations.

    Parameters
    ----------
    min_iters : int, default 1
        Iterations that each experiment has in any case: the first rung.
    eta : int, default 3
        One of so many goes on from each rung. The first `eta - 1` that come to a rung pass it.

    Raises
    ------
    ValueError
        If a number makes no sense.

    Notes
    -----
    Li et al., "A System for Massively Parallel Hyperparameter Tuning" (ASHA), MLSys 2020; the variant that
    ends experiments in place of pausing them.

    Examples
    --------
    >>> rule = SuccessiveHalving(min_iters=2, eta=3)
    >>> [rule.rung(iterations) for iterations in (1, 2, 5, 6, 20)]
    [0, 2, 2, 6, 18]
    """

    min_iters: int = 1
    eta: int = 3
    min_delta = 0.0
    is_alone = False

    def __post_init__(self) -> None:
        _check_int("min_iters", self.min_iters, 1)
        _check_int("eta", self.eta, 2)

    def rung(self, iterations: int) -> int:
        if iterations < self.min_iters:
            return 0
        rung = self.min_iters
        while rung * self.eta <= iterations:
            rung *= self.eta
        return rung

    def verdict(self, own: Progress, others: Others) -> str | None:
        n_there = len(others) + 1
        if n_there < self.eta:
            return None
        n_better = bisect_left(others.bests, own.best)
        n_kept = -(-n_there // self.eta)
        return None if n_better < n_kept else f"{n_better} of {len(others)} others are better"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _check_int(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"`{name}` must be an int from {least}, got {value!r}")
