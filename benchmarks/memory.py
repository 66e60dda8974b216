"""Memory: of the process that runs a study, at its peak, and what a worker has for itself alone."""

from __future__ import annotations

import resource
import sys

from benchmarks.question import Case, Contender, check, main


def work(a: int, b: int) -> int:
    """Cost nothing."""
    return a * b


def unique_memory(a: int) -> int:
    """Return the bytes that no other process shares with this one (USS)."""
    import psutil

    return int(psutil.Process().memory_full_info().uss)


def driver(count: int) -> float:
    from research import EC, Domain, Research

    domain = Domain(a=range(count // 10), b=range(10))
    study = Research("study", domain).add_callable(work, a=EC("a"), b=EC("b"), save_to="product")
    study.run(workers=2, bar=False)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    check(study.monitor.counts == {"done": count}, str(study.monitor.counts))
    return peak


def _interpreter() -> int:
    """Return the unique memory of an interpreter with numpy (and psutil, which a worker has, too)."""
    import subprocess

    code = "import numpy, psutil; print(psutil.Process().memory_full_info().uss)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return int(done.stdout)


def _worker(count: int, start_method: str) -> float:
    from research import EC, Domain, Research

    study = Research("study", Domain(a=range(count))).add_callable(unique_memory, a=EC("a"), save_to="uss")
    study.run(workers=2, bar=False, start_method=start_method)
    check(study.monitor.counts == {"done": count}, str(study.monitor.counts))
    return int(study.results.df["uss"].max()) - _interpreter()


def forked(count: int) -> float:
    return _worker(count, "fork")


def spawned(count: int) -> float:
    return _worker(count, "spawn")


def interpreter(count: int) -> float:
    return _interpreter()


CASES = (
    Case(
        "the driver's peak (RSS), 10^6 experiments",
        "experiment",
        (1_000_000, 20_000, 20),
        (
            Contender("research", driver, at_most=500, most_rounds=1),
            Contender("a hundredth of them", driver, counts=(10_000, 200, 20)),
        ),
        measure="bytes",
    ),
    Case(
        "a worker, above an interpreter with numpy (USS)",
        "experiment",
        (1_000, 200, 20),
        (
            Contender("research, forked", forked, at_most=40),
            Contender("research, spawned", spawned, at_most=40),
            Contender("that interpreter itself", interpreter),
        ),
        measure="bytes",
    ),
)

if __name__ == "__main__":
    main(CASES)
