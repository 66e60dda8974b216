"""What goes wrong in some experiments is recorded there, and the others go on."""

from __future__ import annotations

import os
import signal
import time

import numpy as np
import psutil
import pytest

from research import EC, Domain, E, O, Research, ResearchResults
from research.errors import StudyError


def picky(a):
    if a % 20 == 7:
        raise ValueError(f"not {a}")
    return a * 2


def study_of(function, domain=None, name="study"):
    return Research(name, domain or Domain(a=range(100))).add_callable(
        "work", function, a=EC("a"), save_to="b"
    )


@pytest.fixture(autouse=True)
def no_process_is_left():
    before = set(psutil.Process().children(recursive=True))
    yield
    assert set(psutil.Process().children(recursive=True)) <= before


@pytest.mark.parametrize("how", [{"workers": 2}, {"parallel": False}], ids=["processes", "inline"])
def test_five_of_a_hundred_fail(how, capfd, tmp_path):
    study = study_of(picky).run(bar=False, **how)
    assert study.monitor.counts == {"done": 95, "failed": 5}
    assert len(study.results.df) == 95
    lines = [line.strip() for line in capfd.readouterr().err.splitlines() if line]
    first = study.monitor.exceptions[0]
    assert lines == [
        "study: 5 failed of 100 experiments",
        f"the first failure: ValueError: {first['exception']}, in 'work' of experiment {first['id']}",
        "see `.monitor.exceptions` of the study, or study/research.log",
    ]
    log = (tmp_path / "study" / "research.log").read_text()
    for number in (7, 27, 47, 67, 87):
        assert f"ValueError: not {number}" in log
    exceptions = study.monitor.exceptions
    assert {str(item["exception"]) for item in exceptions} == {f"not {n}" for n in (7, 27, 47, 67, 87)}
    assert all(type(item["exception"]) is ValueError for item in exceptions)
    assert {(item["name"], item["it"]) for item in exceptions} == {("work", 0)}
    failed = study.results.statuses_to_df().query("status == 'failed'")
    assert set(failed["id"]) == {item["id"] for item in exceptions}
    assert failed["error"].str.startswith("work: ValueError: not").all()


def test_failures_are_known_after_loading():
    study_of(picky).run(bar=False)
    loaded = Research.load("study")
    assert loaded.monitor.counts == {"done": 95, "failed": 5}
    assert len(loaded.monitor.exceptions) == 5
    assert "in picky" in loaded.monitor.exceptions[0]["traceback"]


def test_debug_raises_the_first_exception_where_it_happens():
    with pytest.raises(ValueError, match="not 7"):
        study_of(picky).run(bar=False, parallel=False, executor_target="for", debug=True)
    results = ResearchResults("study")
    assert results.df["a"].max() == 6
    statuses = results.statuses_to_df()
    assert statuses["status"].tolist()[:8] == ["done"] * 7 + ["failed"]
    assert "ValueError: not 7" in statuses["error"][7]


@pytest.mark.parametrize("start_method", ["fork", "spawn"])
def test_a_worker_that_dies_costs_its_own_experiment(start_method, capfd):
    def deadly(a):
        if a == 30:
            os.kill(os.getpid(), signal.SIGKILL)
        return a

    study = study_of(deadly).run(bar=False, workers=2, start_method=start_method)
    assert study.monitor.counts == {"done": 99, "lost": 1}
    assert sorted(study.results.df["b"]) == [a for a in range(100) if a != 30]
    lost = study.results.statuses_to_df().query("status == 'lost'")
    assert study.results.configs[lost["id"].item()]["a"] == 30
    assert "signal 9 (SIGKILL)" in lost["error"].item()
    said = capfd.readouterr().err
    assert "1 lost of 100" in said
    assert "see `.results.statuses_to_df()` of the study for those that were lost, or study/re" in said


def test_every_experiment_that_kills_its_worker_is_lost_and_no_other():
    def deadly(a):
        if a % 3 == 0:
            os._exit(a)
        return a

    study = study_of(deadly, Domain(a=range(30))).run(bar=False, workers=3)
    assert study.monitor.counts == {"done": 20, "lost": 10}
    errors = study.results.statuses_to_df().query("status == 'lost'")["error"]
    assert {int(error.rpartition(" ")[2]) for error in errors} == set(range(0, 30, 3))


def test_a_branch_that_kills_the_worker_takes_its_group_along():
    def deadly(a):
        if a == 4:
            time.sleep(0.1)
            os._exit(1)
        time.sleep(0.3)
        return a

    study = study_of(deadly, Domain(a=range(9))).run(bar=False, workers=2, branches=3)
    assert study.monitor.counts == {"done": 6, "lost": 3}
    assert sorted(study.results.df["a"]) == [0, 1, 2, 6, 7, 8]


