"""A study of Optuna that is told what is stored, generation by generation, and asked for the next one."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from research.domain import Config
from research.errors import NoMatchError
from research.refining.breeding import Brood, Constraint, Recipe, allowed, parent_of
from research.refining.dimensions import Dimension, suggest
from research.refining.scoring import Candidate, digest_of, rng_of
from research.refining.spaces import Genome, Species

if TYPE_CHECKING:
    import optuna
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial, Trial

N_ASKED = 50  # times in a row that nothing new may be suggested before configs are drawn
_PRODUCT = "product"  # the parameter that says to which product of a domain a trial belongs


class Request(NamedTuple):
    """What a sampler is asked.

    Parameters
    ----------
    sampler : optuna.samplers.BaseSampler
        Never used itself, but copies of it.
    species : sequence of Species
    modes : tuple of 'max' or 'min'
    children : int
    constraints : tuple of callable
    seed : int
    """

    sampler: BaseSampler
    species: Sequence[Species]
    modes: tuple[str, ...]
    children: int
    constraints: tuple[Constraint, ...]
    seed: int


class Asked:
    """A study of Optuna, as the results of some generations have made it.

    Samplers keep a part of what they know with the trials that they were asked for, as CMA-ES its
    covariances. So it takes all questions to have it again, and not the answers alone: generation by
    generation, what was run is told, and the next is asked for, of a copy of the sampler with a seed of its
    own. What follows depends on the request and the results only.

    Parameters
    ----------
    request : Request

    Attributes
    ----------
    keys : list of tuple
        What was told in each generation.
    children : list of Config
        What has come of the last question.
    """

    def __init__(self, request: Request) -> None:
        import optuna

        self._request = request
        self._dimensions = [
            [Dimension(_name(request.species, place, gene.names), gene) for gene in species.genes]
            for place, species in enumerate(request.species)
        ]
        minimize, maximize = optuna.study.StudyDirection.MINIMIZE, optuna.study.StudyDirection.MAXIMIZE
        directions = [minimize if mode == "min" else maximize for mode in request.modes]
        with _quietly():
            self._study = optuna.create_study(sampler=request.sampler, directions=directions)
        self._known: dict[str, tuple[float, ...]] = {}  # costs of configs
        self._waiting: dict[str, list[Trial]] = {}  # trials that have no costs yet, by their configs
        self.keys: list[tuple[str, ...]] = []
        self.children: list[Config] = []

    def go_on(self, generation: Sequence[Candidate]) -> None:
        """Tell what was run in the next generation, and ask for the one after it."""
        with _quietly():
            self._tell_all(generation)
            self._ask_all(len(self.keys))

    def _tell_all(self, generation: Sequence[Candidate]) -> None:
        waiting, self._waiting = self._waiting, {}
        for item in generation:
            parent = parent_of(self._request.species, item)
            config = item.config if parent is None else parent.species.config(parent.genome)
            text = item.canonical if parent is None else config.canonical
            self._known[text] = self._known[item.canonical] = item.costs
            trials = waiting.pop(text, [])
            for trial in trials:
                self._tell(trial, item.costs)
            if parent is not None and not trials:
                self._study.add_trial(self._trial(parent.species, parent.genome, item.costs))
        for trials in waiting.values():  # what nobody has run
            for trial in trials:
                self._tell(trial, None)
        self.keys.append(keys_of(generation))

    def _ask_all(self, generation: int) -> None:
        request = self._request
        self._study.sampler = reseeded(request.sampler, request.seed, generation)
        found: list[Config] = []
        while len(found) < request.children:
            config = self._ask()
            if config is None:
                break
            found.append(config)
        n_left = request.children - len(found)
        if n_left:
            recipe = Recipe(
                n_left, "tournament", 0.0, None, 0, n_left, request.constraints, lambda gene: False
            )
            rng = rng_of(request.seed, f"optuna|{generation}")
            brood = Brood(request.species, [], [], recipe, rng, {*self._known, *self._waiting})
            with suppress(*([NoMatchError] if found else [])):
                found.extend(config for config, _ in brood.children())
        self.children = found

    def _ask(self) -> Config | None:
        """Return a config that is new; None if the sampler repeats itself."""
        for _ in range(N_ASKED):
            trial = self._study.ask()
            species, genome = self._suggested(trial)
            config = allowed(species, genome, self._request.constraints)
            if config is None:
                self._tell(trial, None)
            elif config.canonical in self._known:
                self._tell(trial, self._known[config.canonical])
            else:
                trials = self._waiting.setdefault(config.canonical, [])
                trials.append(trial)
                if len(trials) == 1:
                    return config
        return None

    def _suggested(self, trial: Trial) -> tuple[Species, Genome]:
        species = self._request.species
        place = suggest(trial, _PRODUCT, _products(len(species))) if len(species) > 1 else 0
        return species[place], tuple(dimension.suggested(trial) for dimension in self._dimensions[place])

    def _trial(self, species: Species, genome: Genome, costs: Sequence[float]) -> FrozenTrial:
        """Return a trial that Optuna has not asked for."""
        from optuna.trial import TrialState, create_trial

        place = next(place for place, one in enumerate(self._request.species) if one is species)
        dimensions = self._dimensions[place]
        params = {one.name: one.told(value) for one, value in zip(dimensions, genome, strict=True)}
        distributions = {one.name: one.distribution for one in dimensions}
        if len(self._dimensions) > 1:
            params[_PRODUCT], distributions[_PRODUCT] = place, _products(len(self._dimensions))
        values = self._values(costs)
        state = TrialState.FAIL if values is None else TrialState.COMPLETE
        return create_trial(params=params, distributions=distributions, values=values, state=state)

    def _tell(self, trial: Trial, costs: Sequence[float] | None) -> None:
        from optuna.trial import TrialState

        values = None if costs is None else self._values(costs)
        self._study.tell(trial, values, TrialState.FAIL if values is None else TrialState.COMPLETE)

    def _values(self, costs: Sequence[float]) -> list[float] | None:
        """Return scores as they were saved; None if one is missing."""
        if any(map(np.isnan, costs)):
            return None
        return [
            cost if mode == "min" else -cost for cost, mode in zip(costs, self._request.modes, strict=True)
        ]


def keys_of(generation: Sequence[Candidate]) -> tuple[str, ...]:
    """Return what makes what was run in a generation the same as elsewhere."""
    return tuple(f"{item.canonical} {item.costs}" for item in generation)


def reseeded(sampler: BaseSampler, seed: int, generation: int) -> BaseSampler:
    """Return a copy of a sampler that draws by a seed, whatever draws it has made."""
    copied = copy.deepcopy(sampler)
    copied.reseed_rng()
    for number, rng in enumerate(_generators(copied)):
        digest = digest_of(f"optuna|{seed}|{generation}|{number}")
        if isinstance(rng, np.random.RandomState):
            rng.seed(digest % 2**32)
        else:
            rng.bit_generator.state = type(rng.bit_generator)(digest).state
    return copied


def _generators(sampler: Any) -> Iterator[np.random.RandomState | np.random.Generator]:
    """Walk all generators of random numbers in a sampler, in an order that is always the same."""
    from optuna.samplers._lazy_random_state import LazyRandomState

    seen: set[int] = set()
    stack = [sampler]
    while stack:
        item = stack.pop()
        if id(item) in seen or isinstance(item, type):
            continue
        seen.add(id(item))
        if isinstance(item, np.random.RandomState | np.random.Generator):
            yield item
        elif isinstance(item, LazyRandomState):  # which has none before it is asked
            stack.append(item.rng)
        elif isinstance(item, dict):
            stack.extend(item.values())
        elif isinstance(item, list | tuple):
            stack.extend(item)
        elif not callable(item):
            stack.extend(getattr(item, "__dict__", {}).values())


@contextmanager
def _quietly() -> Iterator[None]:
    """Let Optuna log errors only: a study of its own is none that its users know of."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(max(before, optuna.logging.ERROR))
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def _products(n: int) -> optuna.distributions.CategoricalDistribution:
    from optuna.distributions import CategoricalDistribution

    return CategoricalDistribution(range(n))


def _name(species: Sequence[Species], place: int, names: Sequence[str]) -> str:
    """Return what Optuna calls a parameter: products may have unlike ones of one name."""
    name = ", ".join(names)
    return name if len(species) == 1 else f"{place}: {name}"
