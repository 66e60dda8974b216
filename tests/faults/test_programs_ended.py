"""No program of a study lives on, however the program, its worker or the study ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from research import Domain, Research
from tests.study.commanding import HOWS, ROOT, all_gone, run, sleepers


def family(mark):
    """Return a command that starts others, one of which leaves the group, and waits."""
    others = f"setsid sleep {mark} & sleep {mark} & trap '' TERM; echo there; sleep {mark}; sleep {mark}"
    return others.replace("{", "{{").replace("}", "}}")


@pytest.mark.slow
def test_a_program_that_takes_too_long_ends_with_all_that_it_has_started():
    study = Research("study", Domain(a=[1, 2])).add_command(family(7001.5), shell=True, timeout=0.5)
    study.add_callable("fine", lambda: 1, save_to="x").run(bar=False, workers=2)
    assert study.monitor.counts == {"failed": 2}
    error = study.results.statuses_to_df()["error"][0]
    assert "took longer than timeout=0.5 seconds; the end of its output:\nthere" in error
    assert all_gone("7001.5", seconds=0)


def test_what_a_program_leaves_behind_with_its_output_is_ended():
    assert run("sleep 7002.5 & echo 1", shell=True, save_to="x") == {"x": {0: 1}}
    assert all_gone("7002.5", seconds=0)


@pytest.mark.parametrize(
    "how",
    [
        "fork",
        "inline",
        *(pytest.param(how, marks=pytest.mark.slow) for how in ("spawn", "a process per task")),
    ],
)
def test_ctrl_c_leaves_no_program_behind(how):
    Path("study.py").write_text(
        "from research import *\n"
        "study = Research('study', Domain(a=range(4)))\n"
        "study = study.add_command('setsid sleep 7003.5 & sleep 7003.5; :', shell=True, parse=False)\n"
        f"study.run(bar=False, **{HOWS[how]!r})\n"
    )
    driver = subprocess.Popen(
        [sys.executable, "study.py"],
        env={**os.environ, "PYTHONPATH": ROOT},
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    until = time.monotonic() + 30
    while not sleepers("7003.5") and time.monotonic() < until:
        time.sleep(0.02)
    assert sleepers("7003.5")
    driver.send_signal(signal.SIGINT)
    assert b"resume=True" in driver.communicate(timeout=30)[1]
    assert all_gone("7003.5")


@pytest.mark.parametrize(
    "how", ["fork", "spawn", "a process per task", pytest.param("dask", marks=pytest.mark.slow)]
)
def test_a_worker_that_is_killed_takes_its_program_along(how):
    code = "import os; os.kill(int(os.environ['WORKER']), 9); os.execlp('sleep', 'sleep', '7004.5')"
    study = Research("study")
    study.add_callable("note", lambda: os.environ.update(WORKER=str(os.getpid())))
    study.add_command([sys.executable, "-c", code]).run(bar=False, **HOWS[how])
    assert study.monitor.counts == {"lost": 1}
    assert all_gone("7004.5")


def test_a_timeout_of_the_study_ends_the_program():
    study = Research("study").add_command("sleep 7005.5", parse=False).run(bar=False, timeout=0.3)
    assert study.monitor.counts == {"timeout": 1}
    assert all_gone("7005.5")
