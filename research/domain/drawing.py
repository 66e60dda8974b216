"""Draws that belong to a config, not to its place.

A drawn value depends on the seed, the generation of the domain, the parameter, the sampler's content,
the config's listed values and a count; on nothing else. So no way of walking, cutting, extending or
distributing a domain changes it. The bits come from one Philox generator (J. K. Salmon et al.,
"Parallel random numbers: as easy as 1, 2, 3", SC 2011), re-keyed for each value.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np

from research.domain.config import Config
from research.domain.hashing import canonical_text
from research.domain.rules import Rules
from research.errors import UnstableValueError
from samplers import Sampler

PENDING: Any = object()  # holds the place of a drawn value until the listed ones are known
_ZEROS = (0, 0, 0, 0)
_BUFFER: Any = _ZEROS


class _Keyed(threading.local):
    """One generator per thread, whose key is set before each use."""

    def __init__(self) -> None:
        self.bits = np.random.Philox(key=0)
        self.rng = np.random.Generator(self.bits)

    def at(self, key: bytes) -> np.random.Generator:
        halves = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")
        # numpy asks for arrays here, but takes tuples in half the time
        state: Any = {"counter": _ZEROS, "key": halves}
        self.bits.state = {
            "bit_generator": "Philox",
            "state": state,
            "buffer": _BUFFER,
            "buffer_pos": 4,
            "has_uint32": 0,
            "uinteger": 0,
        }
        return self.rng


_keyed = _Keyed()


class Stream(NamedTuple):
    """What draws depend on beside the config.

    Parameters
    ----------
    seed : int or None
        The domain's seed; None leaves it to the samplers' own.
    default : int
        Seed where neither domain nor sampler has one.
    generation : int
        How many times a study had replaced its domain by another.
    """

    seed: int | None = None
    default: int = 0
    generation: int = 0


class Draw:
    """A parameter whose values come from a sampler.

    Parameters
    ----------
    name : str
    sampler : Sampler
    """

    __slots__ = ("_text", "name", "own_seed", "sampler")

    def __init__(self, name: str, sampler: Sampler) -> None:
        self.name = name
        self.sampler = sampler
        self.own_seed: int | None = sampler.seed
        self._text: str | None = None  # what is hashed of the parameter and its sampler

    def check(self) -> None:
        """Refuse a sampler whose content would not be recognised in another process."""
        try:
            self._text = canonical_text((self.name, type(self.sampler), self.sampler.content))
        except UnstableValueError as error:
            raise UnstableValueError(f"parameter {self.name!r}: {self.sampler!r}: {error}") from error

    def bind(self, stream: Stream) -> Callable[[bytes], Any]:
        """Return a function from whatever else a value depends on to the value.

        Returns
        -------
        callable
            Gives a Python scalar if the sampler has one dimension, else a tuple of them.
        """
        seed = stream.seed
        if seed is None:
            seed = stream.default if self.own_seed is None else self.own_seed
        if self._text is None:
            self.check()
        beginning = blake2b(f"{seed}|{self._text}|".encode(), digest_size=16)
        draw_one = self.sampler.draw_one

        def draw(place: bytes) -> Any:
            hashed = beginning.copy()
            hashed.update(place)
            return draw_one(_keyed.at(hashed.digest()))

        return draw


class Pending(NamedTuple):
    """A value that is still to be drawn.

    Parameters
    ----------
    draw : Draw
    position : int or None
        In an endless sequence of nothing but draws, if the value comes from one.
    scope : Draft or None
        The part of the config that it depends on, if it is not the whole.
    """

    draw: Draw
    position: int | None
    scope: Draft | None


class Draft:
    """A config in the making.

    Attributes
    ----------
    items : dict
        Parameters and values, `PENDING` for those to be drawn.
    pending : list of Pending
    counts : list of int
        Positions in endless sequences of draws, from which parts of this config come.
    defaults : dict
        Canonical texts of defaults: a parameter that has its default is no part of the identity.
    rules : Rules or None
        What else is no part of it, or otherwise than by its value.
    """

    __slots__ = ("_listed", "counts", "defaults", "items", "pending", "rules")

    def __init__(self) -> None:
        self.items: dict[str, Any] = {}
        self.pending: list[Pending] = []
        self.counts: list[int] = []
        self.defaults: dict[str, str] = {}
        self.rules: Rules | None = None
        self._listed: str | None = None

    def include(self, part: Draft) -> None:
        """Take in a part whose draws depend on that part alone."""
        self.items.update(part.items)
        self.pending.extend(pending._replace(scope=pending.scope or part) for pending in part.pending)
        self.counts.extend(part.counts)
        self.defaults.update(part.defaults)
        self.rule(part.rules)

    def rule(self, rules: Rules | None) -> None:
        """Take in more rules, which prevail over those before."""
        if rules is not None:
            self.rules = rules if self.rules is None else self.rules.joined(rules)

    def config(self) -> Config:
        """Return the config that it has become."""
        return Config.of_items(self.items, self.defaults, self.rules)

    def draw(self, stream: Stream, pass_: int = 0, places: Sequence[str] | None = None) -> tuple[str, ...]:
        """Put drawn values in their places.

        Parameters
        ----------
        stream : Stream
        pass_ : int
            How many times the domain had been walked before.
        places : sequence of str, optional
            What this method returned for the same config, possibly in another process.

        Returns
        -------
        tuple of str
            What each of the draws depended on.
        """
        if places is None:
            places = [
                (pending.scope or self).place(stream.generation, pass_, pending.position)
                for pending in self.pending
            ]
        for pending, place in zip(self.pending, places, strict=True):
            self.items[pending.draw.name] = pending.draw.bind(stream)(place.encode())
        return tuple(places)

    def place(self, generation: int, pass_: int, position: int | None) -> str:
        """Return what a draw of this config depends on, beside the seed and its sampler."""
        if self._listed is None:
            known = {name: value for name, value in self.items.items() if value is not PENDING}
            self._listed = self._text_of(known)
        if position is not None:
            number = f"{position}.{pass_}" if pass_ else str(position)
        else:
            number = f"{pass_}@{self.counts}" if self.counts else str(pass_)
        return place_text(generation, number, self._listed)

    def _text_of(self, known: dict[str, Any]) -> str:
        config = Config.of_items(known, self.defaults, self.rules)
        try:
            return config.canonical
        except KeyError as error:
            names = ", ".join(repr(pending.draw.name) for pending in self.pending)
            raise ValueError(
                f"a rule by which parameters are hashed asks for one that is not there: {error}; draws go by "
                f"the identity of what is listed beside them, and {names} is drawn: let rules read other "
                "parameters"
            ) from error


def place_text(generation: int, number: str, listed: str) -> str:
    """Return what a draw depends on, beside the seed and its sampler.

    Parameters
    ----------
    generation : int
    number : str
        Of the pass; of the position in an endless sequence of draws, if the value comes from one.
    listed : str
        Canonical text of the listed values beside it.
    """
    return f"{generation}|{number}|{listed}"
