"""Named expressions: what is known only while an experiment runs, written down before.

An expression is a small tree. `compile_value` turns it, or any nest of lists, tuples and dicts that holds
one, into a function of the running experiment; the loop over iterations calls nothing but such functions.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from research.errors import ExpressionError, did_you_mean

Evaluator = Callable[[Any], Any]  # of a running experiment, see executor.RunningExperiment

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
        return _Attribute(self, name)

    def __getitem__(self, key: Any) -> NamedExpression:
        return _Item(self, key)

    def __call__(self, *args: Any, **kwargs: Any) -> NamedExpression:
        return _Call(self, args, kwargs)

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
        return _Operation(f"({{}} {symbol} {{}})", function, (left, right))

    return method


def _unary(symbol: str, function: Callable[[Any], Any]) -> Any:
    return lambda self: _Operation(f"{symbol}{{}}", function, (self,))


for _name, (_symbol, _function) in _BINARY.items():
    setattr(NamedExpression, f"__{_name}__", _binary(_symbol, _function))
    setattr(NamedExpression, f"__r{_name}__", _binary(_symbol, _function, reverse=True))
for _name, (_symbol, _function) in _COMPARISONS.items():
    setattr(NamedExpression, f"__{_name}__", _binary(_symbol, _function))
for _name, (_symbol, _unary_function) in _UNARY.items():
    setattr(NamedExpression, f"__{_name}__", _unary(_symbol, _unary_function))
NamedExpression.__abs__ = _unary("abs", abs)  # type: ignore[attr-defined]


class _Attribute(NamedExpression):
    __slots__ = ("_base", "_name")

    def __init__(self, base: NamedExpression, name: str) -> None:
        self._base, self._name = base, name

    def __repr__(self) -> str:
        return f"{self._base!r}.{self._name}"


class _Item(NamedExpression):
    __slots__ = ("_base", "_key")

    def __init__(self, base: NamedExpression, key: Any) -> None:
        self._base, self._key = base, key

    def __repr__(self) -> str:
        return f"{self._base!r}[{self._key!r}]"


class _Call(NamedExpression):
    __slots__ = ("_args", "_base", "_kwargs")

    def __init__(self, base: NamedExpression, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._base, self._args, self._kwargs = base, args, kwargs

    def __repr__(self) -> str:
        arguments = [*map(repr, self._args), *(f"{key}={value!r}" for key, value in self._kwargs.items())]
        return f"{self._base!r}({', '.join(arguments)})"


class _Operation(NamedExpression):
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
        Name of a unit or an instance. Without it: the experiment itself, with `config`, `outputs`,
        `random`, `id`, `iteration`.
    all : bool, default False
        Take a list of the same from every branch.
    """

    __slots__ = ("_all", "_unit")

    def __init__(self, unit: str | None = None, all: bool = False) -> None:  # noqa: A002
        self._unit, self._all = unit, all

    def __repr__(self) -> str:
        arguments = [repr(self._unit)] if self._unit is not None else []
        return f"E({', '.join(arguments + ['all=True'] * self._all)})"


class EC(NamedExpression):
    """The config of the experiment as a fresh plain dict, or one of its parameters.

    Parameters
    ----------
    name : str, optional
        A parameter.
    full : bool, default False
        Keep `repetition`, `updates` and `device` in the dict.
    """

    __slots__ = ("_full", "_parameter")

    def __init__(self, name: str | None = None, full: bool = False) -> None:
        self._parameter, self._full = name, full

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
        self._unit = name

    def __repr__(self) -> str:
        return f"O({self._unit!r})"


