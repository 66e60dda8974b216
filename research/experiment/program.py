"""An experiment compiled: what is the same for every task."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby

from research.experiment.experiment import Experiment
from research.experiment.targets import Binder
from research.experiment.units import Step
from research.profiling.measuring import invoke_timed, measured


@dataclass(frozen=True, slots=True)
class Program:
    """An experiment compiled: what is the same for every task.

    Parameters
    ----------
    instances : tuple of (name, root, maker)
    segments : tuple of (root, steps)
        Neighbouring units that run either once for all branches or in each of them.
    n_iters : int or None
        None: until a unit is exhausted.
    profile : 0, 1 or 2
        What is measured of instances and units; see `Research.run`.

    Attributes
    ----------
    steps : tuple of Step
        All units.
    has_root : bool
        Whether anything runs once for all branches.
    """

    instances: tuple[tuple[str, bool, Binder], ...]
    segments: tuple[tuple[bool, tuple[Step, ...]], ...]
    n_iters: int | None
    profile: int = 0
    steps: tuple[Step, ...] = field(init=False)
    has_root: bool = field(init=False)

    def __post_init__(self) -> None:
        has_root = any(root for root, _ in self.segments) or any(root for _, root, _ in self.instances)
        object.__setattr__(self, "steps", tuple(step for _, steps in self.segments for step in steps))
        object.__setattr__(self, "has_root", has_root)

    @classmethod
    def compile(cls, experiment: Experiment, n_iters: int | None = None, profile: int = 0) -> Program:
        """Compile every unit of an experiment.

        Raises
        ------
        ValueError
            If `n_iters` is not positive, or an expression names what is not there.
        """
        if n_iters is not None and (isinstance(n_iters, bool) or not isinstance(n_iters, int) or n_iters < 1):
            raise ValueError(f"`n_iters` must be a positive int or None, got {n_iters!r}")
        experiment.check()
        if n_iters is None and experiment.only_callables:
            n_iters = 1
        invoke = invoke_timed if profile else None
        instances = [
            (spec.name, spec.root, measured(spec.target.compile(spec.name, invoke), place, profile))
            for place, spec in enumerate(experiment.instances.values())
        ]
        steps = [unit.compile(invoke) for unit in experiment.units.values()]
        steps = [
            step._replace(bind=measured(step.bind, place, profile))
            for place, step in enumerate(steps, len(instances))
        ]
        return cls(
            tuple(instances),
            tuple((root, tuple(group)) for root, group in groupby(steps, key=lambda step: step.root)),
            n_iters,
            profile,
        )

    @property
    def names(self) -> list[str]:
        """Names of instances and units, in their order."""
        return [*(name for name, _, _ in self.instances), *(step.name for step in self.steps)]
