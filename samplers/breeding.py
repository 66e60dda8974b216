"""Numbers of the unit interval that are changed a little, or made of two others: what breeding is done by."""

from __future__ import annotations

import numpy as np

_EQUAL = 1e-14  # nearer than this, two numbers make no others


def polynomial_mutation(place: float, step: float, rng: np.random.Generator) -> float:
    """Move a number of [0, 1], mostly by little and sometimes by much, never beyond the ends.

    The polynomial mutation of K. Deb and S. Agrawal, "A niched-penalty approach for constraint handling in
    genetic algorithms" (1999), which takes the distances to both ends into account. Its exponent, of which
    the mean distance is about 1 / (exponent + 2), is chosen by that distance.

    Parameters
    ----------
    place : float
    step : float
        How far it moves on average, as a part of the interval; at most 0.5.
    rng : numpy.random.Generator
    """
    power = max(1.0 / max(step, 1e-12) - 2.0, 0.0) + 1.0
    chance = float(rng.random())
    if chance < 0.5:
        base = 2.0 * chance + (1.0 - 2.0 * chance) * (1.0 - place) ** power
        moved = place + base ** (1.0 / power) - 1.0
    else:
        base = 2.0 * (1.0 - chance) + (2.0 * chance - 1.0) * place**power
        moved = place + 1.0 - base ** (1.0 / power)
    return float(min(max(moved, 0.0), 1.0))


def binary_crossover(left: float, right: float, eta: float, rng: np.random.Generator) -> tuple[float, float]:
    """Make two numbers of [0, 1] of two others, around each of them, as far apart as these are.

    The simulated binary crossover of K. Deb and R. B. Agrawal, "Simulated binary crossover for continuous
    search space" (1995), within bounds as in the former's NSGA-II.

    Parameters
    ----------
    left, right : float
    eta : float
        The larger, the nearer to the two the results are.
    rng : numpy.random.Generator

    Returns
    -------
    tuple of float
        The first is the one around `left`.
    """
    low, high = min(left, right), max(left, right)
    if high - low < _EQUAL:
        return left, right
    chance = float(rng.random())
    middle, gap = (low + high) / 2.0, high - low
    first = middle - _spread(1.0 + 2.0 * low / gap, eta, chance) * gap / 2.0
    second = middle + _spread(1.0 + 2.0 * (1.0 - high) / gap, eta, chance) * gap / 2.0
    first, second = min(max(first, 0.0), 1.0), min(max(second, 0.0), 1.0)
    return (first, second) if left <= right else (second, first)


def _spread(room: float, eta: float, chance: float) -> float:
    """Return how far apart children are, as a ratio to their parents, where there is so much room."""
    power = eta + 1.0
    alpha = 2.0 - room**-power
    if chance <= 1.0 / alpha:
        return float((chance * alpha) ** (1.0 / power))
    return float((1.0 / (2.0 - chance * alpha)) ** (1.0 / power))
