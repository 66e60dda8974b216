"""Large values: each experiment saves an array of 10 MB."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.question import Case, Contender, check, main

if TYPE_CHECKING:
    import numpy as np

SIZE = 10_000_000 // 8


def array(a: int) -> np.ndarray:
    """Make an array that does not compress to nothing."""
    import numpy as np

    return np.arange(SIZE, dtype=np.float64) + a


def _research(count: int, workers: int) -> float:
    begun = time.perf_counter()
    from research import EC, Domain, Research

    study = Research("study", Domain(a=range(count))).add_callable(array, a=EC("a"), save_to="array")
    study.run(workers=workers, bar=False)
    took = time.perf_counter() - begun
    last = study.results.to_df(a=count - 1)["array"][0]
    check(study.monitor.counts == {"done": count} and last[-1] == SIZE - 1 + count - 1, "an array")
    return took


def one_worker(count: int) -> float:
    return _research(count, 1)


def two_workers(count: int) -> float:
    return _research(count, 2)


def _by_numpy(count: int, is_forced: bool) -> float:
    begun = time.perf_counter()
    import os
    from pathlib import Path

    import numpy as np

    for a in range(count):
        with Path(f"{a}.npy").open("wb") as file:
            np.save(file, array(a))
            if is_forced:
                file.flush()
                os.fsync(file.fileno())
    took = time.perf_counter() - begun
    check(np.load(f"{count - 1}.npy")[-1] == SIZE - 1 + count - 1, "an array")
    return took


def by_numpy(count: int) -> float:
    return _by_numpy(count, False)


def by_numpy_forced(count: int) -> float:
    return _by_numpy(count, True)


CASES = (
    Case(
        "100 experiments, an array of 10 MB each",
        "array",
        (100, 20, 2),
        (
            Contender("research, 1 worker", one_worker),
            Contender("numpy.save in a loop", by_numpy, at_least=0.5),
            Contender("numpy.save and fsync in a loop", by_numpy_forced),
            Contender("research, 2 workers", two_workers),
        ),
        memory=4 * 2**30,  # of files, which stay in memory, and of arrays
    ),
)

if __name__ == "__main__":
    main(CASES)
