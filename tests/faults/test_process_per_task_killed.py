"""Where each task has a process: whichever process is killed, nothing is left, and the rest is right."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from research import EC, Domain, Research

PATIENCE = 60
METHODS = ["fork", "spawn"]

SCRIPT = """
import os, time
from research import *

def work(x):
    with open(f"pid{{x}}.part", "w") as file:
        file.write(str(os.getpid()))
    os.replace(f"pid{{x}}.part", f"pid{{x}}")
    time.sleep(600)

study = Research("study", Domain(x=[0, 1])).add_callable(work, x=EC("x"))
study.run(workers=2, isolation="experiment", start_method={method!r}, bar=False)
"""


def until(holds):
    deadline = time.monotonic() + PATIENCE
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert holds()


def is_alive(process):
    try:
        process = psutil.Process(process) if isinstance(process, int) else process
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture(params=METHODS)
def running(request, tmp_path):
    """Return the driver of a study in which two tasks are at work, and their processes."""
    (tmp_path / "script.py").write_text(SCRIPT.format(method=request.param))
    driver = psutil.Popen([sys.executable, "script.py"], stderr=subprocess.DEVNULL)
    until(lambda: Path("pid0").exists() and Path("pid1").exists())
    tasks = [psutil.Process(int(Path(name).read_text())) for name in ("pid0", "pid1")]
    processes = driver.children(recursive=True)
    assert set(tasks) <= set(processes)
    yield driver, tasks
    for process in [driver, *processes]:
        if is_alive(process):
            process.kill()
    driver.wait()


def test_nothing_is_left_of_a_study_whose_driver_is_killed(running):
    driver, _ = running
    processes = driver.children(recursive=True)
    driver.kill()
    until(lambda: not any(map(is_alive, processes)))


def test_a_task_ends_when_nobody_above_it_can_end_it(running):
    driver, tasks = running
    above = [process for process in tasks[0].parents() if process == driver or driver in process.parents()]
    shepherd, *others = above
    for process in others:  # they see nothing of what happens next
        process.suspend()
    shepherd.kill()
    until(lambda: not is_alive(tasks[0]))
    assert is_alive(tasks[1])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("victim", ["task", "shepherd"])
def test_a_process_that_is_killed_takes_along_its_task_and_no_other(method, victim):
    def work(x, victim):
        if x == 2:
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            Path("left").write_text(str(child.pid))
            os.kill(os.getpid() if victim == "task" else os.getppid(), signal.SIGKILL)
            time.sleep(600)
        return x * x

    described = Research("study", Domain(x=range(8)))
    described.add_callable("work", work, x=EC("x"), victim=victim, save_to="y")
    described.run(workers=2, isolation="experiment", start_method=method, bar=False)
    assert described.monitor.counts == {"done": 7, "lost": 1}
    assert described.results.df["y"].tolist() == [0, 1, 9, 16, 25, 36, 49]
    assert "SIGKILL" in described.results.statuses_to_df()["error"][2]
    until(lambda: not is_alive(int(Path("left").read_text())))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("code", [0, 3])
def test_a_unit_that_ends_its_process(method, code):
    def leave(x):
        if x == 1:
            os._exit(code)
        return x

    described = Research("study", Domain(x=range(4))).add_callable("leave", leave, x=EC("x"), save_to="y")
    described.run(isolation="experiment", start_method=method, bar=False)
    assert described.monitor.counts == {"done": 3, "lost": 1}
    assert described.results.df["y"].tolist() == [0, 2, 3]
    assert f"exit code {code}" in described.results.statuses_to_df()["error"][1]
