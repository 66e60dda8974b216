"""What a study is pruned by, and one experiment as it is watched where it runs."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Mapping
from numbers import Real
from typing import Any, NamedTuple

import numpy as np

from research.domain.config import Config
from research.errors import did_you_mean
from research.experiment.experiment import check_variable
from research.pruning.rules import Others, Progress, Rule


class Pruning(NamedTuple):
    """By which rule experiments are ended; see `Research.prune`."""

    rule: Rule
    objective: str
    is_maximized: bool
    by: tuple[str, ...]
    wait: bool

    def __str__(self) -> str:
        mode = "max" if self.is_maximized else "min"
        among = f", by {', '.join(self.by)}" if self.by else ""
        return f"{self.rule!r} of {self.objective!r} ({mode}{among}{'' if self.wait else ', wait=False'})"

    def check(self, parameters: Collection[str]) -> None:
        """Refuse parameters to compare by that do not exist, and an objective that cannot be saved.

        Raises
        ------
        ValueError
            Names the parameter, and near matches.
        """
        check_variable(self.objective, parameters)
        for name in self.by:
            if name not in parameters:
                hint = did_you_mean(name, parameters)
                raise ValueError(f"`by` of `prune` names {name!r}, which is no parameter of the domain{hint}")

    def remark(self, variables: Collection[str]) -> str | None:
        """Return what is worth a warning if units are known to save these variables."""
        hint = "" if self.objective in variables else did_you_mean(self.objective, variables)
        if "did you mean" not in hint:  # anything may save it by S()
            return None
        return f"no unit is known to save {self.objective!r}, by which experiments are to be pruned{hint}"

    def alone(self, reached: Reached) -> str | None:
        """Return why an experiment ends, by a rule that asks for nobody else; None if it goes on."""
        return self.explain(reached.rung, self.rule.verdict(reached.progress, Others()))

    def explain(self, rung: int, reason: str | None) -> str | None:
        """Say of what a rule speaks."""
        return None if reason is None else f"{self.objective!r} after {rung} iterations: {reason}"

    def group_of(self, config: Config) -> str:
        """Return what experiments have in common that are compared with each other."""
        return self.group_in(json.loads(config.canonical)) if self.by else ""

    def group_in(self, canonical: Mapping[str, Any]) -> str:
        """Return the same of a canonical form that has been read."""
        return json.dumps([canonical.get(name) for name in self.by]) if self.by else ""


class Reached(NamedTuple):
    """An experiment has come to a rung."""

    rung: int
    progress: Progress


class Watch:
    """Follows the objective of one experiment.

    Parameters
    ----------
    pruning : Pruning
    """

    __slots__ = ("_progress", "_pruning", "_reached", "_reports", "_saved")

    def __init__(self, pruning: Pruning) -> None:
        self._pruning = pruning
        self._saved: tuple[int, float] | None = None  # iteration and value, since the last look
        self._progress = Progress.begin()
        self._reports = 0
        self._reached = 0

    def take(self, iteration: int, value: Any) -> None:
        """Take note of a value that was saved; the last one of an iteration counts.

        Raises
        ------
        TypeError
            If it is no number.
        """
        if not isinstance(value, Real | np.bool_):
            raise TypeError(
                f"{self._pruning.objective!r} is what experiments are pruned by: it must be a number, got "
                f"{type(value).__name__} {value!r:.100}"
            )
        self._saved = iteration, float(value)

    def look(self) -> Reached | None:
        """Return the rung that has been reached since the last look, if any; called between iterations."""
        if self._saved is None:
            return None
        (iteration, value), self._saved = self._saved, None
        if math.isnan(value):
            value = math.inf
        elif self._pruning.is_maximized:
            value = -value
        best, mean, since_best = self._progress
        self._reports += 1
        is_better = value < best - self._pruning.rule.min_delta or (math.isinf(best) and value < best)
        mean = value if self._reports == 1 or mean == value else mean + (value - mean) / self._reports
        self._progress = Progress(min(best, value), mean, 0 if is_better else since_best + 1)
        rung = self._pruning.rule.rung(iteration + 1)
        if rung <= self._reached:
            return None
        self._reached = rung
        return Reached(rung, self._progress)


def replay(pruning: Pruning, values: Iterable[tuple[int, Any]]) -> list[Reached]:
    """Return the rungs to which an experiment came that has saved these values, by iteration."""
    watch = Watch(pruning)
    reached = []
    for iteration, value in values:
        watch.take(iteration, value)
        now = watch.look()
        if now is not None:
            reached.append(now)
    return reached
