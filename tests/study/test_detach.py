"""Studies that a process of their own runs: watched, awaited, ended."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from research import EC, Domain, E, R, Research, ResearchResults, watching
from research.errors import StudyError, StudyExistsError
from research.storage.lock import Holder, Lock, is_held, read_holder
from research.storage.places import FolderPlace

PATIENCE = 60  # seconds after which a test gives up on something that does not happen


def until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def gated(a, random, gate):
    """Return a number as soon as there is a file of the given name."""
    until(Path(gate).exists)
    return a + random.random()


def study_of(n, name="study", function=gated):
    """Return a study of which all experiments but the first five wait for the file `gate`."""
    Path("open").touch()
    gates = [Path("open").absolute()] * 5 + [Path("gate").absolute()] * (n - 5)
    domain = Domain(a=range(n)) @ Domain(gate=[str(gate) for gate in gates])
    return Research(name, domain).add_callable(
        "f", function, a=EC("a"), gate=EC("gate"), random=E().random, save_to="b"
    )


@pytest.fixture(autouse=True)
def nothing_runs_on(in_tmp_path):
    """End what a test that failed has left behind."""
    yield
    for path in Path().glob("*/research.lock"):
        if is_held(path.parent):
            os.kill(read_holder(path.parent).pid, signal.SIGKILL)


def counts(study):
    """Return how many have begun, by status; how many wait for a worker is chance."""
    return {status: count for status, count in study.monitor.counts.items() if status != "queued"}


def said(script):
    """Run a script to its end and return what it printed."""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=PATIENCE)
    assert ended.stderr == b""
    return ended.stdout


def processes(study="study"):
    """Return the process that runs a study, and all that it has started."""
    driver = psutil.Process(read_holder(Path(study)).pid)
    return [driver, *driver.children(recursive=True)]


@pytest.mark.parametrize(
    "how", [{"workers": 2}, {"workers": 2, "start_method": "spawn"}, {"parallel": False}]
)
def test_a_detached_study_finds_out_what_another_does(how):
    Path("gate").touch()
    detached = study_of(8, "detached").run(detach=True, seed=3, **how)
    assert detached.wait(PATIENCE)
    here = study_of(8, "here").run(seed=3, bar=False)
    tables = [study.results.df.sort_values("id", ignore_index=True) for study in (detached, here)]
    assert tables[0].equals(tables[1])
    assert detached.monitor.counts == {"done": 8}


def test_it_can_be_watched_while_it_runs():
    study = study_of(9).run(workers=2, detach=True)
    until(lambda: study.monitor.counts.get("done") == 5)
    assert not study.is_finished
    assert not study.wait(0.1)
    assert sorted(study.results.df["a"]) == [0, 1, 2, 3, 4]
    loaded = Research.load("study")
    assert not loaded.is_finished
    until(lambda: counts(loaded) == {"done": 5, "running": 2})
    assert "5 done" in str(study)
    Path("gate").touch()
    assert loaded.wait()
    assert study.is_finished
    assert study.monitor.counts == loaded.monitor.counts == {"done": 9}
    assert len(study.results.df) == 9


def test_nothing_is_left_of_it():
    study = study_of(6).run(workers=2, detach=True)
    family = processes()
    Path("gate").touch()
    study.wait()
    assert not any(process.is_running() for process in family)
    assert not Path("study/research.lock").exists()


def test_it_outlives_the_script_that_began_it():
    script = """if True:
        from research import *
        import time
        def slow(a):
            print("a unit prints")
            time.sleep(0.05)
            return a
        study = Research("study", Domain(a=range(40))).add_callable(slow, a=EC("a"), save_to="b")
        study.run(workers=2, detach=True)
        print(study.is_finished)
    """
    assert said(script) == b"False\n"
    assert is_held(Path("study"))
    assert Research.load("study").wait(PATIENCE)
    assert sorted(ResearchResults("study").df["b"]) == list(range(40))


def test_another_process_watches_it_and_ends_it():
    study = study_of(60).run(workers=2, detach=True)
    until(lambda: study.monitor.counts.get("done") == 5)
    family = processes()
    assert len(family) == 4
    script = "from research import *; s = Research.load('study'); print(s.is_finished, s.terminate())"
    assert said(script) == b"False True\n"
    assert study.is_finished
    assert not [process for process in family if process.is_running() and process.status() != "zombie"]
    assert set(study.monitor.counts) == {"done", "stopped"}
    assert sorted(ResearchResults("study").df["a"]) == [0, 1, 2, 3, 4]
    assert sqlite3.connect("study/research.db").execute("pragma integrity_check").fetchone() == ("ok",)
    assert study.terminate() is False
    assert study.wait()


def stubborn():
    """Let nothing end it but the end of its process."""
    Path("begun").touch()
    while True:
        try:
            time.sleep(PATIENCE)
        except BaseException:
            continue


def test_what_does_not_end_when_asked_is_killed():
    study = Research("study").add_callable(stubborn).run(parallel=False, detach=True)
    until(Path("begun").exists)
    driver = processes()[0]
    assert study.terminate(grace=0.1)
    assert study.is_finished
    assert not driver.is_running()
    assert study.results.df.empty
    assert study.results.study.outcome is None


def test_a_study_whose_process_was_killed_says_so():
    study = study_of(9).run(workers=2, detach=True)
    until(lambda: counts(study) == {"done": 5, "running": 2})
    family = processes()
    family[0].kill()
    with pytest.raises(StudyError, match=r"the process that ran the study was killed, see .*research\.log"):
        study.wait(PATIENCE)
    assert study.is_finished
    until(lambda: not any(process.is_running() for process in family))
    assert counts(study) == {"done": 5, "running": 2}


def test_a_study_that_was_broken_off_says_why():
    def update(results):
        raise ValueError("no idea")

    Path("gate").touch()
    study = study_of(6).update_domain(update, results=R()).run(detach=True)
    text = r"the study was broken off, see .*research\.log: .*by .*update failed: ValueError: no idea"
    with pytest.raises(StudyError, match=text):
        study.wait(PATIENCE)
    assert ResearchResults("study").study.outcome == "broken"


def test_what_keeps_it_from_beginning_is_raised_here():
    Path("study").mkdir()
    Path("study/mine").touch()
    with pytest.raises(StudyExistsError, match="'study' exists and is no study"):
        study_of(6).run(detach=True)
    assert os.listdir("study") == ["mine"]
    unsendable = Research("other", Domain(a=[1])).add_callable(
        "f", lambda x: x, x=(number for number in range(3)), save_to="b"
    )
    with pytest.raises(StudyError, match="the study cannot be sent to new processes"):
        unsendable.run(detach=True, start_method="spawn")
    assert not Path("other").exists()


def test_no_other_process_is_ended():
    """A process that has got the pid of one that has ended is left alone."""
    sleeper = subprocess.Popen(["sleep", str(PATIENCE)])
    try:
        lock = taken(pid=sleeper.pid, start="0")
        watching.LAST_SECONDS, before = 0.1, watching.LAST_SECONDS
        with pytest.raises(StudyError, match="was ended, but something that it started lives on"):
            watching.terminate(FolderPlace(Path("study")), 0.1)
        assert sleeper.poll() is None
        lock.release()
    finally:
        watching.LAST_SECONDS = before
        sleeper.kill()
        sleeper.wait()


def taken(**changes):
    """Lock the folder `study` in another's name."""
    Path("study").mkdir()
    lock = Lock.take(Path("study"))
    said = {**Holder.this()._asdict(), **changes}
    Path("study/research.lock").write_text(json.dumps(said))
    return lock


