"""One study with everything that may differ is the same in this process, in others and on clusters."""

from __future__ import annotations

import random

import numpy as np
import pandas as pd
import pytest

from research import EC, Domain, E, O, R, Research
from research.results.results import ResearchResults
from samplers import NumpySampler, ScipySampler
from tests.backends.engines import CLUSTERS, dask_address, ray_cluster

WAYS = {
    "processes": {"workers": 2},
    "processes, spawn": {"workers": 2, "start_method": "spawn"},
    "dask": {"workers": 2, "backend": "dask"},
    "dask, a process per task": {"workers": 2, "backend": "dask", "isolation": "experiment"},
    "dask, branches": {"workers": 2, "backend": "dask", "branches": 3, "executor_target": "for"},
    "ray": {"workers": 2, "backend": "ray"},
}


class Model:
    def __init__(self, stream):
        self.weights = stream.normal(size=3) + np.random.normal()

    def step(self, rate):
        self.weights = self.weights - rate * np.random.normal(size=3)
        return self.weights.copy(), float(self.weights.sum())


def epochs(config, stream):
    """Yield numbers that depend on all there is; one config fails."""
    for number in range(3):
        if config.get("a") == 3 and number == 2:
            raise ValueError(f"no good: {config['a']}")
        yield number + stream.normal() + random.gauss() + np.random.random()


def prepare(n):
    return [n]


def refined(results):
    """Return another domain, once."""
    table = results.to_df(remove_auxilary=False)
    if int(table["updates"].max()) == 1:
        return None
    best = float(table.loc[table["loss"].idxmin(), "rate"])
    return Domain(rate=[best / 2, best]) * Domain(noise=NumpySampler("normal")) * Domain(a=[1, 3])


def run(name, **how):
    domain = Domain(a=range(5)) * Domain(rate=ScipySampler("loguniform", a=1e-3, b=1))
    study = Research(name, domain + Domain.quasi(3, "sobol", rate=(0, 1)), n_reps=2)
    study.add_callable("prepare", prepare, n=4, root=True)
    study.add_instance("model", Model, stream=E().random)
    study.add_generator("epochs", epochs, config=EC(), stream=E().random, save_to="loss")
    study.add_callable("model.step", rate=EC("rate"), save_to=["weights", "norm"])
    study.save(O("epochs") + E().random.integers(10), "end", when="last")
    study.update_domain(refined, results=R())
    return study.run(name, seed=11, bar=False, **how)


def everything(name):
    results = ResearchResults(name, load_objects=True)
    table = results.to_df(remove_auxilary=False).drop(columns="device", errors="ignore")
    table = table.sort_values(["id", "iteration"], ignore_index=True)
    statuses = results.statuses_to_df().sort_values("id")[["id", "status", "iterations"]]
    return table, statuses.reset_index(drop=True)


@pytest.fixture(scope="module")
def inline(tmp_path_factory):
    name = str(tmp_path_factory.mktemp("inline") / "study")
    counts = run(name, parallel=False).monitor.counts
    assert counts == {"done": 16, "failed": 4}
    return everything(name)


@pytest.mark.parametrize(
    "way", [pytest.param(way, marks=pytest.mark.slow if way != "processes" else ()) for way in WAYS]
)
def test_the_same_study_everywhere(way, inline):
    how = dict(WAYS[way])
    if how.get("backend") == "dask":
        how["address"] = dask_address()
    elif how.get("backend") == "ray":
        ray_cluster()
    assert how.get("backend") in (None, *CLUSTERS)
    run("study", **how)
    table, statuses = everything("study")
    pd.testing.assert_frame_equal(statuses, inline[1], check_exact=True)
    pd.testing.assert_frame_equal(table.drop(columns="weights"), inline[0].drop(columns="weights"))
    assert [value.tobytes() for value in table["weights"].dropna()] == [
        value.tobytes() for value in inline[0]["weights"].dropna()
    ]
