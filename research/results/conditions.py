"""Conditions on experiments: `results.c.f1 > 0.82`, and what `where` is read as."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from research.results.comparing import compare, holds, is_among, is_like, is_missing

Mask: TypeAlias = "np.ndarray[Any, np.dtype[np.bool_]]"
Columns: TypeAlias = Callable[[str], Sequence[Any]]  # values of all experiments, by a name
KEYWORDS = frozenset(
    {"and", "or", "not", "in", "is", "between", "like", "null", "none", "nan", "true", "false"}
)
NAME = r"[^\W\d]\w*(?:[./]\w+)*"


class Condition:
    """What experiments are asked for. Conditions are joined by `&`, `|` and `~`."""

    __slots__ = ()

    def __and__(self, other: Condition) -> Condition:
        return NotImplemented if not isinstance(other, Condition) else Every(_joined(Every, self, other))

    def __or__(self, other: Condition) -> Condition:
        return NotImplemented if not isinstance(other, Condition) else Some(_joined(Some, self, other))

    def __invert__(self) -> Condition:
        return Not(self)

    def __bool__(self) -> bool:
        raise TypeError(
            f"whether {self} holds differs from experiment to experiment: "
            "join conditions by `&`, `|` and `~`, each in parentheses, and not by `and`, `or`, `not`"
        )

    def names(self) -> Iterator[str]:
        """Walk the names of what it asks for."""
        raise NotImplementedError

    def values(self) -> Iterator[tuple[str, Any]]:
        """Walk names and values that they are to be equal to."""
        yield from ()

    def mask(self, columns: Columns) -> Mask:
        """Return for each experiment whether it holds."""
        raise NotImplementedError


def _joined(kind: type[Every] | type[Some], *conditions: Condition) -> tuple[Condition, ...]:
    return tuple(part for item in conditions for part in (item.parts if isinstance(item, kind) else (item,)))


class Name(NamedTuple):
    """The name of a parameter or variable, in a condition."""

    name: str

    def __str__(self) -> str:
        is_bare = re.fullmatch(NAME, self.name) and self.name.lower() not in KEYWORDS
        return self.name if is_bare else "`" + self.name.replace("`", "``") + "`"


@dataclass(frozen=True, slots=True, repr=False)
class Compared(Condition):
    """A name compared with a value, or with another name."""

    left: Name
    sign: str
    right: Any

    def names(self) -> Iterator[str]:
        yield self.left.name
        if isinstance(self.right, Name):
            yield self.right.name

    def values(self) -> Iterator[tuple[str, Any]]:
        if self.sign in ("=", "==") and not isinstance(self.right, Name):
            yield self.left.name, self.right

    def mask(self, columns: Columns) -> Mask:
        values = columns(self.left.name)
        if not isinstance(self.right, Name):
            return np.array(compare(values, self.sign, self.right), dtype=bool)
        pairs = zip(values, columns(self.right.name), strict=True)
        return np.array([holds(left, self.sign, right) for left, right in pairs], dtype=bool)

    def __str__(self) -> str:
        return f"{self.left} {self.sign} {_text(self.right)}"

    __repr__ = __str__


@dataclass(frozen=True, slots=True, repr=False)
class Among(Condition):
    """A name of which the value is one of some."""

    left: Name
    items: tuple[Any, ...]

    def names(self) -> Iterator[str]:
        yield self.left.name

    def values(self) -> Iterator[tuple[str, Any]]:
        for item in self.items:
            yield self.left.name, item

    def mask(self, columns: Columns) -> Mask:
        return np.array(is_among(columns(self.left.name), self.items), dtype=bool)

    def __str__(self) -> str:
        return f"{self.left} in ({', '.join(map(_text, self.items))})"

    __repr__ = __str__


@dataclass(frozen=True, slots=True, repr=False)
class Missing(Condition):
    """A name of which there is no value."""

    left: Name

    def names(self) -> Iterator[str]:
        yield self.left.name

    def mask(self, columns: Columns) -> Mask:
        return np.array(list(map(is_missing, columns(self.left.name))), dtype=bool)

    def __str__(self) -> str:
        return f"{self.left} is null"

    __repr__ = __str__


@dataclass(frozen=True, slots=True, repr=False)
class Like(Condition):
    """A name of which the value is a text like a pattern."""

    left: Name
    pattern: str

    def names(self) -> Iterator[str]:
        yield self.left.name

    def mask(self, columns: Columns) -> Mask:
        return np.array(is_like(columns(self.left.name), self.pattern), dtype=bool)

    def __str__(self) -> str:
        return f"{self.left} like {_text(self.pattern)}"

    __repr__ = __str__


@dataclass(frozen=True, slots=True, repr=False)
class Not(Condition):
    """What does not hold where another does, and holds everywhere else."""

    part: Condition

    def names(self) -> Iterator[str]:
        return self.part.names()

    def values(self) -> Iterator[tuple[str, Any]]:
        return self.part.values()

    def mask(self, columns: Columns) -> Mask:
        return ~self.part.mask(columns)

    def __str__(self) -> str:
        return f"not ({self.part})"

    __repr__ = __str__


@dataclass(frozen=True, slots=True, repr=False)
class Every(Condition):
    """All of some conditions; of none, it holds everywhere."""

    parts: tuple[Condition, ...]

    def names(self) -> Iterator[str]:
        for part in self.parts:
            yield from part.names()

    def values(self) -> Iterator[tuple[str, Any]]:
        for part in self.parts:
            yield from part.values()

    def mask(self, columns: Columns) -> Mask:
        masks = [part.mask(columns) for part in self.parts]
        return np.logical_and.reduce(masks) if masks else np.ones(len(columns("id")), dtype=bool)

    def __str__(self) -> str:
        return " and ".join(map(_within, self.parts))

    __repr__ = __str__


@dataclass(frozen=True, slots=True, repr=False)
class Some(Condition):
    """Any of some conditions."""

    parts: tuple[Condition, ...]

    def names(self) -> Iterator[str]:
        for part in self.parts:
            yield from part.names()

    def values(self) -> Iterator[tuple[str, Any]]:
        for part in self.parts:
            yield from part.values()

    def mask(self, columns: Columns) -> Mask:
        found: Mask = np.logical_or.reduce([part.mask(columns) for part in self.parts])
        return found

    def __str__(self) -> str:
        return " or ".join(map(_within, self.parts))

    __repr__ = __str__


def _within(part: Condition) -> str:
    return f"({part})" if isinstance(part, Every | Some) else str(part)


def _text(value: Any) -> str:
    """Write a value as `where` reads it; what it cannot read is shown as Python does."""
    if isinstance(value, Name):
        return str(value)
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, bool):
        return str(value).lower()
    if is_missing(value):
        return "null"
    if isinstance(value, float) and value in (np.inf, -np.inf):
        return "1e999" if value > 0 else "-1e999"
    return repr(value)


class Term:
    """The value that each experiment has of a parameter or variable: `results.c.f1`.

    Compared with a value or another term it is a condition, as `select` takes them.

    Parameters
    ----------
    name : str

    Examples
    --------
    >>> Term('f1') > 0.82
    f1 > 0.82
    >>> (Term('f1') > 0.82) & ~Term('kernel').isin(['rbf', 'poly'])
    f1 > 0.82 and not (kernel in ('rbf', 'poly'))
    """

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = Name(name)

    def __eq__(self, other: object) -> Condition:  # type: ignore[override]
        return equals(self._name, other)

    def __ne__(self, other: object) -> Condition:  # type: ignore[override]
        return Not(equals(self._name, other))

    __hash__ = None  # type: ignore[assignment]

    def __lt__(self, other: Any) -> Condition:
        return self._compared("<", other)

    def __le__(self, other: Any) -> Condition:
        return self._compared("<=", other)

    def __gt__(self, other: Any) -> Condition:
        return self._compared(">", other)

    def __ge__(self, other: Any) -> Condition:
        return self._compared(">=", other)

    def isin(self, values: Iterable[Any]) -> Condition:
        """Be one of some values; None among them stands for missing ones."""
        return Among(self._name, among(values, f"{self}.isin"))

    def between(self, low: Any, high: Any) -> Condition:
        """Be neither less than `low` nor more than `high`."""
        return self._compared(">=", low) & self._compared("<=", high)

    def like(self, pattern: str) -> Condition:
        """Be a text like a pattern, in which `%` stands for any characters and `_` for one."""
        if not isinstance(pattern, str):
            raise TypeError(f"`like` takes a pattern, as in {self}.like('r%'), got {pattern!r}")
        return Like(self._name, pattern)

    def isnull(self) -> Condition:
        """Be missing, None or nan."""
        return Missing(self._name)

    def notnull(self) -> Condition:
        """Have a value."""
        return Not(Missing(self._name))

    def _compared(self, sign: str, other: Any) -> Condition:
        return Compared(self._name, sign, other._name if isinstance(other, Term) else other)

    def __bool__(self) -> bool:
        raise TypeError(f"{self} is compared with nothing: write {self} == True, say")

    def __repr__(self) -> str:
        return str(self._name)


class Terms:
    """All names: `results.c.f1`, and `results.c['model/lr']` where a name is no Python name."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Term:
        if name.startswith("__"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return Term(name)

    def __getitem__(self, name: str) -> Term:
        if not isinstance(name, str):
            raise TypeError(f"names of parameters and variables are str, got {name!r}")
        return Term(name)


def equals(name: Name, value: Any) -> Condition:
    """Return the condition that a value is the one that is given; None and nan are missing ones."""
    if isinstance(value, Term):
        return Compared(name, "==", value._name)
    return Missing(name) if is_missing(value) else Compared(name, "==", value)


def among(values: Any, place: str) -> tuple[Any, ...]:
    """Return values of which one is to be equal."""
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise TypeError(f"`{place}` takes a list of values, got {values!r}")
    return tuple(values.tolist() if isinstance(values, np.ndarray) else values)


def of_keyword(name: str, value: Any) -> Condition:
    """Return what a keyword of `select` asks for: a value, or one of those of a list."""
    if isinstance(value, list | set | frozenset | range | np.ndarray) or hasattr(value, "to_numpy"):
        return Among(Name(name), among(value, name))
    return equals(Name(name), value)
