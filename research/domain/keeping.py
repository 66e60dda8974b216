"""Views that keep some configs, by what they hold: each once, or those that are not elsewhere."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

from research.domain.config import Config
from research.domain.cubes import Cube
from research.domain.drawing import Draft, Stream
from research.domain.factors import Key, Texts
from research.domain.finding import Finding, Found, Misses
from research.domain.listing import Listed
from research.domain.ordering import Sum
from research.domain.views import View

_MOST_CANDIDATES = 10**4  # configs of which only the drawn values are left to compare


class Kept(View, Finding):
    """Those configs of another sequence that pass a test, each the first time it comes.

    Parameters
    ----------
    inner : Sum
    """

    __slots__ = ("_found", "is_endless", "length")

    def __init__(self, inner: Sum) -> None:
        self._attach(inner)
        self.length = 0 if inner.length == 0 else None
        self.is_endless = inner.is_endless
        self.is_volatile = inner.is_volatile or bool(inner.drawn)
        self._found: dict[Stream | None, Found] = {}

    @abstractmethod
    def passes(self, config: Config, stream: Stream) -> bool:
        """Whether to keep a config that has not come before."""

    def search(self, stream: Stream) -> Found:
        return Found(self._walk(stream))

    def _walk(self, stream: Stream) -> Iterator[int]:
        seen: set[str] = set()
        misses = Misses(repr(self)) if self.is_endless else None
        for index, config in enumerate(self.inner.configs(stream)):
            digest = config.hash()
            if digest not in seen and self.passes(config, stream):
                seen.add(digest)
                if misses:
                    misses.hit()
                yield index
            elif misses:
                misses.miss()

    def count(self, stream: Stream) -> int | None:
        return None if self.is_endless else self.found(stream).count()

    def reach(self, n_configs: int, stream: Stream) -> int:
        return self.found(stream).reach(n_configs)

    def locate(self, index: int, stream: Stream) -> Key:
        return self.inner.locate(self.found(stream)[index], stream)

    def keys(self, texts: Texts, stream: Stream) -> Iterator[Key]:
        for key in self.inner.keys(texts, stream):
            draft = Draft()
            self.inner.put(key, draft)
            draft.draw(stream)
            if self.passes(draft.config(), stream):
                yield key

    def find(self, texts: Texts, stream: Stream) -> Iterator[int]:
        for number in self.inner.find(texts, stream):
            index = self.found(stream).index(number)
            if index is not None:
                yield index


class Unique(Kept):
    """What `d.unique()` makes."""

    __slots__ = ()

    def passes(self, config: Config, stream: Stream) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        return self.inner == other.inner if isinstance(other, Unique) else NotImplemented

    def __hash__(self) -> int:
        return hash(("unique", self.inner))

    def __repr__(self) -> str:
        return f"({self.inner!r}).unique()"

    def __getstate__(self) -> Any:
        return (self.inner,)

    def __setstate__(self, state: Any) -> None:
        Unique.__init__(self, *state)


class Difference(Kept):
    """Configs of one sequence that are not in another: what `a - b` makes.

    Parameters
    ----------
    inner, other : Sum
    is_exact : bool, default True
        Whether identities must be equal; else the other may have parameters with the default that they have
        here, as somebody would write them down.
    """

    __slots__ = ("is_exact", "other")

    def __init__(self, inner: Sum, other: Sum, is_exact: bool = True) -> None:
        super().__init__(inner)
        self.other = other
        self.is_exact = is_exact
        self.is_volatile = self.is_volatile or other.is_volatile or bool(other.drawn)

    def passes(self, config: Config, stream: Stream) -> bool:
        if contains(self.other, config, stream):
            return False
        if self.is_exact or not config.defaults:
            return True
        return not contains(self.other, Config.of_items(dict(config.raw_items())), stream)

    def check(self) -> None:
        self.inner.check()
        self.other.check()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Difference):
            return NotImplemented
        return bool(self._content() == other._content())

    def _content(self) -> Any:
        return self.inner, self.other, self.is_exact

    def __hash__(self) -> int:
        return hash(("difference", self.inner, self.other))

    def __repr__(self) -> str:
        other = repr(self.other)
        return f"({self.inner!r} - {f'({other})' if self.is_exact else other.removeprefix('Domain')})"

    def __getstate__(self) -> Any:
        return self._content()

    def __setstate__(self, state: Any) -> None:
        Difference.__init__(self, *state)


def subtract(inner: Sum, other: Sum, is_exact: bool = True) -> Difference:
    """Return what `Difference` does; of a difference, the one that takes away both."""
    if len(inner.cubes) == 1 and len(inner.cubes[0].factors) == 1:
        cube = inner.cubes[0]
        (factor,) = cube.factors
        is_bare = cube.weight is None and not (cube.conditions or cube.defaults or cube.rules)
        if is_bare and isinstance(factor, Difference) and factor.is_exact == is_exact:
            return Difference(factor.inner, _together(factor.other, other), is_exact)
    return Difference(inner, other, is_exact)


def _together(left: Sum, right: Sum) -> Sum:
    """Return a sum, lists of configs as one."""
    factors = [factor for cube in (*left.cubes, *right.cubes) for factor in cube.factors]
    listed = [factor for factor in factors if isinstance(factor, Listed)]
    if len(listed) == len(left.cubes) + len(right.cubes) == len(factors):
        return Sum([Cube([Listed([config for factor in listed for config in factor.configs])])])
    return Sum([*left.cubes, *right.cubes])


def index_of(sequence: Sum, config: Config, stream: Stream, is_exact: bool = True) -> int | None:
    """Return the first index at which a config stands, None if it is not there.

    Parameters
    ----------
    sequence : Sum
    config : Config
    stream : Stream
    is_exact : bool, default True
        Whether identities must be equal; else parameters that have their default may be there or not.

    Raises
    ------
    ValueError
        If it is not among the first 10^4 configs of an endless sequence where it could be.
    """
    for n_looked_at, index in enumerate(sequence.find(config.texts(), stream)):
        _check_patience(n_looked_at, sequence, config)
        if _is_at(sequence, sequence.locate(index, stream), config, stream, is_exact):
            return index
    return None


def contains(sequence: Sum, config: Config, stream: Stream, is_exact: bool = True) -> bool:
    """Whether a config is there; see `index_of`. Filters are asked about this config alone."""
    for n_looked_at, key in enumerate(sequence.keys(config.texts(), stream)):
        _check_patience(n_looked_at, sequence, config)
        if _is_at(sequence, key, config, stream, is_exact):
            return True
    return False


def _is_at(sequence: Sum, key: Key, config: Config, stream: Stream, is_exact: bool) -> bool:
    draft = Draft()
    sequence.put(key, draft)
    draft.draw(stream)
    if is_exact:
        return draft.config() == config
    if draft.rules is not None:
        asked = Config.of_items(dict(config.raw_items()), draft.defaults, draft.rules)
        try:
            return draft.config() == asked
        except KeyError:  # a rule needs what it lacks
            return False
    return Config.of_items(draft.items).texts() == {**draft.defaults, **config.texts()}


def _check_patience(n_looked_at: int, sequence: Sum, config: Config) -> None:
    if n_looked_at == _MOST_CANDIDATES and sequence.is_endless:
        raise ValueError(
            f"it cannot be known whether {config!r} is in an endless sequence of draws: it is not among the "
            f"first {n_looked_at}"
        )
