"""Several studies in one file of SQLite."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from research import EC, Domain, E, Research, ResearchResults
from research.errors import StudyError, StudyExistsError, StudyNotFoundError

URL = "sqlite:///studies.db"


def measure(x, random):
    print("x is", x)
    return x + random.random()


def defined(name, storage=URL, n=3):
    study = Research(name, Domain(x=[float(number) for number in range(n)]), storage=storage)
    return study.add_callable(measure, x=EC("x"), random=E().random, save_to="y")


def test_studies_are_told_apart_and_are_as_those_in_folders():
    one = defined("one").run(bar=False, seed=1)
    two = defined("two", n=2).run(bar=False, seed=1, workers=2)
    alone = defined("alone", storage=None).run(bar=False, seed=1)
    assert one.results.df.equals(alone.results.df)
    assert len(ResearchResults("two", storage=URL).df) == len(two.results.df) == 2
    id_ = next(iter(one.results.configs))
    assert one.results.log(id_, "stdout") == "x is 0.0\n"
    with closing(sqlite3.connect("studies.db")) as connection:
        assert connection.execute("SELECT name FROM studies ORDER BY id").fetchall() == [("one",), ("two",)]


def test_a_study_is_gone_on_with_and_not_begun_again():
    defined("one").run(bar=False, seed=1)
    with pytest.raises(StudyExistsError, match=r"there is a study 'one in studies\.db' already"):
        defined("one").run(bar=False)
    more = defined("one", n=5).run(bar=False, resume=True)
    assert more.results.df.equals(defined("all", n=5).run(bar=False, seed=1).results.df)
    loaded = Research.load("one", storage=URL)
    assert len(loaded.domain) == 5
    assert loaded.run(bar=False).monitor.counts == {"done": 5}


def test_arrays_large_and_small_come_back():
    study = Research("one", storage=URL).add_callable("f", lambda: np.arange(500_000.0), save_to="y")
    values = study.run(bar=False, parallel=False).results.df["y"].item()
    assert np.array_equal(values, np.arange(500_000.0))


def test_a_study_is_copied_to_a_folder_and_merged():
    one = defined("one").run(bar=False, seed=1)
    defined("other").run(bar=False)
    copied = ResearchResults(one.snapshot())
    assert copied.df.equals(one.results.df)
    assert copied.log(next(iter(copied.configs)), "stdout") == "x is 0.0\n"
    more = defined("more", n=5).run(bar=False, seed=1)
    merged = ResearchResults.merge([one.results, more.results], "merged")
    assert len(merged.df) == 5


def test_what_is_not_there_is_told():
    with pytest.raises(StudyNotFoundError, match=r"there is no study 'one' in 'studies\.db'"):
        ResearchResults("one", storage=URL)
    defined("one").run(bar=False)
    with pytest.raises(StudyNotFoundError, match=r"no study 'on' in 'studies\.db'; did you mean 'one'"):
        ResearchResults("on", storage=URL)
    with pytest.raises(
        ValueError, match=r"`storage` must be 'sqlite:///' and the path of a file, got 'sqlite:///'"
    ):
        Research("one", storage="sqlite:///")


SLOW = """
import sys, time
from research import EC, Domain, Research
study = Research("one", Domain(x=list(range(6))), storage="sqlite:///studies.db")
study.add_callable("f", lambda x: time.sleep(0.3) or x, x=EC("x"), save_to="y")
study.run(bar=False, resume=True, workers=2)
"""


def test_one_process_runs_a_study_and_another_another_and_who_is_killed_goes_on():
    process = subprocess.Popen([sys.executable, "-c", SLOW])
    deadline = time.monotonic() + 60
    while not n_done():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    with pytest.raises(StudyError, match=r"the study 'one in studies\.db' is being run, by process \d+"):
        defined("one").run(bar=False, resume=True)
    assert defined("two").run(bar=False).monitor.counts == {"done": 3}
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    while True:  # its workers end by themselves
        try:
            subprocess.run([sys.executable, "-c", SLOW], check=True, stderr=subprocess.DEVNULL)
            break
        except subprocess.CalledProcessError:
            assert time.monotonic() < deadline
    assert n_done() == 6


def n_done():
    if not Path("studies.db").exists():
        return 0
    with closing(sqlite3.connect("studies.db", timeout=30)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'latest'").fetchone():
            return 0
        query = "SELECT count(*) FROM experiments e JOIN studies s ON s.id = e.study "
        return connection.execute(f"{query} WHERE s.name = 'one' AND e.status = 'done'").fetchone()[0]