def test_a_study_of_another_machine_is_ended_there():
    lock = taken(host="elsewhere", pid=12)
    with pytest.raises(StudyError, match="'study' is run by process 12 of elsewhere: end it there"):
        watching.terminate(FolderPlace(Path("study")), 1)
    lock.release()


def test_a_lock_that_nobody_holds_is_no_process():
    taken().release(remove=False)
    assert read_holder(Path("study")) == Holder.this()
    assert watching.terminate(FolderPlace(Path("study")), 1) is False


def test_a_unit_does_not_end_the_study_that_it_belongs_to():
    study = Research("study", Domain(a=[1]))
    study = study.add_callable("f", lambda: Research.load("study").terminate()).run(parallel=False, bar=False)
    assert "this very process runs the study" in str(study.monitor.exceptions[0]["exception"])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, []),
        ({"dump_results": False}, []),
        ({"parallel": False}, [False]),
    ],  # what units see stays with them
)
def test_a_study_that_was_run_here_is_finished(options, expected):
    seen = []
    study = Research("study", Domain(a=[1]))
    study = study.add_callable("f", lambda: seen.append(study.is_finished))
    assert not study.is_finished
    study.run(bar=False, **options)
    assert seen == expected
    assert study.is_finished
    assert study.wait()
    assert study.terminate() is False


