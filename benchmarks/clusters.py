"""Short experiments on a cluster of this machine, beside as many calls of the cluster's own.

What starts the cluster is not measured. Experiments are stored; what the calls return is only added up.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.question import Case, Contender, check, main
from benchmarks.short_experiments import expected, pairs, work

WORKERS = 2


@contextmanager
def dask_cluster() -> Iterator[Any]:
    """Start a cluster of Dask, with a process for each worker."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=WORKERS, threads_per_worker=1, dashboard_address=":0", memory_limit=0
    ) as cluster:
        yield cluster


def run_study(count: int, **how: Any) -> float:
    """Return how long a study takes, until everything is stored."""
    from research import EC, Domain, Research

    domain = Domain(a=range(count // 10), b=range(10))
    study = Research("study", domain).add_callable(work, a=EC("a"), b=EC("b"), save_to="product")
    begun = time.perf_counter()
    study.run(workers=WORKERS, bar=False, **how)
    took = time.perf_counter() - begun
    check(study.monitor.counts == {"done": count}, str(study.monitor.counts))
    check(int(study.results.df["product"].sum()) == expected(count), "a sum")
    return took


def research_on_dask(count: int) -> float:
    with dask_cluster() as cluster:
        return run_study(count, backend="dask", address=cluster.scheduler_address)


def dask_calls(count: int) -> float:
    from distributed import Client

    with dask_cluster() as cluster, Client(cluster) as client:
        columns = list(zip(*pairs(count), strict=True))
        begun = time.perf_counter()
        products = client.gather(client.map(work, *map(list, columns), pure=False))
        took = time.perf_counter() - begun
    check(sum(products) == expected(count), "a sum")
    return took


@contextmanager
def ray_cluster() -> Iterator[Any]:
    """Start a cluster of Ray, and wait for the processes that it keeps at hand."""
    import ray

    ray.init("local", num_cpus=WORKERS, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    call = ray.remote(work)
    ray.get([call.remote(1, 1) for _ in range(10 * WORKERS)])
    yield call
    ray.shutdown()


def research_on_ray(count: int) -> float:
    with ray_cluster():
        return run_study(count, backend="ray")


def research_on_ray_at_work(count: int) -> float:
    """Return how long the same took from the begin of the first experiment to the end of the last."""
    from research import ResearchResults

    research_on_ray(count)
    statuses = ResearchResults("study").statuses_to_df()
    return float(statuses["finished"].max() - statuses["started"].min())


def ray_calls(count: int) -> float:
    import ray

    with ray_cluster() as call:
        begun = time.perf_counter()
        products = ray.get([call.remote(a, b) for a, b in pairs(count)])
        took = time.perf_counter() - begun
    check(sum(products) == expected(count), "a sum")
    return took


def research_here(count: int) -> float:
    return run_study(count)


COUNTS = (5_000, 1_000, 20)
CASES = (
    Case(
        "Dask, 2 workers",
        "experiment",
        COUNTS,
        (
            Contender("research on Dask", research_on_dask, needs="distributed"),
            Contender("client.map", dask_calls, needs="distributed", at_least=5),
            Contender("research in processes", research_here),
        ),
    ),
    Case(
        "Ray, 2 workers",
        "experiment",
        COUNTS,
        (
            Contender("research on Ray", research_on_ray, needs="ray"),
            Contender("remote calls", ray_calls, needs="ray"),
            Contender("research in processes", research_here),
        ),
    ),
    Case(
        "Ray, 2 workers, from the first experiment to the last",
        "experiment",
        COUNTS,
        (
            Contender("research on Ray, at work", research_on_ray_at_work, needs="ray"),
            Contender("remote calls", ray_calls, needs="ray", at_least=5),
        ),
    ),
)

if __name__ == "__main__":
    main(CASES)
