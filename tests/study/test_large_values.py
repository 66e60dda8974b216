"""Values of a mebibyte and more, which workers write to files themselves."""

from __future__ import annotations

import gc
import os
import pickle
import resource
import signal
import sqlite3
import time
import weakref
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from research import EC, Domain, E, O, Research, ResearchResults, S
from research.backends.inline import InlineBackend
from research.events import Ended, Object, Values
from research.storage.encoding import freeze
from research.storage.opening import sqlite_store

N = 2**17 + 1  # floats: a little more than a mebibyte
HOWS = {
    "fork": {"workers": 2},
    "spawn": {"workers": 1, "start_method": "spawn"},
    "a process per task": {"workers": 1, "isolation": "experiment"},
    "inline": {"parallel": False},
    "branches in threads": {"workers": 1, "branches": 3, "seed_libraries": False},
}
HERE = {"parallel": False, "bar": False, "seed": 1}


def make(a):
    return np.full(N, a, dtype=float)


def study_of(function, values=range(3), name="study", **arguments):
    """Return a study of a function of `a` that saves its output as `v`."""
    return Research(name, Domain(a=values)).add_callable(function, a=EC("a"), save_to="v", **arguments)


def first_numbers(study):
    """Return the first number of each array by the parameter a."""
    table = study.results.df
    return {int(a): v[0] for a, v in zip(table["a"], table["v"], strict=True)}


def named(folder="study"):
    """Return files that the database names, with the sizes that it tells."""
    with closing(sqlite3.connect(f"file:{folder}/research.db?mode=ro", uri=True)) as connection:
        return dict(connection.execute("select path, size from objects where path is not null").fetchall())


def files(folder="study"):
    """Return files that are there, with their sizes."""
    return {f"objects/{path.name}": path.stat().st_size for path in Path(folder, "objects").iterdir()}


@pytest.mark.parametrize("how", HOWS)
def test_arrays_are_files_as_numpy_saves_them(how):
    study = study_of(make).run(bar=False, **HOWS[how])
    assert first_numbers(study) == {0: 0.0, 1: 1.0, 2: 2.0}
    assert files() == named()
    assert sorted(np.load(path)[-1] for path in Path("study/objects").iterdir()) == [0.0, 1.0, 2.0]


@pytest.mark.slow
@pytest.mark.parametrize("isolation", ["worker", "experiment"])
def test_from_a_cluster_they_come_as_they_are(isolation):
    """Its workers share no folder with the study: so large arrays are sent, as small ones are."""
    size = 5 * 2**20  # floats: 40 MiB, several pieces
    study = study_of(lambda a: np.full(size, a, dtype=float))
    study.run(bar=False, workers=2, backend="dask", isolation=isolation)
    table = study.results.df
    assert {int(a): (len(v), v[0], v[-1]) for a, v in zip(table["a"], table["v"], strict=True)} == {
        a: (size, a, a) for a in range(3)
    }
    assert files() == named()


def test_only_names_are_sent(monkeypatch):
    """So that a driver need not hold, copy or write what workers save."""
    said = []
    emit = InlineBackend._emit
    monkeypatch.setattr(
        InlineBackend, "_emit", lambda self, events: (said.extend(events), emit(self, events))
    )
    study_of(make).run(**HERE)
    told = [event for event in said if isinstance(event, Values | Ended)]
    objects = [item for event in told for block in event.blocks for item in block.objects]
    assert len(objects) == 3
    assert all(type(item) is Object and item.data is None for item in objects)
    assert len(pickle.dumps(said)) < 10_000


@pytest.mark.parametrize("how", ["fork", "inline"])
def test_without_a_folder_they_are_in_memory(how):
    study = study_of(make).run(bar=False, dump_results=False, **HOWS[how])
    assert first_numbers(study) == {0: 0.0, 1: 1.0, 2: 2.0}
    assert not Path("study").exists()


@pytest.mark.parametrize("how", ["fork", "inline"])
def test_they_are_kept_as_they_were_when_saved(how):
    def spoil(a, experiment):
        array = experiment.outputs["make"]
        array[:] = -1

    study = study_of(make).add_callable(spoil, a=EC("a"), experiment=E())
    assert first_numbers(study.run(bar=False, **HOWS[how])) == {0: 0.0, 1: 1.0, 2: 2.0}


@pytest.mark.parametrize("pause", [0.0, 0.4], ids=["at once", "after the first was told"])
@pytest.mark.parametrize("last", [5.0, "pickled", "small"])
def test_of_what_is_saved_anew_at_an_iteration_the_last_counts(pause, last):
    values = {5.0: np.full(N, 5.0), "pickled": b"5" * N * 8, "small": np.full(3, 5.0)}

    def save(a, storage):
        for value in (np.full(N, 3.0), np.full(N, 4.0), values[last]):
            storage.update_variable("w", value)
            time.sleep(pause)

    study = study_of(save, [1], storage=S()).run(bar=False, workers=1)
    np.testing.assert_array_equal(study.results.df["w"][0], values[last])
    assert len(files()) <= 2
    assert named().items() <= files().items()


