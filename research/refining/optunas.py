"""Samplers of Optuna: TPE, CMA-ES, Gaussian processes, NSGA-II."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from research.domain import Config, Domain
from research.refining.arguments import checked_constraints
from research.refining.asking import Asked, Request, keys_of
from research.refining.dimensions import Dimension
from research.refining.refiner import Refiner
from research.refining.scoring import Objectives, last_generation
from research.refining.spaces import read_space
from samplers import make_seed
from samplers.values import checked_int

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

    from research.results.results import ResearchResults


class OptunaRefiner(Refiner):
    """Asks a sampler of Optuna for the next configs: pass it to `Research.update_domain`.

    The sampler is told all that has been run, what the study began with too, and asked for a batch of
    `children`. `Float` and `Int` are the same for Optuna, by their logarithm and with their step; `Ordinal`
    is an int, the number of the option; `Bool`, `Choice` and plain lists are categorical, by their numbers
    where there are values that Optuna does not take. What has failed, or has saved none or nan, is told as a
    failed trial. No config is evaluated twice: if the sampler suggests a config again, it is told the
    score, and asked again; if it repeats itself, others are drawn at random.

    Batches follow from the seed, the stored results and the number of domains before, as the questions are
    asked again, generation after generation, by copies of the sampler that have seeds of their own: a study
    that is killed and gone on with has the same. A seed of the sampler itself means nothing for this; but
    `QMCSampler` needs one.

    Parameters
    ----------
    objective : str or list of str
        Variables; the last value that an experiment has saved counts, and the mean over repetitions.
    sampler : optuna.samplers.BaseSampler, optional
        Such as `CmaEsSampler()`, `NSGAIISampler()`, or `GPSampler()`, which needs torch. Default:
        `TPESampler()`.
    mode : 'max' or 'min', or a list of them, default 'max'
        One for each objective, or for all.
    children : int, default 8
        How many configs are in the next domain. They are run side by side; the fewer there are, the more the
        sampler knows when it is asked.
    generations : int, optional
        How many domains may have replaced others before there is to be no more. Default: no limit but that of
        a space in which nothing is left.
    constraints : sequence of callable, optional
        Each takes a Config, and is true for what may be; what may not is told as a failed trial. Conditions
        of the domain (`where`) hold as well.
    space : Domain or dict, optional
        What may be asked for, where it is more than the domain with which the study began. Default: that
        domain, where slices and samples are seen through.
    seed : optional
        See `samplers.make_seed`. Default: the study's.

    Raises
    ------
    ImportError
        If Optuna is not installed: it is the extra `optuna`.
    TypeError, ValueError
        Names the argument that makes no sense, or, when a study is given it, the parameter of which only a
        distribution is known.

    Examples
    --------
    >>> from optuna.samplers import TPESampler
    >>> from research import EC, Choice, Domain, Float, OptunaRefiner, Research
    >>> study = Research('bowl', Domain(x=Float(-5, 5), kind=Choice(['a', 'b'])), n_configs=16)
    >>> study = study.add_callable(
    ...     'f', lambda x, kind: (x - 1) ** 2 + (kind == 'a'), kwargs=EC(), save_to='y'
    ... )
    >>> study = study.update_domain(OptunaRefiner('y', TPESampler(), mode='min', generations=6))
    >>> results = study.run(seed=1, dump_results=False, parallel=False, bar=False).results
    >>> best = results.df.nsmallest(1, 'y')
    >>> best['kind'].item(), bool(best['y'].item() < 0.1)
    ('b', True)
    """

    def __init__(
        self,
        objective: str | Sequence[str],
        sampler: BaseSampler | None = None,
        mode: str | Sequence[str] = "max",
        children: int = 8,
        generations: int | None = None,
        constraints: Iterable[Callable[[Config], Any]] = (),
        space: Domain | Mapping[str, Any] | None = None,
        seed: Any = None,
    ) -> None:
        self.objectives = Objectives(objective, mode)
        self.sampler = _checked_sampler(sampler)
        self.children = checked_int("children", children, 1)
        self.generations = None if generations is None else checked_int("generations", generations, 1)
        self.constraints = checked_constraints(constraints)
        self.space = None if space is None else Domain(space)
        self.seed = None if seed is None else make_seed(seed)
        self._last: tuple[Any, Asked] | None = None  # saves asking again; what comes of it is the same

    def check(self, domain: Domain) -> None:
        for species in read_space(domain if self.space is None else self.space):
            for gene in species.genes:
                Dimension(", ".join(gene.names), gene)

    def __call__(self, results: ResearchResults, domain: Domain) -> Domain | None:
        evaluated = results.evaluated(self.objectives.names)
        generation = last_generation(evaluated)
        if self.generations is not None and generation >= self.generations:
            return None
        candidates = self.objectives.candidates(evaluated)
        told = [
            [item for item in candidates if item.generation == number] for number in range(generation + 1)
        ]
        space = domain if self.space is None else self.space
        seed = results.study.seed if self.seed is None else self.seed
        asked = self._asked(space, seed, [keys_of(part) for part in told])
        for part in told[len(asked.keys) :]:
            asked.go_on(part)
        run = {item.canonical for item in evaluated}  # what has not ended yet is not run again either
        children = [config for config in asked.children if config.canonical not in run]
        return domain.bred(dict.fromkeys(children, ())) if children else None

    def _asked(self, space: Domain, seed: int, keys: Sequence[tuple[str, ...]]) -> Asked:
        """Return the study of Optuna that has been told the most of this, and nothing else."""
        if self._last is not None:
            (known_space, known_seed), asked = self._last
            if known_seed == seed and known_space == space and asked.keys == keys[: len(asked.keys)]:
                return asked
        modes = self.objectives.modes
        request = Request(self.sampler, read_space(space), modes, self.children, self.constraints, seed)
        asked = Asked(request)
        self._last = (space, seed), asked
        return asked

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_last": None}

    def __repr__(self) -> str:
        end = "" if self.generations is None else f", generations={self.generations}"
        name = type(self.sampler).__name__
        return f"OptunaRefiner({self.objectives!r}, sampler={name}(), children={self.children}{end})"


def _checked_sampler(sampler: Any) -> BaseSampler:
    """Return a sampler of Optuna, TPE if there is none.

    Raises
    ------
    ImportError
        If Optuna is missing.
    TypeError
        If it is something else.
    """
    if find_spec("optuna") is None:
        raise ImportError(
            "OptunaRefiner needs Optuna, which the extra `optuna` brings: "
            "pip install 'domain-research[optuna]'"
        )
    from optuna.samplers import BaseSampler, TPESampler

    if sampler is None:
        return TPESampler()
    if not isinstance(sampler, BaseSampler):
        raise TypeError(f"`sampler` must be one of Optuna, such as TPESampler(), got {sampler!r}")
    return sampler
