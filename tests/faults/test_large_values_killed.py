"""Workers write large values themselves: whatever is killed, the database names no file that is not there."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import psutil
import pytest

from research import EC, Domain, Research

N = 2**17 + 1  # floats: a little more than a mebibyte
N_EXPERIMENTS = 60
SCRIPT = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_large_values_killed import described
described().run(workers=2, bar=False, seed=1, resume=True)
"""


def make(a):
    time.sleep(0.02)
    return np.full(N, a, dtype=float)


def described():
    """Return the study."""
    return Research("study", Domain(a=range(N_EXPERIMENTS))).add_callable(make, a=EC("a"), save_to="v")


def check():
    """See that each file that the database names is there, and what it says; return how many there are."""
    if not Path("study/research.db").exists():
        return 0
    with closing(sqlite3.connect("file:study/research.db?mode=ro", uri=True)) as connection:
        if not connection.execute("select 1 from sqlite_master where name = 'objects'").fetchall():
            return 0
        rows = connection.execute("select path, size, format, data from objects").fetchall()
    for path, size, form, data in rows:
        assert (form, data) == ("npy", None)
        assert Path("study", path).stat().st_size == size
        array = np.load(Path("study", path))
        assert (array == array[0]).all()
    return len(rows)


@pytest.mark.parametrize("n_kills", [1, pytest.param(10, marks=pytest.mark.slow)])
def test_the_database_names_no_file_that_is_not_there(n_kills):
    dice = random.Random(n_kills)
    seen = []
    for number in range(n_kills):
        process = psutil.Popen([sys.executable, "-c", SCRIPT], stderr=subprocess.DEVNULL)
        while not Path("study/objects").exists() and process.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
        time.sleep(dice.random() * 0.3 + (0.6 if number else 0))  # for as long as it takes to begin
        everyone = [process, *process.children(recursive=True)]
        for victim in everyone if dice.random() < 0.5 else everyone[:1]:
            victim.send_signal(signal.SIGKILL)
        process.wait()
        psutil.wait_procs(everyone, timeout=60)
        seen.append(check())
    assert seen == sorted(seen)
    study = described().run(workers=2, bar=False, resume=True)
    assert study.monitor.counts == {"done": N_EXPERIMENTS}
    assert check() == N_EXPERIMENTS
    study.run(bar=False, parallel=False, resume=True)  # sweeps what nobody knows of
    assert len(list(Path("study/objects").iterdir())) == N_EXPERIMENTS
    table = study.results.df
    assert all(v[0] == a for a, v in zip(table["a"], table["v"], strict=True))


def test_a_worker_that_is_killed_just_then_leaves_a_file_that_nobody_finds():
    """Between the file and the message that tells of it."""

    def die(a, marker):
        if a == 1 and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    study = Research("study", Domain(a=[1, 2])).add_callable(make, a=EC("a"), save_to="v")
    study.add_callable(die, a=EC("a"), marker=Path("marker").absolute()).run(bar=False, workers=1)
    assert study.monitor.counts == {"done": 1, "lost": 1}
    assert check() <= len(list(Path("study/objects").iterdir())) == 2
    study.run(bar=False, workers=1, resume=True)
    assert study.monitor.counts == {"done": 2}
    assert [v[0] for v in study.results.df["v"]] == [1, 2]
    study.run(bar=False, workers=1, resume=True)
    assert check() == len(list(Path("study/objects").iterdir())) == 2