def test_a_study_that_was_not_run_is_not_waited_for():
    study = study_of(6)
    for method in (study.wait, study.terminate):
        with pytest.raises(StudyError, match="the study has not been run"):
            method()


@pytest.mark.parametrize("options", [{"dump_results": False}, {"debug": True, "parallel": False}])
def test_what_cannot_be_detached(options):
    with pytest.raises(ValueError, match=r"`(detach|debug)=True`"):
        study_of(6).run(detach=True, executor_target="for", **options)
    assert not Path("study").exists()


@pytest.mark.parametrize("seconds", [-1, "1", True, float("nan")])
def test_times_are_numbers(seconds):
    study = Research("study").add_callable("f", lambda: 1, save_to="x").run(bar=False)
    with pytest.raises(ValueError, match="`timeout` must be a number of seconds, not negative, got"):
        study.wait(seconds)
    with pytest.raises(ValueError, match="`grace` must be a number of seconds, not negative, got"):
        study.terminate(seconds)


def test_an_address_is_free_again_while_it_runs():
    server = socket.create_server(("127.0.0.1", 0))
    address = server.getsockname()
    study = study_of(6).run(detach=True)
    server.close()
    socket.create_server(address).close()
    assert not study.is_finished
    study.terminate()


def test_ctrl_c_at_the_terminal_is_for_the_script(tmp_path):
    script = """if True:
        from research import *
        import time
        study = Research("study", Domain(a=range(40)))
        study.add_callable("slow", lambda: time.sleep(0.05), save_to="b").run(workers=2, detach=True)
        print("begun", flush=True)
        time.sleep(60)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdout.readline() == b"begun\n"
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=PATIENCE)
    assert Research.load("study").wait(PATIENCE)
    assert Research.load("study").monitor.counts == {"done": 40}


def test_a_study_that_is_removed_by_force_is_ended_first():
    study = study_of(9).run(workers=2, detach=True)
    until(lambda: study.monitor.counts.get("done") == 5)
    family = processes()
    with pytest.raises(StudyError, match="is running; nothing was removed"):
        Research.remove("study", ask=False)
    assert Research.remove("study", ask=False, force=True)
    assert not Path("study").exists()
    study.is_finished  # lets go of the child
    assert not any(process.is_running() for process in family)


def test_one_that_runs_is_told_from_one_that_has_ended():
    study = study_of(6).run(detach=True)
    for options in ({}, {"detach": True}):
        with pytest.raises(StudyExistsError, match=r"is being run, by process \d+ of .*: give"):
            study_of(6).run(bar=False, **options)
    study.terminate()
    with pytest.raises(StudyExistsError, match="there is a study in 'study' already"):
        study_of(6).run(bar=False)
