"""Successive halving: the best go on with more."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from research.domain import Config, Domain
from research.domain.values import unwrap
from research.errors import did_you_mean
from research.refining.breeding import parent_of
from research.refining.refiner import Refiner
from research.refining.scoring import Candidate, Objectives, last_generation, ranked
from research.refining.spaces import Species, read_space
from samplers.values import is_number

if TYPE_CHECKING:
    from research.results.results import ResearchResults


_UNEQUAL = (
    "`resource`: configs begin with {1} of {0!r}, and must all begin with the same, the least: as in "
    "`domain * Domain({0}=[1])`; `maximum` says with how much the best end"
)


class Halving(Refiner):
    """Gives more of a resource to the best configs only: pass it to `Research.update_domain`.

    All configs begin with the least of the resource, which the domain says: `domain * Domain(epochs=[1])`.
    The best one of `eta` go on with `eta` times as much, the best of these again, up to `maximum`; one config
    at least. So most of what is spent goes to those that are worth it. This is successive halving (K.
    Jamieson and A. Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization",
    2016).

    Each of these is an experiment of its own, whose parent is the experiment of the same config, and of the
    same repetition, with less. `EP(parent=True)` is the folder of that one: a unit that keeps a checkpoint
    in `EP()` can go on from what it finds there, in place of training anew.

    Parameters
    ----------
    objective : str or list of str
        Variables; the last value that an experiment has saved counts, and the mean over repetitions. A config
        of which one experiment has failed, or has saved none or nan, does not go on.
    resource : str
        A parameter whose values are positive numbers.
    maximum : int or float
        The most that a config may have; the last have that, even if it is not `eta` times what they had.
    eta : int or float, default 3
        Greater than 1.
    mode : 'max' or 'min', or a list of them, default 'max'
        One for each objective, or for all.

    Raises
    ------
    TypeError, ValueError
        Names the argument that makes no sense.

    Examples
    --------
    >>> from research import EC, Domain, Halving, Research
    >>> study = Research('halves', Domain(x=range(9)) * Domain(steps=[1]))
    >>> study = study.add_callable('f', lambda x, steps: x * steps, kwargs=EC(), save_to='y')
    >>> study = study.update_domain(Halving('y', 'steps', maximum=9, eta=3))
    >>> results = study.run(dump_results=False, parallel=False, bar=False).results
    >>> results.df.groupby('steps')['x'].agg(list).tolist()
    [[0, 1, 2, 3, 4, 5, 6, 7, 8], [8, 7, 6], [8]]
    """

    def __init__(
        self,
        objective: str | Sequence[str],
        resource: str,
        maximum: float,
        eta: float = 3,
        mode: str | Sequence[str] = "max",
    ) -> None:
        if not isinstance(resource, str):
            raise ValueError(f"`resource` must be the name of a parameter, got {resource!r}")
        self.objectives = Objectives(objective, mode)
        self.resource = resource
        self.maximum = _positive("maximum", maximum)
        self.eta = _positive("eta", eta)
        if self.eta <= 1:
            raise ValueError(f"`eta` must be greater than 1, got {eta!r}")

    def check(self, domain: Domain) -> None:
        if self.resource not in domain.names:
            near = did_you_mean(self.resource, domain.names)
            raise ValueError(
                f"`resource`: there is no parameter {self.resource!r}: say with how much of it all configs "
                f"begin, as in `domain * Domain({self.resource}=[1])`{near}"
            )
        for gene in (gene for species in read_space(domain) for gene in species.genes):
            if gene.names == (self.resource,) and gene.n_values != 1:
                raise ValueError(_UNEQUAL.format(self.resource, "different amounts"))

    def __call__(self, results: ResearchResults, domain: Domain) -> Domain | None:
        evaluated = results.evaluated(self.objectives.names)
        generation = last_generation(evaluated)
        candidates = self.objectives.candidates(evaluated)
        least = self._amount(item for item in candidates if item.generation == 0)
        rung = [item for item in candidates if item.generation == generation]
        amount = self._amount(rung)
        if least is None or amount is None or amount >= self.maximum:
            return None
        more = self._more(amount)
        species = read_space(domain)
        going = [item for item in ranked(rung, max(1, math.floor(len(rung) / self.eta))) if item.is_known]
        found = {
            self._with(item, species, least, more): [[experiment] for experiment in item.ids]
            for item in going
        }
        return domain.bred(found) if found else None

    def _amount(self, candidates: Iterable[Candidate]) -> Any:
        """Return how much of the resource these have; None if there is none of them.

        Raises
        ------
        ValueError
            If it is no positive number, or not the same for all.
        """
        found = {item.canonical: self._read(item) for item in candidates}
        amounts = sorted(set(found.values()))
        if len(amounts) > 1:
            raise ValueError(_UNEQUAL.format(self.resource, f"{amounts[0]!r} and {amounts[-1]!r}"))
        return amounts[0] if amounts else None

    def _read(self, item: Candidate) -> Any:
        value = unwrap(dict(item.config.raw_items()).get(self.resource))
        if isinstance(value, bool) or not is_number(value) or not 0 < value < math.inf:
            raise ValueError(
                f"`resource`: {self.resource!r} must be a positive number, got {value!r} in the experiment "
                f"{item.id!r}"
            )
        return value

    def _more(self, amount: Any) -> Any:
        """Return the next amount: an int, if both that before and the maximum are."""
        more = min(amount * self.eta, self.maximum)
        if isinstance(amount, int) and isinstance(self.maximum, int):
            return min(max(round(more), amount + 1), self.maximum)
        return more

    def _with(self, item: Candidate, species: Sequence[Species], least: Any, more: Any) -> Config:
        """Return the config of a candidate with more of the resource, as the domain would make it."""
        given = Config.of_items({**dict(item.config.raw_items()), self.resource: least})
        parent = parent_of(species, item._replace(config=given))
        if parent is None:
            raise ValueError(
                f"the config {given} of the experiment {item.id!r} is none of the study's domain"
            )
        return parent.species.config(parent.genome, {self.resource: more})

    def __repr__(self) -> str:
        amounts = f"maximum={self.maximum!r}, eta={self.eta!r}"
        return f"Halving({self.objectives!r}, resource={self.resource!r}, {amounts})"


def _positive(name: str, given: Any) -> Any:
    if isinstance(given, bool) or not is_number(given) or not 0 < given < math.inf:
        raise ValueError(f"`{name}` must be a positive number, got {given!r}")
    return given.item() if isinstance(given, np.generic) else given
