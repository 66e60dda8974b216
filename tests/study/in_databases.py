"""What is run as a program in tests of studies in a database."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from research import EC, Domain, E, O, Research

N_ITERATIONS = 3


def steps(a, random):
    """Yield what depends on the config, the iteration and the stream; as slow as the environment says."""
    gate = os.environ.get("GATE")
    while gate is not None and not Path(gate).exists():
        time.sleep(0.01)
    for number in range(N_ITERATIONS):
        time.sleep(float(os.environ.get("PAUSE", "0")))
        yield a * 1000 + number + random.random()


def described(name="study", domain=None, **options):
    """Return a study; two of its configs are equal."""
    domain = Domain(a=[*range(20), 3, *range(20, 31)]) if domain is None else domain
    study = Research(name, domain, n_reps=2, **options)
    study.add_generator("steps", steps, a=EC("a"), random=E().random)
    return study.save(O("steps"), "y")


def begin(url, code, folder=".", **environment):
    """Start a program that has `described` and `URL`, in a folder of its own, as another machine would."""
    Path(folder).mkdir(exist_ok=True)
    head = "from tests.study.in_databases import described"
    paths = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    return subprocess.Popen(
        [sys.executable, "-c", f"{head}\nURL = {url!r}\n{code}"],
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment, "PYTHONPATH": os.pathsep.join(paths)},
    )
