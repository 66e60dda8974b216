"""What a worker sees of devices, of threads and of the terminal, before it runs anything of a user's."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from research import EC, Domain, Research
from research.backends.processes import has_cuda_open

METHODS = ["fork", "spawn"]
ISOLATIONS = ["worker", "experiment"]
NAMES = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER")


def look(place, n_workers):
    """Return what this worker sees, once all workers have begun: none may take the other's work."""
    Path("begun").mkdir(exist_ok=True)
    (Path("begun") / os.environ.get("CUDA_VISIBLE_DEVICES", "none")).touch()
    deadline = time.monotonic() + 60
    while len(os.listdir("begun")) < n_workers and time.monotonic() < deadline:
        time.sleep(0.01)
    return [os.environ.get(name) for name in NAMES], place


def study(n_workers, n_experiments):
    described = Research("study", Domain(a=range(n_experiments)))
    return described.add_callable(
        look, place=EC(full=True)["device"], n_workers=n_workers, save_to=["variables", "place"]
    )


def seen(study):
    """Return what experiments saw, by worker: the visible devices and the places in configs."""
    results = study.results
    workers = results.statuses_to_df().set_index("id")["worker"]
    found = {}
    for identity, variables, place in results.df[["id", "variables", "place"]].itertuples(index=False):
        found.setdefault(int(workers[identity]), []).append((variables, place))
    return found


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("isolation", [None, "worker"])
def test_each_worker_sees_its_devices_and_each_branch_its_place_among_them(method, isolation):
    described = study(2, 4).run(
        devices=[0, 1, 2, 3], workers=2, branches=2, start_method=method, isolation=isolation, bar=False
    )
    assert described.monitor.counts == {"done": 4}
    assert seen(described) == {
        0: [(["0,1", "PCI_BUS_ID"], "0"), (["0,1", "PCI_BUS_ID"], "1")],
        1: [(["2,3", "PCI_BUS_ID"], "0"), (["2,3", "PCI_BUS_ID"], "1")],
    }


@pytest.mark.parametrize("method", METHODS)
def test_a_device_may_be_shared_and_a_branch_may_have_several(method):
    shared = study(1, 2).run(devices="GPU-5a1c", workers=2, start_method=method, bar=False)
    assert {item for items in seen(shared).values() for _, item in items} == {"0"}
    several = study(1, 1).run("several", devices=[4, 7], start_method=method, bar=False)
    assert seen(several) == {0: [(["4,7", "PCI_BUS_ID"], ["0", "1"])]}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("isolation", ISOLATIONS)
@pytest.mark.parametrize("devices", [None, [None]])
def test_without_devices_the_environment_stays_as_it_is(monkeypatch, method, isolation, devices):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "6")
    monkeypatch.delenv("CUDA_DEVICE_ORDER", raising=False)
    described = study(1, 1).run(devices=devices, start_method=method, isolation=isolation, bar=False)
    assert seen(described) == {0: [(["6", None], None)]}


@pytest.mark.parametrize("argument", ["workers", "branches"])
def test_a_config_may_name_its_device_where_nothing_else_does(argument):
    described = Research("study", Domain(a=[1, 2])).add_callable("f", str, args=[EC("device")], save_to="b")
    described.run(**{argument: [{"device": 7}]}, bar=False)
    assert described.results.df["b"].tolist() == ["7", "7"]
    with pytest.raises(ValueError, match=f"`{argument}` must not set the parameter 'device'"):
        described.run("twice", **{argument: [{"device": 7}]}, devices=7, bar=False)
    assert not Path("twice").exists()


def test_devices_that_go_to_nobody_are_in_the_log():
    study(2, 2).run(devices=[0, 1, 2], workers=2, bar=False)
    assert "devices 2 are not used" in Path("study/research.log").read_text()


