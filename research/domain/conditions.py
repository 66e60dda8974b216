"""What `where` asks of configs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from research.domain.config import Config
from research.domain.factors import plain
from research.domain.hashing import canonical_text
from research.errors import UnstableValueError, did_you_mean

_COLLECTING = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_BY_PLACE = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.VAR_POSITIONAL,
)
_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class Condition:
    """A predicate on configs, and which parameters it reads.

    Parameters
    ----------
    predicate : callable
        Its arguments are parameters, `**` all of them; or its only one is the config.
    scope : sequence of str
        Parameters of the configs that it is asked about.
    known : sequence of str
        Parameters of all configs of the domain.
    defaults : Mapping, optional
        Values of parameters that a config may lack.

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

    __slots__ = ("_collects", "_required", "arguments", "defaults", "predicate", "reads", "scope")

    def __init__(
        self,
        predicate: Callable[..., Any],
        scope: Sequence[str],
        known: Sequence[str],
        defaults: Mapping[str, Any] | None = None,
    ) -> None:
        if not callable(predicate):
            raise TypeError(f"`predicate` must be callable, got {predicate!r}")
        self.predicate = predicate
        self.scope = tuple(scope)
        self.defaults = dict(defaults or {})
        self._collects = _collects_keywords(predicate)
        self.arguments, self._required = (
            (None, frozenset()) if self._collects else _arguments(predicate, known)
        )
        if self.arguments is None:
            self.reads = frozenset(self.scope)
            return
        self.reads = frozenset(
            name for name in self.scope for wanted in self.arguments if _is_in_group(name, wanted)
        )
        for wanted in self._required:
            if not any(_is_in_group(name, wanted) for name in self.scope):
                raise self._lacks(
                    wanted, f"configs with {', '.join(map(repr, self.scope)) or 'no parameters'}"
                )

    def _lacks(self, name: str, what: str) -> ValueError:
        return ValueError(
            f"the predicate {self} needs the parameter {name!r}, which {what} lack: give the argument a "
            "default, or filter before you add these configs"
        )

    def holds(self, items: Mapping[str, Any]) -> bool:
        """Ask about a config, or about as much of it as the predicate reads.

        Raises
        ------
        ValueError
            If a parameter is missing, in this config of several kinds.
        """
        items = {**self.defaults, **items}
        if self.arguments is None:
            known = Config.of_items({name: items[name] for name in self.scope if name in items})
            return (
                self._ask((), dict(known.items()), items)
                if self._collects
                else self._ask((known,), {}, items)
            )
        named = {}
        for name in self.arguments:
            if name in items:
                named[name] = plain(items[name])
                continue
            group = {path: value for path, value in items.items() if path.startswith(f"{name}/")}
            if group:
                named[name] = Config.of_items(group)[name]
            elif name in self._required:
                raise self._lacks(name, f"such as {Config.of_items(dict(items))}")
        return self._ask((), named, items)

    def _ask(self, positional: tuple[Any, ...], named: dict[str, Any], items: Mapping[str, Any]) -> bool:
        try:
            return bool(self.predicate(*positional, **named))
        except Exception as error:
            error.add_note(f"in the predicate {self}, asked about {Config.of_items(dict(items))}")
            raise

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Condition):
            return NotImplemented
        if self._read() != other._read():
            return False
        if self.predicate is other.predicate:
            return True
        try:
            return canonical_text(self.predicate) == canonical_text(other.predicate)
        except UnstableValueError:
            return False

    def __hash__(self) -> int:
        return hash(self._read())

    def _read(self) -> Any:
        """What of the configs the predicate is told."""
        return (frozenset(self.scope), None) if self.arguments is None else (self.reads, self.arguments)

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


def _collects_keywords(predicate: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(predicate).parameters.values()
    except (TypeError, ValueError):
        return False
    return any(item.kind is item.VAR_KEYWORD for item in parameters)


def _arguments(
    predicate: Callable[..., Any], known: Sequence[str]
) -> tuple[tuple[str, ...] | None, frozenset[str]]:
    """Return which parameters a predicate takes, None for the whole config; and which of them it requires."""
    try:
        parameters = list(inspect.signature(predicate).parameters.values())
    except (TypeError, ValueError):  # many builtins have no signature
        return None, frozenset()
    named = [parameter for parameter in parameters if parameter.kind in _BY_NAME]
    found = [item.name for item in named if any(_is_in_group(name, item.name) for name in known)]
    required = [
        item.name for item in parameters if item.default is item.empty and item.kind not in _COLLECTING
    ]
    takes_one = bool(parameters) and parameters[0].kind in _BY_PLACE and (required or not named)
    from difflib import get_close_matches

    is_misspelt = bool(get_close_matches(parameters[0].name, known, 1, 0.8)) if parameters else False
    if takes_one and not found and required in ([], [parameters[0].name]) and not is_misspelt:
        return None, frozenset()
    missing = [name for name in required if name not in found]
    if missing or not found:
        wanted = [*missing, *(item.name for item in named)][:1]
        asks = f"asks for {wanted[0]!r}, which is no parameter" if wanted else "asks for no parameter"
        raise ValueError(
            f"the predicate {asks} of this domain{did_you_mean(wanted[0], known) if wanted else ''}; its "
            "arguments must be parameters, or the only one the config"
        )
    return tuple(found), frozenset(required)
