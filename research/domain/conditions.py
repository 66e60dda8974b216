"""What `where` asks of configs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from research.domain.config import Config
from research.domain.factors import plain
from research.domain.hashing import canonical_text
from research.errors import UnstableValueError, did_you_mean

_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class Condition:
    """A predicate on configs, and which parameters it reads.

    Parameters
    ----------
    predicate : callable
        Its arguments are parameters; or its only one is the config.
    scope : sequence of str
        Parameters of the configs that it is asked about.

    Attributes
    ----------
    arguments : tuple of str or None
        Names of parameters, or groups of them, that it takes; None if it takes the whole config.
    reads : frozenset of str
        Parameters that it depends on.

    Raises
    ------
    TypeError
        If it is not callable.
    ValueError
        If it asks for a parameter that there is not.
    """

    __slots__ = ("arguments", "predicate", "reads", "scope")

    def __init__(self, predicate: Callable[..., Any], scope: Sequence[str]) -> None:
        if not callable(predicate):
            raise TypeError(f"`predicate` must be callable, got {predicate!r}")
        self.predicate = predicate
        self.scope = tuple(scope)
        self.arguments = _arguments(predicate, self.scope)
        if self.arguments is None:
            self.reads = frozenset(self.scope)
        else:
            self.reads = frozenset(
                name for name in self.scope for wanted in self.arguments if _is_in_group(name, wanted)
            )

    def holds(self, items: Mapping[str, Any]) -> bool:
        """Ask about a config, or about as much of it as the predicate reads.

        Raises
        ------
        ValueError
            If a parameter is missing, in this config of several kinds.
        """
        if self.arguments is None:
            known = Config.of_items({name: items[name] for name in self.scope if name in items})
            return self._ask((known,), {}, items)
        return self._ask((), {name: self._value(name, items) for name in self.arguments}, items)

    def _value(self, name: str, items: Mapping[str, Any]) -> Any:
        if name in items:
            return plain(items[name])
        group = {path: value for path, value in items.items() if path.startswith(f"{name}/")}
        if not group:
            raise ValueError(
                f"the predicate {self} needs the parameter {name!r}, which {Config.of_items(dict(items))} "
                "lacks: give the argument a default, or filter before you add these configs"
            )
        return Config.of_items(group)[name]

    def _ask(self, positional: tuple[Any, ...], named: dict[str, Any], items: Mapping[str, Any]) -> bool:
        try:
            return bool(self.predicate(*positional, **named))
        except Exception as error:
            error.add_note(f"in the predicate {self}, asked about {Config.of_items(dict(items))}")
            raise

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Condition):
            return NotImplemented
        if self.scope != other.scope:
            return False
        if self.predicate is other.predicate:
            return True
        try:
            return canonical_text(self.predicate) == canonical_text(other.predicate)
        except UnstableValueError:
            return False

    def __hash__(self) -> int:
        return hash((self.scope, self.arguments))

    def __str__(self) -> str:
        """Write the predicate, as code where it has a name."""
        name = getattr(self.predicate, "__qualname__", None)
        if name is None:
            return repr(self.predicate)
        module = getattr(self.predicate, "__module__", None)
        code = getattr(self.predicate, "__code__", None)
        if "<" in name and code is not None:
            return f"<{name.rpartition('.')[2].strip('<>')} of line {code.co_firstlineno}>"
        return name if module in (None, "builtins", "__main__") else f"{module}.{name}"


def _is_in_group(name: str, group: str) -> bool:
    return name == group or name.startswith(f"{group}/")


def _arguments(predicate: Callable[..., Any], scope: Sequence[str]) -> tuple[str, ...] | None:
    try:
        parameters = list(inspect.signature(predicate).parameters.values())
    except (TypeError, ValueError):  # many builtins have no signature
        return None
    known = [
        parameter.name
        for parameter in parameters
        if parameter.kind in _BY_NAME and any(_is_in_group(name, parameter.name) for name in scope)
    ]
    required = [
        parameter.name
        for parameter in parameters
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    missing = [name for name in required if name not in known]
    if not missing and known:
        return tuple(known)
    if (
        not known
        and len(required) <= 1
        and parameters
        and parameters[0].kind is not parameters[0].KEYWORD_ONLY
    ):
        return None
    if not required:
        return ()
    raise ValueError(
        f"the predicate asks for {missing[0]!r}, which is no parameter of {_described(scope)}"
        f"{did_you_mean(missing[0], scope)}; its arguments must be parameters, or the only one the config"
    )


def _described(scope: Sequence[str]) -> str:
    return f"configs with {', '.join(map(repr, scope))}" if scope else "configs without parameters"
