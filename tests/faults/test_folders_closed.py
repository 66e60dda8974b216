"""Folders that cannot be made, written or locked."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from research import EC, Domain, Research, ResearchResults
from research.errors import StudyError
from tests.faults.small_disk import run_on_small_disk


def study_of(n, name="study"):
    return Research(name, Domain(a=range(n))).add_callable("f", lambda a: a, a=EC("a"), save_to="v")


@pytest.mark.parametrize("resume", [True, False])
def test_a_name_that_leads_through_a_file(resume):
    Path("file").write_text("mine")
    with pytest.raises(StudyError, match=r"file/study' cannot be made: NotADirectoryError.*another `name`"):
        study_of(3, "file/study").run(bar=False, resume=resume)
    assert Path("file").read_text() == "mine"


def test_a_disk_that_is_read_only():
    said = run_on_small_disk(
        """
        def study_of(n, name):
            return Research(name, Domain(a=range(n))).add_callable("f", lambda a: a, a=EC("a"), save_to="v")

        study_of(3, "study").run(bar=False, workers=1)
        mount("-o", "remount,ro", os.getcwd())
        assert "new' cannot be made: OSError" in refused(study_of(3, "deep/new"))
        try:
            study_of(5, "study").run(bar=False, resume=True)
        except StudyError as error:
            assert "cannot be written" in str(error) and "see who may write there" in str(error)
        else:
            raise AssertionError
        assert len(ResearchResults("study").df) == 3
        mount("-o", "remount,rw", os.getcwd())
        study = study_of(5, "study").run(bar=False, resume=True)
        assert study.monitor.counts == {"done": 5}
        assert os.listdir() == ["study"]
        """
    )
    assert "Traceback" not in said


RUNS = """
import time
from research import *

def work():
    print("at work", flush=True)
    time.sleep(600)

study = Research("study", Domain(a=range(1))).add_callable(work)
study.run(bar=False, parallel=False, redirect_stdout=0)
"""


@pytest.fixture
def no_locks(monkeypatch):
    """Let no file be locked, as on some network file systems."""

    def flock(descriptor, operation):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", flock)


def test_where_files_cannot_be_locked_the_log_says_so(no_locks):
    study_of(3).run(bar=False, workers=1)
    assert len(ResearchResults("study").df) == 3
    assert "'study' cannot be locked" in Path("study/research.log").read_text()
    assert not Path("study/research.lock").exists()


def test_where_files_cannot_be_locked_a_driver_of_this_machine_is_seen(no_locks):
    with subprocess.Popen(
        [sys.executable, "-c", RUNS],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as driver:
        assert driver.stdout.readline() == b"at work\n"
        with pytest.raises(StudyError, match=f"is being run, by process {driver.pid} of"):
            study_of(1).run(bar=False, resume=True)
        driver.kill()
    study = study_of(1).run(bar=False, resume=True)
    assert study.monitor.counts == {"done": 1}
