"""A cluster of Dask in the process of the study: nothing to be seen of it, and nothing left of it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
import warnings
from pathlib import Path

import psutil
import pytest

from research import EC, Domain, Research
from research.backends.clusters.options import Dask
from research.errors import StudyError
from tests.backends.clusters.hosts import ROOT, until

pytestmark = pytest.mark.slow

HEAD = """
import os, sys, threading, time, warnings
from research import *

def double(a):
    return 2 * a

def fail(a):
    if a == 2:
        raise ValueError("no good")
    return a

def study(name, function=double):
    return Research(name, Domain(a=range(4))).add_callable("f", function, a=EC("a"), save_to="b")

"""
LAST = """
import psutil
until = time.monotonic() + 5
while psutil.Process().children() and time.monotonic() < until:
    time.sleep(0.05)
print([thread.name for thread in threading.enumerate() if not thread.daemon], psutil.Process().children())
"""


def script(tmp_path, code, wait=True):
    """Run a script; return its exit code, and what it has written to stdout and stderr."""
    path = tmp_path / "script.py"
    path.write_text(HEAD + textwrap.dedent(code))
    process = subprocess.Popen(
        [sys.executable, str(path)],
        cwd=tmp_path,
        env={**dict(__import__("os").environ), "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path / "tmp")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    (tmp_path / "tmp").mkdir(exist_ok=True)
    if not wait:
        return process
    out, said = process.communicate(timeout=120)
    return process.returncode, out, said


def test_a_script_needs_no_guard_and_prints_nothing(tmp_path):
    code = """
    filters = list(warnings.filters)
    found = study("one").run(workers=2, backend="dask", bar=False)
    assert found.monitor.counts == {"done": 4} and found.results.df["b"].tolist() == [0, 2, 4, 6]
    study("two").run(workers=3, backend="dask", bar=False)
    assert warnings.filters == filters
    """
    begun = time.monotonic()
    returned, out, said = script(tmp_path, code + textwrap.indent(LAST, "    "))
    assert (returned, said) == (0, "")
    assert out == "['MainThread'] []\n"
    assert list((tmp_path / "tmp").glob("research*")) == []
    assert time.monotonic() - begun < 90


def test_a_study_that_fails_prints_what_it_prints_anywhere(tmp_path):
    said = {}
    for how in ("workers=2, backend='dask'", "workers=2"):
        code = f"study('study', fail).run(bar=False, resume=False, seed=1, {how})"
        returned, _, said[how] = script(tmp_path, code)
        assert returned == 0
        __import__("shutil").rmtree(tmp_path / "study")
    with_cluster, without = said.values()
    assert with_cluster == without
    assert "1 failed of 4 experiments" in without


def test_from_the_keyboard_it_ends_at_once_and_prints_what_it_prints_anywhere(tmp_path):
    code = """
    def slow(a):
        open(f"begun-{a}", "w").close()
        time.sleep(600)

    study("study", slow).run(workers=2, backend="dask", bar=False)
    """
    # a unit that writes where the script is: on this machine workers are in the same directory
    process = script(tmp_path, code, wait=False)
    until(lambda: len(list(tmp_path.glob("begun-*"))) >= 2 or process.poll() is not None)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    begun = time.monotonic()
    _, said = process.communicate(timeout=60)
    assert time.monotonic() - begun < 20
    assert process.returncode == -signal.SIGINT
    assert "distributed" not in said.replace("site-packages/distributed", "")
    assert said.splitlines()[0] == (
        "study: stopped, with 0 experiments done; run(resume=True) goes on with it"
    )
    assert said.count("Traceback") == 1
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive


def test_a_study_that_cannot_run_leaves_nothing(tmp_path):
    code = """
    import threading
    try:
        Research("study", Domain(a=range(2))).add_callable("f", double, a=EC("a"), lock=threading.Lock()).run(
            workers=2, backend="dask", bar=False
        )
    except Exception as error:
        print(type(error).__name__)
    """
    returned, out, said = script(tmp_path, code + textwrap.indent(LAST, "    "))
    assert (returned, said) == (0, "")
    assert out.splitlines()[-1] == "['MainThread'] []"


def double(a):
    return 2 * a


def run(name, address=None, **how):
    study = Research(name, Domain(a=range(4))).add_callable("double", double, a=EC("a"), save_to="b")
    study.run(workers=2, bar=False, backend=Dask(address, patience=20), **how)
    assert study.monitor.counts == {"done": 4}
    assert study.results.df["b"].tolist() == [0, 2, 4, 6]


def test_inside_a_running_loop_and_in_a_thread():
    async def both():
        run("within")
        await asyncio.to_thread(run, "thread")

    asyncio.run(both())


def test_a_cluster_and_clients_as_addresses():
    from distributed import Client, LocalCluster

    with (
        warnings.catch_warnings(),
        LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address=":0", memory_limit=0) as cluster,
    ):
        run("cluster", cluster)
        with Client(cluster) as client:
            run("client", client)
            assert client.submit(double, 4).result(30) == 8

        async def asynchronous():
            async with Client(cluster.scheduler_address, asynchronous=True) as client:
                await asyncio.to_thread(run, "asynchronous", client)
                run("in the loop", client)
                assert await client.submit(double, 5) == 10

        asyncio.run(asynchronous())
    assert Path("in the loop").exists()


def test_what_is_no_address_is_refused():
    with pytest.raises(TypeError, match=r"`address` must be that of a scheduler of Dask.*got 8786"):
        run("study", 8786)


@pytest.mark.parametrize("address", ["nonsense", "tcp", ""])
def test_an_address_without_a_port_is_refused_before_anything_begins(address):
    with pytest.raises(
        ValueError, match=rf"`address` must be .* as in 'tcp://10.0.0.1:8786', got '{address}'"
    ):
        run("study", address)
    assert not Path("study").exists()


def test_a_machine_that_nobody_knows_is_named_at_once():
    with pytest.raises(StudyError, match=r"no scheduler of Dask at 'tcp://nowhere.invalid:1': gaierror: "):
        run("study", "nowhere.invalid:1")


def test_devices_and_memory_are_those_of_this_machine(monkeypatch):
    def look(device):
        return f"{device} of {os.environ['CUDA_VISIBLE_DEVICES']}"

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5")
    described = Research("one", Domain(a=range(4))).add_callable(look, device=EC("device"), save_to="seen")
    described.run(workers=2, backend="dask", resources={"GPU": 1}, bar=False)
    assert set(described.results.df["seen"]) == {"0 of 5"}
    for resources in ({"GPU": 2}, {"memory": "1000 TB"}):
        with pytest.raises(StudyError, match="no worker of the cluster has the resources"):
            described.run("none", backend="dask", resources=resources, bar=False)


def test_as_many_workers_as_there_are_cores():
    described = Research("auto", Domain(a=range(4))).add_callable("double", double, a=EC("a"), save_to="b")
    described.run(workers="auto", backend="dask", bar=False)
    log = Path("auto/research.log").read_text()
    n_cores = len(os.sched_getaffinity(0))
    assert "a varying number of workers" in log
    assert all(f"worker {number} is on" in log for number in range(n_cores))
    assert f"worker {n_cores} is on" not in log
