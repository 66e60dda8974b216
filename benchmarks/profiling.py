"""Profiling: iterations of two units that do nothing, with the time of each call recorded, and without."""

from __future__ import annotations

import time

from benchmarks.question import Case, Contender, check, main


def work() -> float:
    """Cost nothing."""
    return 1.0


def _iterations(count: int, profile: int) -> float:
    from research import Domain, O, Research

    study = Research("study", Domain({})).add_callable("work", work).save(O("work"), "value")
    begun = time.perf_counter()
    study.run(n_iters=count, bar=False, profile=profile)
    took = time.perf_counter() - begun
    if profile:
        check(len(study.profiler.profile_info) == 3 * count, "not all recorded")
    return took


def profiled(count: int) -> float:
    return _iterations(count, 1)


def plain(count: int) -> float:
    return _iterations(count, 0)


CASES = (
    Case(
        "profile=1 beside profile=0",
        "iteration",
        (1_000_000, 100_000, 20),
        (Contender("research, profile=1", profiled), Contender("research, profile=0", plain)),
    ),
)

if __name__ == "__main__":
    main(CASES)
