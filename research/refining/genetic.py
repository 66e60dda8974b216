"""Breeding the best: a genetic algorithm on configs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from research.domain import Config, Domain
from research.domain.config import entries, join_entries
from research.domain.factors import within
from research.errors import did_you_mean
from research.refining.arguments import (
    checked_choice,
    checked_constraints,
    checked_names,
    checked_probability,
)
from research.refining.breeding import Brood, Parent, Recipe, parent_of
from research.refining.genes import Gene
from research.refining.refiner import Refiner
from research.refining.scoring import Candidate, Objectives, last_generation, ranked, rng_of
from research.refining.spaces import Species, read_space
from samplers import make_seed
from samplers.values import checked_int

if TYPE_CHECKING:
    from research.results.results import ResearchResults

SELECTIONS = ("tournament", "truncation")


class Genetic(Refiner):
    """Breeds the best configs so far: pass it to `Research.update_domain`.

    Parents are the best of all that has been run. A child takes after two of them: numbers by simulated
    binary crossover and polynomial mutation within their bounds (by their logarithm, where they have one),
    options by swap, booleans by flip. Mutations of numbers go as far as parents are apart, so that steps
    shrink by themselves; one in five goes farther. By several objectives, the order is that of NSGA-II
    (K. Deb et al., 2002). No config is evaluated twice.

    Children follow from the seed, the stored results and the number of domains before: a study that is killed
    and gone on with makes the same.

    Parameters
    ----------
    objective : str or list of str
        Variables; the last value that an experiment has saved counts, and the mean over repetitions. A config
        of which one experiment has failed, or has saved none or nan, is worse than all others.
    mode : 'max' or 'min', or a list of them, default 'max'
        One for each objective, or for all.
    parents : int, default 8
        How many of the best have children.
    children : int, default 32
        How many configs are in the next domain; with `group_by`, for each group.
    generations : int, optional
        How many domains may have replaced others before there is to be no more. Default: no limit but that of
        a space in which nothing is left.
    selection : 'tournament' or 'truncation', default 'tournament'
        Whether the better of two parents at random has a child, or each in equal measure.
    crossover : float, default 0.9
        The probability that a child has two parents.
    mutation : float, optional
        The probability that a parameter is mutated. Default: that of two on average, at most 0.5.
    elite : int, default 1
        So many of the best have a child in each generation, however tournaments end.
    group_by : str or list of str, optional
        Parameters, such as the data set, within each of whose values is bred apart.
    constraints : sequence of callable, optional
        Each takes a Config, and is true for what may be. Conditions of the domain (`where`) hold as well.
    immigrants : int, default 1
        How many of the children are drawn at random, so that nothing is out of reach.
    space : Domain or dict, optional
        What children may be, where it is more than the domain with which the study began: a study of a grid
        can be refined between its values. Default: that domain, where slices and samples are seen through.
    tags : dict, optional
        Groups of parameters: names of parameters by names of groups.
    focus : str or list of str, optional
        Parameters, or groups of them, which alone are changed. Default: all.
    seed : optional
        See `samplers.make_seed`. Default: the study's.

    Raises
    ------
    TypeError, ValueError
        Names the argument that makes no sense.

    Examples
    --------
    >>> from research import EC, Domain, Float, Genetic, Int, Research
    >>> domain = Domain(x=Float(-5, 5), n=Int(0, 10))
    >>> study = Research('bowl', domain, n_configs=32)
    >>> study = study.add_callable('f', lambda x, n: (x - 1) ** 2 + (n - 3) ** 2, kwargs=EC(), save_to='y')
    >>> study = study.update_domain(Genetic('y', mode='min', generations=5))
    >>> results = study.run(seed=1, dump_results=False, parallel=False, bar=False).results
    >>> best = results.df.nsmallest(1, 'y')
    >>> best['n'].item(), bool(best['y'].item() < 0.01)
    (3, True)
    """

    def __init__(
        self,
        objective: str | Sequence[str],
        mode: str | Sequence[str] = "max",
        parents: int = 8,
        children: int = 32,
        generations: int | None = None,
        selection: str = "tournament",
        crossover: float = 0.9,
        mutation: float | None = None,
        elite: int = 1,
        group_by: str | Sequence[str] | None = None,
        constraints: Iterable[Callable[[Config], Any]] = (),
        immigrants: int = 1,
        space: Domain | Mapping[str, Any] | None = None,
        tags: Mapping[str, Sequence[str]] | None = None,
        focus: str | Sequence[str] | None = None,
        seed: Any = None,
    ) -> None:
        self.objectives = Objectives(objective, mode)
        self.parents = checked_int("parents", parents, 1)
        self.children = checked_int("children", children, 1)
        self.generations = None if generations is None else checked_int("generations", generations, 1)
        self.selection = checked_choice("selection", selection, SELECTIONS)
        self.crossover = checked_probability("crossover", crossover)
        self.mutation = None if mutation is None else checked_probability("mutation", mutation)
        self.elite = checked_int("elite", elite, 0)
        self.group_by = () if group_by is None else checked_names("group_by", group_by)
        self.constraints = checked_constraints(constraints)
        self.immigrants = checked_int("immigrants", immigrants, 0)
        self.space = None if space is None else Domain(space)
        self.tags = {name: checked_names("tags", names) for name, names in (tags or {}).items()}
        self.focus = None if focus is None else checked_names("focus", focus)
        self.seed = None if seed is None else make_seed(seed)

    def __call__(self, results: ResearchResults, domain: Domain) -> Domain | None:
        evaluated = results.evaluated(self.objectives.names)
        generation = last_generation(evaluated)
        if self.generations is not None and generation >= self.generations:
            return None
        space = domain if self.space is None else self.space
        species = read_space(space)
        self._check_names(space.names)
        seed = results.study.seed if self.seed is None else self.seed
        candidates = self.objectives.candidates(evaluated)
        known = {item.canonical for item in evaluated}
        children: dict[Config, tuple[str, ...]] = {}
        for text, group in self._groups(candidates):
            brood = self._brood(species, group, rng_of(seed, f"genetic|{generation}|{text}"), known)
            children.update(brood.children())
        return domain.bred(children) if children else None

    def _groups(self, candidates: Sequence[Candidate]) -> list[tuple[str, list[Candidate]]]:
        """Return candidates by the values of what is bred apart."""
        groups: dict[str, list[Candidate]] = {}
        for item in candidates:
            texts = dict(entries(item.config.raw_items())) if self.group_by else {}
            text = join_entries(sorted(within(texts, self.group_by).items())) if self.group_by else ""
            groups.setdefault(text, []).append(item)
        return sorted(groups.items()) or [("", [])]

    def _brood(
        self,
        species: Sequence[Species],
        candidates: Sequence[Candidate],
        rng: np.random.Generator,
        known: set[str],
    ) -> Brood:
        """Choose parents among candidates that may be bred."""
        pool = self._pool(species, candidates)
        models = pool or [one for one in (parent_of(species, item) for item in candidates) if one is not None]
        recipe = Recipe(
            self.children,
            self.selection,
            self.crossover,
            self.mutation,
            self.elite,
            self.immigrants,
            self.constraints,
            self._is_fixed,
        )
        if not models and any(self._is_fixed(gene) for one in species for gene in one.genes):
            raise ValueError(
                "`group_by` and `focus` keep values of what has been run, but none of it is in the space "
                "that is refined: say what that is by `space=Domain(...)`"
            )
        return Brood(species, pool, models, recipe, rng, known)

    def _pool(self, species: Sequence[Species], candidates: Sequence[Candidate]) -> list[Parent]:
        """Return the best that may be bred, best first; most of the others are not even read."""
        n_known = sum(item.is_known for item in candidates)
        n_asked = 0
        while True:
            n_asked = min(max(2 * n_asked, self.parents), n_known)
            read = (parent_of(species, item) for item in ranked(candidates, n_asked))
            pool = list(islice((one for one in read if one is not None), self.parents))
            if len(pool) == self.parents or n_asked == n_known:
                return pool

    def _is_fixed(self, gene: Gene) -> bool:
        """Whether a gene stays as it is in the first parent."""
        names = set(gene.names)
        return not names.isdisjoint(self.group_by) or (
            self._focused is not None and not names & self._focused
        )

    @property
    def _focused(self) -> set[str] | None:
        """Names of the parameters that are changed; None: all."""
        if self.focus is None:
            return None
        return {name for part in self.focus for name in self.tags.get(part, (part,))}

    def _check_names(self, known: Sequence[str]) -> None:
        """Refuse parameters that there are not."""
        given = {"group_by": self.group_by, "focus": tuple(self._focused or ())}
        given["tags"] = tuple(name for names in self.tags.values() for name in names)
        for argument, names in given.items():
            for name in names:
                if name not in known:
                    near = did_you_mean(name, [*known, *(self.tags if argument == "focus" else ())])
                    raise ValueError(f"`{argument}`: there is no parameter {name!r}{near}")

    def __repr__(self) -> str:
        end = "" if self.generations is None else f", generations={self.generations}"
        return f"Genetic({self.objectives!r}, parents={self.parents}, children={self.children}{end})"
