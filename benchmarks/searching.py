"""Searching: the best value that is found in so many evaluations, the median of ten seeds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from benchmarks.question import Case, Contender, check, main

SEEDS = 10
N_FIRST = 32  # evaluations before anything is bred
N_CHILDREN = 32

Function = Callable[[Mapping[str, Any]], float]
Space = dict[str, tuple[Any, ...]]  # parameter -> ('float', low, high), ('log', …), ('int', …), ('choice', …)


def numbers(n: int, low: float, high: float) -> Space:
    return {f"x{place}": ("float", low, high) for place in range(n)}


def sphere(config: Mapping[str, Any]) -> float:
    """Its optimum, 0, is at 0.7 for each coordinate, which is no place that a grid or a middle is at."""
    return sum((value - 0.7) ** 2 for value in config.values())


def rastrigin(config: Mapping[str, Any]) -> float:
    """Its optimum, 0, is at 0.7, too, among local ones at a distance of 1."""
    shifted = [value - 0.7 for value in config.values()]
    return sum(value**2 - 10 * math.cos(2 * math.pi * value) + 10 for value in shifted)


def rosenbrock(config: Mapping[str, Any]) -> float:
    """Its optimum, 0, is at 1, at the end of a bent valley."""
    values = list(config.values())
    return sum(100 * (b - a**2) ** 2 + (1 - a) ** 2 for a, b in pairwise(values))


def mixed(config: Mapping[str, Any]) -> float:
    """Floats, one of them by its logarithm, ints, a switch, a choice on which the best of others depends."""
    best = {"a": -3.0, "b": 2.5, "c": 0.7, "d": 4.0}[config["kind"]]
    cost = {"a": 2.0, "b": 0.5, "c": 0.0, "d": 1.0}[config["kind"]] + (0.0 if config["flag"] else 1.0)
    cost += sum((config[name] - best) ** 2 for name in ("x", "y", "z"))
    cost += sum((config[name] - round(best) - shift) ** 2 / 4 for name, shift in (("n", 3), ("m", -4)))
    return cost + (math.log10(config["rate"]) + 3) ** 2 + abs(config["depth"] - 6) / 4


MIXED: Space = {
    **dict.fromkeys(("x", "y", "z"), ("float", -5.0, 5.0)),
    "rate": ("log", 1e-6, 1.0),
    "n": ("int", -20, 20),
    "m": ("int", -20, 20),
    "depth": ("int", 1, 12),
    "kind": ("choice", "a", "b", "c", "d"),
    "flag": ("choice", False, True),
}
PROBLEMS: dict[str, tuple[Function, Space]] = {
    "sphere_5": (sphere, numbers(5, -5.12, 5.12)),
    "sphere_10": (sphere, numbers(10, -5.12, 5.12)),
    "rosenbrock_5": (rosenbrock, numbers(5, -5.0, 10.0)),
    "rosenbrock_10": (rosenbrock, numbers(10, -5.0, 10.0)),
    "rastrigin_5": (rastrigin, numbers(5, -5.12, 5.12)),
    "rastrigin_10": (rastrigin, numbers(10, -5.12, 5.12)),
    "mixed": (mixed, MIXED),
}


def typed(space: Space) -> dict[str, Any]:
    """Return a space as parameters of this library."""
    from research import Choice, Float, Int

    kinds: dict[str, Callable[..., Any]] = {
        "float": Float,
        "log": lambda low, high: Float(low, high, log=True),
        "int": Int,
        "choice": lambda *options: Choice(options),
    }
    return {name: kinds[kind](*rest) for name, (kind, *rest) in space.items()}


def study(function: Function, domain: Any, seed: int, count: int, refiner: Any = None) -> float:
    """Run a study of this library in memory; return the least value."""
    from research import EC, Research

    described = Research("search", domain, n_configs=N_FIRST if refiner is not None else count)
    described.add_callable(function, args=[EC()], save_to="cost")
    if refiner is not None:
        described.update_domain(refiner)
    values = described.run(dump_results=False, parallel=False, bar=False, seed=seed).results.df["cost"]
    check(len(values) >= 0.9 * count, f"{len(values)} evaluations of {count}")
    return float(values[:count].min())


def by_random(function: Function, space: Space, seed: int, count: int) -> float:
    from research import Domain

    return study(function, Domain(typed(space)), seed, count)


def by_sobol(function: Function, space: Space, seed: int, count: int) -> float:
    from research import Domain

    return study(function, Domain.quasi(count, "sobol", seed, typed(space)), seed, count)


def by_genetic(function: Function, space: Space, seed: int, count: int) -> float:
    from research import Domain, Genetic

    generations = max(1, -(-(count - N_FIRST) // N_CHILDREN))
    refiner = Genetic("cost", mode="min", children=N_CHILDREN, generations=generations)
    return study(function, Domain(typed(space)), seed, count, refiner)


def _optuna(make: Callable[[Any, int], Any]) -> Callable[[Function, Space, int, int], float]:
    def search(function: Function, space: Space, seed: int, count: int) -> float:
        import warnings

        import optuna

        warnings.simplefilter("ignore")
        optuna.logging.set_verbosity(optuna.logging.ERROR)

        def ask(trial: Any) -> float:
            kinds: dict[str, Callable[..., Any]] = {
                "float": trial.suggest_float,
                "log": lambda name, low, high: trial.suggest_float(name, low, high, log=True),
                "int": trial.suggest_int,
                "choice": lambda name, *options: trial.suggest_categorical(name, options),
            }
            return function({name: kinds[kind](name, *rest) for name, (kind, *rest) in space.items()})

        asked = optuna.create_study(sampler=make(optuna.samplers, seed))
        asked.optimize(ask, n_trials=count)
        return float(asked.best_value)

    return search


Searcher = Callable[[Function, Space, int, int], float]
SEARCHERS: dict[str, tuple[Searcher, str | None]] = {  # with what each needs
    "Genetic": (by_genetic, None),
    "random search": (by_random, None),
    "Sobol": (by_sobol, None),
    "Optuna NSGA-II": (_optuna(lambda samplers, seed: samplers.NSGAIISampler(seed=seed)), "optuna"),
    "Optuna NSGA-II, 10 at a time": (
        _optuna(lambda samplers, seed: samplers.NSGAIISampler(seed=seed, population_size=10)),
        "optuna",
    ),
    "Optuna TPE": (_optuna(lambda samplers, seed: samplers.TPESampler(seed=seed)), "optuna"),
    "Optuna CMA-ES": (_optuna(lambda samplers, seed: samplers.CmaEsSampler(seed=seed)), "cmaes"),
}


def _contender(title: str, problem: str) -> Contender:
    searcher, needs = SEARCHERS[title]
    function, space = PROBLEMS[problem]

    def run(count: int) -> float:
        seeds = SEEDS if count >= 100 else 2
        return statistics.median(searcher(function, space, seed, count) for seed in range(seeds))

    run.__name__ = f"{problem}_by_{title}"
    return Contender(title, run, needs=needs, most_rounds=1)


CASES = tuple(
    Case(
        problem.replace("_", ", ") + (" parameters" if "_" in problem else ""),
        "evaluation",
        (500, 100, 40),
        tuple(_contender(title, problem) for title in SEARCHERS),
        measure="least value",
    )
    for problem in PROBLEMS
)

if __name__ == "__main__":
    main(CASES)
