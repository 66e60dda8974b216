"""Units: what an experiment does at an iteration, described and compiled."""

from __future__ import annotations

import copy as copying
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from research.errors import did_you_mean
from research.experiment.calling import check_call
from research.experiment.compiling import Evaluator, Known, check_names, compile_value
from research.experiment.schedule import When

Save = Callable[[Any, Any], None]  # (running experiment, output)
Invoke = Callable[
    [Any, Any, Sequence[Any], Mapping[str, Any]], Any
]  # (running experiment, function, args, kwargs)


class Step(NamedTuple):
    """A compiled unit: what the loop over iterations calls."""

    name: str
    call: Evaluator
    when: When
    always: bool
    dump: When | None
    root: bool
    is_pipeline: bool = False


@dataclass(frozen=True, slots=True)
class Method:
    """An attribute of an instance that exists only while an experiment runs."""

    instance: str
    attribute: str

    def check(self, unit: str, known: Known) -> None:
        """Refuse an instance that does not exist."""
        if self.instance not in known.instances:
            raise ValueError(
                f"the unit {unit!r} calls {self.attribute!r} of an instance that was not added: "
                f"{self.instance!r}{did_you_mean(self.instance, known.instances)}"
            )


@dataclass(frozen=True, slots=True)
class Target:
    """Something to call, and with what.

    Parameters
    ----------
    function : callable or Method
    args : list, tuple or expression
    kwargs : dict
        The key `kwargs` may hold an expression for a whole dict of further arguments.
    """

    function: Any
    args: Any = ()
    kwargs: Any = None

    def compile(self, unit: str, invoke: Invoke | None = None) -> Evaluator:
        """Return a function of the running experiment that makes the call, by `invoke` if it is given."""
        kwargs = dict(self.kwargs or {})
        more = kwargs.pop("kwargs", None)
        read_args = compile_value(self.args, unit)
        read_kwargs = compile_value(kwargs, unit)
        read_more = compile_value(more, unit)
        if invoke is None and read_args is None and read_kwargs is None and read_more is None:
            return self._constant_call(tuple(self.args), {**kwargs, **(more or {})})
        args = read_args or (lambda run: self.args)
        keywords = read_kwargs or (lambda run: kwargs)
        if more is not None:
            first, rest = keywords, read_more or (lambda run: more)
            keywords = lambda run: {**first(run), **rest(run)}  # noqa: E731
        if invoke is not None:
            find = self._find()
            return lambda run: invoke(run, find(run), args(run), keywords(run))
        if isinstance(self.function, Method):
            instance, attribute = self.function.instance, self.function.attribute
            return lambda run: getattr(run.find(instance), attribute)(*args(run), **keywords(run))
        function = self.function
        if read_args is None and not self.args:
            return lambda run: function(**keywords(run))
        return lambda run: function(*args(run), **keywords(run))

    def _find(self) -> Evaluator:
        function = self.function
        if isinstance(function, Method):
            instance, attribute = function.instance, function.attribute
            return lambda run: getattr(run.find(instance), attribute)
        return lambda run: function

    def _constant_call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Evaluator:
        if isinstance(self.function, Method):
            instance, attribute = self.function.instance, self.function.attribute
            return lambda run: getattr(run.find(instance), attribute)(*args, **kwargs)
        function = self.function
        if not args and not kwargs:
            return lambda run: function()
        return lambda run: function(*args, **kwargs)

    def check(self, unit: str, known: Known) -> None:
        """Refuse names of units, instances and parameters that do not exist."""
        check_names([self.args, self.kwargs], unit, known)
        if isinstance(self.function, Method):
            self.function.check(unit, known)
        elif isinstance(self.args, list | tuple) and "kwargs" not in (self.kwargs or {}):
            check_call(self.function, self.args, self.kwargs or {}, f"the unit {unit!r}")


@dataclass(frozen=True, slots=True)
class Instance:
    """An object made at the start of each experiment, or once for all branches."""

    name: str
    target: Target
    root: bool = False


@dataclass(frozen=True, slots=True)
class Unit:
    """Base of units.

    Parameters
    ----------
    name : str
    when : When
        Iterations at which it runs.
    root : bool
        Run once for all branches.
    dump : When or None
        Iterations after which everything saved so far is sent to the store at once.
    """

    name: str
    when: When
    root: bool = False
    dump: When | None = None

    def renamed(self, name: str) -> Unit:
        """Return the same unit under another name."""
        return replace(self, name=name)

    def compile(self, invoke: Invoke | None = None) -> Step:
        """Return the unit as the loop over iterations calls it."""
        return Step(self.name, self.call(invoke), self.when, self.when.always, self.dump, self.root)

    def call(self, invoke: Invoke | None = None) -> Evaluator:
        """Return the unit's work as a function of the running experiment.

        Parameters
        ----------
        invoke : callable, optional
            Calls the function of the user in which the unit's work is done, if there is any.
        """
        raise NotImplementedError

    @property
    def variables(self) -> tuple[str, ...]:
        """Names under which the unit is known to save values."""
        return ()

    @property
    def is_endless(self) -> bool:
        """Whether the unit can be called again and again: then one iteration is enough by default."""
        return True

    def check(self, known: Known) -> None:
        """Refuse names of units, instances and parameters that do not exist."""


