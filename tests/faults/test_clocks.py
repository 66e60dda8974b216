"""Clocks that are set while a study runs: nothing waits for them, and nothing is counted by them."""

from __future__ import annotations

import itertools
import time

import pytest

from research import EC, Domain, E, O, Research

JUMPS = (0, -(10**9), 10**9, -1.5e9, 60)  # seconds


@pytest.fixture
def jumping(monkeypatch):
    """Let the time of day be another at each look, here and in processes that are forked from this one."""
    jumps, true = itertools.cycle(JUMPS), time.time
    monkeypatch.setattr("time.time", lambda: true() + next(jumps))


def steps(a, random):
    for _ in range(3):
        time.sleep(0.02)
        yield a + random.random()


def study_of(name):
    study = Research(name, Domain(a=range(12))).add_generator("steps", steps, a=EC("a"), random=E().random)
    return study.save(O("steps"), "v")


@pytest.mark.parametrize(
    "how", [{"workers": 2}, {"workers": 2, "isolation": "experiment"}, {"parallel": False}], ids=str
)
def test_a_clock_that_jumps(jumping, how):
    study = study_of("study").run(bar=False, seed=1, profile=1, **how)
    assert study.monitor.counts == {"done": 12}
    times = study.profiler.profile_info["total_time"]
    assert len(times) and times.between(0, 60).all()


def test_results_do_not_depend_on_the_clock(request):
    whole = study_of("whole").run(bar=False, seed=1)
    request.getfixturevalue("jumping")
    study = study_of("study").run(bar=False, seed=1)
    assert study.results.df.sort_values(["a", "iteration"], ignore_index=True).equals(
        whole.results.df.sort_values(["a", "iteration"], ignore_index=True)
    )
    again = study_of("study").run(bar=False, resume=True)
    assert again.monitor.counts == {"done": 12}
    assert again.results.statuses_to_df()["attempt"].eq(1).all()


def test_a_progress_bar_under_a_clock_that_jumps(jumping):
    assert study_of("study").run(seed=1, workers=2).monitor.counts == {"done": 12}


def test_a_study_that_is_watched_under_a_clock_that_jumps(jumping):
    study = study_of("study").run(bar=False, seed=1, detach=True)
    study.wait()
    assert study.is_finished
    assert study.monitor.counts == {"done": 12}
