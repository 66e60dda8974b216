"""Global generators are seeded as their own functions do it."""

from __future__ import annotations

import random

import numpy as np
import pytest

from research import Executor, Experiment
from research.experiment import seeding


@pytest.mark.parametrize("is_patched", [False, True])
def test_a_seed_is_what_the_libraries_make_of_it(monkeypatch, is_patched):
    """Also where somebody has put a function of their own in the place of `random.seed`."""
    run = Executor(Experiment().add_callable("one", int), seed=3).experiments[0]
    bits = run.seed_bytes(seeding.PURPOSE, 28)
    expected = random.Random(int.from_bytes(bits[:16], "little"))
    of_numpy = np.random.RandomState(int.from_bytes(bits[16:20], "little"))
    seeds = []
    seed = random.seed
    if is_patched:
        monkeypatch.setattr(seeding, "_PYTHON", None)
        monkeypatch.setattr(random, "seed", lambda number: (seeds.append(number), seed(number)))
    with seeding.kept_globals():
        random.gauss(0, 1)  # draws a pair, and keeps one of them
        np.random.normal()
        seeding.seed_globals(run)
        assert random.gauss(0, 1) == expected.gauss(0, 1)
        assert random.getstate() == expected.getstate()
        assert np.random.normal(size=3).tolist() == of_numpy.normal(size=3).tolist()
    assert len(seeds) == is_patched