@dataclass(frozen=True, slots=True)
class CallUnit(Unit):
    """A function called, or a generator advanced, at each due iteration.

    Parameters
    ----------
    target : Target
    generator : bool
        The target makes an iterable, once per experiment; each call takes its next item.
    save_to : str, tuple of str or None
        Variables for the output; several take an output of as many items.
    save_output_dict : bool
        Save each key of a returned dict.
    """

    target: Target = Target(None)
    generator: bool = False
    save_to: str | tuple[str, ...] | None = None
    save_output_dict: bool = False

    def call(self, invoke: Invoke | None = None) -> Evaluator:
        name = self.name
        work = self.target.compile(name, invoke)
        if self.generator:
            work = _advance(name, work, invoke)
        save = make_save(name, self.save_to, self.save_output_dict)

        def call(run: Any) -> None:
            output = run.units[name].output = work(run)
            if save is not None:
                save(run, output)

        return call

    @property
    def variables(self) -> tuple[str, ...]:
        return (self.save_to,) if isinstance(self.save_to, str) else self.save_to or ()

    @property
    def is_endless(self) -> bool:
        return not self.generator

    def check(self, known: Known) -> None:
        self.target.check(self.name, known)


@dataclass(frozen=True, slots=True)
class SaveUnit(Unit):
    """A value saved at each due iteration.

    Parameters
    ----------
    source : object
        An expression, or a constant.
    save_to : str, tuple of str or None
    save_output_dict : bool
    copy : bool
        Save a deep copy.
    """

    source: Any = None
    save_to: str | tuple[str, ...] | None = None
    save_output_dict: bool = False
    copy: bool = False

    def call(self, invoke: Invoke | None = None) -> Evaluator:
        source = self.source
        read = compile_value(source, self.name) or (lambda run: source)
        save = make_save(self.name, self.save_to, self.save_output_dict)
        copy = self.copy

        def call(run: Any) -> None:
            value = read(run)
            if copy:
                value = copying.deepcopy(value)
            if save is not None:
                save(run, value)

        return call

    @property
    def variables(self) -> tuple[str, ...]:
        return (self.save_to,) if isinstance(self.save_to, str) else self.save_to or ()

    def check(self, known: Known) -> None:
        check_names(self.source, self.name, known)


@dataclass(frozen=True, slots=True)
class DumpUnit(Unit):
    """Everything saved so far goes to the store at each due iteration."""

    def call(self, invoke: Invoke | None = None) -> Evaluator:
        return lambda run: run.dump()


def _advance(name: str, make: Evaluator, invoke: Invoke | None) -> Evaluator:
    def advance(run: Any) -> Any:
        unit = run.units[name]
        if unit.iterator is None:
            unit.iterator = iter(make(run))
        return next(unit.iterator) if invoke is None else invoke(run, next, (unit.iterator,), {})

    return advance


def make_save(unit: str, save_to: str | tuple[str, ...] | None, save_output_dict: bool) -> Save | None:
    """Return what stores a unit's output in the experiment's variables, or None."""
    if save_output_dict:

        def save_dict(run: Any, output: Any) -> None:
            if not isinstance(output, dict):
                raise TypeError(
                    f"`save_output_dict` of the unit {unit!r} needs a dict, got {type(output).__name__}"
                )
            for variable, value in output.items():
                run.save(variable, value)

        return save_dict
    if save_to is None:
        return None
    if isinstance(save_to, str):
        variable = save_to
        return lambda run, output: run.save(variable, output)

    def save_many(run: Any, output: Any) -> None:
        values = output
        if type(output) is not tuple:  # as nearly always
            try:
                values = list(output)
            except TypeError:
                raise TypeError(
                    f"`save_to` of the unit {unit!r} names {len(save_to)} variables, but its output is "
                    f"a single {type(output).__name__}"
                ) from None
        if len(values) != len(save_to):
            raise ValueError(
                f"`save_to` of the unit {unit!r} names {len(save_to)} variables {list(save_to)}, "
                f"but its output has {len(values)} items"
            )
        for variable, value in zip(save_to, values, strict=True):
            run.save(variable, value)

    return save_many


def checked_save_to(save_to: Any, save_output_dict: bool) -> str | tuple[str, ...] | None:
    """Return `save_to` as it is kept; refuse what means nothing."""
    if save_to is None:
        return None
    if save_output_dict:
        raise ValueError(
            f"`save_output_dict` takes names from the dict: `save_to={save_to!r}` has no meaning"
        )
    if isinstance(save_to, str):
        return save_to
    if isinstance(save_to, list | tuple) and save_to and all(isinstance(name, str) for name in save_to):
        return tuple(save_to)
    raise TypeError(f"`save_to` must be a str or a list of str, got {save_to!r}")


def unique_names(name: str) -> Iterator[str]:
    """Walk `name`, `name_1`, `name_2`, …."""
    yield name
    number = 1
    while True:
        yield f"{name}_{number}"
        number += 1
