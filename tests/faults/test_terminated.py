"""SIGTERM to the driver ends a study in order, as Ctrl-C does."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest

from research import Domain, Research, ResearchResults
from research.errors import StudyNotFoundError

SCRIPT = """
import time
from research import *

def slow(a):
    try:
        time.sleep(0.05)
    except Exception:
        pass
    return a

study = Research("study", Domain(a=range(1000))).add_callable(slow, a=EC("a"), save_to="b")
study.run(bar=False, {how})
"""


@pytest.mark.parametrize(
    "how",
    [
        "workers=2",
        "parallel=False",
        "workers=2, start_method='spawn'",
        "workers=2, isolation='experiment'",
        "workers=2, isolation='experiment', start_method='spawn'",
    ],
)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_driver_that_is_asked_to_end(tmp_path, how, number):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(how=how))
    process = subprocess.Popen([sys.executable, script], cwd=tmp_path, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    done = 0
    while not done and time.monotonic() < deadline:
        time.sleep(0.05)
        try:
            done = len(ResearchResults("study").df)
        except StudyNotFoundError:
            continue
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert b"Traceback" not in said
    assert b"experiments done; run(resume=True) goes on with it" in said
    _, alive = psutil.wait_procs(children, timeout=5)
    assert not alive
    statuses = set(ResearchResults("study").statuses_to_df()["status"])
    assert "done" in statuses
    assert statuses <= {"done", "stopped"}
    assert not (tmp_path / "study" / "research.lock").exists()


def run(name, **options):
    study = Research(name, Domain(a=[1])).add_callable(
        "f", lambda: signal.getsignal(signal.SIGTERM), save_to="h"
    )
    return study.run(bar=False, dump_results=False, parallel=False, **options)


def test_the_handler_is_put_back():
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    run("study")
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_handler_of_the_program_stays():
    def mine(number, frame):
        seen.append(number)

    seen = []
    before = signal.signal(signal.SIGTERM, mine)
    try:
        study = Research("study", Domain(a=[1])).add_callable("f", signal.raise_signal, args=[signal.SIGTERM])
        study.run(bar=False, dump_results=False, parallel=False)
        assert signal.getsignal(signal.SIGTERM) is mine
    finally:
        signal.signal(signal.SIGTERM, before)
    assert seen == [signal.SIGTERM]
    assert study.monitor.counts == {"done": 1}


def test_a_study_may_run_in_another_thread():
    runs = []
    thread = threading.Thread(target=lambda: runs.append(run("study")))
    thread.start()
    thread.join()
    assert runs[0].monitor.counts == {"done": 1}
