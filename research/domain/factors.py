"""What a product of a domain is made of: indexed sequences of partial configs."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from research.domain.config import CONTAINERS, copy_containers, entries, join_entries
from research.domain.drawing import PENDING, Draft, Draw, Pending, Stream
from research.domain.names import check_names
from research.domain.values import Alias, Opaque, unwrap
from research.errors import UnstableValueError
from samplers import Sampler
from samplers.quasirandom import is_quasirandom

_STABLE = frozenset({type(None), bool, int, float, str})

Key: TypeAlias = Any  # an int, or nested tuples of them: where a partial config is found without looking
Texts: TypeAlias = Mapping[str, str]  # canonical texts of values by the paths of parameters


class Factor(ABC):
    """An indexed sequence of partial configs.

    Attributes
    ----------
    names : tuple of str
        Parameters that the configs may have.
    length : int or None
        Number of configs; None if endless, or not known without looking.
    is_endless : bool
    is_direct : bool
        Whether an index is a key.
    drawn : frozenset of str
        Those of `names` that may be drawn.
    is_volatile : bool
        Whether it depends on the stream which configs there are, not only what is drawn in them.
    """

    __slots__ = ()
    names: tuple[str, ...]
    length: int | None
    is_endless: bool = False
    is_direct: bool = True
    drawn: frozenset[str] = frozenset()
    is_volatile: bool = False

    def count(self, stream: Stream) -> int | None:
        """Return the number of configs, in time proportional to it where it is not known; None if endless."""
        return self.length

    def known(self, stream: Stream) -> int | None:
        """Return the number of configs if it is finite and known, else None."""
        return self.length

    def reach(self, n_configs: int, stream: Stream) -> int:
        """Return the smaller of a number and the number of configs, looking no further."""
        return n_configs if self.length is None else min(n_configs, self.length)

    def locate(self, index: int, stream: Stream) -> Key:
        """Return the key of a config.

        Raises
        ------
        IndexError
            If there are not as many configs. Only where the length is not known is this looked at.
        """
        return index

    @abstractmethod
    def put(self, key: Key, draft: Draft) -> None:
        """Add a partial config to a draft."""

    def canonical(self, key: Key) -> str | None:
        """Return the canonical text of a config, None if the config must be made for that."""
        return None

    @property
    def is_bare(self) -> bool:
        """Whether no value has a short name, and no parameter a default or a rule."""
        return all(_are_bare(values) for _, values in self.columns())

    @abstractmethod
    def find(self, texts: Texts, stream: Stream) -> Iterator[int]:
        """Return the indices, ascending, at which the listed values are these.

        Drawn values are not compared: an endless sequence of draws has any config at every index.
        """

    def keys(self, texts: Texts, stream: Stream) -> Iterator[Key]:
        """Return keys of configs whose listed values are these, without asking how many come before."""
        return (self.locate(index, stream) for index in self.find(texts, stream))

    @abstractmethod
    def check(self) -> None:
        """Refuse values without stable content, in time proportional to the number of listed values."""

    @abstractmethod
    def columns(self) -> Iterator[tuple[str, Any]]:
        """Return pairs of a parameter and its values, a sequence or a Sampler."""


def check_values(items: Iterable[tuple[str, Any]]) -> None:
    """Refuse values without stable content, and names that stand for values."""
    entries(_themselves(items))


def _themselves(items: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    for name, value in items:
        if isinstance(unwrap(value), Opaque):
            raise UnstableValueError(
                f"parameter {name!r}: {value!r} was read from results, which do not hold the value itself: "
                "put that in its place"
            )
        yield name, value


class Column(Factor):
    """A parameter with listed values.

    Parameters
    ----------
    name : str
    values : Sequence
        Kept as it is: a range stays a range. Lists and arrays, and lists, dicts and sets in them, are
        copied, so that nobody changes them.
    """

    __slots__ = ("_numbers", "length", "names", "values")

    def __init__(self, name: str, values: Sequence[Any] | np.ndarray[Any, Any]) -> None:
        if isinstance(values, np.ndarray):
            values = values.copy()
            values.flags.writeable = False
        self.names = (name,)
        if isinstance(values, list | tuple):
            values = tuple(
                copy_containers(value, with_arrays=True) if type(value) in CONTAINERS else value
                for value in values
            )
        self.values = values
        self.length: int = len(values)
        self._numbers: dict[str, list[int]] | None = None

    def put(self, key: Key, draft: Draft) -> None:
        draft.items[self.names[0]] = self.values[key]

    def find(self, texts: Texts, stream: Stream) -> Iterator[int]:
        (name,) = self.names
        own = {path: text for path, text in texts.items() if path == name or path.startswith(f"{name}/")}
        if isinstance(self.values, range):
            yield from _find_in_range(self.values, own.get(name, ""))
            return
        if self._numbers is None:
            self._numbers = {}
            for number, value in enumerate(self.values):
                self._numbers.setdefault(self.text(value), []).append(number)
        yield from self._numbers.get(join_entries(sorted(own.items())), ())

    def check(self) -> None:
        is_plain = isinstance(self.values, np.ndarray) and not self.values.dtype.hasobject
        if not is_plain and not isinstance(self.values, range):
            check_values((self.names[0], value) for value in self.values if type(value) not in _STABLE)

    def columns(self) -> Iterator[tuple[str, Any]]:
        yield self.names[0], self.values

    def where(self, holds: Callable[[Mapping[str, Any]], bool]) -> Column:
        """Return this parameter with those of its values for which something holds."""
        (name,) = self.names
        kept = [holds({name: value}) for value in self.values]
        if isinstance(self.values, np.ndarray):
            return Column(name, self.values[np.array(kept, dtype=bool)])
        return Column(name, [value for value, is_kept in zip(self.values, kept, strict=True) if is_kept])

    def text(self, value: Any) -> str:
        """Return what stands for a value of this parameter in identities."""
        return join_entries(entries([(self.names[0], value)]))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Column):
            return NotImplemented
        if self.names != other.names or self.length != other.length:
            return False
        if isinstance(self.values, range) and isinstance(other.values, range):
            return self.values == other.values
        return all(
            self.text(left) == self.text(right) for left, right in zip(self.values, other.values, strict=True)
        )

    def __hash__(self) -> int:
        ends = [self.text(self.values[index]) for index in (0, -1) if self.length]
        return hash((self.names, self.length, *ends))

    def __repr__(self) -> str:
        values = self.values
        return repr(list(values) if isinstance(values, tuple) else values)

    def __getstate__(self) -> Any:
        return self.names, self.values

    def __setstate__(self, state: Any) -> None:
        self.names, self.values = state
        self.length = len(self.values)
        self._numbers = None


class DrawFactor(Factor):
    """A parameter whose values are drawn: one element, which differs from config to config."""

    __slots__ = ("draw", "length", "names")

    def __init__(self, name: str, sampler: Sampler) -> None:
        self.names = (name,)
        self.draw = Draw(name, copy.copy(sampler))  # what happens to a histogram later is not ours
        self.length: int = 1

    @property
    def drawn(self) -> frozenset[str]:  # type: ignore[override]
        return frozenset(self.names)

    def put(self, key: Key, draft: Draft, count: int | None = None) -> None:
        draft.items[self.names[0]] = PENDING
        draft.pending.append(Pending(self.draw, count, None))

    def find(self, texts: Texts, stream: Stream) -> Iterator[int]:
        if self.names[0] in texts:
            yield 0

    def check(self) -> None:
        self.draw.check()

    def columns(self) -> Iterator[tuple[str, Any]]:
        yield self.names[0], self.draw.sampler

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DrawFactor):
            return NotImplemented
        return self.names == other.names and self.draw.sampler == other.draw.sampler

    def __hash__(self) -> int:
        return hash((self.names, self.draw.sampler))

    def __repr__(self) -> str:
        return repr(self.draw.sampler)


class Zip(Factor):
    """Equally long sequences walked side by side: what `@` makes.

    Parameters
    ----------
    parts : sequence of Factor
        All of one finite length.
    length : int
    """

    __slots__ = ("drawn", "is_direct", "length", "names", "parts")

    def __init__(self, parts: Sequence[Factor], length: int) -> None:
        self.parts = tuple(parts)
        self.length: int = length
        self.names = tuple(name for part in self.parts for name in part.names)
        check_names(self.names)
        self.is_direct = all(part.is_direct for part in self.parts)
        self.drawn = frozenset().union(*(part.drawn for part in self.parts))

    @property
    def is_bare(self) -> bool:
        return all(part.is_bare for part in self.parts)

    def locate(self, index: int, stream: Stream) -> Key:
        return index if self.is_direct else tuple(part.locate(index, stream) for part in self.parts)

    def put(self, key: Key, draft: Draft) -> None:
        keys = key if isinstance(key, tuple) else (key,) * len(self.parts)
        for part, own in zip(self.parts, keys, strict=True):
            part.put(own, draft)

    def find(self, texts: Texts, stream: Stream) -> Iterator[int]:
        first, *others = (part.find(within(texts, part.names), stream) for part in self.parts)
        common = [set(numbers) for numbers in others]
        yield from (number for number in first if all(number in numbers for numbers in common))

    def check(self) -> None:
        for part in self.parts:
            part.check()

    def columns(self) -> Iterator[tuple[str, Any]]:
        for part in self.parts:
            yield from part.columns()

    def __eq__(self, other: object) -> bool:
        return self.parts == other.parts if isinstance(other, Zip) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.parts)

    def __repr__(self) -> str:
        return f"({' @ '.join(f'({part!r})' for part in self.parts)})"


def _are_bare(values: Any) -> bool:
    """Whether no value is known to have a short name."""
    if isinstance(values, np.ndarray):
        return not values.dtype.hasobject
    if isinstance(values, tuple | list):
        return not any(type(value) is Alias for value in values)
    return isinstance(values, range | Sampler)  # of other sequences it is not known how long they are


def within(texts: Texts, names: Sequence[str]) -> Texts:
    """Return the texts of those paths that belong to some parameters."""
    if len(names) == 1:
        (name,) = names
        return {path: text for path, text in texts.items() if path == name or path.startswith(f"{name}/")}
    wanted = set(names)
    return {path: text for path, text in texts.items() if not wanted.isdisjoint(_prefixes(path))}


def _prefixes(path: str) -> Iterator[str]:
    end = len(path)
    while end > 0:
        yield path[:end]
        end = path.rfind("/", 0, end)


def _find_in_range(values: range, text: str) -> Iterator[int]:
    try:
        number = int(text)
    except ValueError:
        return
    if text == str(number) and number in values:
        yield values.index(number)


def make_factor(name: str, values: Any) -> Factor:
    """Turn what a user gives as a parameter's values into a factor.

    Raises
    ------
    TypeError
        If the values are neither a sequence nor a Sampler of points; names the parameter.
    """
    if not isinstance(name, str):
        raise TypeError(f"names of parameters must be str, got {name!r}")
    if not name:
        raise ValueError("the name of a parameter must not be empty")
    if isinstance(values, Sampler):
        if is_quasirandom(values):
            raise TypeError(
                f"the parameter {name!r}: points of {values!r} are even only as a set, of several parameters "
                f"together; write Domain.quasi(n, method, seed, {name}=(0, 1), ...)"
            )
        return DrawFactor(name, values)
    if isinstance(values, np.ndarray) and values.ndim > 0:
        return Column(name, values)
    if isinstance(values, Sequence) and not isinstance(values, str | bytes | bytearray | Alias):
        return Column(name, values)
    hint = f"; for a single value write [{values!r}]" if isinstance(values, str | int | float) else ""
    raise TypeError(
        f"values of the parameter {name!r} must be a list, tuple, range, array, another sequence "
        f"or a Sampler, got {type(values).__name__} {values!r}{hint}"
    )


def plain(value: Any) -> Any:
    """Return a value as functions of the user get it: without an Alias, lists, dicts and sets copied."""
    value = unwrap(value)
    return copy_containers(value) if type(value) in CONTAINERS else value
