"""Backends of every kind, and a way to run tasks on them and to see what they say."""

from __future__ import annotations

import time
from pathlib import Path

from research import EC, Domain, E, Executor, Experiment
from research.backends.base import Blueprint, WorkerSpec
from research.backends.inline import InlineBackend
from research.backends.processes import ProcessBackend
from research.events import Ended, Member, Ready, Task, Values
from tests.backends.engines import on_dask, on_ray

MAKERS = {
    "inline": InlineBackend,
    "fork": lambda: ProcessBackend("fork"),
    "spawn": lambda: ProcessBackend("spawn"),
    "fork, a process per task": lambda: ProcessBackend("fork"),
    "spawn, a process per task": lambda: ProcessBackend("spawn"),
    "dask": on_dask,
    "ray": on_ray,
}
PATIENCE = 60  # seconds after which a test gives up on something that does not happen


def simple(x, random):
    """Return something that depends on the config and on the experiment's stream."""
    return x * 2 + random.random()


def experiment(function=simple):
    """Return an experiment that calls a function and saves its output as `y`."""
    return Experiment().add_callable("unit", function, x=EC("x"), random=E().random, save_to="y")


def blueprint(described=None, n_iters=None, **changes):
    """Return the blueprint of a study over x = 0 … 999."""
    parts = {
        "experiment": described or experiment(),
        "domains": (Domain(x=range(1000)),),
        "seed": 7,
        "n_iters": n_iters,
        "executor_class": Executor,
        "executor_target": "for",
        "branches_configs": (),
        "finalize": True,
        "debug": False,
        "folder": Path("study"),
    }
    return Blueprint(**{**parts, **changes})


def task(number):
    """Return a task of one experiment, that of x = number."""
    return Task(number, (Member(f"{number:016x}", number, number, 0, 0, 0),))


class Driven:
    """A started backend and everything it said."""

    def __init__(self, backend, n_workers, plan):
        self.backend = backend
        self.said = []
        backend.start(plan, [WorkerSpec({}, 1)] * n_workers)
        self.until(lambda: len(self.of(Ready)) == n_workers)

    def of(self, kind):
        """Return all events of a kind."""
        return [event for event in self.said if isinstance(event, kind)]

    @property
    def saved(self):
        """All blocks of values, with their experiments, in the order in which they were told."""
        told = [event for event in self.said if isinstance(event, Values | Ended)]
        return [(event.experiment, block) for event in told for block in event.blocks]

    def until(self, holds):
        """Take events until something holds."""
        deadline = time.monotonic() + PATIENCE
        while not holds():
            if time.monotonic() > deadline:
                raise TimeoutError(f"it never came to that; said so far: {self.said}")
            self.said.extend(self.backend.events(0.1))
