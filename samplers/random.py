"""Seeds and generators: one place that says what a `seed` argument may be."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from operator import index
from typing import Any, TypeAlias

import numpy as np

Seed: TypeAlias = Any  # None | bool | int | SeedSequence | Generator | object with `random_seed`


def make_seed(seed: Seed = None) -> int:
    """Turn anything that users pass as a seed into one non-negative integer.

    Parameters
    ----------
    seed : None, bool, int, numpy.random.SeedSequence, numpy.random.Generator or object
        - None, True, False: fresh entropy of 128 bits from the operating system;
        - int: itself;
        - SeedSequence: 128 bits of the state it generates;
        - Generator: 63 bits drawn from it, which advances it;
        - any object with an attribute `random_seed` that is one of these: that attribute.

    Returns
    -------
    int
        A number that can be recorded and passed again to get the same streams.

    Raises
    ------
    ValueError
        If `seed` is a negative number.
    TypeError
        If it is none of the above.

    Examples
    --------
    >>> make_seed(42)
    42
    >>> make_seed(None) != make_seed(None)
    True
    """
    if type(seed) is int and seed >= 0:
        return seed
    if seed is None or isinstance(seed, bool | np.bool_):
        return int.from_bytes(np.random.SeedSequence().generate_state(4).tobytes(), "little")
    if isinstance(seed, np.random.SeedSequence):
        return int.from_bytes(seed.generate_state(4).tobytes(), "little")
    if isinstance(seed, np.random.Generator):
        return int(seed.integers(2**63))
    try:
        number = index(seed)
    except TypeError:
        if hasattr(seed, "random_seed"):
            return make_seed(seed.random_seed)
        raise TypeError(
            "`seed` must be None, a bool, a non-negative int, a numpy SeedSequence or Generator, "
            f"or an object with `random_seed`, got {seed!r}"
        ) from None
    if number < 0:
        raise ValueError(f"`seed` must not be negative, got {number}")
    return number


def fixed_seed(seed: Seed) -> int | None:
    """Return a seed as an int; None for what asks for fresh entropy: None, a bool, an object with these."""
    while not isinstance(seed, np.random.SeedSequence | np.random.Generator) and hasattr(seed, "random_seed"):
        seed = seed.random_seed
    return None if seed is None or isinstance(seed, bool | np.bool_) else make_seed(seed)


def combine_seeds(seeds: Iterable[int | None]) -> int | None:
    """Return one seed for what is made of several seeded things: None if none of them has one.

    A single thing keeps its seed.
    """
    numbers = list(seeds)
    if len(numbers) == 1 or all(number is None for number in numbers):
        return numbers[0]
    return int.from_bytes(blake2b(repr(numbers).encode(), digest_size=16).digest(), "little")


def make_rng(seed: Seed = None) -> np.random.Generator:
    """Make a generator whose bits depend on `seed` alone.

    Parameters
    ----------
    seed : see `make_seed`

    Returns
    -------
    numpy.random.Generator
        PCG64DXSM, seeded through a SeedSequence, so that it can `spawn` further generators.

    Examples
    --------
    >>> make_rng(1).integers(100, size=3).tolist() == make_rng(1).integers(100, size=3).tolist()
    True
    """
    return np.random.Generator(np.random.PCG64DXSM(np.random.SeedSequence(make_seed(seed))))