class EP(NamedExpression):
    """The experiment's own folder, a `pathlib.Path`, made when it is first asked for."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "EP()"


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


class MissingOutput(Exception):
    """The unit whose output was asked for failed in this iteration, so there is none."""


def contains_expression(value: Any) -> bool:
    """Whether a value is an expression, or a list, tuple or dict that holds one at any depth."""
    return any(True for _ in walk_expressions(value))


def walk_expressions(value: Any) -> Iterator[NamedExpression]:
    """Walk all expressions in a value, those inside of expressions included."""
    if isinstance(value, NamedExpression):
        yield value
        for part in _parts(value):
            yield from walk_expressions(part)
    elif type(value) in (list, tuple):
        for item in value:
            yield from walk_expressions(item)
    elif type(value) is dict:
        for item in value.values():
            yield from walk_expressions(item)


def _parts(expression: NamedExpression) -> tuple[Any, ...]:
    if isinstance(expression, _Attribute):
        return (expression._base,)
    if isinstance(expression, _Item):
        return (expression._base, expression._key)
    if isinstance(expression, _Call):
        return (expression._base, expression._args, expression._kwargs)
    if isinstance(expression, _Operation):
        return expression._operands
    return ()


def named_units(value: Any) -> Iterator[tuple[NamedExpression, str]]:
    """Walk pairs of an expression in `value` and the unit or instance that it names."""
    for expression in walk_expressions(value):
        if isinstance(expression, E | O) and expression._unit is not None:
            yield expression, expression._unit


def compile_value(value: Any, unit: str) -> Evaluator | None:
    """Turn a value into a function of the running experiment.

    Parameters
    ----------
    value : object
        An expression, or a nest of lists, tuples and dicts with expressions in it.
    unit : str
        Name of the unit that asks, for the text of errors.

    Returns
    -------
    callable or None
        None if there is no expression in the value: it is a constant.
    """
    if isinstance(value, NamedExpression):
        return _guarded(value, _compile(value, unit), unit)
    if not contains_expression(value):
        return None
    if isinstance(value, dict):
        pairs = [(key, compile_value(item, unit), item) for key, item in value.items()]
        return lambda run: {key: item if read is None else read(run) for key, read, item in pairs}
    items = [(compile_value(item, unit), item) for item in value]
    make = type(value)
    return lambda run: make(item if read is None else read(run) for read, item in items)


def _guarded(expression: NamedExpression, read: Evaluator, unit: str) -> Evaluator:
    """Let errors of an expression carry its text and the unit's name."""

    def guarded(run: Any) -> Any:
        try:
            return read(run)
        except (StopIteration, MissingOutput, ExpressionError):
            raise
        except Exception as error:
            text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
            raise ExpressionError(
                f"{expression!r} of the unit {unit!r} cannot be evaluated: {type(error).__name__}: {text}"
            ) from error

    return guarded


def _compile(expression: NamedExpression, unit: str) -> Evaluator:
    for kind, compiler in _COMPILERS:
        if isinstance(expression, kind):
            return compiler(expression, unit)
    raise TypeError(f"{expression!r} is not a named expression that can be compiled")


def _inner(value: Any, unit: str) -> Evaluator:
    """Compile a part of an expression; the whole reports its errors."""
    if isinstance(value, NamedExpression):
        return _compile(value, unit)
    read = compile_value(value, unit)
    return (lambda run: value) if read is None else read


def _compile_attribute(expression: _Attribute, unit: str) -> Evaluator:
    base, name = _inner(expression._base, unit), expression._name
    return lambda run: getattr(base(run), name)


def _compile_item(expression: _Item, unit: str) -> Evaluator:
    base, key = _inner(expression._base, unit), _inner(expression._key, unit)
    return lambda run: base(run)[key(run)]


def _compile_call(expression: _Call, unit: str) -> Evaluator:
    base = _inner(expression._base, unit)
    args, kwargs = _inner(expression._args, unit), _inner(expression._kwargs, unit)
    return lambda run: base(run)(*args(run), **kwargs(run))


def _compile_operation(expression: _Operation, unit: str) -> Evaluator:
    function = expression._function
    operands = [_inner(operand, unit) for operand in expression._operands]
    if len(operands) == 1:
        (only,) = operands
        return lambda run: function(only(run))
    left, right = operands
    return lambda run: function(left(run), right(run))


def _compile_experiment(expression: E, unit: str) -> Evaluator:
    name = expression._unit
    if expression._all:
        if name is None:
            return lambda run: list(run.branches)
        return lambda run: [branch.find(name) for branch in run.branches]
    if name is None:
        return lambda run: run
    return lambda run: run.find(name)


def _compile_config(expression: EC, unit: str) -> Evaluator:
    name = expression._parameter
    if name is not None:
        return lambda run: run.parameter(name)
    if expression._full:
        return lambda run: run.full_config.to_dict()
    return lambda run: run.config.to_dict()


def _compile_output(expression: O, unit: str) -> Evaluator:
    name = expression._unit
    return lambda run: run.output_of(name)


def _no_results(run: Any) -> NoReturn:
    raise ValueError("R() is known only to functions that update the domain")


_COMPILERS: tuple[tuple[type[NamedExpression], Callable[[Any, str], Evaluator]], ...] = (
    (_Attribute, _compile_attribute),
    (_Item, _compile_item),
    (_Call, _compile_call),
    (_Operation, _compile_operation),
    (E, _compile_experiment),
    (EC, _compile_config),
    (O, _compile_output),
    (EP, lambda expression, unit: lambda run: run.folder),
    (S, lambda expression, unit: lambda run: run.storage),
    (R, lambda expression, unit: _no_results),
)


def check_names(value: Any, unit: str, known: list[str]) -> None:
    """Refuse an expression that names a unit or an instance that does not exist.

    Raises
    ------
    ValueError
        Names the expression and the unit that uses it.
    """
    for expression, name in named_units(value):
        if name not in known:
            raise ValueError(
                f"{expression!r} of the unit {unit!r}: there is no unit or instance {name!r}"
                f"{did_you_mean(name, known)}"
            )
