"""Draws that belong to a config, not to its place.

A drawn value depends on the seed, the generation of the domain, the parameter, the sampler's content,
the config's listed values and a count; on nothing else. So no way of walking, cutting, extending or
distributing a domain changes it. The bits come from one Philox generator (J. K. Salmon et al.,
"Parallel random numbers: as easy as 1, 2, 3", SC 2011), re-keyed for each value.
"""

from __future__ import annotations

import threading
from hashlib import blake2b
from typing import Any

import numpy as np

from research.domain.hashing import canonical_text
from research.errors import UnstableValueError
from samplers import Sampler, make_seed


class _Keyed(threading.local):
    """One generator per thread, whose key is set before each use."""

    def __init__(self) -> None:
        self.bits = np.random.Philox(key=0)
        self.rng = np.random.Generator(self.bits)

    def at(self, key: bytes) -> np.random.Generator:
        self.bits.state = {
            "bit_generator": "Philox",
            "state": {"counter": _ZEROS, "key": np.frombuffer(key, dtype="<u8")},
            "buffer": _ZEROS,
            "buffer_pos": 4,
            "has_uint32": 0,
            "uinteger": 0,
        }
        return self.rng


_ZEROS = np.zeros(4, dtype=np.uint64)
_keyed = _Keyed()


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
        self.own_seed = None if sampler.seed is None else make_seed(sampler.seed)
        self._text: str | None = None

    def check(self) -> None:
        """Refuse a sampler whose content would not be recognised in another process."""
        try:
            self._text = canonical_text((self.name, type(self.sampler), self.sampler.content))
        except UnstableValueError as error:
            raise UnstableValueError(f"parameter {self.name!r}: {self.sampler!r}: {error}") from error

    def value(self, seed: int | None, default: int, place: str) -> Any:
        """Return the value of this parameter in one config.

        Parameters
        ----------
        seed : int or None
            The domain's seed; None leaves it to the sampler's own.
        default : int
            Seed where neither domain nor sampler has one.
        place : str
            Whatever else the value depends on.

        Returns
        -------
        object
            A Python scalar if the sampler has one dimension, else a tuple of them.
        """
        if seed is None:
            seed = default if self.own_seed is None else self.own_seed
        if self._text is None:
            self.check()
        key = blake2b(f"{seed}|{self._text}|{place}".encode(), digest_size=16).digest()
        point = self.sampler.draw(_keyed.at(key), 1)[0].tolist()
        return point[0] if self.sampler.dim == 1 else tuple(point)
