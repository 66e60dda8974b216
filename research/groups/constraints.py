"""What must hold between parameters, written as in Python: `high > low`."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from research.errors import ParametersError, did_you_mean
from research.groups.names import dotted, path_of

_BINARY: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_COMPARISONS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}
_UNARY: dict[type, Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {"abs": abs, "min": min, "max": max}
_WHAT = "numbers, texts, names of parameters, + - * / // %, comparisons, and, or, not, abs, min, max"


class Constraint:
    """A condition on parameters; nothing else can be called or read by it.

    Parameters
    ----------
    text : str

    Raises
    ------
    ParametersError
        If it is none.

    Examples
    --------
    >>> Constraint('stop.high > 2 * stop.low').holds({'stop/high': 3, 'stop/low': 1})
    True
    """

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            self._tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
            raise ParametersError(f"the constraint {text!r} cannot be read: {error}") from None
        self._names: list[str] = []
        self._check(self._tree)

    def paths(self, known: Mapping[str, Any]) -> list[str]:
        """Return the parameters of which it speaks.

        Raises
        ------
        ParametersError
            If there is none of a name.
        """
        for name in self._names:
            if name not in known:
                near = did_you_mean(dotted(name), [dotted(path) for path in known])
                raise ParametersError(f"the constraint {self.text!r}: there is no {dotted(name)!r}{near}")
        return list(dict.fromkeys(self._names))

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether it holds for parameters, by their paths.

        Raises
        ------
        ParametersError
            If it cannot be asked.
        """
        self.paths(values)
        try:
            return bool(self._value(self._tree, values))
        except (TypeError, ValueError, ArithmeticError) as error:
            raise ParametersError(f"the constraint {self.text!r} cannot be asked: {error}") from None

    def _check(self, node: ast.expr) -> None:
        if isinstance(node, ast.Name | ast.Attribute):
            try:
                self._names.append(path_of(ast.unparse(node)))
            except ValueError:
                raise self._refused(node) from None
            return
        parts: list[ast.expr]
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float | str | None):
            parts = []
        elif isinstance(node, ast.List | ast.Tuple):
            parts = node.elts
        elif isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
            parts = [node.left, node.right]
        elif isinstance(node, ast.UnaryOp) and type(node.op) in _UNARY:
            parts = [node.operand]
        elif isinstance(node, ast.BoolOp):
            parts = node.values
        elif isinstance(node, ast.Compare) and all(type(op) in _COMPARISONS for op in node.ops):
            parts = [node.left, *node.comparators]
        elif (
            isinstance(node, ast.Call) and getattr(node.func, "id", None) in _FUNCTIONS and not node.keywords
        ):
            parts = node.args
        else:
            raise self._refused(node)
        for part in parts:
            self._check(part)

    def _refused(self, node: ast.expr) -> ParametersError:
        return ParametersError(
            f"the constraint {self.text!r} has {ast.unparse(node)!r}, which means nothing here; "
            f"there are {_WHAT}"
        )

    def _value(self, node: Any, values: Mapping[str, Any]) -> Any:
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name | ast.Attribute):
            return values[path_of(ast.unparse(node))]
        if isinstance(node, ast.List | ast.Tuple):
            return [self._value(item, values) for item in node.elts]
        if isinstance(node, ast.BinOp):
            return _BINARY[type(node.op)](self._value(node.left, values), self._value(node.right, values))
        if isinstance(node, ast.UnaryOp):
            return _UNARY[type(node.op)](self._value(node.operand, values))
        if isinstance(node, ast.BoolOp):
            join = all if isinstance(node.op, ast.And) else any
            return join(self._value(item, values) for item in node.values)
        if isinstance(node, ast.Compare):
            sides = [self._value(item, values) for item in (node.left, *node.comparators)]
            return all(
                _COMPARISONS[type(op)](*pair) for op, pair in zip(node.ops, pairwise(sides), strict=True)
            )
        return _FUNCTIONS[node.func.id](*(self._value(item, values) for item in node.args))
