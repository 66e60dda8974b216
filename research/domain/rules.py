"""Which parameters are no part of a config's identity, or enter it otherwise than by their values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from research.domain.hashing import JSON, canonical, canonical_text, dumps
from research.errors import UnstableValueError

RULE = "$rule"  # the tag of what a function has made of a value
IGNORED = "$ignored"  # of what is shown of a value that does not enter
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Rules:
    """Rules of identities by the names of parameters, or of groups of them.

    Parameters
    ----------
    ignored : iterable of str
        They do not enter.
    functions : Mapping, optional
        Functions of a config and a value, by names: what they return enters in place of the value.
    stands : Mapping, optional
        Canonical texts, by names, that enter in place of values: what functions have returned.
    """

    __slots__ = ("functions", "ignored", "names", "stands")

    def __init__(
        self,
        ignored: Iterable[str] = (),
        functions: Mapping[str, Callable[[Any, Any], Any]] = _NOTHING,
        stands: Mapping[str, str] = _NOTHING,
    ) -> None:
        self.ignored = frozenset(ignored)
        self.functions = dict(functions)
        self.stands = dict(stands)
        self.names = self.ignored.union(self.functions, self.stands)

    def rule_of(self, path: str) -> str | None:
        """Return the name by which a parameter has a rule: its own, or that of the largest group it is in."""
        end = path.find("/")
        while end > 0:
            if path[:end] in self.names:
                return path[:end]
            end = path.find("/", end + 1)
        return path if path in self.names else None

    def apply(self, config: Mapping[str, Any], pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return what enters an identity: pairs of paths and canonical texts, sorted.

        Parameters
        ----------
        config : Mapping
        pairs : list of (str, str)
            What would enter without rules.
        """
        kept: list[tuple[str, str]] = []
        done: set[str] = set()
        for path, text in pairs:
            name = self.rule_of(path)
            if name is None:
                kept.append((path, text))
            elif name not in self.ignored and name not in done:
                done.add(name)
                kept.append((name, self._text(name, config)))
        kept.sort()
        return kept

    def _text(self, name: str, config: Mapping[str, Any]) -> str:
        if name in self.stands:
            return self.stands[name]
        return rule_text(self.functions[name], config, config[name], name)

    def without(self, texts: Mapping[str, str]) -> dict[str, str]:
        """Leave out parameters that have a rule."""
        return {path: text for path, text in texts.items() if self.rule_of(path) is None}

    def touches(self, names: Iterable[str]) -> bool:
        """Whether any of some parameters, or a part of one, has a rule."""
        return any(
            self.rule_of(name) is not None or any(ruled.startswith(f"{name}/") for ruled in self.names)
            for name in names
        )

    def joined(self, later: Rules | None) -> Rules:
        """Return these rules and others; where both have one, it is that of the others."""
        if later is None or later is self:
            return self
        return Rules(
            [*(name for name in self.ignored if name not in later.names), *later.ignored],
            {**_without(self.functions, later.names), **later.functions},
            {**_without(self.stands, later.names), **later.stands},
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Rules):
            return NotImplemented
        return (self.ignored, self.stands) == (other.ignored, other.stands) and (
            self.functions.keys() == other.functions.keys()
            and all(_are_equal(own, other.functions[name]) for name, own in self.functions.items())
        )

    def __hash__(self) -> int:
        return hash(self.names)

    def __repr__(self) -> str:
        """Write the calls that give a domain these rules; none of them makes a stand."""
        ignored = f".ignore({', '.join(map(repr, sorted(self.ignored)))})" if self.ignored else ""
        functions = ", ".join(f"{name!r}: {_written(own)}" for name, own in self.functions.items())
        return ignored + (f".hash_with({{{functions}}})" if functions else "")


def rule_text(function: Callable[[Any, Any], Any], owner: Any, value: Any, name: str) -> str:
    """Return the canonical text of what a rule makes of a value.

    Parameters
    ----------
    function : callable
    owner : Config, or an instance of a dataclass
        What the value is of.
    value : object
    name : str
        Of the parameter.

    Raises
    ------
    UnstableValueError
        If that has no stable content; names the parameter.
    """
    try:
        return dumps({RULE: canonical(function(owner, value))})
    except UnstableValueError as error:
        raise UnstableValueError(
            f"parameter {name!r}: what its rule returns would not be recognised in another process: {error}"
        ) from error
    except Exception as error:  # it is the user's code
        error.add_note(f"in the rule by which the parameter {name!r} is hashed, asked about {owner!r}")
        raise


def is_rule(form: JSON) -> bool:
    """Whether a canonical form is what a rule made of a value."""
    return isinstance(form, dict) and RULE in form


def _without(given: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in names}


def _are_equal(one: Any, other: Any) -> bool:
    if one is other:
        return True
    try:
        return canonical_text(one) == canonical_text(other)
    except UnstableValueError:
        return False


def _written(function: Any) -> str:
    """Write a function, as code where it has a name."""
    name = getattr(function, "__qualname__", None)
    code = getattr(function, "__code__", None)
    if name is None or "<" in name:
        return repr(function) if code is None else f"<lambda of line {code.co_firstlineno}>"
    module = getattr(function, "__module__", None)
    return str(name) if module in (None, "builtins", "__main__") else f"{module}.{name}"
