"""What a domain says of the configs that there may be, whichever of them it lists."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import prod
from typing import Any, TypeAlias

import numpy as np

from research.domain import Config, Domain
from research.domain.config import entries
from research.domain.cubes import Cube
from research.domain.drawing import Draft, Stream
from research.domain.factors import DrawFactor, Factor, within
from research.domain.keeping import Difference
from research.domain.quasirandom import Quasi
from research.domain.views import View
from research.refining.genes import MISSING, DrawnGene, Gene, ListedGene, TypedGene
from samplers import Float
from samplers.typed import Parameter

Genome: TypeAlias = tuple[Any, ...]  # a value of each gene
Test: TypeAlias = Callable[[Config], Any]


class Species:
    """Configs of one product: those that have the same genes, and can be crossed.

    Parameters
    ----------
    cube : Cube
        Without views among its factors.
    without : sequence of Difference
        Configs that are no part of it.
    """

    def __init__(self, cube: Cube, without: Sequence[Difference] = ()) -> None:
        self.genes = tuple(gene for factor in cube.factors for gene in _genes(factor))
        self.weight = 1.0 if cube.weight is None else cube.weight
        self._cube = cube
        self._without = tuple(without)

    @property
    def n_configs(self) -> int | None:
        """How many configs there are, conditions left aside; None if they cannot be counted."""
        counts = [gene.n_values for gene in self.genes]
        return None if None in counts else prod(count or 0 for count in counts)

    def read(self, config: Config) -> Genome | None:
        """Return the genome of a config; None if it is none of this species."""
        items = dict(config.raw_items())
        texts = dict(entries(items.items()))
        own = [within(texts, gene.names) for gene in self.genes]
        known = set().union(*own, within(texts, tuple(self._cube.defaults)))
        if not known.issuperset(texts):
            return None
        genome = tuple(gene.read(items, part) for gene, part in zip(self.genes, own, strict=True))
        return None if any(value is MISSING for value in genome) else genome

    def draw(self, rng: np.random.Generator) -> Genome:
        """Return any genome."""
        return tuple(gene.draw(rng) for gene in self.genes)

    def config(self, genome: Genome, changes: Mapping[str, Any] | None = None) -> Config:
        """Return the config of a genome, with the identity that it has in the domain.

        Parameters
        ----------
        genome : tuple
        changes : Mapping, optional
            Values of parameters in place of its own.
        """
        draft = self._draft(genome)
        draft.items.update(changes or {})
        cube = self._cube
        for name, value in cube.defaults.items():
            draft.items.setdefault(name, value)
        draft.rule(cube.rules)
        return draft.config()

    def _draft(self, genome: Genome) -> Draft:
        draft = Draft()
        for gene, value in zip(self.genes, genome, strict=True):
            gene.put(value, draft)
        draft.defaults = {**self._cube.default_texts, **draft.defaults}
        return draft

    def has(self, genome: Genome) -> bool:
        """Whether the domain's own conditions hold."""
        if not self._cube.conditions and not self._without:
            return True
        items = self._draft(genome).items
        return all(condition.holds(items) for condition in self._cube.conditions) and all(
            view.passes(
                Config.of_items({name: items[name] for name in view.names if name in items}), Stream()
            )
            for view in self._without
        )

    def all(self, base: Genome, is_fixed: Sequence[bool]) -> Iterator[Genome]:
        """Walk all genomes that are the same where they are fixed."""
        columns = [
            [value] if fixed else [gene.number(number) for number in range(gene.n_values or 0)]
            for gene, value, fixed in zip(self.genes, base, is_fixed, strict=True)
        ]
        return itertools.product(*columns)


def read_space(domain: Domain) -> list[Species]:
    """Return what may be bred in a domain: a species for each product in it.

    Slices, samples, shuffles and shards are seen through: a study that begins with some configs of a domain
    is refined in all of it. So are quasi-random points.

    Raises
    ------
    ValueError
        If the domain has no parameters, or drawn ones beside listed ones in a zip.
    """
    species = [Species(*opened) for cube in domain._sum.cubes for opened in _opened(cube, ())]
    found = [one for one in species if one.genes and one.n_configs != 0]
    if not found:
        raise ValueError(f"there is nothing to refine in {domain!r}: it has no parameters")
    return found


def _opened(cube: Cube, without: tuple[Difference, ...]) -> Iterator[tuple[Cube, tuple[Difference, ...]]]:
    """Put products in the place of views of them."""
    for place, factor in enumerate(cube.factors):
        if not isinstance(factor, View):
            continue
        beyond = (*without, factor) if isinstance(factor, Difference) else without
        before, after = cube.factors[:place], cube.factors[place + 1 :]
        for inner in factor.inner.cubes:
            joined = Cube(
                [*before, *inner.factors, *after],
                cube.weight,
                cube.conditions + inner.conditions,
                {**inner.defaults, **cube.defaults},
                inner.rules if cube.rules is None else cube.rules.joined(inner.rules),
            )
            yield from _opened(joined, beyond)
        return
    yield cube, without


def _genes(factor: Factor) -> Iterator[Gene]:
    if isinstance(factor, DrawFactor):
        yield _gene(factor.names[0], factor.draw.sampler)
    elif isinstance(factor, Quasi):
        for name, bounds in factor.bounds.items():
            yield _gene(name, Float(*bounds) if isinstance(bounds, tuple) else bounds)
    elif factor.drawn or factor.is_endless:
        names = " and ".join(map(repr, factor.names))
        raise ValueError(
            f"{names} are drawn and go side by side with others, so that they cannot be changed one by one: "
            "say what there may be by `space=Domain(...)`"
        )
    else:
        yield ListedGene(factor)


def _gene(name: str, sampler: Any) -> Gene:
    return TypedGene(name, sampler) if isinstance(sampler, Parameter) else DrawnGene(name, sampler)
