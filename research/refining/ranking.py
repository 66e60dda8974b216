"""Who is better than whom, by one objective or by several."""

from __future__ import annotations

import numpy as np

Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def best_first(costs: Array, n: int | None = None) -> list[int]:
    """Return the places of rows from the best to the worst.

    By one objective: the least cost first. By several: the front that nobody dominates, then the one
    that only these dominate, and so on; inside a front, who has more room around it first. That is the order
    of NSGA-II (K. Deb, A. Pratap, S. Agarwal and T. Meyarivan, "A fast and elitist multiobjective genetic
    algorithm: NSGA-II", 2002). What is equal stays in its order.

    Parameters
    ----------
    costs : numpy.ndarray
        Shape (rows, objectives). A row with nan in it comes after all without.
    n : int, optional
        How many are wanted. Default: all.

    Returns
    -------
    list of int
    """
    is_known = ~np.isnan(costs).any(axis=1)
    known, missing = np.flatnonzero(is_known), np.flatnonzero(~is_known)
    n = len(costs) if n is None else n
    if costs.shape[1] == 1:
        ordered = known[np.argsort(costs[known, 0], kind="stable")].tolist()
    else:
        ordered = []
        while len(known) and len(ordered) < n:
            is_first = undominated(costs[known])
            front = known[is_first]
            room = crowding(costs[front])
            ordered.extend(front[np.argsort(-room, kind="stable")].tolist())
            known = known[~is_first]
    return [*ordered, *missing.tolist()][:n]


def undominated(costs: Array) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return of each row whether no other is at least as good in all objectives, and better in one."""
    is_first = np.zeros(len(costs), dtype=bool)
    kept = np.empty_like(costs)
    n_kept = 0
    for place in np.lexsort(costs.T[::-1]):  # whoever dominates a row comes before it
        row, others = costs[place], kept[:n_kept]
        if not bool(((others <= row).all(axis=1) & (others < row).any(axis=1)).any()):
            is_first[place] = True
            kept[n_kept] = row
            n_kept += 1
    return is_first


def crowding(costs: Array) -> Array:
    """Return how much room each row of one front has around it; those at the ends have it all.

    The crowding distance of NSGA-II: the sum over objectives of how far apart both neighbours are, as a part
    of the whole range.
    """
    room = np.zeros(len(costs))
    for column in costs.T:
        order = np.argsort(column, kind="stable")
        values = np.clip(column[order], -1e300, 1e300)  # infinite ones have a distance, too
        extent = values[-1] - values[0]
        room[order[[0, -1]]] = np.inf
        if extent > 0:
            room[order[1:-1]] += values[2:] / extent - values[:-2] / extent
    return room