def test_a_variable_that_is_saved_anew_all_the_time_has_one_file():
    def save(a, storage):
        for number in range(30):
            storage.update_variable("w", np.full(N, number))
            time.sleep(0.03)

    study = study_of(save, [1], storage=S()).run(bar=False, workers=1)
    assert study.results.df["w"][0][0] == 29
    assert files() == named()


def begin_and_end(a, storage, folder):
    """Save two arrays, and fail in the first attempt, when one of them has been told."""
    attempt = len(list(Path(folder).glob("attempt-*")))
    Path(folder, f"attempt-{attempt}").touch()
    storage.update_variable(f"of {attempt}", np.full(N, attempt))
    storage.update_variable("w", np.full(N, attempt))
    if attempt == 0:
        time.sleep(0.4)
        if a == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        raise ValueError("the first time")


@pytest.mark.parametrize("ending", [0, 1], ids=["fails", "is killed"])
def test_of_an_attempt_that_failed_nothing_is_seen(ending):
    study = study_of(begin_and_end, [ending], storage=S(), folder=os.getcwd())
    study.run(bar=False, workers=1, retries=1)
    table = study.results.df
    assert "of 0" not in table
    assert table["of 1"][0][0] == table["w"][0][0] == 1
    assert len(named()) == 2
    assert named().items() <= files().items()


def test_the_old_one_stays_until_the_new_one_is_known():
    """Whoever reads sees what the row says, whatever a later attempt has written meanwhile."""
    study = study_of(begin_and_end, [0], storage=S(), folder=os.getcwd()).run(**HERE)
    assert study.results.df["of 0"][0][0] == 0
    rows = sqlite_store(Path("study"), read_only=True).read(variables=None).objects
    before = files()
    study.run(**HERE, resume=True, retry_failed=True)
    assert "of 0" not in study.results.df
    assert [row.load()[0] for row in rows] == [0, 0]
    assert before.items() <= files().items()
    study.run(**HERE, resume=True)  # the next one that goes on finds that nobody knows them any more
    assert files() == named()
    assert study.results.df["w"][0][0] == 1


def test_a_worker_that_may_not_write_them_sends_them():
    def limit(a):
        resource.setrlimit(resource.RLIMIT_FSIZE, (N, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
        return make(a)

    study = study_of(limit).run(bar=False, workers=1)
    assert study.monitor.counts == {"done": 3}
    assert first_numbers(study) == {0: 0.0, 1: 1.0, 2: 2.0}
    assert files() == named()


def test_the_copy_of_a_worker_that_a_unit_forks_writes_none():
    def fork(a, storage):
        pid = os.fork()
        storage.update_variable("w", np.full(N, 7.0 if pid else -7.0))
        if pid:
            os.waitpid(pid, 0)

    study = study_of(fork, [1], storage=S()).run(bar=False, workers=1)
    assert study.results.df["w"][0][0] == 7.0
    assert files() == named()


def test_they_are_read_in_every_way():
    study = study_of(make).run(**HERE)
    results = ResearchResults("study")
    frames = list(results.iter_frames(1))
    assert [frame["v"].iloc[0][0] for frame in frames] == [0.0, 1.0, 2.0]
    study_of(make, [2, 3], "other").run(**HERE)
    merged = ResearchResults.merge(["study", "other"], into="both")
    assert sorted(v[0] for v in merged.df["v"]) == [0.0, 1.0, 2.0, 3.0]
    assert files("both") == named("both")
    again = study_of(make, range(5), "both").run(**HERE, resume=True)
    assert again.monitor.counts == {"done": 5}
    assert files("both") == named("both")
    assert sorted(v[0] for v in ResearchResults(study.snapshot()).df["v"]) == [0.0, 1.0, 2.0]


@pytest.mark.parametrize("more", [{}, {"branches": 2, "executor_target": "for"}], ids=["alone", "branches"])
@pytest.mark.parametrize("root", [False, True], ids=["units", "and a root"])
def test_what_units_returned_is_free_when_their_task_is_over(more, root):
    """Without waiting for the collector: a worker that holds one array need not hold ten."""
    alive, most = [], []

    def note(array):
        alive[:] = [kept for kept in alive if kept() is not None]
        alive.append(weakref.ref(array))
        most.append(len(alive))
        return array

    study = Research("study", Domain(a=range(8)))
    if root:
        study.add_callable("shared", lambda: np.zeros(10), root=True)
    study.add_callable("own", lambda a, storage, run: note(np.full(10, a)), a=EC("a"), storage=S(), run=E())
    study.save(O("own"), "v")
    gc.collect()
    gc.disable()
    try:
        study.run(**HERE, **more)
    finally:
        gc.enable()
    assert len(most) == 8
    assert max(most) <= more.get("branches", 1) + 1


def test_studies_whose_driver_wrote_them_are_gone_on_with(monkeypatch):
    """As versions before this did."""
    with monkeypatch.context() as patch:
        patch.setattr("research.backends.recording.freeze", lambda value, *place: freeze(value))
        study_of(make).run(**HERE)
    old = files()
    study = study_of(make, range(5)).run(**HERE, resume=True)
    assert first_numbers(study) == {a: float(a) for a in range(5)}
    assert old.items() < files().items()
    assert files() == named()
