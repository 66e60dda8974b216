"""Parameters of a domain as those of Optuna."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from research.domain.drawing import Draft
from research.domain.values import unwrap
from research.refining.genes import DrawnGene, Gene, TypedGene
from samplers import Choice, Float, Int

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import Trial

N_OPTIONS = 10_000  # that Optuna is told of one parameter
_PLAIN = (str, int, float, bool, type(None))  # what Optuna takes as a choice


class Dimension:
    """A parameter, or several that go together, as Optuna knows it.

    Numbers are numbers, what has an order is known by its number. Of choices, Optuna is told the values, or
    their numbers, if it would not take them or could not tell them apart.

    Parameters
    ----------
    name : str
    gene : Gene

    Raises
    ------
    ValueError
        If nothing but a distribution is known of it, or it has too many values.
    """

    def __init__(self, name: str, gene: Gene) -> None:
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        self.name = name
        self.distribution: BaseDistribution
        self._gene = gene
        self._kind: Any = gene.kind if isinstance(gene, TypedGene) else None
        self._shown: Sequence[Any] | None = None  # by number
        if isinstance(gene, DrawnGene):
            raise ValueError(
                f"the parameter {gene.names[0]!r} is drawn from {gene.sampler!r}, which does not tell Optuna "
                "what it may be: make it Float(low, high), Int, Bool, Choice or Ordinal, in the domain or by "
                "`space=Domain(...)`"
            )
        n_values = gene.n_values or 0
        if isinstance(self._kind, Float):
            self.distribution = FloatDistribution(self._kind.low, self._kind.high, log=self._kind.log)
        elif isinstance(self._kind, Int):
            low, high = self._kind.low, self._kind.value(n_values - 1)
            self.distribution = IntDistribution(low, high, log=self._kind.log, step=self._kind.step)
        elif self._kind is not None and not isinstance(self._kind, Choice):
            self._shown = range(n_values)
            self.distribution = IntDistribution(0, n_values - 1)
        else:
            self._shown = self._options(n_values)
            self.distribution = CategoricalDistribution(self._shown)

    def _options(self, n_values: int) -> Sequence[Any]:
        """Return what Optuna is shown of choices."""
        names = self._gene.names
        if n_values > N_OPTIONS:
            raise ValueError(
                f"{' and '.join(map(repr, names))} have {n_values} values without an order, and Optuna is "
                f"told of at most {N_OPTIONS}: make it Int or Float by `space=Domain(...)`"
            )
        if len(names) == 1:
            values = [self._value(number) for number in range(n_values)]
            if all(type(value) in _PLAIN for value in values) and len(set(values)) == n_values:
                return values
        return range(n_values)

    def _value(self, number: int) -> Any:
        draft = Draft()
        self._gene.put(self._gene.number(number), draft)
        return unwrap(draft.items.get(self._gene.names[0]))

    def told(self, value: Any) -> Any:
        """Return what Optuna is told of a gene's value."""
        if self._shown is None:
            return value
        return self._shown[value if self._kind is None else self._kind.number(value)]

    def suggested(self, trial: Trial) -> Any:
        """Return the gene's value that Optuna suggests."""
        value = suggest(trial, self.name, self.distribution)
        return value if self._shown is None else self._gene.number(self._shown.index(value))


def suggest(trial: Trial, name: str, distribution: Any) -> Any:
    """Ask a trial for the value of a parameter."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    if isinstance(distribution, CategoricalDistribution):
        return trial.suggest_categorical(name, distribution.choices)
    low, high, log = distribution.low, distribution.high, distribution.log
    if isinstance(distribution, FloatDistribution):
        return trial.suggest_float(name, low, high, log=log)
    return trial.suggest_int(name, low, high, log=log, step=distribution.step)
