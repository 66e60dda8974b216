"""What is left on a cluster when the driver of a study is killed, or stopped."""

from __future__ import annotations

import signal
import time

import pytest

from research import ResearchResults
from research.backends.clusters.options import Dask
from tests.backends.clusters.hosts import until
from tests.backends.clusters.journeys import counts, described, driver, end, n_of

pytestmark = pytest.mark.slow
PATIENCE = 6.0

SCRIPT = """
from research.backends.clusters.options import Dask
from tests.backends.clusters.journeys import described

study = described("study", "notes", n=200)
study.run(seed=3, bar=False, workers=4, backend=Dask({address!r}, patience={patience}))
"""


def begin(hosts, tmp_path):
    process = driver(tmp_path, SCRIPT.format(address=hosts.address, patience=PATIENCE))
    until(lambda: len(counts("notes", "ended")) >= 8 or process.poll() is not None)
    assert process.poll() is None, process.communicate()
    return process


def is_clean(host):
    return not host.workers() and not host.agents()


def test_nothing_is_left_running_when_the_driver_is_killed(hosts, tmp_path):
    host = hosts.add(4)
    process = begin(hosts, tmp_path)
    assert len(host.workers()) == 4
    process.kill()
    process.communicate()
    killed = time.monotonic()
    until(lambda: is_clean(host))
    assert time.monotonic() - killed < PATIENCE + 5
    assert list(host.tmp.glob("research*")) == []
    again = described("study", "notes", n=200).run(
        resume=True, bar=False, workers=4, backend=Dask(hosts.address, patience=PATIENCE)
    )
    assert again.monitor.counts["done"] == 200
    assert "wait for a place" not in (tmp_path / "study" / "research.log").read_text()


def test_nothing_is_left_when_a_driver_stands_still_for_too_long(hosts, tmp_path):
    host = hosts.add(4)
    process = begin(hosts, tmp_path)
    process.send_signal(signal.SIGSTOP)
    until(lambda: is_clean(host))
    process.send_signal(signal.SIGCONT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert n_of("done") + n_of("lost") == 200
    assert n_of("lost") <= 4


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_driver_that_is_interrupted_ends_in_order_and_at_once(hosts, tmp_path, number):
    host = hosts.add(4)
    process = begin(hosts, tmp_path)
    process.send_signal(number)
    begun = time.monotonic()
    try:
        _, said = process.communicate(timeout=60)
    finally:
        end(process)
    assert time.monotonic() - begun < 20
    assert process.returncode == (-signal.SIGINT if number == signal.SIGINT else 143)
    assert [line for line in said.splitlines() if "distributed" in line or "Traceback" in line][1:] == []
    assert "run(resume=True) goes on with it" in said
    until(lambda: is_clean(host))
    results = ResearchResults("study")
    assert results.study.outcome == "stopped"
    assert set(results.statuses_to_df()["status"]) <= {"done", "stopped", "queued"}
    assert n_of("done") >= 8
