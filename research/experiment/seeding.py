"""Generators that belong to the whole process: those of `random`, of numpy and of torch.

Units that draw from them repeat only if each experiment finds them as its own seed leaves them. A process
has one of each, so that experiments that take turns have to hand them over.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.random import mtrand

from research.experiment.running import RunningExperiment

PURPOSE = "global generators"
_PYTHON: Any = getattr(random.seed, "__self__", None)  # whose methods are the functions of `random`


class States(NamedTuple):
    """Where the global generators are."""

    python: tuple[Any, ...]
    numpy: tuple[np.random.BitGenerator, Any]
    torch: tuple[Any, Any] | None  # of the CPU, of CUDA's devices if they are in use


def seed_globals(run: RunningExperiment) -> None:
    """Seed all global generators from an experiment's stream, those of torch if it has been imported.

    Each gets bits of its own. Those of numpy are 32, so that among 100,000 experiments two are likely to
    draw the same from it: to seed it by an array of more words takes longer than all the rest of this.
    """
    bits = run.seed_bytes(PURPOSE, 28)
    _seed_python(int.from_bytes(bits[:16], "little"))
    if not isinstance(mtrand.get_bit_generator(), np.random.MT19937):
        mtrand.set_bit_generator(np.random.MT19937())  # whatever an earlier experiment has put there
    np.random.seed(int.from_bytes(bits[16:20], "little"))
    torch = _find_torch()
    if torch is not None:
        torch.manual_seed(int.from_bytes(bits[20:], "little") >> 1)  # as int64, which libraries make of it


def _seed_python(seed: int) -> None:
    """Do what `random.seed` does with an integer, without asking what it was given."""
    if type(_PYTHON) is random.Random:
        super(random.Random, _PYTHON).seed(seed)
        _PYTHON.gauss_next = None  # type: ignore[attr-defined]  # half of a pair that `gauss` has drawn
    else:  # somebody has put a function of their own there
        random.seed(seed)


def take_states() -> States:
    """Return the states of all global generators."""
    torch = _find_torch()
    return States(
        random.getstate(),
        (mtrand.get_bit_generator(), np.random.get_state(legacy=False)),
        None if torch is None else (torch.get_rng_state(), _take_cuda(torch)),
    )


def put_states(states: States) -> None:
    """Put the global generators where they were; of torch, if it was imported then."""
    random.setstate(states.python)
    bit_generator, state = states.numpy
    if mtrand.get_bit_generator() is not bit_generator:
        mtrand.set_bit_generator(bit_generator)
    np.random.set_state(state)
    torch = _find_torch()
    if torch is None or states.torch is None:
        return
    cpu, cuda = states.torch
    torch.set_rng_state(cpu)
    if cuda is not None:
        torch.cuda.set_rng_state_all(cuda)
    else:  # as `manual_seed` had left it: what a seed makes of CUDA's generators when they come to be
        torch.cuda.manual_seed_all(torch.initial_seed())


@contextmanager
def kept_globals() -> Iterator[None]:
    """Put the global generators back at the end, whatever happens."""
    states = take_states()
    try:
        yield
    finally:
        put_states(states)


class Turns:
    """Experiments that take turns in one process.

    Parameters
    ----------
    on_turn : callable, optional
        Told of the experiments that something is about to run for.
    seed_libraries : bool
        Whether each finds the global generators as it left them, seeded if it is its first turn.
    """

    __slots__ = ("_left", "_on_turn", "_present", "_seed_libraries")

    def __init__(
        self, on_turn: Callable[[Sequence[RunningExperiment]], None] | None, seed_libraries: bool
    ) -> None:
        self._on_turn = on_turn
        self._seed_libraries = seed_libraries
        self._present: RunningExperiment | None = None
        self._left: dict[RunningExperiment, States] = {}

    def begin(self, run: RunningExperiment, seen_by: Sequence[RunningExperiment]) -> None:
        """Let one begin; what it does is for those that see it, which are many if it is a root."""
        if self._seed_libraries and run is not self._present:
            self._hand_over(run)
        if self._on_turn is not None:
            self._on_turn(seen_by)

    def _hand_over(self, run: RunningExperiment) -> None:
        if self._present is not None:
            self._left[self._present] = take_states()
        self._present = run
        if run in self._left:
            put_states(self._left.pop(run))
        else:
            seed_globals(run)


def _take_cuda(torch: Any) -> Any:
    return torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None


def _find_torch() -> Any:
    """Return torch if it has been imported: who does not use it should not wait for it."""
    torch = sys.modules.get("torch")
    return torch if torch is not None and hasattr(torch, "manual_seed") else None  # (or another of that name)
