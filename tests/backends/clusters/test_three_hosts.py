"""A scheduler and two workers on hosts of their own: between them is a network, which may break."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pandas as pd
import pytest

from tests.backends.clusters.hosts import Hosts, until
from tests.backends.clusters.journeys import counts, described, driver, end, n_of, table
from tests.backends.clusters.networks import make_network

pytestmark = pytest.mark.slow
PATIENCE = 3.0
N, SECONDS = 60, 0.1

SCRIPT = f"""
from research.backends.clusters.options import Dask
from tests.backends.clusters.journeys import described

study = described("study", "notes", {N}, {SECONDS})
backend = Dask({{address!r}}, patience={PATIENCE})
study.run(seed=3, bar=False, workers=4, backend=backend, retries={{{{"lost": 2}}}})
"""


@pytest.fixture
def network():
    made = make_network(3)
    yield made
    made.close()


def make_hosts(folder, addresses, prefixes):
    """Return a cluster with a scheduler on the first host and a worker on each of the others."""
    hosts = Hosts(folder, addresses[0], prefixes[0])
    for address, prefix in zip(addresses[1:], prefixes[1:], strict=True):
        hosts.add(2, address=address, prefix=prefix, waits=False)
    return hosts


def log(tmp_path):
    path = tmp_path / "study" / "research.log"
    return path.read_text() if path.exists() else ""


def check(tmp_path, n_lost):
    """See that everything is done once, and that it is what it is without any cluster."""
    described("reference", tmp_path / "unheeded", N, 0).run(seed=3, bar=False, parallel=False)
    assert n_of("done") == N
    pd.testing.assert_frame_equal(table("study"), table("reference"), check_exact=True, check_like=True)
    begun = counts("notes", "begun")
    assert len(begun) == N
    assert sum(begun.values()) <= N + n_lost


def test_a_host_that_is_cut_off_comes_back_and_nothing_is_done_twice(network, tmp_path):
    prefixes = [network.prefix(number) for number in range(3)]
    hosts = make_hosts(tmp_path / "cluster", network.addresses, prefixes)
    process = driver(tmp_path, SCRIPT.format(address=hosts.address), prefixes[0])
    victim = hosts.hosts[2]
    try:
        until(lambda: len(counts("notes", "ended")) >= 12 or process.poll() is not None)
        until(lambda: log(tmp_path).count(" is on ") >= 4 or process.poll() is not None)
        assert len(victim.workers()) == 2
        network.cut_off(2)
        until(lambda: not victim.workers() and not victim.agents(), PATIENCE + 10)
        until(lambda: log(tmp_path).count("another takes its place") == 2)
        n_ended = len(counts("notes", "ended"))
        until(lambda: len(counts("notes", "ended")) >= n_ended + 4 or process.poll() is not None)
        network.join(2)
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
        check(tmp_path, 2)
        assert log(tmp_path).count(f"({victim_address(network)}") >= 2
    finally:
        end(process)
        hosts.close()


def victim_address(network):
    return f"tcp://{network.addresses[2]}"


def test_a_host_that_is_cut_off_for_a_moment_is_not_missed(network, tmp_path):
    prefixes = [network.prefix(number) for number in range(3)]
    hosts = make_hosts(tmp_path / "cluster", network.addresses, prefixes)
    code = SCRIPT.replace(f"patience={PATIENCE}", "patience=30")
    process = driver(tmp_path, code.format(address=hosts.address), prefixes[0])
    try:
        until(lambda: len(counts("notes", "ended")) >= 12 or process.poll() is not None)
        network.cut_off(2)
        n_ended = len(counts("notes", "ended"))
        until(lambda: len(counts("notes", "ended")) >= n_ended + 10 or process.poll() is not None)
        network.join(2)
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
        check(tmp_path, 0)
    finally:
        end(process)
        hosts.close()


def test_hosts_known_by_three_addresses(tmp_path):
    """The same without networks, wherever tests run: a host that is killed, in place of one cut off."""
    addresses = ["127.0.0.2", "127.0.0.3", "127.0.0.4"]
    hosts = make_hosts(tmp_path / "cluster", addresses, [[], [], []])
    process = driver(tmp_path, SCRIPT.format(address=hosts.address))
    try:
        until(lambda: len(counts("notes", "ended")) >= 12 or process.poll() is not None)
        until(lambda: log(tmp_path).count(" is on ") >= 4 or process.poll() is not None)
        hosts.hosts[2].kill()
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
        check(tmp_path, 2)
        assert all(address in log(tmp_path) for address in addresses[1:])
    finally:
        end(process)
        hosts.close()


def test_the_hosts_of_a_network_reach_each_other_by_it_alone(network):
    ask = textwrap.dedent(
        f"""
        import socket
        socket.create_connection(("{network.addresses[1]}", 8000), 5)
        """
    )
    server = subprocess.Popen(
        [*network.prefix(1), sys.executable, "-m", "http.server", "8000", "--bind", network.addresses[1]],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        asked = [*network.prefix(0), sys.executable, "-c", ask]
        until(lambda: subprocess.run(asked, capture_output=True).returncode == 0, 20)
        network.cut_off(1)
        assert subprocess.run(asked, capture_output=True).returncode != 0
        network.join(1)
        until(lambda: subprocess.run(asked, capture_output=True).returncode == 0, 20)
    finally:
        server.kill()
        server.wait()
