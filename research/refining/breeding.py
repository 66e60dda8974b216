"""From the best so far to children: selection, crossover, mutation, and what children must be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from research.domain import Config
from research.errors import NoMatchError
from research.refining.genes import Gene
from research.refining.scoring import Candidate
from research.refining.spaces import Genome, Species

Constraint: TypeAlias = Callable[[Config], Any]

TRIES = 1000  # for one child
N_LISTED = 2**14  # configs of a space in which, when tries are over, the rest is looked through
# what has shown itself best on the functions of `benchmarks/searching.py`, over a wide range of values
ETA = 2.0  # of crossover: children are far from their parents, as these come nearer to each other soon
N_MUTATED = 2.0  # genes of a child, on average
WIDE = 0.15  # the mean step of mutations that look far
FAR = 0.2  # how many of them do
N_SIMILAR = 20  # tries by crossover and mutation before those that draw anew begin


class Parent(NamedTuple):
    """A config that has been evaluated.

    Parameters
    ----------
    id : str
    species : Species
    genome : tuple
    """

    id: str
    species: Species
    genome: Genome


def parent_of(species: Sequence[Species], candidate: Candidate) -> Parent | None:
    """Return what a candidate is as a parent; None if it is none of the space that is refined."""
    for one in species:
        genome = one.read(candidate.config)
        if genome is not None:
            return Parent(candidate.id, one, genome)
    return None


def allowed(species: Species, genome: Genome, constraints: Sequence[Constraint]) -> Config | None:
    """Return the config of a genome, if conditions of the domain and constraints hold for it."""
    if not species.has(genome):
        return None
    config = species.config(genome)
    for test in constraints:
        try:
            if not test(config):
                return None
        except Exception as error:
            error.add_note(f"in a constraint, asked about {config}")
            raise
    return config


@dataclass(frozen=True)
class Recipe:
    """How children are made.

    Parameters
    ----------
    children : int
    selection : 'tournament' or 'truncation'
    crossover : float
        The probability that a child has two parents.
    mutation : float or None
        The probability that a gene changes; None: that of `N_MUTATED` genes on average, at most a half.
    elite : int
        So many of the best have a child for certain.
    immigrants : int
        So many children are drawn anew.
    constraints : tuple of callable
    is_fixed : callable
        Tells which genes stay as they are in the first parent.
    """

    children: int
    selection: str
    crossover: float
    mutation: float | None
    elite: int
    immigrants: int
    constraints: tuple[Constraint, ...]
    is_fixed: Callable[[Gene], bool]


class Brood:
    """The children of some parents.

    Parameters
    ----------
    species : sequence of Species
    pool : sequence of Parent
        From the best to the worst.
    models : sequence of Parent
        From which genes that are fixed are taken, where there are any.
    recipe : Recipe
    rng : numpy.random.Generator
    known : set of str
        Canonical texts of configs that are not wanted again; those of children are added.
    """

    def __init__(
        self,
        species: Sequence[Species],
        pool: Sequence[Parent],
        models: Sequence[Parent],
        recipe: Recipe,
        rng: np.random.Generator,
        known: set[str],
    ) -> None:
        self._species = species
        self._pool = pool
        self._models = models
        self._recipe = recipe
        self._rng = rng
        self._known = known
        # what was run may have been written otherwise, as 4 where there are floats
        known.update(parent.species.config(parent.genome).canonical for parent in pool)
        self._steps = {id(one): self._steps_of(one) for one in species}
        self._fixed = {id(one): [recipe.is_fixed(gene) for gene in one.genes] for one in species}

    def children(self) -> Iterator[tuple[Config, tuple[str, ...]]]:
        """Make configs that are not known, with the ids of their parents; fewer, if there are no more.

        Raises
        ------
        NoMatchError
            If there is none, as constraints hold for nothing that was tried.
        """
        n_bred = self._recipe.children - min(self._recipe.immigrants, self._recipe.children)
        for number in range(self._recipe.children):
            first = self._first(number) if self._pool and number < n_bred else None
            try:
                child = self._child(first)
            except NoMatchError:
                if not number:
                    raise
                return
            if child is None:
                return
            self._known.add(child[0].canonical)
            yield child

    def _child(self, first: Parent | None) -> tuple[Config, tuple[str, ...]] | None:
        """Make one child; None if all that there may be is known."""
        n_allowed = 0
        for attempt in range(TRIES):
            if first is not None and (attempt < N_SIMILAR or attempt % 2):
                species, genome, parents = self._bred(first, wide=attempt >= N_SIMILAR)
            else:
                species, genome, parents = self._drawn()
            config = allowed(species, genome, self._recipe.constraints)
            n_allowed += config is not None
            if config is not None and config.canonical not in self._known:
                return config, parents
        rest, has_any = self._rest()
        if rest:
            return rest[int(self._rng.integers(len(rest)))]
        if not n_allowed and not has_any:
            raise NoMatchError(
                f"`constraints` and conditions of the domain held for none of {TRIES} configs that were "
                "tried: begin with configs for which they hold, or let fewer parameters be free, and compute "
                "the others from these"
            )
        return None

    def _rest(self) -> tuple[list[tuple[Config, tuple[str, ...]]], bool]:
        """Return what of a small space is not known yet, and whether anything in it is allowed."""
        counts = [species.n_configs for species in self._species]
        if None in counts or sum(count or 0 for count in counts) > N_LISTED:
            return [], False
        found: dict[str, Config] = {}
        has_any = False
        for species, base in self._bases():
            for genome in species.all(base, self._fixed[id(species)]):
                config = allowed(species, genome, self._recipe.constraints)
                has_any = has_any or config is not None
                if config is not None and config.canonical not in self._known:
                    found.setdefault(config.canonical, config)
        return [(config, ()) for config in found.values()], has_any

    def _bases(self) -> Iterator[tuple[Species, Genome]]:
        """Walk genomes from which genes that are fixed are taken."""
        for species in self._species:
            if any(self._fixed[id(species)]):
                yield from ((species, model.genome) for model in self._models if model.species is species)
            else:
                yield species, species.draw(self._rng)

    def _first(self, number: int) -> Parent:
        """Choose the first parent of a child: the best in turn, then as the selection says."""
        if number < min(self._recipe.elite, len(self._pool)):
            return self._pool[number]
        return self._select(self._pool)

    def _select(self, pool: Sequence[Parent]) -> Parent:
        """Choose one of a pool whose best come first."""
        if self._recipe.selection == "truncation":
            return pool[int(self._rng.integers(len(pool)))]
        return pool[int(self._rng.integers(len(pool), size=2).min())]

    def _drawn(self) -> tuple[Species, Genome, tuple[str, ...]]:
        """Draw a genome, but for genes that are fixed."""
        weights = np.array([species.weight for species in self._species])
        place = int(self._rng.choice(len(weights), p=weights / weights.sum()))
        species = self._species[place]
        fixed = self._fixed[id(species)]
        if any(fixed):
            parent = self._select(self._models)
            species, fixed = parent.species, self._fixed[id(parent.species)]
            drawn = species.draw(self._rng)
            kept = zip(parent.genome, drawn, fixed, strict=True)
            return species, tuple(old if stays else new for old, new, stays in kept), (parent.id,)
        return species, species.draw(self._rng), ()

    def _bred(self, first: Parent, wide: bool) -> tuple[Species, Genome, tuple[str, ...]]:
        """Cross a parent with another of its species, and mutate what comes of it."""
        rng, recipe, species = self._rng, self._recipe, first.species
        fixed = self._fixed[id(species)]
        genome = list(first.genome)
        parents: tuple[str, ...] = (first.id,)
        mates = [parent for parent in self._pool if parent.species is species and parent is not first]
        if mates and rng.random() < recipe.crossover:
            second = self._select(mates)
            parents = (first.id, second.id)
            for place, gene in enumerate(species.genes):
                if not fixed[place]:
                    genome[place] = self._crossed(gene, genome[place], second.genome[place])
        free = [place for place, stays in enumerate(fixed) if not stays]
        if not free:
            return species, tuple(genome), parents
        chance = min(N_MUTATED / len(free), 0.5) if recipe.mutation is None else recipe.mutation
        chosen = [place for place in free if rng.random() < chance]
        if not chosen and (wide or tuple(genome) == first.genome):
            chosen = [free[int(rng.integers(len(free)))]]
        for place in chosen:
            step = WIDE if wide or rng.random() < FAR else self._steps[id(species)][place]
            genome[place] = species.genes[place].mutate(genome[place], rng, step)
        return species, tuple(genome), parents

    def _crossed(self, gene: Gene, left: Any, right: Any) -> Any:
        """Return the value of a child: near that of either parent, or it."""
        pair = (left, right) if self._rng.random() < 0.5 else gene.cross(left, right, self._rng, ETA)
        return pair[int(self._rng.integers(2))]

    def _steps_of(self, species: Species) -> list[float]:
        """Return how far mutations go: as far as parents are apart, so that steps shrink as these agree."""
        genomes = [parent.genome for parent in self._pool if parent.species is species]
        steps = []
        for place, gene in enumerate(species.genes):
            places = [gene.place(genome[place]) for genome in genomes]
            known = [item for item in places if item is not None]
            steps.append(float(np.std(known)) if len(known) > 1 else WIDE)
        return steps
