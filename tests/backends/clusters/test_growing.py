"""Clusters that grow and shrink while a study runs."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pandas as pd
import pytest

from research.backends.clusters.options import Dask
from tests.backends.clusters.hosts import until
from tests.backends.clusters.journeys import counts, described, n_of, table

pytestmark = pytest.mark.slow
PATIENCE = 20.0


class Going:
    """A study that runs in a thread."""

    def __init__(self, study, hosts, **options):
        self.study, self.error = study, None
        self._options = {
            "seed": 3,
            "bar": False,
            "backend": Dask(hosts.address, patience=PATIENCE),
            **options,
        }
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        try:
            self.study.run(**self._options)
        except BaseException as error:
            self.error = error

    def end(self):
        self._thread.join(120)
        assert not self._thread.is_alive()
        if self.error is not None:
            raise self.error
        return self.study


def log():
    path = Path("study/research.log")
    return path.read_text() if path.exists() else ""


def test_workers_follow_the_cluster(hosts, tmp_path):
    n = 120
    first = hosts.add(1)
    going = Going(described("study", "notes", n, 0.1), hosts, workers="auto")
    until(lambda: len(counts("notes", "ended")) >= 2)
    assert len(first.workers()) == 1
    second, third = hosts.add(2), hosts.add(1)
    until(lambda: len(second.workers()) == 2 and len(third.workers()) == 1)
    n_ended = len(counts("notes", "ended"))
    until(lambda: len(counts("notes", "ended")) >= n_ended + 8)
    (leaving,) = [
        address
        for address, worker in hosts.known().items()
        if address.startswith("tcp") and worker["nthreads"] == 2
    ]
    hosts.ask(lambda client: client.retire_workers([leaving]))
    until(lambda: not second.workers() and not second.agents(), 10)
    study = going.end()
    assert study.monitor.counts == {"done": n}
    described("reference", tmp_path / "unheeded", n, 0).run(seed=3, bar=False, parallel=False)
    pd.testing.assert_frame_equal(table("study"), table("reference"), check_exact=True, check_like=True)
    assert len(re.findall(r"worker \d is on", log())) >= 4
    assert len(re.findall(r"the cluster takes its place away|Dask has retired the worker", log())) == 2
    assert len(set(study.results.statuses_to_df()["worker"])) == 4


def test_a_study_waits_for_the_first_worker_of_a_cluster(hosts):
    going = Going(described("study", "notes", 6), hosts, workers=2)
    until(lambda: "2 of 2 workers wait for a place; the cluster has room for 0" in log())
    assert n_of("done") == 0
    hosts.add(2)
    assert going.end().monitor.counts == {"done": 6}


def test_a_study_takes_what_room_there_is(hosts):
    hosts.add(2)
    study = Going(described("study", "notes", 12), hosts, workers=8).end()
    assert study.monitor.counts == {"done": 12}
    assert len(re.findall(r"worker \d is on", log())) == 2
    assert "6 of 8 workers wait" in log() or "wait for a place" not in log()


def test_two_studies_share_a_cluster(hosts):
    host = hosts.add(2)
    goings = [
        Going(described(f"study{number}", f"notes{number}", 8), hosts, workers=2) for number in range(3)
    ]
    assert [going.end().monitor.counts for going in goings] == [{"done": 8}] * 3
    until(lambda: not host.workers() and not host.agents())
