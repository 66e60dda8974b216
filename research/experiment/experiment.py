"""The description of an experiment: instances to create, then units in order."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Iterable, Iterator, Mapping
from types import ModuleType
from typing import Any

from research.domain.config import AUXILIARY
from research.errors import did_you_mean
from research.experiment.builder import Builder
from research.experiment.compiling import Known
from research.experiment.targets import Instance, Method
from research.experiment.units import Unit, unique_names

RESERVED = ("id", "iteration")  # columns of every table of results
_OF_TABLES = (*RESERVED, *AUXILIARY, "config")  # the last one with `concat_config=True`


class Experiment(Builder):
    """What an experiment is made of. It holds no state of a run.

    Parameters
    ----------
    instance_creators : list of Instance, optional
    actions : list of Unit, optional
    namespaces : list of modules and dicts, optional
        Where functions are looked up by name, before `__main__` and builtins.

    Examples
    --------
    >>> from research import EC, Executor, O
    >>> experiment = Experiment().add_callable('square', lambda x: x ** 2, x=EC('x')).save(O('square'), 'y')
    >>> executor = Executor(experiment, configs=[{'x': 3}]).run()
    >>> executor.experiments[0].results['y']
    {0: 9}
    """

    def __init__(
        self,
        instance_creators: Iterable[Instance] | None = None,
        actions: Iterable[Unit] | None = None,
        namespaces: Iterable[ModuleType | Mapping[str, Any]] | None = None,
    ) -> None:
        self.instances: dict[str, Instance] = {}
        self.units: dict[str, Unit] = {}
        self.namespaces = list(namespaces or ())
        for instance in instance_creators or ():
            self.add_instance_spec(instance)
        for unit in actions or ():
            self.add_unit(unit)

    def _description(self) -> Experiment:
        return self

    def add_unit(self, unit: Unit) -> str:
        """Append a unit and return its name; one of a name that is taken gets `_1`, `_2`, …."""
        taken = self.units.keys() | self.instances.keys()
        name = next(name for name in unique_names(unit.name) if name not in taken)
        self.units[name] = unit if name == unit.name else unit.renamed(name)
        return name

    def add_instance_spec(self, instance: Instance) -> None:
        """Append an instance; its name must be free."""
        if instance.name in self.instances or instance.name in self.units:
            raise ValueError(f"there is a unit or an instance named {instance.name!r} already")
        self.instances[instance.name] = instance

    @property
    def only_callables(self) -> bool:
        """Whether no unit can be exhausted, so that one iteration is the default."""
        return all(unit.is_endless for unit in self.units.values())

    @property
    def variables(self) -> list[str]:
        """Names under which units are known to save values, in order."""
        return list(dict.fromkeys(name for unit in self.units.values() for name in unit.variables))

    def find_function(self, name: str, owner: object = None) -> Any:
        """Return the function of this name, or the Method that 'instance.method' means.

        Raises
        ------
        AttributeError
            If it is found nowhere; lists near matches.
        """
        first, *rest = name.split(".")
        if rest and first in self.instances:
            return Method(first, ".".join(rest))
        for namespace in self._all_namespaces():
            if first in namespace:
                found = namespace[first]
                try:
                    for part in rest:
                        found = getattr(found, part)
                except AttributeError:
                    break
                if callable(found):
                    return found
        if rest:
            return Method(first, ".".join(rest))  # an instance that may be added later
        known = [key for namespace in self._all_namespaces() for key in namespace]
        known += [key for key in dir(type(owner or self)) if not key.startswith("_")]
        raise AttributeError(
            f"{type(owner or self).__name__} has no method {name!r}, and no function of that name is in "
            f"`__main__`, builtins or an added namespace{did_you_mean(name, known)}"
        )

    def _all_namespaces(self) -> Iterator[Mapping[str, Any]]:
        main = sys.modules.get("__main__")
        for namespace in [*self.namespaces, main, builtins]:
            if namespace is not None:
                yield namespace if isinstance(namespace, Mapping) else vars(namespace)

    def check(self, parameters: Iterable[str] | None = None) -> None:
        """Refuse what could only fail once the experiment runs.

        Parameters
        ----------
        parameters : iterable of str, optional
            Names of all parameters that configs may have, where they are known.

        Raises
        ------
        ValueError
            If an expression names a unit or a parameter that does not exist, or a variable is named like a
            parameter or a column of tables.
        """
        taken = None if parameters is None else dict.fromkeys(parameters)
        known = Known([*self.units, *self.instances], list(self.instances), taken)
        for instance in self.instances.values():
            instance.target.check(instance.name, known)
        for unit in self.units.values():
            unit.check(known)
            for variable in unit.variables:
                check_variable(variable, taken or ())

    def __getstate__(self) -> dict[str, Any]:
        # functions were looked up when they were added: workers need no namespace, which may hold anything
        return {**self.__dict__, "namespaces": []}

    def __repr__(self) -> str:
        return f"Experiment(instances={list(self.instances)}, units={list(self.units)})"


def check_variable(variable: Any, parameters: Iterable[str]) -> None:
    """Refuse a name for a variable that something else has in tables of results."""
    if not isinstance(variable, str):
        raise TypeError(f"names of variables must be str, got {variable!r}")
    is_column = variable in _OF_TABLES
    if is_column or variable in parameters:
        what = "a column of tables" if is_column else "a parameter"
        raise ValueError(f"a variable must not be named {variable!r}: that is {what}")


def checked_experiment(experiment: Any) -> Experiment:
    """Refuse what is no experiment."""
    if isinstance(experiment, Experiment):
        return experiment
    if isinstance(experiment, Builder):
        hint = "of a study it is `study.experiment`"
    elif callable(experiment):
        hint = "a function becomes one by Experiment().add_callable(function, …)"
    else:
        hint = "it is made by Experiment().add_callable(…)"
    raise TypeError(f"an Executor runs an Experiment, got {type(experiment).__name__} {experiment!r}: {hint}")
