"""Zooming in: a finer grid around the best."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from research.domain import Config, Domain
from research.refining.breeding import Parent, parent_of
from research.refining.refiner import Refiner
from research.refining.scoring import Candidate, Objectives, last_generation, ranked
from research.refining.spaces import read_space
from samplers.values import checked_int, is_number

if TYPE_CHECKING:
    from research.results.results import ResearchResults

N_LISTED = 100_000  # configs of one grid, which are all made at once


class Zoom(Refiner):
    """Looks at a finer grid around the best config so far: pass it to `Research.update_domain`.

    Where parameters have an order (`Float`, `Int`, `Ordinal`), the grid has values on both sides of the best
    one, by their logarithm where they have one, none out of bounds. The first grid is `factor` times finer
    than one of `points` values from the lowest to the highest, the next one finer by that factor again,
    whether or not the best is another by then. Steps of ints and ordinals never are less than one. All else,
    plain lists and `Choice`, stays as it is in the best config. No config is evaluated twice.

    Parameters
    ----------
    objective : str
        A variable; the last value that an experiment has saved counts, and the mean over repetitions. Configs
        of which one experiment has failed, or has saved none or nan, are never the best.
    mode : 'max' or 'min', default 'max'
    factor : float, default 2
        How much finer each grid is than the one before; greater than 1.
    points : int, default 3
        How many values each parameter has in a grid, at least 2. Those that are odd have the best in their
        middle.
    generations : int, optional
        How many grids there may be. Default: until there is nothing new, which with floats takes as many as
        these have digits.
    space : Domain or dict, optional
        What may be looked at, where it is more than the domain with which the study began: the values between
        those of a grid. Default: that domain, where slices and samples are seen through.

    Raises
    ------
    TypeError, ValueError
        Names the argument that makes no sense.

    Examples
    --------
    >>> from research import EC, Domain, Float, Int, Research, Zoom
    >>> study = Research('bowl', Domain(x=[-4.0, 0.0, 4.0], n=[1, 5, 9]))
    >>> study = study.add_callable('f', lambda x, n: (x - 1) ** 2 + (n - 4) ** 2, kwargs=EC(), save_to='y')
    >>> space = Domain(x=Float(-8, 8), n=Int(1, 9))
    >>> study = study.update_domain(Zoom('y', mode='min', space=space, generations=6))
    >>> results = study.run(dump_results=False, parallel=False, bar=False).results
    >>> results.df.nsmallest(1, 'y')[['x', 'n']].values.tolist()
    [[1.0, 4.0]]
    """

    def __init__(
        self,
        objective: str,
        mode: str = "max",
        factor: float = 2.0,
        points: int = 3,
        generations: int | None = None,
        space: Domain | Mapping[str, Any] | None = None,
    ) -> None:
        if not isinstance(objective, str):
            raise ValueError(f"`objective` must be one name, as there is one best config, got {objective!r}")
        if isinstance(factor, bool) or not is_number(factor) or not 1 < factor < math.inf:
            raise ValueError(f"`factor` must be a number greater than 1, got {factor!r}")
        self.objectives = Objectives(objective, mode)
        self.factor = float(factor)
        self.points = checked_int("points", points, 2)
        self.generations = None if generations is None else checked_int("generations", generations, 1)
        self.space = None if space is None else Domain(space)

    def check(self, domain: Domain) -> None:
        read_space(domain if self.space is None else self.space)

    def __call__(self, results: ResearchResults, domain: Domain) -> Domain | None:
        evaluated = results.evaluated(self.objectives.names)
        generation = last_generation(evaluated)
        if self.generations is not None and generation >= self.generations:
            return None
        best = self._best(self.objectives.candidates(evaluated), domain if self.space is None else self.space)
        if best is None:
            return None
        known = {item.canonical for item in evaluated}
        known.add(best.species.config(best.genome).canonical)  # which may have been written otherwise
        spacing = self.factor ** -(generation + 1) / (self.points - 1)
        found: dict[Config, tuple[str, ...]] = {}
        for genome in itertools.product(*self._columns(best, spacing)):
            if best.species.has(genome):
                config = best.species.config(genome)
                if config.canonical not in known:
                    found[config] = (best.id,)
        return domain.bred(found) if found else None

    def _best(self, candidates: Sequence[Candidate], space: Domain) -> Parent | None:
        """Return the best config that is in the space; None if there is none."""
        species = read_space(space)
        parents = (parent_of(species, item) for item in ranked(candidates) if item.is_known)
        return next((parent for parent in parents if parent is not None), None)

    def _columns(self, best: Parent, spacing: float) -> list[list[Any]]:
        """Return the values that each gene has in the grid."""
        middle = (self.points - 1) / 2
        offsets = [(number - middle) * spacing for number in range(self.points)]
        genes = zip(best.species.genes, best.genome, strict=True)
        columns = [gene.around(value, offsets) for gene, value in genes]
        n_configs = math.prod(map(len, columns))
        if n_configs > N_LISTED:
            raise ValueError(
                f"a grid of `points={self.points}` values of each parameter has {n_configs} configs, and "
                f"{N_LISTED} are too many: let fewer parameters be free by `space`, or take a refiner that "
                "makes no grid, such as Genetic"
            )
        return columns

    def __repr__(self) -> str:
        end = "" if self.generations is None else f", generations={self.generations}"
        return f"Zoom({self.objectives!r}, factor={self.factor:g}, points={self.points}{end})"
