"""Views of a domain: some of its configs, or all in another order."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from research.domain.drawing import Draft, Stream
from research.domain.factors import Factor, Key, Texts
from research.domain.ordering import Sum
from research.domain.permutation import Permutation


class View(Factor):
    """Configs of another sequence, at other indices.

    Where it depends on drawn values which configs the other has, they are drawn as they are there, whatever
    the view is multiplied with.

    Parameters
    ----------
    inner : Sum
    """

    __slots__ = ("drawn", "inner", "is_volatile", "names")

    def _attach(self, inner: Sum) -> None:
        self.inner = inner
        self.names = inner.names
        self.drawn = inner.drawn
        self.is_volatile = inner.is_volatile

    def _inner_key(self, key: Key) -> Key:
        """Return the key that a config has in the other sequence."""
        return key

    def put(self, key: Key, draft: Draft) -> None:
        if not self.is_volatile:
            self.inner.put(self._inner_key(key), draft)
            return
        part = Draft()
        self.inner.put(self._inner_key(key), part)
        draft.include(part)

    @property
    def is_bare(self) -> bool:
        return self.inner.is_bare

    def canonical(self, key: Key) -> str | None:
        return self.inner.canonical(self._inner_key(key))

    def check(self) -> None:
        self.inner.check()

    def columns(self) -> Iterator[tuple[str, Any]]:
        yield from self.inner.columns()


class Slice(View):
    """Every `step`-th config from one to another: what `d[start:stop:step]` makes.

    Parameters
    ----------
    inner : Sum
    part : slice
    """

    __slots__ = ("_counted", "_part", "_range", "is_direct", "is_endless", "length")

    def __init__(self, inner: Sum, part: slice) -> None:
        self._attach(inner)
        self._part = part
        self._counted: dict[Stream | None, int] = {}
        start, stop, step = part.start, part.stop, 1 if part.step is None else part.step
        is_forward = step > 0 and (start is None or start >= 0) and (stop is None or stop >= 0)
        self._range: range | None = None
        self.is_endless = False
        self.length = None
        if _is_always_empty(part):  # so that a sum need not look whether there is anything
            self._range, self.length = range(0), 0
        elif inner.length is not None:
            self._range = _cut(part, inner.length)
            self.length = n_items(self._range)
        elif is_forward:
            self._part = slice(start or 0, stop, step)
            if inner.is_endless:
                self.is_endless = stop is None
                if stop is not None:
                    self._range = range(start or 0, stop, step)
                    self.length = n_items(self._range)
        elif inner.is_endless:
            raise ValueError(f"an endless domain has no end from which to count: [{_written(part)}]")
        self.is_direct = inner.is_direct and (self._range is not None or self.is_endless)

    def _indices(self, stream: Stream) -> range | None:
        """Return the indices that it takes; None if they go on for as long as there are configs."""
        if self._range is not None or (self._part.start is not None and self._is_forward()):
            return self._range
        return _cut(self._part, self.inner.count(stream) or 0)

    def _is_forward(self) -> bool:
        start, stop, step = self._part.start, self._part.stop, self._part.step
        return (step or 1) > 0 and start >= 0 and (stop is None or stop >= 0)

    def _map(self, index: int, indices: range | None) -> int:
        if indices is None:
            return int(self._part.start + index * self._part.step)
        return indices.start + index * indices.step

    def count(self, stream: Stream) -> int | None:
        if self.length is not None or self.is_endless:
            return self.length
        key = stream if self.is_volatile else None
        if key not in self._counted:
            if self._part.stop is not None and self._indices(stream) is None:  # no need to look beyond it
                reached = self.inner.reach(self._part.stop, stream)
                self._counted[key] = n_items(range(self._part.start, reached, self._part.step))
            else:
                self._counted[key] = n_items(_cut(self._part, self.inner.count(stream) or 0))
        return self._counted[key]

    def known(self, stream: Stream) -> int | None:
        if self.length is not None or self.is_endless:
            return self.length
        known = self.inner.known(stream)
        if known is None:
            return self._counted.get(stream if self.is_volatile else None)
        return n_items(_cut(self._part, known))

    def reach(self, n_configs: int, stream: Stream) -> int:
        if self.length is not None:
            return min(n_configs, self.length)
        indices = self._indices(stream)
        if indices is not None:
            return min(n_configs, n_items(indices))
        if not n_configs:
            return 0
        last = self._map(n_configs - 1, None)
        stop = last + 1 if self._part.stop is None else min(last + 1, self._part.stop)
        return n_items(range(self._part.start, self.inner.reach(stop, stream), self._part.step))

    def locate(self, index: int, stream: Stream) -> Key:
        if self.is_direct:
            return index
        return self.inner.locate(self._map(index, self._indices(stream)), stream)

    def _inner_key(self, key: Key) -> Key:
        return self._map(key, self._range) if self.is_direct else key

    def find(self, texts: Texts, stream: Stream) -> Iterator[int]:
        indices = self._indices(stream)
        if indices is None:
            start, stop, step = self._part.start, self._part.stop, self._part.step
            for number in self.inner.find(texts, stream):
                if stop is not None and number >= stop:
                    return
                if number >= start and not (number - start) % step:
                    yield (number - start) // step
            return
        last = max(indices.start, self._map(n_items(indices) - 1, indices))
        found = itertools.takewhile(lambda number: number <= last, self.inner.find(texts, stream))
        yield from sorted((number - indices.start) // indices.step for number in found if number in indices)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Slice):
            return NotImplemented
        return self.inner == other.inner and self._content() == other._content()

    def _content(self) -> Any:
        part = self._part
        return self._range or (part.start or 0, part.stop, 1 if part.step is None else part.step)

    def __hash__(self) -> int:
        return hash((self.inner, self.length))

    def __repr__(self) -> str:
        return f"({self.inner!r})[{_written(self._part)}]"

    def __getstate__(self) -> Any:
        return self.inner, (self._part.start, self._part.stop, self._part.step)

    def __setstate__(self, state: Any) -> None:
        inner, part = state
        Slice.__init__(self, inner, slice(*part))


class Permuted(View):
    """All configs in a random order: what `d.shuffle(seed)` makes.

    Parameters
    ----------
    inner : Sum
    seed : int
    """

    __slots__ = ("_orders", "is_direct", "length", "seed")

    def __init__(self, inner: Sum, seed: int) -> None:
        self._attach(inner)
        if inner.is_endless:
            raise ValueError("an endless domain cannot be shuffled: take a slice first, d[:n]")
        self.seed = seed
        self.length = inner.length
        self.is_direct = inner.is_direct and inner.length is not None
        self._orders: dict[int, Permutation] = {}

    def _order(self, length: int) -> Permutation:
        if length not in self._orders:
            self._orders[length] = Permutation(length, self.seed)
        return self._orders[length]

    def count(self, stream: Stream) -> int | None:
        return self.inner.count(stream)

    def known(self, stream: Stream) -> int | None:
        return self.inner.known(stream)

    def reach(self, n_configs: int, stream: Stream) -> int:
        return min(n_configs, self.inner.count(stream) or 0)

    def locate(self, index: int, stream: Stream) -> Key:
        if self.is_direct:
            return index
        length = self.inner.count(stream) or 0
        if index >= length:
            raise IndexError(index)
        return self.inner.locate(self._order(length)[index], stream)

    def _inner_key(self, key: Key) -> Key:
        return self._order(self.length or 0)[key] if self.is_direct else key

    def find(self, texts: Texts, stream: Stream) -> Iterator[int]:
        order = self._order(self.inner.count(stream) or 0)
        yield from sorted(order.index(number) for number in self.inner.find(texts, stream))

    def keys(self, texts: Texts, stream: Stream) -> Iterator[Key]:
        return super().keys(texts, stream) if self.is_direct else self.inner.keys(texts, stream)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Permuted):
            return NotImplemented
        return self.seed == other.seed and self.inner == other.inner

    def __hash__(self) -> int:
        return hash((self.inner, self.seed))

    def __repr__(self) -> str:
        return f"({self.inner!r}).shuffle(seed={self.seed})"

    def __getstate__(self) -> Any:
        return self.inner, self.seed

    def __setstate__(self, state: Any) -> None:
        Permuted.__init__(self, *state)


def n_items(numbers: range) -> int:
    """Return the length of a range of any size, which `len` cannot say beyond 2^63."""
    return max(0, -((numbers.start - numbers.stop) // numbers.step))


def _is_always_empty(part: slice) -> bool:
    """Whether a slice takes nothing, however many there are.

    Examples
    --------
    >>> [_is_always_empty(part) for part in (slice(0), slice(3, 1), slice(-1, -2), slice(1, 5, -1))]
    [True, True, True, True]
    >>> [_is_always_empty(part) for part in (slice(None), slice(1), slice(1, -1), slice(None, None, -1))]
    [False, False, False, False]
    """
    step = 1 if part.step is None else part.step
    start = (0 if step > 0 else -1) if part.start is None else part.start
    stop = part.stop
    return stop is not None and (start >= 0) == (stop >= 0) and (stop - start) * step <= 0


def _cut(part: slice, length: int) -> range:
    return range(*part.indices(length))


def _written(part: slice) -> str:
    bounds = [part.start, part.stop] if part.step in (None, 1) else [part.start, part.stop, part.step]
    return ":".join("" if bound is None else str(bound) for bound in bounds)
