"""Ways to run a small study in this process and to look at its results."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from research import Experiment, Research, ResearchResults


def run(experiment: Experiment, domain: Any = None, **options: Any) -> ResearchResults:
    """Run a study in memory, unless `dump_results=True`, and return its results."""
    options = {"dump_results": False, "parallel": False, "bar": False, **options}
    names = ("n_reps", "n_configs")
    numbers = {name: options.pop(name) for name in names if name in options}
    return Research("study", domain, experiment, **numbers).run(**options).results


def saved(values: Iterable[Any], dump: Any = None, **options: Any) -> ResearchResults:
    """Return results in which variable `x` took these values, one after another."""
    values = list(values)
    experiment = Experiment().add_generator("values", lambda: iter(values), save_to="x", dump=dump)
    return run(experiment, **options)


def read_back(values: Iterable[Any], **options: Any) -> list[Any]:
    """Return what is read of the values of one variable."""
    (variables,) = saved(values, **options).results.values()
    assert list(variables["x"]) == list(range(len(variables["x"])))
    return list(variables["x"].values())


def same(left: Any, right: Any) -> bool:
    """Whether two values are of one type and equal to the last bit; nan is nan."""
    if type(left) is not type(right):
        return False
    if isinstance(left, np.ndarray | np.generic):
        if (left.dtype, left.shape) != (right.dtype, right.shape):
            return False
        if left.dtype.names or left.dtype.hasobject:  # bytes may hold addresses, or what lies between fields
            return same(left.tolist(), right.tolist())
        return left.tobytes() == right.tobytes()
    if isinstance(left, float):
        return (math.isnan(left) and math.isnan(right)) or left.hex() == right.hex()
    if isinstance(left, complex):
        return same([left.real, left.imag], [right.real, right.imag])
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return same([*left.items()], [*right.items()])
    return bool(left == right)
