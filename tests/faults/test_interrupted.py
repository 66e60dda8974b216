"""Ctrl-C ends a study in order, and at once if it comes again."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from research import Research, ResearchResults
from research.termination import Interrupts, Terminated

PATIENCE = 60  # seconds after which a test gives up on something that does not happen
HOWS = [
    "workers=2",
    "workers=2, start_method='spawn'",
    "workers=2, isolation='experiment'",
    "workers=1, branches=3",
    "parallel=False",
    pytest.param("workers=2, backend='dask'", marks=pytest.mark.slow),
]


def begin(tmp_path, code, how):
    """Run a script; return its process."""
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(code).replace("HOW", how))
    return subprocess.Popen([sys.executable, script], cwd=tmp_path, stderr=subprocess.PIPE)


def await_path(pattern, count=1):
    deadline = time.monotonic() + PATIENCE
    while len(list(Path().glob(pattern))) < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)


QUICK = """
import time
from pathlib import Path
from research import *

def quick(a):
    time.sleep(0.002)
    Path(f"ended-{a}").write_text(repr(time.monotonic()))
    return a

study = Research("study", Domain(a=range(100_000))).add_callable(quick, a=EC("a"), save_to="b")
study.run(bar=False, HOW)
"""


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_was_done_before_is_kept(tmp_path, how, number):
    process = begin(tmp_path, QUICK, how)
    await_path("ended-*", 300)
    interrupted = time.monotonic()
    process.send_signal(number)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == (-signal.SIGINT if number == signal.SIGINT else 143)
    results = ResearchResults("study")
    statuses = results.statuses_to_df().set_index("id")["status"]
    table = results.df
    done = set(table["a"][(statuses[table["id"]] == "done").to_numpy()])
    before = [
        path for path in Path().glob("ended-*") if float(path.read_text() or "inf") < interrupted - 0.05
    ]
    assert before
    assert {int(path.name.removeprefix("ended-")) for path in before} <= done
    assert set(statuses) <= {"done", "stopped"}
    assert results.study.outcome == "stopped"
    lines = said.decode().splitlines()
    assert f"study: stopped, with {len(done)} experiments done; run(resume=True) goes on with it" in lines


SLOW = """
import signal, time
from pathlib import Path
from research import *

def slow(a):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Path(f"begun-{a}").touch()
    time.sleep(600)

study = Research("study", Domain(a=range(10))).add_callable(slow, a=EC("a"))
study.run(bar=False, HOW)
"""


@pytest.mark.parametrize("how", [*HOWS[:3], HOWS[-1]])
def test_twice_ends_it_at_once(tmp_path, how):
    process = begin(tmp_path, SLOW, how)
    await_path("begun-*", 2)
    children = psutil.Process(process.pid).children(recursive=True)
    for _ in range(5):
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGINT
    _, alive = psutil.wait_procs(children, timeout=5)
    assert not alive
    table = ResearchResults("study").statuses_to_df()
    assert set(table["status"]) <= {"queued", "running", "stopped"}


def test_a_condition_that_is_never_met_can_be_interrupted(tmp_path):
    code = """
    from pathlib import Path
    from research import *

    def never(config):
        Path("asked").touch()
        return False

    study = Research("study", Domain(a=range(10**12)).where(never)).add_callable("f", abs, args=[EC("a")])
    study.run(bar=False)
    """
    process = begin(tmp_path, code, "")
    await_path("asked")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGINT


def test_a_study_that_was_interrupted_goes_on(tmp_path):
    process = begin(tmp_path, QUICK.replace("100_000", "400"), "workers=2")
    await_path("ended-*", 100)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE)
    n_done = len(ResearchResults("study").df)
    assert 50 < n_done < 400
    study = Research.load("study").run(bar=False, workers=2)
    assert sorted(study.results.df["a"]) == list(range(400))


def test_the_first_waits_and_the_second_does_not():
    seen = []
    with pytest.raises(KeyboardInterrupt), Interrupts() as interrupts, interrupts.deferred():
        signal.raise_signal(signal.SIGINT)
        seen.append(1)
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            seen.append(2)
        seen.append(3)
    assert seen == [1, 2]


def test_what_has_come_raises_where_it_may():
    with pytest.raises(KeyboardInterrupt), Interrupts() as interrupts, interrupts.deferred():
        signal.raise_signal(signal.SIGINT)
        with interrupts.allowed():
            pytest.fail("it has come before")
    with pytest.raises(KeyboardInterrupt), Interrupts() as interrupts:
        with interrupts.deferred():
            signal.raise_signal(signal.SIGINT)
        pytest.fail("it has come before")
    with pytest.raises(KeyboardInterrupt), Interrupts() as interrupts, interrupts.deferred():
        with interrupts.allowed(), interrupts.deferred():
            signal.raise_signal(signal.SIGINT)
        pytest.fail("it has come before")


def test_sigterm_counts_once_and_ends_the_program():
    seen = []
    with pytest.raises(SystemExit) as ended, Interrupts() as interrupts, interrupts.deferred():
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        seen.append(1)
        with pytest.raises(Terminated):
            interrupts.check()
        signal.raise_signal(signal.SIGTERM)
        raise Terminated
    assert seen == [1]
    assert ended.value.code == 143
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
