"""A study that is refined, killed again and again and gone on with, breeds as one that was not."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from optuna.samplers import CmaEsSampler, TPESampler

from research import EC, Choice, Domain, Float, Genetic, Int, OptunaRefiner, Research, ResearchResults

PATIENCE = 120  # seconds after which a test gives up on something that does not happen

SCRIPT = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_refining_killed import described
described(sys.argv[1]).run(workers=2, bar=False, seed=5, resume=True)
"""


def score(x, n, kind):
    time.sleep(0.003)
    return -((x - 0.3) ** 2) - abs(n - 4) - {"p": 0, "q": 1}[kind]


REFINERS = {
    "genetic": lambda: Genetic("y", children=10, generations=9),
    "tpe": lambda: OptunaRefiner("y", TPESampler(), children=10, generations=9),
    "cmaes": lambda: OptunaRefiner("y", CmaEsSampler(), children=10, generations=9),
}


def described(kind, name="study"):
    """Return a study of 10 generations."""
    domain = Domain(x=Float(0, 1), n=Int(-9, 9), kind=Choice(["p", "q"]))
    study = Research(name, domain, n_configs=12).add_callable(score, kwargs=EC(), save_to="y")
    return study.update_domain(REFINERS[kind]())


def kill(process, n_rows):
    """Kill a study when it has come so far, or has ended."""
    deadline = time.monotonic() + PATIENCE
    while process.status() != psutil.STATUS_ZOMBIE and len_of("study") < n_rows:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    processes = [process, *process.children(recursive=True)]
    os.kill(process.pid, signal.SIGKILL)
    process.wait(PATIENCE)
    psutil.wait_procs(processes, timeout=10)


def len_of(name):
    try:
        return len(ResearchResults(name).statuses_to_df())
    except Exception:  # it is just being made
        return 0


def check(kind, moments):
    """Kill a study when it has so many experiments, go on, and compare with one that was not killed."""
    whole = described(kind, "whole").run(parallel=False, bar=False, seed=5).results
    for n_rows in moments:
        process = psutil.Popen([sys.executable, "-c", SCRIPT, kind], stderr=subprocess.DEVNULL)
        kill(process, n_rows)
    assert len_of("study") > 0
    done = described(kind).run(workers=2, bar=False, seed=5, resume=True).results
    tables = [
        results.to_df(remove_auxilary=False).sort_values("id", ignore_index=True) for results in (whole, done)
    ]
    assert tables[0].equals(tables[1])
    assert tables[0]["updates"].value_counts().to_dict() == {0: 12, **dict.fromkeys(range(1, 10), 10)}
    for id_ in tables[0].query("updates == 9")["id"]:
        assert done.lineage(id_).equals(whole.lineage(id_))


@pytest.mark.parametrize("kind", ["genetic", pytest.param("cmaes", marks=pytest.mark.slow)])
def test_the_generations_are_the_same(kind):
    check(kind, [22, random.randrange(30, 90)])  # the first is the end of a generation


@pytest.mark.slow
@pytest.mark.parametrize("kind", REFINERS)
def test_the_generations_are_the_same_whenever_it_is_killed(kind):
    seed = random.randrange(10**6)
    print(f"moments by seed {seed}")
    check(kind, sorted(random.Random(seed).sample(range(1, 102), 10)))
