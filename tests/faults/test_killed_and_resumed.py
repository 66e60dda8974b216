"""A study that is killed again and again, and gone on with each time, ends as if nothing had happened."""

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

import psutil
import pytest

from research import EC, Domain, E, O, Research, ResearchResults

N_EXPERIMENTS, N_ITERATIONS, N_ROUNDS = 400, 5, 30
PATIENCE = 120  # seconds after which a test gives up on something that does not happen

SCRIPT = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_killed_and_resumed import described
described().run(workers=3, bar=False, seed=11, resume=True, backend=sys.argv[1])
"""


def steps(a, random):
    """Yield what depends on the config, the iteration and the stream, in a few milliseconds."""
    for number in range(N_ITERATIONS):
        time.sleep(0.001)
        yield a * 1000 + number + random.random()


def described(name="study"):
    """Return the study."""
    study = Research(name, Domain(a=range(N_EXPERIMENTS)))
    return study.add_generator("n", steps, a=EC("a"), random=E().random).save(O("n"), "y")


def family(process):
    """Return a process and all that it has started."""
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def send(processes, number):
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            continue


def victims(process, kind, dice):
    """Return whom to kill: the driver, one of those that it started, or all of them."""
    everyone = family(process)
    if kind == "driver" or len(everyone) < 3:
        return everyone[:1]
    return everyone if kind == "all" else [dice.choice(everyone[1:])]


def disturb(dice, kind, number, backend):
    """Run the study for a moment, and end some or all of it; return what it had started."""
    process = psutil.Popen([sys.executable, "-c", SCRIPT, backend], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + PATIENCE
    beginning = dice.choice(["research.lock", "research.log", "research.db-wal", "research.db-wal"])
    while not Path("study", beginning).exists() and process.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(dice.random() * 0.8)
    everyone = family(process)
    send(victims(process, kind, dice), number)
    if kind == "worker":
        time.sleep(dice.random() * 0.2)
        everyone = list({*everyone, *family(process)})
        send([process], number)
    process.wait(PATIENCE)
    _, alive = psutil.wait_procs(everyone, timeout=5)
    assert not [one for one in alive if one.status() != psutil.STATUS_ZOMBIE]


def check_integrity():
    if Path("study/research.db").exists():
        with closing(sqlite3.connect("study/research.db")) as connection:
            assert connection.execute("pragma integrity_check").fetchone() == ("ok",)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backend", "number"),
    [
        ("processes", signal.SIGKILL),
        ("processes", signal.SIGTERM),
        ("processes", signal.SIGINT),
        ("dask", signal.SIGKILL),
    ],
)
def test_it_ends_as_if_nothing_had_happened(backend, number):
    whole = described("whole").run(workers=2, bar=False, seed=11)
    seed = random.randrange(10**6)
    print(f"moments by seed {seed}")
    dice = random.Random(seed)
    for _ in range(N_ROUNDS if (backend, number) == ("processes", signal.SIGKILL) else 4):
        disturb(dice, dice.choice(["driver", "worker", "all"]), number, backend)
        check_integrity()
    done = described().run(workers=3, bar=False, resume=True, seed=11)
    assert done.monitor.counts == {"done": N_EXPERIMENTS}
    results = ResearchResults("study")
    assert len(results.configs) == N_EXPERIMENTS == results.statuses_to_df()["id"].nunique()
    order = ["id", "iteration"]
    tables = [study.results.df.sort_values(order, ignore_index=True) for study in (whole, done)]
    assert tables[0].equals(tables[1])
    assert len(tables[0]) == N_EXPERIMENTS * N_ITERATIONS
    assert not os.path.exists("study/research.lock")
