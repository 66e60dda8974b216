"""Workers of Dask, whole hosts and schedulers that are killed, or stand still, with real signals."""

from __future__ import annotations

import re
import signal
import threading
from pathlib import Path

import pandas as pd
import psutil
import pytest

from research import ResearchResults
from research.backends.clusters.options import Dask
from research.errors import StudyError
from tests.backends.clusters.hosts import signal_all, until
from tests.backends.clusters.journeys import N_EXPERIMENTS, alive, counts, described, n_of, table

pytestmark = pytest.mark.slow
SHORT = 4.0  # patience, in seconds


@pytest.fixture
def reference(tmp_path):
    """Run the study in this process."""
    described("reference", tmp_path / "unheeded", seconds=0).run(seed=3, bar=False, parallel=False)
    return table("reference")


@pytest.fixture
def meanwhile():
    """Return a function that runs another in a thread, whose error is the test's."""
    threads, errors = [], []

    def begin(function):
        def run():
            try:
                function()
            except BaseException as error:
                errors.append(error)

        threads.append(threading.Thread(target=run))
        threads[-1].start()

    yield begin
    for thread in threads:
        thread.join(60)
    assert not errors


def backend(hosts, patience=SHORT, **options):
    return Dask(hosts.address, patience=patience, **options)


def log():
    return Path("study/research.log").read_text()


def kill_worker_of_dask(host):
    host.dask_worker().kill()


def kill_host(host):
    host.kill()


@pytest.mark.parametrize("kill", [kill_worker_of_dask, kill_host])
@pytest.mark.parametrize("retries", [0, {"lost": 2}], ids=str)
def test_experiments_of_killed_workers_are_lost_and_no_others(hosts, meanwhile, reference, kill, retries):
    victim, _ = hosts.add(), hosts.add()
    begun = []

    def disturb():
        until(lambda: len(counts("notes", "ended")) >= 6 and victim.workers())
        begun.extend(victim.workers())
        kill(victim)

    meanwhile(disturb)
    study = described("study", "notes").run(
        seed=3, bar=False, workers=4, backend=backend(hosts), retries=retries
    )
    found = study.monitor.counts
    n_lost = found.get("lost", 0)
    assert n_lost <= (0 if retries else 2)
    assert found == {"done": N_EXPERIMENTS - n_lost} | ({"lost": n_lost} if n_lost else {})
    told = study.results.statuses_to_df().set_index("id")
    statuses, attempts = told["status"], told["attempt"]
    ended = counts("notes", "ended")
    again = {config["a"] for id_, config in study.results.configs.items() if attempts[id_] == 2}
    assert {a for a, count in ended.items() if count > 1} <= again  # killed before it was told that they had
    assert len(again) <= (2 if retries else 0)
    assert max(ended.values()) <= 2
    done = reference[(statuses[reference["id"]] == "done").to_numpy()].reset_index(drop=True)
    values = table("study")
    values = values[(statuses[values["id"]] == "done").to_numpy()].reset_index(drop=True)
    pd.testing.assert_frame_equal(values, done, check_exact=True, check_like=True)
    assert re.search(r"worker \d is on .*tcp://", log())
    assert re.search(r"worker \d ended: Dask has lost the worker that it was on; another takes", log())
    assert begun
    until(lambda: not any(alive(process.pid) for process in begun))


def test_a_host_that_stands_still_for_too_long_is_lost_and_does_nothing_twice(hosts, meanwhile, reference):
    victim, _ = hosts.add(), hosts.add()
    done = []

    def disturb():
        until(lambda: len(counts("notes", "ended")) >= 6 and victim.workers())
        everyone = victim.everyone()
        signal_all(everyone, signal.SIGSTOP)
        until(lambda: log().count("another takes its place") >= 2)
        signal_all(everyone, signal.SIGCONT)
        until(lambda: not victim.agents())  # they end by themselves
        done.append(True)

    meanwhile(disturb)
    study = described("study", "notes").run(
        seed=3, bar=False, workers=4, backend=backend(hosts), retries={"lost": 2}
    )
    assert study.monitor.counts == {"done": N_EXPERIMENTS}
    pd.testing.assert_frame_equal(table("study"), reference, check_exact=True, check_like=True)
    until(lambda: done)
    assert sum(counts("notes", "begun").values()) <= N_EXPERIMENTS + 2  # those that stood still
    assert re.search(r"it has not answered for 6 seconds", log())


def test_a_host_that_stands_still_for_a_moment_is_not_lost(hosts, meanwhile):
    victim = hosts.add()

    def disturb():
        until(lambda: len(counts("notes", "ended")) >= 4)
        everyone = victim.everyone()
        signal_all(everyone, signal.SIGSTOP)
        threading.Event().wait(2)
        signal_all(everyone, signal.SIGCONT)

    meanwhile(disturb)
    study = described("study", "notes").run(seed=3, bar=False, workers=2, backend=backend(hosts, 30))
    assert study.monitor.counts == {"done": N_EXPERIMENTS}
    assert set(counts("notes", "begun").values()) == {1}


def test_without_its_scheduler_a_study_ends_with_an_error_and_goes_on_elsewhere(hosts, meanwhile, reference):
    worker = hosts.add()

    def disturb():
        until(lambda: len(counts("notes", "ended")) >= 6)
        hosts.scheduler.process.kill()

    meanwhile(disturb)
    study = described("study", "notes")
    with pytest.raises(StudyError, match=r"the scheduler of Dask at tcp://.* cannot be reached any more"):
        study.run(seed=3, bar=False, workers=2, backend=backend(hosts), retries={"lost": 2})
    results = ResearchResults("study")
    assert results.study.outcome == "broken"
    n_done = n_of("done")
    assert 6 <= n_done < N_EXPERIMENTS
    until(lambda: not worker.agents() and not worker.workers())
    again = described("study", "notes").run(resume=True, retry_failed=True, bar=False, workers=2)
    assert again.monitor.counts == {"done": N_EXPERIMENTS}
    pd.testing.assert_frame_equal(table("study"), reference, check_exact=True, check_like=True)


def test_folders_of_killed_agents_go_with_the_next(hosts):
    host = hosts.add(nanny=False)
    study = described("study", "notes", n=4)
    thread = threading.Thread(
        target=study.run,
        kwargs={"seed": 3, "bar": False, "workers": 2, "backend": backend(hosts), "retries": {"lost": 2}},
    )
    thread.start()
    until(lambda: len(counts("notes", "begun")) >= 2)
    host.process.kill()
    assert host.agents()
    other = hosts.add(TMPDIR=str(host.tmp))
    thread.join(60)
    assert not thread.is_alive()
    assert not host.agents()
    assert not other.agents()
    assert not psutil.pid_exists(host.process.pid) or host.process.status() == psutil.STATUS_ZOMBIE
    assert n_of("done") == 4
