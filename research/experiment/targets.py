"""What a unit calls, and with what: described, and bound to an experiment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from research.errors import did_you_mean
from research.experiment.calling import check_call
from research.experiment.compiling import Known, check_names, compile_value, parameter_of

Bound = Callable[[], Any]  # what remains to be called when it is known for which experiment
Binder = Callable[[Any], Bound]  # of a running experiment
Invoke = Callable[
    [Any, Any, Sequence[Any], Mapping[str, Any]], Any
]  # (running experiment, function, args, kwargs)


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

    def compile(self, unit: str, invoke: Invoke | None = None) -> Binder:
        """Return what makes the call, by `invoke` if it is given, once it is told for which experiment."""
        kwargs = dict(self.kwargs or {})
        more = kwargs.pop("kwargs", None)
        read_args = compile_value(self.args, unit) or (lambda run: self.args)
        keywords = compile_value(kwargs, unit) or (lambda run: kwargs)
        if more is not None:
            first, rest = keywords, compile_value(more, unit) or (lambda run: more)
            keywords = lambda run: {**first(run), **rest(run)}  # noqa: E731
        find = self._find()
        if invoke is not None:
            return lambda run: lambda: invoke(run, find(run), read_args(run), keywords(run))
        if isinstance(self.function, Method):
            return lambda run: lambda: find(run)(*read_args(run), **keywords(run))
        function = self.function
        anew: Binder = lambda run: lambda: function(*read_args(run), **keywords(run))  # noqa: E731
        if more is not None or not isinstance(self.args, list | tuple):
            return anew
        given = [_Given(None, value, unit) for value in self.args]
        given += [_Given(key, value, unit) for key, value in kwargs.items()]
        return anew if any(one.changes for one in given) else _bind_given(function, given, anew)

    def _find(self) -> Callable[[Any], Any]:
        function = self.function
        if isinstance(function, Method):
            instance, attribute = function.instance, function.attribute
            return lambda run: getattr(run.find(instance), attribute)
        return lambda run: function

    def check(self, unit: str, known: Known) -> None:
        """Refuse names of units, instances and parameters that do not exist."""
        check_names([self.args, self.kwargs], unit, known)
        if isinstance(self.function, Method):
            self.function.check(unit, known)
        elif isinstance(self.args, list | tuple) and "kwargs" not in (self.kwargs or {}):
            check_call(self.function, self.args, self.kwargs or {}, f"the unit {unit!r}")


class _Given:
    """An argument: a constant, a parameter, or what changes while an experiment runs."""

    __slots__ = ("changes", "key", "parameter", "value")

    def __init__(self, key: str | None, value: Any, unit: str) -> None:
        self.key = key  # None: by its place
        self.value = value
        self.parameter = parameter_of(value)
        self.changes = self.parameter is None and compile_value(value, unit) is not None


def _bind_given(function: Any, given: Sequence[_Given], anew: Binder) -> Binder:
    """Put arguments together once for all calls of an experiment, where nobody can change them.

    Parameters
    ----------
    function : callable
    given : sequence of _Given
        Constants and parameters.
    anew : callable
        Puts them together for each call, as lists and the like have to be copied.
    """
    if not given:
        return lambda run: function
    places = [(one.parameter, one.value) for one in given if one.key is None]
    keys = [(one.key, one.parameter, one.value) for one in given if one.key is not None]

    def bind(run: Any) -> Bound:
        scalars = run.scalars
        try:
            args = [value if name is None else scalars[name] for name, value in places]
            kwargs = {key: value if name is None else scalars[name] for key, name, value in keys}
        except KeyError:
            return anew(run)
        return partial(function, *args, **kwargs)

    return bind


@dataclass(frozen=True, slots=True)
class Instance:
    """An object made at the start of each experiment, or once for all branches."""

    name: str
    target: Target
    root: bool = False
