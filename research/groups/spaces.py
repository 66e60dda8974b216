"""From what parameters may be to the domain in which they are bred."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from operator import add
from typing import Any

from research.domain import Config, Domain
from research.domain.config import flatten
from research.errors import ParametersError
from research.groups.names import TAKEN
from research.groups.schema import Kind, Schema
from samplers import Bool, Choice, Float, Int, Ordinal


def parameter(kind: Kind) -> Any:
    """Return what a domain takes as the values of a parameter."""
    if kind.type == "float":
        return Float(kind.low, kind.high, log=kind.log)
    if kind.type == "int":
        return Int(kind.low, kind.high, log=kind.log, step=kind.step)
    if kind.type == "bool":
        return Bool()
    if kind.type == "choice":
        return Choice(kind.options)
    return Ordinal(kind.options) if kind.type == "ordinal" else list(kind.options)


def space_of(schemas: Sequence[Schema]) -> Domain:
    """Return all groups that there may be; those of each schema are a species."""
    domains = [Domain({path: parameter(kind) for path, kind in one.kinds.items()}) for one in schemas]
    return reduce(add, domains)


def constraint_of(schema: Schema) -> Callable[[Config], bool]:
    """Return a test of configs: whether the constraints of a schema hold, if a config is of it."""

    def holds(config: Config) -> bool:
        values = values_of(config)
        if values.keys() != schema.kinds.keys():
            return True
        try:
            return all(constraint.holds(values) for constraint in schema.constraints)
        except ParametersError:  # as by a division by zero: such a child is none
            return False

    return holds


def values_of(config: Config) -> dict[str, Any]:
    """Return the parameters of a group of the config of a run."""
    return {path: value for path, value in flatten(config.raw_items()) if path not in TAKEN}
