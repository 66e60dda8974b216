"""Parts of configs that are changed and combined as wholes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from research.domain.config import entries, join_entries
from research.domain.drawing import Draft, Stream
from research.domain.factors import Factor, Texts
from research.domain.values import unwrap
from samplers import Float, Sampler
from samplers.options import Choice, Ordinal
from samplers.typed import Numbered, Parameter

MISSING: Any = object()  # a config has no such value
_STREAM = Stream()
_ROUNDING = 1e-12  # of places


class Gene(ABC):
    """One parameter, or several whose values go together.

    Parameters
    ----------
    names : tuple of str
        The parameters.
    n_values : int or None
        How many values there are; None if they cannot be counted.
    """

    def __init__(self, names: tuple[str, ...], n_values: int | None) -> None:
        self.names = names
        self.n_values = n_values

    @abstractmethod
    def read(self, items: Mapping[str, Any], texts: Texts) -> Any:
        """Return the value that a config has, `MISSING` if that is none of this gene.

        Parameters
        ----------
        items : Mapping
            Values of the config.
        texts : Mapping
            Canonical texts of those that belong to this gene, by paths.
        """

    @abstractmethod
    def draw(self, rng: np.random.Generator) -> Any:
        """Return any value."""

    @abstractmethod
    def mutate(self, value: Any, rng: np.random.Generator, step: float) -> Any:
        """Return another value; the same only if there is no other."""

    def cross(self, left: Any, right: Any, rng: np.random.Generator, eta: float) -> tuple[Any, Any]:
        """Return two values made of two others."""
        return (left, right) if rng.random() < 0.5 else (right, left)

    def place(self, value: Any) -> float | None:
        """Return where in [0, 1] a value is; None where values have no order."""
        return None

    def around(self, value: Any, offsets: Sequence[float]) -> list[Any]:
        """Return values that are so far from one, each once; that alone where values have no order.

        Parameters
        ----------
        value : object
        offsets : sequence of float
            Parts of [0, 1]. What is beyond the ends is left out; another value than `value` is a whole step
            away at least.
        """
        return [value]

    def number(self, number: int) -> Any:
        """Return value number `number`, where they can be counted."""
        raise NotImplementedError

    def put(self, value: Any, draft: Draft) -> None:
        """Write a value into a config."""
        draft.items[self.names[0]] = value


class TypedGene(Gene):
    """A parameter that knows its type.

    Parameters
    ----------
    name : str
    kind : Parameter
    """

    def __init__(self, name: str, kind: Parameter) -> None:
        super().__init__((name,), kind.n_values)
        self.kind = kind
        self._options: dict[str, Any] | None = None
        if isinstance(kind, Ordinal):  # what was stored may be a name only, as that of a function
            self._options = {join_entries(entries([(name, option)])): option for option in kind.options}

    def read(self, items: Mapping[str, Any], texts: Texts) -> Any:
        if self._options is not None:
            return self._options.get(join_entries(sorted(texts.items())), MISSING)
        value = unwrap(items.get(self.names[0], MISSING))
        if not self.kind.contains(value):
            return MISSING
        return float(value) if isinstance(self.kind, Float) else int(value)

    def draw(self, rng: np.random.Generator) -> Any:
        return self.kind.draw_one(rng)

    def mutate(self, value: Any, rng: np.random.Generator, step: float) -> Any:
        return self.kind.mutate(value, rng, step)

    def cross(self, left: Any, right: Any, rng: np.random.Generator, eta: float) -> tuple[Any, Any]:
        return self.kind.cross(left, right, rng, eta)

    def place(self, value: Any) -> float | None:
        return None if isinstance(self.kind, Choice) else self.kind.place(value)

    def around(self, value: Any, offsets: Sequence[float]) -> list[Any]:
        kind, place = self.kind, self.place(value)
        if place is None:
            return [value]
        inside = [offset for offset in offsets if -_ROUNDING <= place + offset <= 1 + _ROUNDING]
        if not isinstance(kind, Numbered):
            return list(dict.fromkeys(kind.at(place + offset) if offset else value for offset in inside))
        own = kind.number(value)
        numbers = [_stepped(own, kind.number_at(max(place + offset, 0.0)), offset) for offset in inside]
        return [kind.value(number) for number in dict.fromkeys(numbers) if 0 <= number < kind.n_values]

    def number(self, number: int) -> Any:
        return self.kind.value(number)  # type: ignore[attr-defined]  # only those that can be counted


def _stepped(own: int, number: int, offset: float) -> int:
    """Return a number; if it is no other than one's own, the next one in that direction."""
    return own + (offset > 0) - (offset < 0) if number == own else number


class DrawnGene(Gene):
    """A parameter of which only a distribution is known: another value is another draw.

    Parameters
    ----------
    name : str
    sampler : Sampler
    """

    def __init__(self, name: str, sampler: Sampler) -> None:
        super().__init__((name,), None)
        self.sampler = sampler

    def read(self, items: Mapping[str, Any], texts: Texts) -> Any:
        return items.get(self.names[0], MISSING)

    def draw(self, rng: np.random.Generator) -> Any:
        return self.sampler.draw_one(rng)

    def mutate(self, value: Any, rng: np.random.Generator, step: float) -> Any:
        return self.sampler.draw_one(rng)


class ListedGene(Gene):
    """Values that are listed, of one parameter or of several side by side, known by their numbers."""

    def __init__(self, factor: Factor) -> None:
        n_values = factor.count(_STREAM) or 0
        super().__init__(factor.names, n_values)
        self._factor = factor

    def read(self, items: Mapping[str, Any], texts: Texts) -> Any:
        return next(self._factor.find(texts, _STREAM), MISSING)

    def draw(self, rng: np.random.Generator) -> Any:
        return int(rng.integers(self.n_values or 1))

    def mutate(self, value: Any, rng: np.random.Generator, step: float) -> Any:
        n_values = self.n_values or 1
        return value if n_values == 1 else (value + 1 + int(rng.integers(n_values - 1))) % n_values

    def number(self, number: int) -> Any:
        return number

    def put(self, value: Any, draft: Draft) -> None:
        self._factor.put(self._factor.locate(value, _STREAM), draft)
