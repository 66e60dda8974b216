"""Ways to run a small experiment, or a single named expression."""

from __future__ import annotations

from typing import Any

from research import Executor, Experiment
from research.experiment.running import RunningExperiment


def run_one(experiment: Experiment, config: Any = None, **options: Any) -> RunningExperiment:
    """Run an experiment for one config and return what has become of it."""
    return Executor(experiment, configs=[config or {}], **options).run().experiments[0]


def evaluate(expression: Any, config: Any = None, **options: Any) -> Any:
    """Return what a unit named 'take' gets for an expression, after one named 'numbers' gave [1, 2, 3]."""
    taken: list[Any] = []
    experiment = Experiment().add_callable("numbers", lambda: [1, 2, 3])
    experiment.add_callable("take", taken.append, args=[expression])
    run_one(experiment, config, target="for", debug=True, **options)
    (value,) = taken
    return value
