"""The description of an experiment: instances to create, then units in order."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import ModuleType
from typing import Any, Self

from research.errors import did_you_mean
from research.experiment.expressions import NamedExpression
from research.experiment.schedule import When, parse_when
from research.experiment.units import (
    CallUnit,
    DumpUnit,
    Instance,
    Method,
    SaveUnit,
    Target,
    Unit,
    unique_names,
)

RESERVED = ("id", "iteration")  # columns of every table of results


class Builder:
    """The `add_…` methods, which return the object they are called on, so that they can be chained.

    A name that is no attribute becomes a unit that calls the function of that name: `.power(a=EC('a'),
    save_to='p')`. It is looked up in namespaces that were added, in `__main__` and in builtins.
    """

    def _description(self) -> Experiment:
        raise NotImplementedError

    def add_callable(
        self,
        name: str | Callable[..., Any],
        func: Callable[..., Any] | None = None,
        args: Any = None,
        when: Any = 1,
        save_to: Any = None,
        dump: Any = None,
        root: bool = False,
        save_output_dict: bool = False,
        **kwargs: Any,
    ) -> Self:
        """Add a function to be called at each due iteration.

        Parameters
        ----------
        name : str or callable
            Name of the unit; 'instance.method' calls a method of an instance. Or the function itself.
        func : callable, optional
        args : list or expression, optional
            Positional arguments. They and all others may hold named expressions, at any depth.
        when : int, str or list, default 1
            Iterations, see `schedule.parse_when`.
        save_to : str or list of str, optional
            Variables for the output; a list takes an output of as many items.
        dump : int, str or list, optional
            Iterations after which everything saved so far goes to the store at once.
        root : bool, default False
            Run once for all branches.
        save_output_dict : bool, default False
            Save each key of the returned dict as a variable.
        **kwargs
            Arguments of the function; `kwargs=EC()` passes a whole dict.

        Raises
        ------
        ValueError
            If `when`, `dump` or `save_to` mean nothing.
        AttributeError
            If no function is given and none is found by this name.
        """
        return self._add_call("func", name, func, when, save_to, dump, args, root, save_output_dict, kwargs)

    def add_generator(
        self,
        name: str | Callable[..., Any],
        generator: Any = None,
        args: Any = None,
        when: Any = 1,
        save_to: Any = None,
        dump: Any = None,
        root: bool = False,
        save_output_dict: bool = False,
        **kwargs: Any,
    ) -> Self:
        """Add a generator: its iterator is made at the first call, each call takes the next item.

        Parameters
        ----------
        name : str or callable
            As in `add_callable`.
        generator : callable or iterable, optional
            What returns the iterator, or something that can be iterated again and again (a list, a data
            loader).
        args, when, save_to, dump, root, save_output_dict, **kwargs
            As in `add_callable`; the arguments are read once, at the first call.
        """
        return self._add_call(
            "generator", name, generator, when, save_to, dump, args, root, save_output_dict, kwargs
        )

    def add_executable_unit(
        self,
        name: str | Callable[..., Any],
        src: Any = None,
        mode: str = "func",
        when: Any = 1,
        save_to: Any = None,
        dump: Any = None,
        args: Any = None,
        root: bool = False,
        save_output_dict: bool = False,
        **kwargs: Any,
    ) -> Self:
        """Add a function (`mode='func'`) or a generator (`mode='generator'`); see `add_callable`."""
        return self._add_call(mode, name, src, when, save_to, dump, args, root, save_output_dict, kwargs)

    def _add_call(
        self,
        mode: str,
        name: str | Callable[..., Any],
        src: Any,
        when: Any,
        save_to: Any,
        dump: Any,
        args: Any,
        root: bool,
        save_output_dict: bool,
        kwargs: dict[str, Any],
    ) -> Self:
        if mode not in ("func", "generator"):
            raise ValueError(f"`mode` must be 'func' or 'generator', got {mode!r}")
        if not isinstance(name, str):
            src, name = name, _name_of(name)
        experiment = self._description()
        function = experiment.find_function(name) if src is None else src
        if mode == "generator":
            function = _iterable_maker(name, function)
        elif not callable(function) and not isinstance(function, Method):
            raise TypeError(f"the unit {name!r} must be callable, got {type(function).__name__} {function!r}")
        experiment.add_unit(
            CallUnit(
                name,
                parse_when(when),
                root,
                _dump(dump),
                Target(function, _checked_args(name, args), kwargs),
                mode == "generator",
                _checked_save_to(save_to, save_output_dict),
                save_output_dict,
            )
        )
        return self

    def add_instance(
        self, name: str, creator: Callable[..., Any], root: bool = False, args: Any = None, **kwargs: Any
    ) -> Self:
        """Add an object that is made at the start of each experiment.

        Parameters
        ----------
        name : str
            Name for 'name.method' units and `E('name')`.
        creator : callable
            A class, or what else makes the object.
        root : bool, default False
            Make one for all branches.
        args, **kwargs
            Arguments of the creator, named expressions in them included.
        """
        if not callable(creator):
            raise TypeError(f"the creator of the instance {name!r} must be callable, got {creator!r}")
        target = Target(creator, _checked_args(name, args), kwargs)
        self._description().add_instance_spec(Instance(name, target, root))
        return self

    def save(
        self,
        src: Any,
        dst: str | list[str] | None = None,
        when: Any = 1,
        save_output_dict: bool = False,
        copy: bool = False,
    ) -> Self:
        """Save a value at each due iteration.

        Parameters
        ----------
        src : object
            A named expression, or a constant.
        dst : str or list of str
            Variables; a list takes a value of as many items.
        when : int, str or list, default 1
        save_output_dict : bool, default False
            Save each key of a dict; then there is no `dst`.
        copy : bool, default False
            Save a deep copy.
        """
        if dst is None and not save_output_dict:
            raise ValueError("`save` needs `dst`, the name of a variable, or `save_output_dict=True`")
        save_to = _checked_save_to(dst, save_output_dict)
        name = "save" if dst is None else f"save_{dst if isinstance(dst, str) else '_'.join(dst)}"
        self._description().add_unit(
            SaveUnit(name, parse_when(when), False, None, src, save_to, save_output_dict, copy)
        )
        return self

    def dump(self, variable: Any = None, when: Any = "last") -> Self:
        """Send what has been saved so far to the store at each due iteration, without waiting.

        Without it everything gets there too, half a second later at most.

        Parameters
        ----------
        variable : optional
            Kept for scripts written for batchflow; all variables are sent together.
        when : int, str or list, default 'last'
        """
        self._description().add_unit(DumpUnit("dump", parse_when(when)))
        return self

    def add_namespace(self, namespace: ModuleType | Mapping[str, Any]) -> Self:
        """Add a module or a dict in which functions are found by name."""
        if not isinstance(namespace, ModuleType | Mapping):
            raise TypeError(f"a namespace must be a module or a dict, got {type(namespace).__name__}")
        self._description().namespaces.append(namespace)
        return self

    def __getattr__(self, name: str) -> Callable[..., Self]:
        if name.startswith("_"):  # protocols such as copy and pickle ask for these
            raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")
        function = self._description().find_function(name, self)

        def add(
            *args: Any,
            when: Any = 1,
            save_to: Any = None,
            dump: Any = None,
            root: bool = False,
            save_output_dict: bool = False,
            mode: str = "func",
            **kwargs: Any,
        ) -> Self:
            return self._add_call(
                mode, name, function, when, save_to, dump, args, root, save_output_dict, kwargs
            )

        return add


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

    def add_unit(self, unit: Unit) -> None:
        """Append a unit; one of a name that is taken gets `_1`, `_2`, …."""
        taken = self.units.keys() | self.instances.keys()
        name = next(name for name in unique_names(unit.name) if name not in taken)
        self.units[name] = unit if name == unit.name else unit.renamed(name)

    def add_instance_spec(self, instance: Instance) -> None:
        """Append an instance; its name must be free."""
        if instance.name in self.instances or instance.name in self.units:
            raise ValueError(f"there is a unit or an instance named {instance.name!r} already")
        self.instances[instance.name] = instance

    @property
    def only_callables(self) -> bool:
        """Whether no unit can be exhausted, so that one iteration is the default."""
        return all(unit.is_endless for unit in self.units.values())

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

    def check(self, parameters: Iterable[str] = ()) -> None:
        """Refuse what could only fail once the experiment runs.

        Parameters
        ----------
        parameters : iterable of str
            Names of the domain's parameters.

        Raises
        ------
        ValueError
            If an expression names a unit that does not exist, or a variable is named like a parameter,
            `id` or `iteration`.
        """
        instances = list(self.instances)
        names = [*self.units, *instances]
        for instance in self.instances.values():
            instance.target.check(instance.name, names, instances)
        taken = set(parameters)
        for unit in self.units.values():
            unit.check(names, instances)
            for variable in unit.variables:
                check_variable(variable, taken)

    def __repr__(self) -> str:
        return f"Experiment(instances={list(self.instances)}, units={list(self.units)})"


def check_variable(variable: Any, parameters: Iterable[str]) -> None:
    """Refuse a name for a variable that something else has in tables of results."""
    if not isinstance(variable, str):
        raise TypeError(f"names of variables must be str, got {variable!r}")
    if variable in RESERVED or variable in parameters:
        what = "a column of every table" if variable in RESERVED else "a parameter of the domain"
        raise ValueError(f"a variable must not be named {variable!r}: that is {what}")


def _name_of(function: Any) -> str:
    while not hasattr(function, "__name__") and hasattr(function, "func"):  # functools.partial
        function = function.func
    return str(getattr(function, "__name__", type(function).__name__)).strip("<>")


def _iterable_maker(name: str, source: Any) -> Any:
    """Return what makes a fresh iterable for each experiment."""
    if isinstance(source, Method) or callable(source):
        return source
    if isinstance(source, Iterator):
        raise TypeError(
            f"the generator {name!r} was started already and could serve one experiment only: "
            "pass the function that makes it"
        )
    if isinstance(source, Iterable):
        return lambda: source
    raise TypeError(f"the generator {name!r} must be a callable or an iterable, got {source!r}")


def _checked_args(name: str, args: Any) -> Any:
    if args is None:
        return ()
    if isinstance(args, NamedExpression):
        return args
    if isinstance(args, list | tuple):
        return tuple(args)
    raise TypeError(f"`args` of {name!r} must be a list, a tuple or a named expression, got {args!r}")


def _checked_save_to(save_to: Any, save_output_dict: bool) -> str | tuple[str, ...] | None:
    if save_to is None:
        return None
    if save_output_dict:
        raise ValueError(f"`save_output_dict` takes names from the dict: `save_to={save_to!r}` has no meaning")
    if isinstance(save_to, str):
        return save_to
    if isinstance(save_to, list | tuple) and save_to and all(isinstance(name, str) for name in save_to):
        return tuple(save_to)
    raise TypeError(f"`save_to` must be a str or a list of str, got {save_to!r}")


def _dump(dump: Any) -> When | None:
    return None if dump is None else parse_when(dump, "dump")
