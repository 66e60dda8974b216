"""Start: whole interpreters, from their start to their end."""

from __future__ import annotations

import time

from benchmarks.question import Case, Contender, main


def _starts(code: str, count: int) -> float:
    """Run code in so many interpreters, one after another."""
    import subprocess
    import sys

    begun = time.perf_counter()
    for _ in range(count):
        subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - begun


def import_research(count: int) -> float:
    return _starts("import research", count)


def import_numpy(count: int) -> float:
    return _starts("import numpy", count)


def nothing(count: int) -> float:
    return _starts("pass", count)


def import_joblib(count: int) -> float:
    return _starts("import joblib", count)


RESEARCH = """
from research import EC, Domain, Research

def work(a):
    return a * 2

study = Research("study-{number}", Domain(a=range({tasks})))
study.add_callable(work, a=EC("a"), save_to="b").run(workers=2, bar=False)
assert study.monitor.counts == {{"done": {tasks}}}
"""
JOBLIB = """
from joblib import Parallel, delayed

def work(a):
    return a * 2

assert sum(Parallel(n_jobs=2)(delayed(work)(a) for a in range({tasks}))) == sum(range(0, 2 * {tasks}, 2))
"""


def _studies(count: int, tasks: int) -> float:
    return sum(_starts(RESEARCH.format(number=number, tasks=tasks), 1) for number in range(count))


def one_experiment(count: int) -> float:
    return _studies(count, 1)


def two_experiments(count: int) -> float:
    return _studies(count, 2)


def joblib_one(count: int) -> float:
    return _starts(JOBLIB.format(tasks=1), count)


def joblib_two(count: int) -> float:
    return _starts(JOBLIB.format(tasks=2), count)


CASES = (
    Case(
        "imports (1.3 times numpy's time: 0.77)",
        "start",
        (10, 5, 1),
        (
            Contender("import research", import_research),
            Contender("import numpy", import_numpy, at_least=1 / 1.3),
            Contender("pass", nothing),
            Contender("import joblib", import_joblib, needs="joblib"),
        ),
    ),
    Case(
        "a run of one experiment, workers=2",
        "start",
        (5, 3, 1),
        (
            Contender("research", one_experiment),
            Contender("joblib", joblib_one, needs="joblib"),
        ),
    ),
    Case(
        "a run of two experiments, workers=2",
        "start",
        (5, 3, 1),
        (
            Contender("research", two_experiments),
            Contender("joblib", joblib_two, needs="joblib"),
        ),
    ),
)

if __name__ == "__main__":
    main(CASES)