def test_values_saved_before_the_end_of_a_lost_experiment_are_kept():
    def steps():
        yield from range(5)
        time.sleep(1)
        os._exit(1)

    study = Research("study").add_generator("steps", steps).save(O("steps"), "x").run(bar=False)
    assert study.monitor.counts == {"lost": 1}
    assert study.results.df["x"].tolist() == [0, 1, 2, 3, 4]
    assert study.results.statuses_to_df()["iterations"].tolist() == [5]


def test_a_failed_experiment_keeps_what_it_saved():
    def steps():
        yield from (1, 2)
        raise RuntimeError("third")

    study = Research("study").add_generator("steps", steps).save(O("steps"), "x").run(bar=False)
    assert study.results.df["x"].tolist() == [1, 2]
    assert study.results.statuses_to_df()[["status", "iterations"]].iloc[0].tolist() == ["failed", 3]


def test_exceptions_that_cannot_be_pickled_are_told_all_the_same():
    class Odd(Exception):
        def __init__(self, one, two):
            super().__init__(f"{one} and {two}")

        def __reduce__(self):
            raise TypeError("never")

    def fail(a):
        raise Odd(1, 2)

    study = study_of(fail, Domain(a=[1])).run(bar=False)
    assert "Odd: 1 and 2" in str(study.monitor.exceptions[0]["exception"])


def test_sys_exit_in_a_unit_fails_its_experiment_only():
    def leave(a):
        if a == 1:
            raise SystemExit(3)
        return a

    study = study_of(leave, Domain(a=range(3))).run(bar=False)
    assert study.monitor.counts == {"done": 2, "failed": 1}


@pytest.mark.parametrize("start_method", ["fork", "spawn"])
def test_an_error_of_the_driver_leaves_no_process_and_a_whole_store(start_method, tmp_path):
    class Broken:
        def __init__(self, **kwargs):
            self.total = None

        def update(self, n):
            raise MemoryError("the bar broke")

        def set_description(self, *args, **kwargs):
            pass

        refresh = close = lambda self: None

    with pytest.raises(MemoryError, match="the bar broke"):
        study_of(picky).run(bar=Broken, workers=2, start_method=start_method)
    assert set(ResearchResults("study").statuses_to_df()["status"]) <= {"done", "failed", "stopped"}


def test_workers_that_cannot_start_end_the_study_with_a_reason():
    class Local:
        def __reduce__(self):
            return _fail_to_load, ()

    with pytest.raises(StudyError, match="cannot be loaded here"):
        study_of(lambda a: a, Domain(a=[Local()])).run(bar=False, start_method="spawn")


def _fail_to_load():
    raise ImportError("cannot be loaded here")


def test_interrupting_the_driver_stops_the_study(tmp_path):
    def slow(a):
        if a == 3:
            os.kill(os.getppid(), 0)
        time.sleep(0.05)
        return a

    def interrupt(**kwargs):
        from tqdm import tqdm

        class Bar(tqdm):
            def update(self, n=1):
                super().update(n)
                if self.n >= 5:
                    raise KeyboardInterrupt

        return Bar(**kwargs)

    with pytest.raises(KeyboardInterrupt):
        study_of(slow).run(bar=interrupt, workers=2)
    statuses = ResearchResults("study").statuses_to_df()["status"].value_counts()
    assert statuses["done"] >= 5
    assert set(statuses.index) <= {"done", "stopped"}


def test_iterations_of_experiments_that_were_stopped_are_known():
    def count():
        yield from range(3)
        raise KeyboardInterrupt

    study = Research("study", Domain(a=[1, 2])).add_generator("count", count, save_to="n")
    with pytest.raises(KeyboardInterrupt):
        study.run(bar=False, parallel=False)
    statuses = study.results.statuses_to_df()
    assert statuses["status"].tolist() == ["stopped"]
    assert statuses["iterations"].tolist() == [3]


def test_a_failed_unit_leaves_gaps_that_numpy_can_work_with():
    def picky_now_and_then(a):
        if a == 2:
            raise ValueError
        return a

    study = study_of(picky_now_and_then, Domain(a=range(4)))
    study.add_callable("always", lambda random: random.random(), random=E().random, save_to="r")
    found = study.run(bar=False).results.df
    assert len(found) == 4
    assert found["b"].dtype == np.float64
    assert np.nansum(found["b"]) == 4
    assert found["r"].notna().all()
