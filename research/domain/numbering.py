"""Numbers of the values of parameters, by which configs can be sorted as text."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from research.domain.algebra import Algebra
from research.domain.config import entries, join_entries
from research.domain.hashing import canonical_text, digest
from research.domain.values import unwrap
from samplers import Sampler

_PLAIN = frozenset({str, int, float, bool, type(None)})


class Numbering:
    """Numbers the values of each parameter in the order in which domains list them.

    So a number depends on neither the walk nor the number of configs that are taken: a shuffled grid, or a
    part of one, is sorted as the grid is. Equal values have equal numbers, and those of further domains
    follow on those before. Drawn values are numbered by the places of their configs in the domain.

    Listed values are looked at as far as they are asked for, and of those looked at a hash is kept. Of a
    range nothing is kept.
    """

    def __init__(self) -> None:
        self._names: tuple[str, ...] = ()
        self._parameters: dict[str, _Values] = {}

    def extend(self, domain: Algebra) -> None:
        """Go on with another domain."""
        self._names = domain.names
        columns: dict[str, dict[Any, Any]] = {name: {} for name in domain.names}
        for name, values in domain.columns():
            # products of one sum often share their factors
            columns[name][values if isinstance(values, range) else id(values)] = values
        for name, listed in columns.items():
            self._parameters.setdefault(name, _Values(name)).extend(list(listed.values()))

    def prefix(self, config: Mapping[str, Any], place: int, repetition: int, n_digits: int) -> str:
        """Return the numbers of a config's values and of its repetition, joined by underscores.

        Parameters
        ----------
        config : Mapping
            Values by the names of the domain's parameters, which may be an Alias.
        place : int
            Of the config in the domain, from 0; it goes on in a further pass.
        repetition : int
        n_digits : int
            At least so many digits have numbers. A parameter that the config lacks is `null`.
        """
        numbers = [
            f"{self._parameters[name].number(config[name], place):0{n_digits}d}" if name in config else "null"
            for name in self._names
        ]
        return "_".join([*numbers, f"{repetition:0{n_digits}d}"])


class _Values:
    """The values of one parameter.

    Parameters
    ----------
    name : str
    """

    __slots__ = ("_first_draw", "_head", "_is_drawn", "_n_draws", "_name", "_numbers", "_waiting")

    def __init__(self, name: str) -> None:
        self._name = name
        self._head = range(0)  # listed before all others; their numbers are found by arithmetic
        self._numbers: dict[int, int] = {}  # of the others that were looked at, by what they are
        self._waiting: deque[Iterator[Any]] = deque()
        self._is_drawn = False
        self._first_draw = self._n_draws = 0

    def extend(self, columns: list[Any]) -> None:
        """Let the values of a further domain follow: sequences, and samplers."""
        listed = [column for column in columns if not isinstance(column, Sampler)]
        self._is_drawn = len(listed) < len(columns)
        self._first_draw = self._n_draws
        is_first = not (self._head or self._numbers or self._waiting)
        if is_first and listed and isinstance(listed[0], range):
            self._head, *listed = listed
        self._waiting.extend(map(iter, listed))

    def number(self, value: Any, place: int) -> int:
        """Return the number of a value, in the config at some place."""
        if self._is_in_head(value):
            return self._head.index(int(unwrap(value)))
        key = self._key(value)
        if not self._look_for(key):
            if self._is_drawn:
                self._n_draws = max(self._n_draws, self._first_draw + place + 1)
                return len(self._head) + len(self._numbers) + self._first_draw + place
            self._add(key)  # a default beside configs that are listed one by one
        return self._numbers[key]

    def _look_for(self, key: int) -> bool:
        """Look at listed values until one is found; say whether it was."""
        if key in self._numbers:
            return True
        while self._waiting:
            for value in self._waiting[0]:
                if self._is_in_head(value):
                    continue
                found = self._key(value)
                self._add(found)
                if found == key:
                    return True
            self._waiting.popleft()
        return False

    def _add(self, key: int) -> None:
        self._numbers.setdefault(key, len(self._head) + len(self._numbers))

    def _is_in_head(self, value: Any) -> bool:
        plain = unwrap(value)
        is_int = isinstance(plain, int | np.integer) and not isinstance(plain, bool)
        return is_int and int(plain) in self._head

    def _key(self, value: Any) -> int:
        """Return a hash that equal values share, as configs are equal."""
        if type(value) in _PLAIN:
            return int(digest(canonical_text(value)), 16)
        pairs = entries([(self._name, value)])
        is_one = len(pairs) == 1 and pairs[0][0] == self._name
        return int(digest(pairs[0][1] if is_one else join_entries(pairs)), 16)
