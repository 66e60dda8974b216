"""Named expressions: what is known only while an experiment runs, written down before.

An expression is a small tree, which `research.experiment.compiling` turns into a function.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any

_BINARY: dict[str, tuple[str, Callable[[Any, Any], Any]]] = {
    "add": ("+", operator.add),
    "sub": ("-", operator.sub),
    "mul": ("*", operator.mul),
    "truediv": ("/", operator.truediv),
    "floordiv": ("//", operator.floordiv),
    "mod": ("%", operator.mod),
    "pow": ("**", operator.pow),
    "matmul": ("@", operator.matmul),
    "and": ("&", operator.and_),
    "or": ("|", operator.or_),
    "xor": ("^", operator.xor),
    "lshift": ("<<", operator.lshift),
    "rshift": (">>", operator.rshift),
}
_COMPARISONS: dict[str, tuple[str, Callable[[Any, Any], Any]]] = {
    "eq": ("==", operator.eq),
    "ne": ("!=", operator.ne),
    "lt": ("<", operator.lt),
    "le": ("<=", operator.le),
    "gt": (">", operator.gt),
    "ge": (">=", operator.ge),
}
_UNARY: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "neg": ("-", operator.neg),
    "pos": ("+", operator.pos),
    "invert": ("~", operator.invert),
}


class NamedExpression:
    """Base of all expressions: attributes, items, calls and arithmetic of one give another."""

    __slots__ = ()
    __array_ufunc__ = None  # arrays leave arithmetic with an expression to the expression

    def __getattr__(self, name: str) -> NamedExpression:
        if name.startswith("_"):  # protocols such as copy, pickle and IPython ask for these
            raise AttributeError(f"named expressions have no attribute {name!r}")
        return Attribute(self, name)

    def __getitem__(self, key: Any) -> NamedExpression:
        return Item(self, key)

    def __call__(self, *args: Any, **kwargs: Any) -> NamedExpression:
        return Call(self, args, kwargs)

    def __iter__(self) -> Iterator[Any]:
        raise TypeError(f"{self!r} has no value before the experiment runs: it cannot be iterated here")

    def __contains__(self, item: object) -> bool:
        raise TypeError(f"{self!r} has no value before the experiment runs: `in` cannot be asked here")

    def __bool__(self) -> bool:
        raise TypeError(f"{self!r} has no value before the experiment runs: it is neither true nor false")

    __hash__ = object.__hash__


def _binary(symbol: str, function: Callable[[Any, Any], Any], reverse: bool = False) -> Any:
    def method(self: NamedExpression, other: Any) -> NamedExpression:
        left, right = (other, self) if reverse else (self, other)
        return Operation(f"({{}} {symbol} {{}})", function, (left, right))

    return method


def _unary(symbol: str, function: Callable[[Any], Any]) -> Any:
    return lambda self: Operation(f"({symbol}{{}})", function, (self,))


for _name, (_symbol, _function) in _BINARY.items():
    setattr(NamedExpression, f"__{_name}__", _binary(_symbol, _function))
    setattr(NamedExpression, f"__r{_name}__", _binary(_symbol, _function, reverse=True))
for _name, (_symbol, _function) in _COMPARISONS.items():
    setattr(NamedExpression, f"__{_name}__", _binary(_symbol, _function))
for _name, (_symbol, _unary_function) in _UNARY.items():
    setattr(NamedExpression, f"__{_name}__", _unary(_symbol, _unary_function))
NamedExpression.__abs__ = lambda self: Operation("abs({})", abs, (self,))  # type: ignore[attr-defined]


class Attribute(NamedExpression):
    """An attribute of what another expression gives."""

    __slots__ = ("_base", "_name")

    def __init__(self, base: NamedExpression, name: str) -> None:
        self._base, self._name = base, name

    def __repr__(self) -> str:
        return f"{self._base!r}.{self._name}"


class Item(NamedExpression):
    """An item of what another expression gives."""

    __slots__ = ("_base", "_key")

    def __init__(self, base: NamedExpression, key: Any) -> None:
        self._base, self._key = base, key

    def __repr__(self) -> str:
        return f"{self._base!r}[{self._key!r}]"


class Call(NamedExpression):
    """A call of what another expression gives."""

    __slots__ = ("_args", "_base", "_kwargs")

    def __init__(self, base: NamedExpression, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._base, self._args, self._kwargs = base, args, kwargs

    def __repr__(self) -> str:
        arguments = [*map(repr, self._args), *(f"{key}={value!r}" for key, value in self._kwargs.items())]
        return f"{self._base!r}({', '.join(arguments)})"


class Operation(NamedExpression):
    """Arithmetic or a comparison."""

    __slots__ = ("_function", "_operands", "_pattern")

    def __init__(self, pattern: str, function: Callable[..., Any], operands: tuple[Any, ...]) -> None:
        self._pattern, self._function, self._operands = pattern, function, operands

    def __repr__(self) -> str:
        return self._pattern.format(*map(repr, self._operands))


class E(NamedExpression):
    """The running experiment, or one of its units or instances.

    Parameters
    ----------
    unit : str, optional
        Name of an instance, a pipeline or another unit. Without it: the experiment itself, with `config`,
        `outputs`, `random`, `id`, `iteration`.
    all : bool, default False
        Take a list of the same from every branch.
    """

    __slots__ = ("_all", "_unit")

    def __init__(self, unit: str | None = None, *, all: bool = False) -> None:  # noqa: A002
        self._unit, self._all = _checked_name("E", unit, "a unit or an instance"), bool(all)

    def __repr__(self) -> str:
        arguments = [repr(self._unit)] if self._unit is not None else []
        return f"E({', '.join(arguments + ['all=True'] * self._all)})"


class EC(NamedExpression):
    """The config of the experiment as a fresh plain dict, or one of its parameters.

    Objects among the values are the experiment's own copies.

    Parameters
    ----------
    name : str, optional
        A parameter.
    full : bool, default False
        Keep `repetition`, `updates` and `device` in the dict.
    """

    __slots__ = ("_full", "_parameter")

    def __init__(self, name: str | None = None, *, full: bool = False) -> None:
        self._parameter, self._full = _checked_name("EC", name, "a parameter"), bool(full)

    def __repr__(self) -> str:
        arguments = [repr(self._parameter)] if self._parameter is not None else []
        return f"EC({', '.join(arguments + ['full=True'] * self._full)})"


class O(NamedExpression):  # noqa: E742
    """The last output of a unit; None as long as it has not run.

    Parameters
    ----------
    name : str
    """

    __slots__ = ("_unit",)

    def __init__(self, name: str) -> None:
        if name is None:
            raise TypeError("O() takes the name of a unit; the experiment itself is E()")
        self._unit = _checked_name("O", name, "a unit")

    def __repr__(self) -> str:
        return f"O({self._unit!r})"


class EP(NamedExpression):
    """The experiment's own folder, a `pathlib.Path`, made when it is first asked for.

    Parameters
    ----------
    parent : bool, default False
        That of the experiment which this one was bred from, the first if there are several, and so what it
        has left there: `Halving` goes on from checkpoints. None of an experiment that has no parent. Nothing
        is made: the folder is not there if that experiment has not asked for it.
    """

    __slots__ = ("_parent",)

    def __init__(self, *, parent: bool = False) -> None:
        self._parent = bool(parent)

    def __repr__(self) -> str:
        return "EP(parent=True)" if self._parent else "EP()"


class S(NamedExpression):
    """The experiment's storage: `S().update_variable(name, value)` saves a value at this iteration."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "S()"


class R(NamedExpression):
    """The results of the study so far, in functions that update its domain."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "R()"


def _checked_name(kind: str, name: Any, what: str) -> Any:
    if isinstance(name, str | None):
        return name
    raise TypeError(f"{kind}() takes the name of {what}, got {type(name).__name__} {name!r}")
