"""How good configs are: their scores, the means over repetitions, as costs."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from research.domain import Config
from research.events import DONE, QUEUED, RUNNING, STOPPED
from research.refining.arguments import checked_modes, checked_names
from research.refining.ranking import best_first

if TYPE_CHECKING:
    from research.results.lineage import Evaluated

UNENDED = (QUEUED, RUNNING, STOPPED)


class Candidate(NamedTuple):
    """A config with its scores, of all its repetitions.

    Parameters
    ----------
    id : str
        Of the first of its experiments.
    config : Config
    costs : tuple of float
        One for each objective; less is better, nan is missing.
    canonical : str
    generation : int
        In which it was first run.
    ids : tuple of str
        Of its experiments in that generation, one for each repetition.
    """

    id: str
    config: Config
    costs: tuple[float, ...]
    canonical: str
    generation: int
    ids: tuple[str, ...]

    @property
    def is_known(self) -> bool:
        """Whether it has all scores."""
        return not any(map(np.isnan, self.costs))


class Objectives:
    """What is to be made best.

    Parameters
    ----------
    objective : str or list of str
        Variables.
    mode : 'max' or 'min', or a list of them

    Raises
    ------
    ValueError
        Names the argument that makes no sense.
    """

    def __init__(self, objective: str | Sequence[str], mode: str | Sequence[str]) -> None:
        self.names = checked_names("objective", objective)
        self.modes = checked_modes(mode, len(self.names))

    def candidates(self, evaluated: Sequence[Evaluated]) -> list[Candidate]:
        """Return configs all of whose experiments have ended, by their ids: an order that nothing changes.

        Raises
        ------
        TypeError
            If a score is no number.
        """
        runs: dict[str, list[Evaluated]] = {}
        for item in sorted(evaluated, key=lambda item: (item.generation, item.repetition, item.id)):
            runs.setdefault(item.canonical, []).append(item)
        ended = [items for items in runs.values() if not any(item.status in UNENDED for item in items)]
        found = [self._candidate(items) for items in ended]
        return sorted(found, key=lambda item: item.id)

    def _candidate(self, items: Sequence[Evaluated]) -> Candidate:
        first = items[0]
        costs = _means([self._costs(item) for item in items])
        ids: dict[int, str] = {}  # a domain that was walked twice has several
        for item in items:
            if item.generation == first.generation:
                ids.setdefault(item.repetition, item.id)
        by_repetition = tuple(ids[repetition] for repetition in sorted(ids))
        return Candidate(first.id, first.config, costs, first.canonical, first.generation, by_repetition)

    def _costs(self, item: Evaluated) -> list[float]:
        """Return what is to be made little, nan where it is missing."""
        from research.results.comparing import is_missing, is_number  # these load pandas

        if item.status != DONE:
            return [np.nan] * len(self.names)
        costs = []
        for name, mode, value in zip(self.names, self.modes, item.values, strict=True):
            if is_missing(value):
                costs.append(np.nan)
            elif is_number(value):
                costs.append(float(value) if mode == "min" else -float(value))
            else:
                raise TypeError(
                    f"the objective {name!r} must be a number, got {type(value).__name__} {value!r} in the "
                    f"experiment {item.id!r}"
                )
        return costs

    def __repr__(self) -> str:
        mode: Any = self.modes[0] if len(set(self.modes)) == 1 else list(self.modes)
        objective: Any = self.names[0] if len(self.names) == 1 else list(self.names)
        return f"{objective!r}, mode={mode!r}"


def ranked(candidates: Sequence[Candidate], n: int | None = None) -> list[Candidate]:
    """Return candidates from the best to the worst, or the best `n` of them."""
    n_objectives = len(candidates[0].costs) if candidates else 1
    costs = np.array([item.costs for item in candidates]).reshape(len(candidates), n_objectives)
    return [candidates[place] for place in best_first(costs, n)]


def last_generation(evaluated: Sequence[Evaluated]) -> int:
    """Return how many times the domain has been replaced."""
    return max((item.generation for item in evaluated), default=0)


def digest_of(text: str) -> int:
    """Return an int of 128 bits for what is made at random: by which refiner, when, for whom."""
    return int.from_bytes(blake2b(text.encode(), digest_size=16).digest(), "little")


def rng_of(seed: int, text: str) -> np.random.Generator:
    """Return a generator that follows from the seed and from what it is for."""
    return np.random.Generator(np.random.PCG64DXSM([seed, digest_of(text)]))


def _means(rows: Sequence[Sequence[float]]) -> tuple[float, ...]:
    """Return the mean of each column; nan if one of it is, or if it is infinite both ways."""
    return tuple(sum(column) / len(rows) for column in zip(*rows, strict=True))
