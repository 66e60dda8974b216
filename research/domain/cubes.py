"""Products of factors: grids, with the conditions that their configs must meet."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import prod
from typing import Any

from research.domain.conditions import Condition
from research.domain.config import Config, entries
from research.domain.drawing import Draft, Stream
from research.domain.factors import Column, DrawFactor, Factor, Key, Texts, within
from research.domain.finding import Finding, Found
from research.domain.grids import are_options, walk_options
from research.domain.names import check_names
from research.domain.naming import grid_texts
from research.domain.rests import Rests
from research.domain.rules import Rules
from research.domain.searching import search, search_draws
from research.domain.writing import write_product

_LARGEST_COLUMN = 2**20  # values that a filter of one parameter is asked about at once


class Cube(Finding):
    """A product of factors, the last one fastest, less the configs that do not meet its conditions.

    Parameters
    ----------
    factors : sequence of Factor
        Without any, the product has one empty config. Only the first may be endless.
    weight : float, optional
        Its share in sums of weighted products.
    conditions : sequence of Condition, optional
    defaults : Mapping, optional
        Values of parameters that a config may lack: with or without them it is the same config.
    rules : Rules, optional
        What else is no part of identities, or otherwise than by its value.

    Raises
    ------
    ValueError
        If a parameter is given twice, a factor after the first is endless, or the weight is not positive and
        finite.
    """

    __slots__ = (
        "_default_texts",
        "_found",
        "_is_arithmetic",
        "_listed_names",
        "_radices",
        "_rests",
        "_texts",
        "conditions",
        "defaults",
        "drawn",
        "factors",
        "is_direct",
        "is_endless",
        "is_volatile",
        "length",
        "names",
        "only_draws",
        "rules",
        "weight",
    )

    def __init__(
        self,
        factors: Sequence[Factor],
        weight: float | None = None,
        conditions: Sequence[Condition] = (),
        defaults: Mapping[str, Any] | None = None,
        rules: Rules | None = None,
    ) -> None:
        self.factors = tuple(factors)
        self.rules = rules
        if weight is not None and not 0 < weight < math.inf:
            raise ValueError(f"weights multiplied must stay positive and finite, got {weight!r}")
        self.weight = weight
        self.conditions = tuple(conditions)
        self.defaults = dict(defaults or {})
        listed = [name for factor in self.factors for name in factor.names]
        self.names = (*listed, *(name for name in self.defaults if name not in listed))
        check_names(self.names if len(set(listed)) == len(listed) else listed)
        self._listed_names = listed
        self._default_texts = dict(entries(self.defaults.items()))
        self.drawn = frozenset().union(*(factor.drawn for factor in self.factors))
        self.only_draws = bool(self.factors) and all(isinstance(item, DrawFactor) for item in self.factors)
        for factor in self.factors[1:]:
            if factor.is_endless:
                raise ValueError(
                    f"in a product only the first domain may be endless, got {factor!r} after others"
                )
        self.is_endless = self.only_draws or any(factor.is_endless for factor in self.factors)
        self.is_volatile = any(factor.is_volatile for factor in self.factors) or any(
            not self.drawn.isdisjoint(condition.reads) for condition in self.conditions
        )
        lengths = [factor.length for factor in self.factors]
        is_known = None not in lengths[1:] and not any(factor.is_volatile for factor in self.factors)
        self._radices = _radices(self.factors, [length or 0 for length in lengths]) if is_known else None
        self._is_arithmetic = is_known and all(factor.is_direct for factor in self.factors)
        self.is_direct = self._is_arithmetic and not self.conditions
        self.length = None
        if not self.conditions and not self.is_endless and None not in lengths:
            self.length = prod(length for length in lengths if length is not None)
        elif 0 in lengths:
            self.length = 0
        self._found: dict[Stream | None, Found] = {}
        self._texts: Callable[[int], str | None] | None = None
        self._rests: dict[int, Rests] = {}

    @property
    def default_texts(self) -> Mapping[str, str]:
        """Canonical texts of defaults, by paths."""
        return self._default_texts

    def with_(self, **changes: Any) -> Cube:
        """Return a copy with another weight, other conditions, defaults or rules."""
        given = {
            "factors": self.factors,
            "weight": self.weight,
            "conditions": self.conditions,
            "defaults": self.defaults,
            "rules": self.rules,
        }
        return Cube(**{**given, **changes})

    def where(self, condition: Condition) -> Cube:
        """Add a condition; if it reads one listed parameter alone, by leaving values out."""
        for number, factor in enumerate(self.factors):
            if (
                isinstance(factor, Column)
                and condition.reads == {*factor.names}
                and factor.length <= _LARGEST_COLUMN
            ):
                factors = [*self.factors[:number], factor.where(condition.holds), *self.factors[number + 1 :]]
                return self.with_(factors=factors)
        return self.with_(conditions=(*self.conditions, condition))

    def radices(self, stream: Stream) -> Sequence[tuple[Factor, int, int]]:
        """Return factors with strides and lengths; an endless or uncounted first one has the length 0."""
        if self._radices is not None:
            return self._radices
        lengths = [
            self.factors[0].known(stream) or 0,
            *(item.count(stream) or 0 for item in self.factors[1:]),
        ]
        return _radices(self.factors, lengths)

    def count(self, stream: Stream) -> int | None:
        if self.length is not None:
            return self.length
        if self.conditions:
            return None if self.is_endless else self.found(stream).count()
        return self._size(stream)

    def _size(self, stream: Stream) -> int | None:
        """Number of configs without regard to conditions."""
        if self.is_endless:
            return None
        return prod(factor.count(stream) or 0 for factor in self.factors)

    def known(self, stream: Stream) -> int | None:
        if self.length is not None:
            return self.length
        if self.conditions:
            return super().known(stream)
        known = [factor.known(stream) for factor in self.factors]
        return None if self.is_endless or None in known else prod(length or 0 for length in known)

    def reach(self, n_configs: int, stream: Stream) -> int:
        if self.length is not None:
            return min(n_configs, self.length)
        if self.conditions:
            return self.found(stream).reach(n_configs)
        if self.only_draws:
            return n_configs
        inner = prod(length for _, _, length in self.radices(stream)[1:])
        if not inner:
            return 0
        return min(n_configs, self.factors[0].reach(-(-n_configs // inner), stream) * inner)

    def locate(self, index: int, stream: Stream) -> Key:
        if self.is_direct:
            return index
        return self._key(self.found(stream)[index] if self.conditions else index, stream)

    def _key(self, position: int, stream: Stream) -> Key:
        if self.only_draws or self._is_arithmetic:
            return position
        return tuple(
            factor.locate(position // stride % length if length else position // stride, stream)
            for factor, stride, length in self.radices(stream)
        )

    def put(self, key: Key, draft: Draft) -> None:
        self._put_factors(key, draft)
        if self.defaults:
            draft.defaults = {**self._default_texts, **draft.defaults}
            draft.items = {**draft.items, **{k: v for k, v in self.defaults.items() if k not in draft.items}}
        if self.rules is not None:
            draft.rule(self.rules)

    def _put_factors(self, key: Key, draft: Draft) -> None:
        if self.only_draws:
            draft.counts.append(key)
            for factor in self.factors:
                factor.put(0, draft, key)  # type: ignore[call-arg]
        elif isinstance(key, tuple):
            for factor, own in zip(self.factors, key, strict=True):
                factor.put(own, draft)
        else:
            for factor, stride, length in self._radices or ():
                factor.put(key // stride % length if length else key // stride, draft)

    def _unfilled(self, key: Key) -> Draft:
        """Return a config without defaults for what it lacks, as conditions are asked about it."""
        draft = Draft()
        self._put_factors(key, draft)
        draft.defaults = {**self._default_texts, **draft.defaults}
        return draft

    def find(self, texts: Texts, stream: Stream) -> Iterator[int]:
        if not self.defaults and self.rules is None:
            return self._find(texts, stream)
        found = heapq.merge(*(self._find(variant, stream) for variant in self._variants(texts)))
        return (number for number, _ in itertools.groupby(found))

    def keys(self, texts: Texts, stream: Stream) -> Iterator[Key]:
        for variant in self._variants(texts):
            if not self._may_have(variant):
                continue
            for key in self._keys(variant, stream):
                if not self.conditions:
                    yield key
                    continue
                draft = self._unfilled(key)
                draft.draw(stream)
                if all(condition.holds(draft.items) for condition in self.conditions):
                    yield key

    def _variants(self, texts: Texts) -> Iterable[Texts]:
        """Return what factors may hold of a config: with each of its defaults, and without."""
        variants: list[Texts] = [texts if self.rules is None else self.rules.without(texts)]
        for name in self.defaults:
            own = within(self._default_texts, [name])
            variants = [changed for variant in variants for changed in _with_and_without(variant, own, name)]
        return variants

    def _find(self, texts: Texts, stream: Stream) -> Iterator[int]:
        if not self._may_have(texts):
            return
        positions = itertools.count() if self.only_draws else self._find_positions(texts, stream)
        for position in positions:
            index = self.found(stream).index(position) if self.conditions else position
            if index is not None:
                yield index

    def _may_have(self, texts: Texts) -> bool:
        """Whether all parameters are known, one by one or as groups for which a rule stands."""
        unknown = set(texts).difference(within(texts, self._listed_names))
        return all(any(name.startswith(f"{path}/") for name in self._listed_names) for path in unknown)

    def _indices(self, place: int, texts: Texts, stream: Stream) -> Iterator[int]:
        """Return indices of a factor at which these values may be; where it has rules, others as well."""
        factor = self.factors[place]
        if self.rules is None or not self.rules.touches(factor.names):
            return factor.find(within(texts, factor.names), stream)
        if isinstance(factor, Column):
            return iter(range(factor.length))
        if factor.is_volatile or place not in self._rests:
            self._rests[place] = Rests(factor, self.rules, stream)
        return self._rests[place].find(within(texts, factor.names))

    def _find_positions(self, texts: Texts, stream: Stream) -> Iterator[int]:
        strides = [stride for _, stride, _ in self.radices(stream)]
        found = [self._indices(place, texts, stream) for place in range(len(self.factors))]
        for numbers in _product(found):
            yield sum(number * stride for number, stride in zip(numbers, strides, strict=True))

    def _keys(self, texts: Texts, stream: Stream) -> Iterator[Key]:
        if self.only_draws:
            return iter(itertools.count())
        if self._is_arithmetic:
            return self._find_positions(texts, stream)
        if self.rules is not None and self.rules.touches(self._listed_names):
            return (self._key(position, stream) for position in self._find_positions(texts, stream))
        return _product([item.keys(within(texts, item.names), stream) for item in self.factors])

    def search(self, stream: Stream) -> Found:
        def make(position: int) -> Draft:
            return self._unfilled(self._key(position, stream))

        if self.only_draws:
            return search_draws(self.conditions, make, stream)
        return search(self.radices(stream), self.conditions, make, stream)

    def configs(self, stream: Stream) -> Iterator[Config]:
        """Make the configs one after another."""
        is_plain = self.is_direct and not self.is_endless and not self.defaults and self.rules is None
        if is_plain and are_options(self.factors):
            yield from walk_options(self.factors, stream)
            return
        index = 0
        while self.reach(index + 1, stream) > index:
            yield self.config(self.locate(index, stream), stream)
            index += 1

    @property
    def is_bare(self) -> bool:
        return not (self.defaults or self.rules) and all(factor.is_bare for factor in self.factors)

    def canonical(self, key: Key) -> str | None:
        if self.defaults or self.only_draws or self.rules is not None:
            return None
        if isinstance(key, tuple):
            return self.factors[0].canonical(key[0]) if len(key) == 1 else None
        if self._texts is None:
            is_view = len(self.factors) == 1 and not isinstance(self.factors[0], Column)
            self._texts = self.factors[0].canonical if is_view else grid_texts(self._radices or ())
        return self._texts(key)

    def config(self, key: Key, stream: Stream) -> Config:
        """Make one config, of the first pass over the domain."""
        draft = Draft()
        self.put(key, draft)
        if draft.pending:
            draft.draw(stream)
        return draft.config()

    def check(self) -> None:
        for factor in self.factors:
            factor.check()

    def columns(self) -> Iterator[tuple[str, Any]]:
        for factor in self.factors:
            yield from factor.columns()
        lacking = [name for name in self.defaults if name not in self._listed_names]
        yield from ((name, (self.defaults[name],)) for name in lacking)

    def __mul__(self, other: Cube) -> Cube:
        weights = [weight for weight in (self.weight, other.weight) if weight is not None]
        return Cube(
            self.factors + other.factors,
            prod(weights) if weights else None,
            self.conditions + other.conditions,
            {**self.defaults, **other.defaults},
            other.rules if self.rules is None else self.rules.joined(other.rules),
        )

    def _content(self) -> tuple[Any, ...]:
        return self.factors, self.weight, frozenset(self.conditions), self._default_texts, self.rules

    def __eq__(self, other: object) -> bool:
        return self._content() == other._content() if isinstance(other, Cube) else NotImplemented

    def __hash__(self) -> int:
        return hash((self.factors, self.weight, frozenset(self.conditions)))

    def __repr__(self) -> str:
        return write_product(self.factors, self.conditions, self.defaults, self.weight, self.rules)

    def __getstate__(self) -> Any:
        return self.factors, self.weight, self.conditions, self.defaults, self.rules

    def __setstate__(self, state: Any) -> None:
        Cube.__init__(self, *state)


def _radices(factors: Sequence[Factor], lengths: Sequence[int]) -> tuple[tuple[Factor, int, int], ...]:
    size = 1
    radices = []
    for factor, length in zip(reversed(factors), reversed(lengths), strict=True):
        radices.append((factor, size, length))
        size *= length
    return tuple(reversed(radices))


def _product(iterators: Sequence[Iterator[Any]]) -> Iterator[tuple[Any, ...]]:
    """Like itertools.product, where the first may be endless."""
    if not iterators:
        yield ()
        return
    first, *others = iterators
    rest = list(itertools.product(*others))
    for item in first if rest else ():
        yield from ((item, *following) for following in rest)


def _with_and_without(texts: Texts, own: Texts, name: str) -> list[Texts]:
    """Return what factors may hold of a config that has a default, or lacks the parameter."""
    given = within(texts, [name])
    if given and given != own:
        return [texts]
    return [{**texts, **own}, {path: text for path, text in texts.items() if path not in own}]
