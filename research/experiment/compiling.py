"""From named expressions to functions of the running experiment.

`compile_value` takes an expression, or any nest of lists, tuples and dicts that holds one; the loop over
iterations calls nothing but what it returns.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, NamedTuple

from research.errors import ExpressionError, did_you_mean
from research.experiment.expressions import (
    EC,
    EP,
    Attribute,
    Call,
    E,
    Item,
    NamedExpression,
    O,
    Operation,
    R,
    S,
)

Evaluator = Callable[[Any], Any]  # of a running experiment, see running.RunningExperiment


class MissingOutput(Exception):
    """The unit whose output was asked for failed, or was skipped, in this iteration: there is none."""


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
    elif type(value) is slice:
        yield from walk_expressions((value.start, value.stop, value.step))


def _parts(expression: NamedExpression) -> tuple[Any, ...]:
    if isinstance(expression, Attribute):
        return (expression._base,)
    if isinstance(expression, Item):
        return (expression._base, expression._key)
    if isinstance(expression, Call):
        return (expression._base, expression._args, expression._kwargs)
    if isinstance(expression, Operation):
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
        An expression, or a nest of lists, tuples, dicts and slices with expressions in it.
    unit : str
        Name of the unit that asks, for the text of errors.

    Returns
    -------
    callable or None
        None if there is no expression in the value: it is a constant.
    """
    if isinstance(value, NamedExpression):
        read = _guarded(value, _compile(value, unit), unit)
        name = parameter_of(value)
        return read if name is None else _at_hand(name, read)
    if not contains_expression(value):
        return None
    if isinstance(value, dict):
        pairs = [(key, compile_value(item, unit), item) for key, item in value.items()]
        return lambda run: {key: item if read is None else read(run) for key, read, item in pairs}
    if isinstance(value, slice):
        ends = _inner((value.start, value.stop, value.step), unit)
        return lambda run: slice(*ends(run))
    items = [(compile_value(item, unit), item) for item in value]
    make = type(value)
    return lambda run: make(item if read is None else read(run) for read, item in items)


def parameter_of(value: Any) -> str | None:
    """Return the name of the parameter that a value stands for, None if it is anything else."""
    return value._parameter if type(value) is EC else None


def _at_hand(name: str, read: Evaluator) -> Evaluator:
    """Take a parameter from where the experiment has its scalars, else as it is read otherwise."""

    def read_scalar(run: Any) -> Any:
        value = run.scalars.get(name, run)
        return read(run) if value is run else value

    return read_scalar


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


def _compile_attribute(expression: Attribute, unit: str) -> Evaluator:
    base, name = _inner(expression._base, unit), expression._name
    if name == "pipeline" and isinstance(expression._base, E) and expression._base._unit is not None:
        return _pipeline_reader(base, expression._base._unit)
    return lambda run: getattr(base(run), name)


def _pipeline_reader(base: Evaluator, name: str) -> Evaluator:
    """Compile `E(name).pipeline`, which in batchflow is what `E(name)` is here, where it names a pipeline."""

    def read(run: Any) -> Any:
        found = base(run)
        unit = run.units.get(name)
        return found if unit is not None and unit.is_pipeline else found.pipeline

    return read


def _compile_item(expression: Item, unit: str) -> Evaluator:
    base, key = _inner(expression._base, unit), _inner(expression._key, unit)
    return lambda run: base(run)[key(run)]


def _compile_call(expression: Call, unit: str) -> Evaluator:
    base = _inner(expression._base, unit)
    args, kwargs = _inner(expression._args, unit), _inner(expression._kwargs, unit)
    return lambda run: base(run)(*args(run), **kwargs(run))


def _compile_operation(expression: Operation, unit: str) -> Evaluator:
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


def _compile_folder(expression: EP, unit: str) -> Evaluator:
    if getattr(expression, "_parent", False):  # which what was pickled by earlier versions has not
        return lambda run: run.parent_folder
    return lambda run: run.folder


def _results(run: Any) -> Any:
    try:
        return run.study_results
    except AttributeError:
        raise ValueError("R() is known only to functions that update the domain") from None


_COMPILERS: tuple[tuple[type[NamedExpression], Callable[[Any, str], Evaluator]], ...] = (
    (Attribute, _compile_attribute),
    (Item, _compile_item),
    (Call, _compile_call),
    (Operation, _compile_operation),
    (E, _compile_experiment),
    (EC, _compile_config),
    (O, _compile_output),
    (EP, _compile_folder),
    (S, lambda expression, unit: lambda run: run.storage),
    (R, lambda expression, unit: _results),
)


class Known(NamedTuple):
    """What named expressions of an experiment may name."""

    units: Sequence[str]  # and instances
    instances: Sequence[str]
    parameters: Collection[str] | None  # None: nobody knows them yet


def check_names(value: Any, unit: str, known: Known) -> None:
    """Refuse an expression that names a unit, an instance or a parameter that does not exist.

    Raises
    ------
    ValueError
        Names the expression and the unit that uses it.
    """
    for expression, name in named_units(value):
        if name not in known.units:
            raise ValueError(
                f"{expression!r} of the unit {unit!r}: there is no unit or instance {name!r}"
                f"{did_you_mean(name, known.units)}"
            )
    if known.parameters is not None:
        for expression in walk_expressions(value):
            if isinstance(expression, EC) and expression._parameter is not None:
                _check_parameter(expression, expression._parameter, unit, known.parameters)


def _check_parameter(expression: EC, name: str, unit: str, known: Collection[str]) -> None:
    """Refuse a parameter that no config has; it may be a group of some, or lie inside of a value."""
    if name in known or any(other.startswith(f"{name}/") or name.startswith(f"{other}/") for other in known):
        return
    raise ValueError(
        f"{expression!r} of the unit {unit!r}: no config has a parameter {name!r}{did_you_mean(name, known)}"
    )
