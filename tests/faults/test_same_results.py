"""One study that draws wherever it may has the same results, however it is run, killed and resumed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research import EC, Domain, E, O, R, Research, ResearchResults
from research.errors import StudyNotFoundError
from samplers import NumpySampler, ScipySampler
from tests.backends.engines import dask_address
from tests.results.small_studies import same

SEED = 2024
PATIENCE = 120  # seconds after which a test gives up on something that does not happen
ONE_BY_ONE = {"executor_target": "for"}  # global generators are seeded for branches in turn only
WAYS = {
    "one worker": {"workers": 1},
    "two workers": {"workers": 2},
    "seven workers": {"workers": 7},
    "inline": {"parallel": False},
    "branches": {"workers": 2, "branches": 3, **ONE_BY_ONE},
    "inline branches": {"parallel": False, "branches": 3, **ONE_BY_ONE},
    "spawn": {"workers": 2, "start_method": "spawn"},
    "isolation": {"workers": 2, "isolation": "experiment"},
    "shuffled": {"workers": 2, "shuffled": True},
    "shuffled branches": {"workers": 1, "branches": 3, "shuffled": True, **ONE_BY_ONE},
    "dask": {"workers": 2, "backend": "dask"},
    "dask, branches": {"workers": 2, "branches": 3, "backend": "dask", **ONE_BY_ONE},
}


# the study


class Model:
    """Draws when it is made, and whenever it is asked."""

    def __init__(self, random):
        self.weights = random.normal(size=3) + np.random.normal()

    def step(self, rate):
        self.weights = self.weights - rate * np.random.normal(size=3)
        return float(self.weights.sum()), self.weights.tobytes()


def epochs(config, stream):
    """Yield numbers that depend on the config and on all generators; how many, too."""
    numbers = [value for value in config.values() if isinstance(value, float)]
    for number in range(2 + random.randrange(4)):
        time.sleep(0.01)
        yield sum(numbers) + number + stream.normal() + random.gauss() + np.random.random()


def shared():
    """Disturb the generators that all branches have; what comes out is no part of the group."""
    random.random(), np.random.normal()
    return "shared"


def refined(results):
    """Return a finer domain around the best, twice."""
    table = results.to_df(remove_auxilary=False)
    updates = int(table["updates"].max())
    if updates == 2:
        return None
    best = float(table.loc[table["loss"].idxmin(), "rate"])
    return Domain(rate=[best / 2, best * 2]) * Domain(noise=NumpySampler("normal", loc=updates), b=["x", "y"])


def described(name, shuffled=False):
    """Return the study, not run yet."""
    rate = ScipySampler("loguniform", a=1e-3, b=1)
    mesh = Domain(a=range(4)) * Domain(b=["x", "y"]) * Domain(rate=rate)
    cloud = Domain(rate=0.3 & NumpySampler("uniform") | NumpySampler("gamma", shape=2)) * Domain(c=[1.5, 2.5])
    domain = 0.3 * mesh + 0.7 * cloud + Domain(rate=[0.25]) * Domain.quasi(5, "sobol", u=(0, 1), v=(2, 3))
    study = Research(name, domain.shuffle(seed=5) if shuffled else domain, n_reps=2)
    study.add_callable(shared, root=True, save_to="shared").add_instance("model", Model, random=E().random)
    study.add_generator("epochs", epochs, config=EC(), stream=E().random, save_to="loss")
    study.add_callable("model.step", rate=EC("rate"), save_to=["norm", "weights"], when=2)
    study.save(O("epochs") + E().random.integers(10), "end", when="last")
    return study.update_domain(refined, results=R())


def run(name, seed=SEED, shuffled=False, **options):
    if options.get("backend") == "dask":
        options["address"] = dask_address()
    return described(name, shuffled).run(seed=seed, bar=False, **options)


def everything(name):
    """Return all that a study says of its experiments: ids, configs, values; in the order of ids."""
    results = ResearchResults(name, load_objects=True)
    table = results.to_df(remove_auxilary=False).drop(columns="device")
    assert set(results.statuses_to_df()["status"]) == {"done"}
    return table.sort_values(["id", "iteration"], ignore_index=True), results.results


def check_same(name, reference):
    table, values = everything(name)
    pd.testing.assert_frame_equal(table, reference[0], check_exact=True, check_like=True)
    assert values.keys() == reference[1].keys()
    assert all(same(values[id_], reference[1][id_]) for id_ in values)  # of one type, to the last bit


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    name = str(tmp_path_factory.mktemp("reference") / "study")
    run(name, workers=3)
    return everything(name)


def test_the_study_is_as_random_as_it_looks(reference):
    table, _ = reference
    assert table["loss"].nunique() == table["loss"].count()
    assert set(table["updates"]) == {0, 1, 2}
    assert len(set(table.groupby("id").size())) > 1
    for column in ("rate", "noise", "u", "norm", "weights", "end"):
        assert table[column].nunique() > 3


@pytest.mark.parametrize(
    "way", [pytest.param(way, marks=pytest.mark.slow if "dask" in way else ()) for way in WAYS]
)
def test_it_does_not_matter_how_it_is_run(way, reference):
    run("study", **WAYS[way])
    check_same("study", reference)


def test_another_seed_gives_other_numbers_and_a_recorded_one_the_same(reference):
    first = run("first", seed=None, workers=2)
    assert not set(first.results.df["loss"]) & set(reference[0]["loss"])
    run("second", seed=first.results.study.seed, parallel=False)
    check_same("second", everything("first"))


# killed and gone on with

SCRIPT = f"""
import sys
sys.path[:0] = {[str(Path(__file__).parent), str(Path(__file__).parents[2])]!r}
import test_same_results
test_same_results.run("study", resume=True, **{{how!r}})
"""


def n_done():
    try:
        return int((ResearchResults("study").statuses_to_df()["status"] == "done").sum())
    except StudyNotFoundError:
        return 0


def disturb(how, victim, more):
    """Run the study until so many more experiments are done, then kill some or all of its processes.

    Return whether there was something to kill.
    """
    process = psutil.Popen([sys.executable, "-c", SCRIPT.format(how=how)], stderr=subprocess.DEVNULL)
    deadline, wanted = time.monotonic() + PATIENCE, n_done() + more
    while process.poll() is None and n_done() < wanted:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    is_running = process.poll() is None
    children = process.children(recursive=True) if is_running else []
    killed = {"driver": [process], "worker": children[-1:], "all": [*children, process]}[victim]
    for one in killed:
        try:
            one.kill()
        except psutil.NoSuchProcess:
            continue
    if victim == "worker":
        process.terminate()  # else it would go on to the end, less what was lost
    process.wait(PATIENCE)
    psutil.wait_procs(children, timeout=PATIENCE)
    return is_running


KILLS = {
    "driver": [("two workers", "driver"), ("branches", "driver")],
    "workers": [("seven workers", "worker"), ("isolation", "worker")],
    "all": [("shuffled", "all"), ("inline", "all"), ("spawn", "driver")],
    "on a cluster": [("dask", "driver"), ("dask, branches", "driver"), ("dask", "driver")],
}


@pytest.mark.slow
@pytest.mark.parametrize("kills", KILLS)
def test_it_does_not_matter_how_often_it_is_killed(kills, reference):
    were_running = [disturb(WAYS[way], victim, more=7) for way, victim in KILLS[kills]]
    assert any(were_running)
    run("study", resume=True, workers=2)
    check_same("study", reference)


# any small study

SHAPES = [
    lambda n: Domain(a=range(n)),
    lambda n: Domain(a=range(n)) * Domain(x=NumpySampler("normal")),
    lambda n: 0.2 * Domain(a=range(n)) + 0.8 * Domain(x=NumpySampler("normal")) * Domain(b=range(n)),
    lambda n: Domain(a=range(n)) @ Domain(b=range(n)) + Domain.quasi(n, "halton", x=(0, 1)),
    lambda n: (Domain(a=range(n)) * Domain(b=range(n))).where(lambda c: (c["a"] + c["b"]) % 2 == 0),
]


def burnt_down(fuse):
    """Return whether this call is the last of so many, of several at once only for one of them."""
    try:
        with fuse.open("r+b") as file:
            file.seek(0, os.SEEK_END)
            file.write(b"x")
        if fuse.stat().st_size > 3:
            fuse.unlink()
            return True
    except FileNotFoundError:  # there is none, or another call was faster
        pass
    return False


def small(config, stream, fuse):
    """Return numbers of all generators; kill this process at the last of so many calls."""
    if burnt_down(fuse):
        os.kill(os.getpid(), signal.SIGKILL)
    return stream.normal() + random.random(), np.random.normal(), sum(config.values())


def run_small(name, domain, n_reps, **options):
    study = Research(name, domain, n_reps=n_reps)
    fuse = Path(f"{name}.fuse")
    study.add_callable(small, config=EC(), stream=E().random, fuse=fuse, save_to=["p", "q", "r"])
    return study.run(seed=SEED, bar=False, resume=True, **options)


def in_a_fork(function, *args, **kwargs):
    """Call a function in another process, which may be killed."""
    pid = os.fork()
    if not pid:
        try:
            function(*args, **kwargs)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


@settings(max_examples=12)
@given(
    shape=st.sampled_from(SHAPES),
    n=st.integers(1, 5),
    n_reps=st.integers(1, 2),
    options=st.lists(
        st.fixed_dictionaries({"workers": st.integers(1, 3), "branches": st.integers(1, 3)})
        | st.fixed_dictionaries({"parallel": st.just(False), "branches": st.integers(1, 3)}),
        min_size=1,
        max_size=3,
    ),
    order=st.none() | st.integers(0, 9),
)
def test_any_small_study_is_the_same_after_any_kills(shape, n, n_reps, options, order):
    """All but the last run are killed, the driver where it does everything by itself, else a worker."""
    domain = shape(n)
    with tempfile.TemporaryDirectory() as folder:
        run_small(f"{folder}/whole", domain, n_reps, parallel=False)
        ordered = domain if order is None else domain.shuffle(seed=order)
        *killed, last = options
        for how in killed:
            Path(f"{folder}/study.fuse").write_text("x")
            in_a_fork(run_small, f"{folder}/study", ordered, n_reps, **how, **ONE_BY_ONE)
        Path(f"{folder}/study.fuse").unlink(missing_ok=True)
        run_small(f"{folder}/study", ordered, n_reps, **last, **ONE_BY_ONE)
        check_same(f"{folder}/study", everything(f"{folder}/whole"))
