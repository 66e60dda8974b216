"""Agents, workers, nodes and drivers of a cluster of Ray that are killed, with real signals."""

from __future__ import annotations

import os
import signal
from collections import Counter

import psutil
import pytest

from research import ResearchResults
from tests.backends.clusters.raylets import (
    Raylets,
    described,
    noted,
    running,
    said,
    statuses,
    until,
    workers,
)

pytestmark = pytest.mark.slow
SHORT = 4.0  # patience, in seconds
N = 20

RUN = """
study = described("study", ".", n={n}, seconds={seconds})
study.run(seed=3, bar=False, workers=2, backend=Ray({address!r}, patience={patience}), retries={retries})
print(study.monitor.counts)
"""


@pytest.fixture(scope="module")
def raylets(tmp_path_factory):
    cluster = Raylets(tmp_path_factory.mktemp("raylets"))
    cluster.add(num_cpus=2)
    yield cluster
    cluster.close()


def script(raylets, n=N, seconds=0.1, retries=0, patience=SHORT):
    return RUN.format(address=raylets.address, n=n, seconds=seconds, retries=retries, patience=patience)


def check_gone(raylets, pids=()):
    """Wait until nothing is left of agents."""
    until(lambda: not raylets.agents() and not raylets.homes())
    until(lambda: not any(psutil.pid_exists(pid) for pid in pids))


def check_results(n_lost, n=N):
    """See that what is not lost is done, and was done once."""
    found = statuses()
    assert found["done"] + found["lost"] == n
    assert found["lost"] <= n_lost
    frame = ResearchResults("study").to_df()
    assert frame["x"].is_unique
    assert list(frame["y"].dropna().sort_values()) == sorted(
        x * x for x in frame.loc[frame["y"].notna(), "x"]
    )


@pytest.mark.parametrize("retries", [0, {"lost": 2}], ids=str)
def test_experiments_of_killed_agents_and_workers_are_lost_and_no_others(raylets, retries):
    with running(script(raylets, retries=retries)) as driver:
        _, _, agent = until(lambda: noted("begun"))[-1]
        os.kill(agent, signal.SIGKILL)
        n = len(noted("ended"))
        _, worker, _ = until(lambda: [one for one in noted("begun")[n + 3 :] if one[2] != agent])[-1]
        os.kill(worker, signal.SIGKILL)
        status, out, err = said(driver)
    assert status == 0, err
    assert "ray" not in (out + err).lower()  # all that is to be said of it is in the log
    check_results(0 if retries else 2)
    table = ResearchResults("study").statuses_to_df()
    again = set(table.loc[table["attempt"] == 2, "id"])
    configs = ResearchResults("study").configs
    ended = Counter(x for x, *_ in noted("ended"))
    twice = {x for x, count in ended.items() if count > 1}
    assert twice <= {configs[id_]["x"] for id_ in again}  # killed before it was told that they had ended
    assert len(again) <= (2 if retries else 0)
    assert max(ended.values()) <= 2
    check_gone(raylets, {pid for _, *pids in noted("begun") for pid in pids})


def test_a_node_that_is_killed_takes_only_its_own_along(raylets):
    victim = raylets.add(num_cpus=1)
    with running(script(raylets, n=60, retries={"lost": 2}).replace("workers=2", "workers=3")) as driver:
        until(lambda: len({worker for _, worker, _ in noted("begun")}) == 3)
        raylets.kill(victim)
        status, _, err = said(driver)
    assert status == 0, err
    check_results(0, n=60)
    check_gone(raylets, {pid for _, *pids in noted("begun") for pid in pids})
    raylets.remove(victim)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_of_a_driver_that_ends(raylets, number):
    with running(script(raylets, seconds=0.5)) as driver:
        until(lambda: statuses()["done"] >= 1)
        assert len(raylets.agents()) == len(raylets.homes()) == 2
        assert workers()
        driver.send_signal(number)
        driver.wait(30)
        check_gone(raylets, {pid for _, *pids in noted("begun") for pid in pids})
    assert statuses()["done"] >= 1
    study = described("study", ".", n=N, seconds=0.5).run(
        resume=True, retry_failed=True, bar=False, workers=8
    )
    assert study.monitor.counts == {"done": N}
    check_results(0)


def test_an_agent_that_stands_still_for_too_long_is_replaced_and_ends_its_worker(raylets):
    with running(script(raylets, retries={"lost": 2})) as driver:
        _, worker, agent = until(lambda: noted("ended"))[0]
        os.kill(agent, signal.SIGSTOP)
        status, _, err = said(driver)
    assert status == 0, err
    os.kill(agent, signal.SIGCONT)
    check_gone(raylets, {agent, worker})
    check_results(0)


def test_nodes_that_come_get_work_and_those_that_go_are_not_missed(raylets):
    with running(
        script(raylets, n=300, retries={"lost": 5}).replace("workers=2", "workers='auto'")
    ) as driver:
        until(lambda: len({worker for _, worker, _ in noted("begun")}) == 2)
        first, second = raylets.add(num_cpus=1), raylets.add(num_cpus=1)
        until(lambda: len({worker for _, worker, _ in noted("begun")}) == 4)
        raylets.remove(first)
        status, _, err = said(driver)
    assert status == 0, err
    check_results(0, n=300)
    raylets.remove(second)
    check_gone(raylets, {pid for _, *pids in noted("begun") for pid in pids})


SILENT = """
import os, sys
import ray
ray.init({address!r}, log_to_driver=False)
print("connected", flush=True)
sys.stdin.readline()
try:
    described("study", ".").run(bar=False, backend=Ray(patience=1.0))
except BaseException as error:
    print(type(error).__name__, error, flush=True)
os._exit(0)  # (Ray waits for the head)
"""


def test_a_head_that_stands_still_is_not_waited_for_for_ever(raylets):
    with running(SILENT.format(address=raylets.address)) as driver:
        assert driver.stdout.readline() == "connected\n"
        with raylets.head_standing_still():
            _, out, err = said(driver, "\n")
    assert out.startswith("StudyError the head of the cluster has not said within 1 seconds"), out + err


def test_without_its_head_a_study_ends_with_an_error_and_goes_on_elsewhere(tmp_path):
    raylets = Raylets(tmp_path / "cluster")
    raylets.add(num_cpus=2)
    try:
        with running(script(raylets, n=160, patience=2.0)) as driver:
            until(lambda: len(noted("ended")) >= 4)
            raylets.kill_head()
            status, _, err = said(driver)
        assert status == 1
        assert "research.errors.StudyError: the head of the cluster has not been reached for 2 seconds" in err
    finally:
        raylets.close()
    assert ResearchResults("study").study.outcome == "broken"
    assert statuses()["done"] >= 4
    study = described("study", ".", n=160).run(resume=True, retry_failed=True, bar=False, workers=8)
    assert study.monitor.counts == {"done": 160}
