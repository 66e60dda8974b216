"""A study whose experiments note what they do in a folder that all of this machine share."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

from research import EC, Domain, E, O, Research
from research.errors import StudyNotFoundError
from research.results.results import ResearchResults
from tests.backends.clusters.hosts import ROOT

N_EXPERIMENTS, N_ITERATIONS = 30, 5


def walk(a, random, notes, seconds=0.05):
    """Yield numbers, slowly; note when this begins and ends."""
    notes = Path(notes)
    with open(notes / f"begun-{a}", "a") as file:
        file.write(f"{os.getpid()} {time.time()}\n")
    for number in range(N_ITERATIONS):
        time.sleep(seconds)
        yield a * 100 + number + random.normal()
    with open(notes / f"ended-{a}", "a") as file:
        file.write(f"{os.getpid()} {time.time()}\n")


def described(name, notes, n=N_EXPERIMENTS, seconds=0.05):
    Path(notes).mkdir(exist_ok=True)
    study = Research(name, Domain(a=range(n)))
    study.add_generator(
        "walk", walk, a=EC("a"), random=E().random, notes=str(Path(notes).resolve()), seconds=seconds
    )
    return study.save(O("walk"), "x")


def counts(notes, kind):
    """Return how often each experiment has begun, or ended."""
    paths = Path(notes).glob(f"{kind}-*")
    return {int(path.name.rpartition("-")[2]): len(path.read_text().splitlines()) for path in paths}


def n_of(status, name="study"):
    try:
        return int((ResearchResults(name).statuses_to_df()["status"] == status).sum())
    except StudyNotFoundError:
        return 0


def table(name):
    """Return all values of a study in an order of their own."""
    found = ResearchResults(name).to_df().drop(columns=["device"], errors="ignore")
    return found.sort_values(["id", "iteration"], ignore_index=True)


def driver(tmp_path, code, prefix=(), **environment):
    """Run a script in a process of its own, on a host that the prefix leads to; return that."""
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(code))
    return subprocess.Popen(
        [*prefix, sys.executable, str(script)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def end(process):
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
    return process.communicate(timeout=60)