@pytest.mark.parametrize("before", [{}, {"CUDA_VISIBLE_DEVICES": "5"}, {"CUDA_DEVICE_ORDER": ""}], ids=str)
@pytest.mark.parametrize("ends", ["well", "by an exception"])
def test_in_this_process_they_are_set_for_the_run_only(monkeypatch, before, ends):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in before.items():
        monkeypatch.setenv(name, value)
    here = dict(os.environ)
    if ends == "well":
        described = study(1, 2).run(devices=[3, 4], branches=2, parallel=False, bar=False)
        assert seen(described)[0] == [
            (["3,4", "PCI_BUS_ID"], "0"),
            (["3,4", "PCI_BUS_ID"], "1"),
        ]
    else:
        fails = Research("study", Domain(a=[1])).add_callable("f", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            fails.run(devices=3, parallel=False, executor_target="for", debug=True, bar=False)
    assert dict(os.environ) == here


MODULE = """
import os
names = ["CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "OMP_NUM_THREADS"]
found = [os.environ.get(name) for name in names]
def tell():
    return found
"""


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_a_new_interpreter_has_them_before_it_imports_anything(tmp_path, isolation):
    (tmp_path / "reads_at_import.py").write_text(MODULE)
    (tmp_path / "script.py").write_text(
        "from research import *\n"
        "from reads_at_import import tell\n"
        "study = Research('study', Domain(a=[1, 2])).add_callable(tell, save_to='found')\n"
        "study.run(devices=[1, 2], workers=2, threads_per_worker=3, start_method='spawn',\n"
        f"          isolation={isolation!r}, bar=False)\n"
        "print(sorted(study.results.df['found']))\n"
    )
    said = subprocess.run(
        [sys.executable, "script.py"], capture_output=True, text=True, check=True, timeout=120
    ).stdout
    assert said.strip() in {
        str([["1", "PCI_BUS_ID", "3"], ["2", "PCI_BUS_ID", "3"]]),
        str([["1", "PCI_BUS_ID", "3"]] * 2),
        str([["2", "PCI_BUS_ID", "3"]] * 2),
    }


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_workers_that_share_a_device_have_as_many_threads_as_they_may(method, isolation):
    def threads():
        import numpy as np
        from threadpoolctl import threadpool_info

        np.ones((2, 2)) @ np.ones((2, 2))
        return {os.environ["OMP_NUM_THREADS"], *(str(pool["num_threads"]) for pool in threadpool_info())}

    described = Research("study", Domain(a=[1, 2])).add_callable("threads", threads, save_to="n")
    described.run(
        devices=0, workers=2, threads_per_worker=1, start_method=method, isolation=isolation, bar=False
    )
    assert described.results.df["n"].tolist() == [{"1"}, {"1"}]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_nobody_waits_for_what_is_typed(tmp_path, method, isolation):
    (tmp_path / "script.py").write_text(
        "import subprocess, sys\n"
        "from research import *\n"
        "def ask():\n"
        "    child = subprocess.run(['cat'], capture_output=True, text=True)\n"
        "    return [sys.stdin.read(), child.stdout]\n"
        "study = Research('study').add_callable(ask, save_to='said')\n"
        f"study.run(start_method={method!r}, isolation={isolation!r}, bar=False)\n"
        "print(study.results.df['said'][0], sys.stdin.readline())\n"
    )
    process = subprocess.Popen(
        [sys.executable, "script.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write("typed\n")
        process.stdin.flush()  # and it stays open: who waits for the end of it waits for ever
        assert process.stdout.readline() == "['', ''] typed\n"
        process.stdin.close()
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.stdout.close()


def test_a_file_of_the_driver_of_cuda_tells_that_it_is_initialised(tmp_path):
    assert not has_cuda_open()
    assert not has_cuda_open(tmp_path / "nowhere")
    (tmp_path / "3").symlink_to("/dev/nvidiactl")
    (tmp_path / "4").write_text("no link")
    assert not has_cuda_open(tmp_path)
    (tmp_path / "5").symlink_to("/dev/nvidia-uvm")
    assert has_cuda_open(tmp_path)
