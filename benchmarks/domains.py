"""Domains: walking a grid and reading every value, configs by their numbers, sums, draws, random order."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from benchmarks.question import Case, Contender, check, main

NAMES = "abcd"


def _side(count: int) -> int:
    """Return how many values each of four parameters has."""
    side = round(count**0.25)
    check(side**4 == count, f"{count} is no fourth power")
    return side


def _walk(configs: Iterable[Mapping[str, Any]]) -> float:
    """Read every value."""
    total = 0
    for config in configs:
        for value in config.values():
            total += value
    return total


def _timed_walk(configs: Iterable[Mapping[str, Any]], count: int, begun: float) -> float:
    total = _walk(configs)
    took = time.perf_counter() - begun
    side = _side(count)
    check(total == 4 * side**3 * sum(range(side)), "not all configs")
    return took


def walked(count: int) -> float:
    from research import Domain

    values = list(range(_side(count)))
    begun = time.perf_counter()
    return _timed_walk(Domain(a=values, b=values, c=values, d=values), count, begun)


def walked_in_random_order(count: int) -> float:
    from research import Domain

    values = list(range(_side(count)))
    begun = time.perf_counter()
    return _timed_walk(Domain(a=values, b=values, c=values, d=values).shuffle(seed=1), count, begun)


def by_itertools(count: int) -> float:
    import itertools

    values = list(range(_side(count)))
    begun = time.perf_counter()
    points = itertools.product(values, values, values, values)
    return _timed_walk((dict(zip(NAMES, point)) for point in points), count, begun)  # noqa: B905  (as people write it)


def by_scikit_learn(count: int) -> float:
    from sklearn.model_selection import ParameterGrid

    values = list(range(_side(count)))
    begun = time.perf_counter()
    return _timed_walk(ParameterGrid(dict.fromkeys(NAMES, values)), count, begun)


def by_batchflow(count: int) -> float:
    from batchflow.research import Domain

    values = list(range(_side(count)))
    begun = time.perf_counter()
    domain = Domain(a=values, b=values, c=values, d=values)
    configs = (
        {name: config[name] for name in NAMES} for config in (item.config() for item in domain.iterator)
    )
    return _timed_walk(configs, count, begun)


def _places(count: int, size: int) -> list[int]:
    """Return numbers of configs, anywhere among so many."""
    import random

    rng = random.Random(1)
    return [rng.randrange(size) for _ in range(count)]


def _indexed(grid: Any, places: list[int], side: int, last: str = "d") -> float:
    begun = time.perf_counter()
    total = 0
    for place in places:
        total += grid[place][last]
    took = time.perf_counter() - begun
    check(total == sum(place % side for place in places), "other configs")
    return took


def indexed_small(count: int) -> float:
    from research import Domain

    return _indexed(Domain(**{name: range(10) for name in NAMES}), _places(count, 10**4), 10)


def indexed(count: int) -> float:
    from research import Domain

    return _indexed(Domain(**{name: range(1000) for name in NAMES}), _places(count, 1000**4), 1000)


def indexed_huge(count: int) -> float:
    from research import Domain

    side = 10**9
    return _indexed(Domain(**{name: range(side) for name in NAMES}), _places(count, side**4), side)


def indexed_by_scikit_learn(count: int) -> float:
    from sklearn.model_selection import ParameterGrid

    grid = ParameterGrid({name: list(range(1000)) for name in NAMES})
    return _indexed(grid, _places(count, 1000**4), 1000)


def _shuffled(count: int, side: int) -> float:
    from research import Domain

    grid = Domain(**{name: range(side) for name in NAMES}).shuffle(seed=1)
    places = _places(count, side**4)
    begun = time.perf_counter()
    total = 0
    for place in places:
        total += grid[place]["d"]
    took = time.perf_counter() - begun
    check(0 < total < side * count, "no configs")
    return took


def shuffled(count: int) -> float:
    return _shuffled(count, 1000)


def sum_of_many(count: int) -> float:
    from research import Domain

    n_products = min(1000, count // 10)
    begun = time.perf_counter()
    domain = sum((Domain(a=[a], b=range(count // n_products)) for a in range(n_products)), Domain())
    total = _walk(domain)
    took = time.perf_counter() - begun
    check(total == _sum(n_products, count // n_products), "not all configs")
    return took


def sum_of_one(count: int) -> float:
    from research import Domain

    n_values = min(1000, count // 10)
    begun = time.perf_counter()
    total = _walk(Domain(a=range(n_values), b=range(count // n_values)))
    took = time.perf_counter() - begun
    check(total == _sum(n_values, count // n_values), "not all configs")
    return took


def sum_by_itertools(count: int) -> float:
    import itertools

    n_products = min(1000, count // 10)
    begun = time.perf_counter()
    grids = [itertools.product([a], range(count // n_products)) for a in range(n_products)]
    total = _walk(dict(zip("ab", point)) for grid in grids for point in grid)  # noqa: B905
    took = time.perf_counter() - begun
    check(total == _sum(n_products, count // n_products), "not all configs")
    return took


def sum_by_scikit_learn(count: int) -> float:
    from sklearn.model_selection import ParameterGrid

    n_products = min(1000, count // 10)
    values = range(count // n_products)
    begun = time.perf_counter()
    total = _walk(ParameterGrid([{"a": [a], "b": values} for a in range(n_products)]))
    took = time.perf_counter() - begun
    check(total == _sum(n_products, count // n_products), "not all configs")
    return took


def _sum(n_first: int, n_second: int) -> int:
    return sum(range(n_first)) * n_second + sum(range(n_second)) * n_first


def drawn(count: int) -> float:
    from research import Domain
    from samplers import NumpySampler

    begun = time.perf_counter()
    draws = Domain(x=NumpySampler("normal"), y=NumpySampler("uniform"), z=NumpySampler("lognormal"))
    total = _walk(Domain(a=range(count // 10), b=range(10)) * draws)
    took = time.perf_counter() - begun
    check(total > 0, "nothing drawn")
    return took


def drawn_by_hand(count: int) -> float:
    import itertools

    import numpy as np

    begun = time.perf_counter()
    rng = np.random.default_rng(0)
    total = _walk(
        {"a": a, "b": b, "x": rng.normal(), "y": rng.uniform(), "z": rng.lognormal()}
        for a, b in itertools.product(range(count // 10), range(10))
    )
    took = time.perf_counter() - begun
    check(total > 0, "nothing drawn")
    return took


def drawn_by_scikit_learn(count: int) -> float:
    from scipy import stats
    from sklearn.model_selection import ParameterSampler

    begun = time.perf_counter()
    draws = {"x": stats.norm(), "y": stats.uniform(), "z": stats.lognorm(1)}
    total = _walk(ParameterSampler({"a": range(count // 10), "b": range(10), **draws}, count, random_state=0))
    took = time.perf_counter() - begun
    check(total > 0, "nothing drawn")
    return took


def sampled(count: int) -> float:
    from samplers import NumpySampler

    sampler = 0.3 & NumpySampler("normal", seed=1) | 0.7 & NumpySampler("normal", loc=10, seed=2)
    begun = time.perf_counter()
    points = sampler.sample(count)
    took = time.perf_counter() - begun
    check(points.shape == (count, 1), str(points.shape))
    return took


def sampled_by_numpy(count: int) -> float:
    import numpy as np

    rng = np.random.default_rng(1)
    begun = time.perf_counter()
    which = rng.random(count) < 0.3
    points = np.where(which, rng.normal(size=count), rng.normal(10, size=count))[:, None]
    took = time.perf_counter() - begun
    check(points.shape == (count, 1), str(points.shape))
    return took


SKLEARN, BATCHFLOW = "scikit-learn", "batchflow"
CASES = (
    Case(
        "a grid of 4 parameters, walked and read",
        "config",
        (32**4, 10**4, 2**4),
        (
            Contender("research", walked),
            Contender("itertools.product, dicts", by_itertools, at_least=0.5),
            Contender("sklearn ParameterGrid", by_scikit_learn, needs=SKLEARN),
            Contender("batchflow Domain", by_batchflow, needs=BATCHFLOW, counts=(10**4, 6**4, 2**4)),
            Contender("research, shuffled", walked_in_random_order),
        ),
    ),
    Case(
        "domain[i] at random",
        "config",
        (100_000, 20_000, 20),
        (
            Contender("research, of 10^12", indexed, at_most=10),
            Contender("research, of 10^4", indexed_small, at_most=10),
            Contender("research, of 10^36", indexed_huge, at_most=10),
            Contender("research, of 10^12, shuffled", shuffled),
            Contender("sklearn ParameterGrid, of 10^12", indexed_by_scikit_learn, needs=SKLEARN),
        ),
    ),
    Case(
        "a sum of 1,000 products, walked and read",
        "config",
        (1_000_000, 100_000, 20),
        (
            Contender("research", sum_of_many),
            Contender("research, one product", sum_of_one),
            Contender("itertools.product, dicts", sum_by_itertools),
            Contender("sklearn ParameterGrid", sum_by_scikit_learn, needs=SKLEARN),
        ),
    ),
    Case(
        "two listed and three drawn parameters",
        "config",
        (200_000, 20_000, 20),
        (
            Contender("research, draws kept by config", drawn),
            Contender("itertools and one generator", drawn_by_hand),
            Contender(
                "sklearn ParameterSampler", drawn_by_scikit_learn, needs=SKLEARN, counts=(10_000, 2_000, 20)
            ),
        ),
    ),
    Case(
        "a mixture of two normals, sampled",
        "point",
        (1_000_000, 100_000, 20),
        (
            Contender("samplers", sampled),
            Contender("numpy by hand", sampled_by_numpy),
        ),
    ),
)

if __name__ == "__main__":
    main(CASES)
