"""What makes an experiment the same experiment, and the random stream that belongs to it."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np


def experiment_id(canonical_config: str, repetition: int = 0, generation: int = 0, pass_: int = 0) -> str:
    """Return the 16 hex digits by which an experiment is known.

    Parameters
    ----------
    canonical_config : str
        `Config.canonical`.
    repetition : int
    generation : int
        How many times the study had replaced its domain.
    pass_ : int
        How many times the domain had been walked before.
    """
    text = f"{canonical_config}|{repetition}|{generation}|{pass_}"
    return blake2b(text.encode(), digest_size=8).hexdigest()


def experiment_rng(seed: int, experiment: str) -> np.random.Generator:
    """Make the generator of one experiment's own stream, from the study's seed and the experiment's id.

    PCG64DXSM behind a SeedSequence of 128 hashed bits, so that it can `spawn`. No position enters: neither
    a larger domain nor another order changes a stream.
    """
    return np.random.Generator(np.random.PCG64DXSM(experiment_seeds(seed, experiment)))


def experiment_seeds(seed: int, purpose: str) -> np.random.SeedSequence:
    """Make a sequence of seeds from the study's seed and a text, an experiment's id for instance."""
    return np.random.SeedSequence(int.from_bytes(experiment_bytes(seed, purpose, 16), "little"))


def experiment_bytes(seed: int, purpose: str, n_bytes: int) -> bytes:
    """Make at most 64 random bytes from the study's seed and a text; another number gives others."""
    return blake2b(f"{seed}|{purpose}".encode(), digest_size=n_bytes).digest()
