"""Experiments are tried again as often as they may, end when they take too much, and so does the study."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from research import EC, Domain, E, O, Research
from research.errors import StudyError

HOWS = {
    "fork": {"workers": 2},
    "spawn": {"workers": 2, "start_method": "spawn"},
    "a process per task": {"workers": 2, "isolation": "experiment"},
    "inline": {"parallel": False},
    "branches": {"workers": 2, "branches": 3},
    "dask": {"workers": 2, "backend": "dask"},
}
DASK = pytest.param("dask", marks=pytest.mark.slow)


@pytest.fixture(params=[DASK if how == "dask" else how for how in HOWS])
def how(request):
    """Name each way to run a study in turn."""
    return HOWS[request.param]


def count(name):
    """Count calls by name, whichever process they are in; return how many there were before."""
    n = 0
    while True:
        try:
            os.close(os.open(f"{name}.{n}", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            n += 1
        else:
            return n


def n_calls(name):
    return len(list(Path().glob(f"{name}.*")))


def study_of(function, values, name="study"):
    """Return a study of a function of `a` and of the folder where it may count."""
    study = Research(name, Domain(a=values))
    return study.add_callable("unit", function, a=EC("a"), folder=os.getcwd(), save_to="b")


def statuses(study):
    """Return statuses and attempts by the parameter a."""
    table = study.results.statuses_to_df()
    configs = {row["id"]: int(row["a"]) for row in study.results.configs_to_df().to_dict("records")}
    return {configs[row.id]: (row.status, row.attempt) for row in table.itertuples()}


def fails_at_first(a, random, folder):
    value = random.random()
    if count(f"{folder}/f{a}") < a:
        raise ValueError(f"not yet: {a}")
    return value


def test_what_fails_is_tried_again_with_the_same_stream(how):
    described = {"a": EC("a"), "random": E().random, "folder": os.getcwd()}
    study = Research("study", Domain(a=range(5)))
    study = study.add_callable(fails_at_first, **described, save_to="b")
    study.run(bar=False, retries=2, seed=3, **how)
    assert statuses(study) == {
        0: ("done", 1),
        1: ("done", 2),
        2: ("done", 3),
        3: ("failed", 3),
        4: ("failed", 3),
    }
    assert study.monitor.counts == {"done": 3, "failed": 2}
    assert {raised["exception"].args for raised in study.monitor.exceptions} == {
        ("not yet: 3",),
        ("not yet: 4",),
    }
    assert [n_calls(f"f{a}") for a in range(5)] == [1, 2, 3, 3, 3]
    undisturbed = Research("other", Domain(a=[0, 1, 2]))
    undisturbed = undisturbed.add_callable(fails_at_first, **described, save_to="b").run(bar=False, seed=3)
    found = study.results.df.set_index("a")["b"].sort_index()
    assert found.dropna().tolist() == undisturbed.results.df.set_index("a")["b"].sort_index().tolist()
    log = Path("study/research.log").read_text()
    assert "not yet: 1" in log
    assert log.count("is tried again: attempt 2") == 4


def test_values_of_an_attempt_that_failed_are_gone(how):
    def walk(a, folder):
        yield 1
        if count(f"{folder}/w{a}") == 0:
            raise ValueError(a)
        yield 2

    study = Research("study", Domain(a=range(3)))
    study = study.add_generator("walk", walk, a=EC("a"), folder=os.getcwd()).save(O("walk"), "x")
    study.run(bar=False, retries={"failed": 1}, n_iters=2, **how)
    assert sorted(study.results.df["x"]) == [1, 1, 1, 2, 2, 2]


@pytest.mark.parametrize("kind", ["fork", "spawn", "a process per task", "branches", DASK])
def test_what_kills_its_worker_is_tried_again_and_not_for_ever(kind):
    def kill(a, folder):
        if a < 2 and count(f"{folder}/k{a}") <= a:
            os.kill(os.getpid(), signal.SIGKILL)
        return a

    study = Research("study", Domain(a=range(6))).add_callable(
        kill, a=EC("a"), folder=os.getcwd(), save_to="b"
    )
    study.run(bar=False, retries={"lost": 1}, **HOWS[kind])
    found = statuses(study)
    assert found[1] == ("lost", 2)
    if kind != "branches":  # who shares a worker is lost with it
        assert n_calls("k1") == 2
        assert found[0] == ("done", 2)
        assert {found[a] for a in range(2, 6)} == {("done", 1)}


@pytest.mark.parametrize("kind", ["fork", "spawn", "a process per task", DASK])
def test_what_takes_too_long_is_ended(kind):
    def sleep(a, folder):
        count(f"{folder}/s{a}")
        if a == 1:
            time.sleep(600)
        return a

    study = Research("study", Domain(a=range(4))).add_callable(
        sleep, a=EC("a"), folder=os.getcwd(), save_to="b"
    )
    study.run(bar=False, timeout=0.5, retries={"timeout": 1, "failed": 5}, **HOWS[kind])
    assert statuses(study) == {0: ("done", 1), 1: ("timeout", 2), 2: ("done", 1), 3: ("done", 1)}
    assert n_calls("s1") == 2
    table = study.results.statuses_to_df().set_index("status")
    assert table.loc["timeout", "error"] == "it took longer than timeout=0.5 seconds"
    assert study.monitor.counts == {"done": 3, "timeout": 1}
    study.run(bar=False, resume=True, timeout=0.5, **HOWS[kind])
    assert n_calls("s1") == 2  # it is over
    study.run(bar=False, resume=True, retry_failed=True, timeout=0.5, **HOWS[kind])
    assert statuses(study)[1] == ("timeout", 3)


def test_who_does_not_end_when_it_is_asked_to_is_killed():
    def stubborn(a):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            time.sleep(1)

    study = Research("study", Domain(a=[1])).add_callable(stubborn, a=EC("a"))
    study.run(bar=False, timeout=0.2)
    assert study.monitor.counts == {"timeout": 1}


def test_what_a_study_says_at_its_end_names_what_took_too_long(capfd):
    study = Research("study", Domain(a=[1])).add_callable(time.sleep, args=[600])
    study.run(bar=False, timeout=0.2)
    said = capfd.readouterr().err
    assert "study: 1 timeout of 1 experiments" in said
    assert "for those that took too long" in said


@pytest.mark.parametrize("kind", ["fork", "spawn", "a process per task", DASK])
def test_who_takes_too_much_memory_has_failed(kind):
    def hold(a):
        held = bytearray(a)
        time.sleep(600 if a > 1 else 0)
        return len(held)

    study = Research("study", Domain(a=[0, 1, 600_000_000])).add_callable(hold, a=EC("a"), save_to="b")
    study.run(bar=False, memory_limit="500 MB", **HOWS[kind])
    assert study.monitor.counts == {"done": 2, "failed": 1}
    (raised,) = study.monitor.exceptions
    assert raised["name"] == "memory_limit"
    assert isinstance(raised["exception"], MemoryError)
    error = study.results.statuses_to_df().set_index("status").loc["failed", "error"]
    assert error.startswith("memory_limit: MemoryError: its worker held ")
    assert error.endswith(" MB of memory, more than memory_limit=500 MB")


def test_a_study_ends_when_too_much_has_failed(how):
    def fail(a, folder):
        count(f"{folder}/called")
        if a % 2:
            raise ValueError(a)
        time.sleep(0.02)
        return a

    study = Research("study", Domain(a=range(100))).add_callable(
        fail, a=EC("a"), folder=os.getcwd(), save_to="b"
    )
    with pytest.raises(StudyError, match=r"experiments have failed.*`max_failures=3`.*run\(resume=True\)"):
        study.run(bar=False, max_failures=3, **how)
    counts = study.monitor.counts
    assert counts["failed"] >= 3
    assert n_calls("called") < 100
    assert study.results.study.outcome == "broken"
    assert "max_failures=3" in study.results.study.error
    study.run(bar=False, resume=True, **how)
    assert study.monitor.counts == {"done": 50, "failed": 50}
    assert n_calls("called") <= 100 + counts.get("stopped", 0)


def test_a_group_with_a_root_is_tried_again_as_a_whole():
    def shared(folder):
        return count(f"{folder}/root")

    def use(a, n):
        if a == 1 and n == 0:
            raise ValueError(a)
        return n

    study = Research("study", Domain(a=range(3))).add_callable(
        "shared", shared, root=True, folder=os.getcwd()
    )
    study = study.add_callable("use", use, a=EC("a"), n=O("shared"), save_to="n")
    study.run(bar=False, branches=3, retries=1)
    assert statuses(study) == dict.fromkeys(range(3), ("done", 2))
    assert study.results.df["n"].tolist() == [1, 1, 1]


def test_what_was_to_be_tried_again_as_a_study_was_stopped_has_not_failed():
    def fail(a):
        if a == 0:
            raise ValueError(a)
        raise KeyboardInterrupt

    study = Research("study", Domain(a=range(2))).add_callable(fail, a=EC("a"))
    with pytest.raises(KeyboardInterrupt):
        study.run(bar=False, retries=3, parallel=False, branches=2, executor_target="for")
    assert {status for status, _ in statuses(study).values()} == {"stopped"}


@pytest.mark.parametrize("value", [0, -1, True, 1.5, "2"])
def test_what_max_failures_may_not_be(value):
    with pytest.raises(ValueError, match=r"`max_failures` must be a positive int or None, got "):
        Research("study").run(max_failures=value)
    assert not Path("study").exists()
