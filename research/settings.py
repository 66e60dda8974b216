"""What `Research.run` is told, checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from research.arguments import (
    check_bools,
    read_configs,
    read_executor_class,
    read_isolation,
    read_max_failures,
    read_memory_check,
    read_redirect,
    read_start_method,
    read_target,
    read_threads,
)
from research.backends.base import MemoryCheck, WorkerSpec
from research.backends.limits import Limits, read_limits
from research.domain.walking import checked_digits
from research.experiment.executor import Executor
from research.monitoring.environment import available_cores
from research.monitoring.log import check_level
from research.profiling.measuring import read_profile
from research.scheduling.devices import get_devices, unused_devices
from research.scheduling.tries import Retries, read_retries

if TYPE_CHECKING:
    from research.backends.clusters.options import Cluster


class RunSettings(NamedTuple):
    """How a study is run.

    Parameters
    ----------
    workers : tuple of WorkerSpec
    workers_configs : tuple of dict
        Empty if workers were given by number; else what an experiment gets depends on its worker.
    n_branches : int
    branches_configs : tuple of dict
        Empty if branches were given by number.
    executor_class : type
    target : 'threads' or 'for'
    is_parallel : bool
    start_method : 'fork' or 'spawn'
    cluster : Cluster or None
        Where workers are, if that is not this machine.
    n_threads : int or None
        That numeric libraries of a worker may use, if that is said.
    grows : bool
        Whether there are as many workers as the cluster has room for.
    isolation : 'worker' or 'experiment'
    memory_check : MemoryCheck or None
    loglevel : int
    debug, finalize : bool
    profile : 0, 1 or 2
    redirect : tuple of int
        Of stdout and stderr: 0 none, 1 one file for the study, 2 one for each experiment, 3 both.
    n_digits : int or None
        Of the numbers before an experiment's id; 0: there are none, None: as the domain says.
    seed_libraries : bool
        Whether global generators are seeded for each experiment; not where branches share them.
    retries : Retries
        How often an experiment is tried again.
    limits : Limits
        Of time and memory that a task may take.
    max_failures : int or None
        After which the study is ended.
    remarks : tuple of str
        What the log should say of these settings.
    """

    workers: tuple[WorkerSpec, ...]
    workers_configs: tuple[dict[str, Any], ...]
    n_branches: int
    branches_configs: tuple[dict[str, Any], ...]
    executor_class: type[Executor]
    target: str
    is_parallel: bool
    start_method: str
    cluster: Cluster | None
    n_threads: int | None
    grows: bool
    isolation: str
    memory_check: MemoryCheck | None
    loglevel: int
    debug: bool
    finalize: bool
    profile: int
    redirect: tuple[int, int]
    n_digits: int | None
    seed_libraries: bool
    retries: Retries
    limits: Limits
    max_failures: int | None
    remarks: tuple[str, ...]

    @property
    def added(self) -> dict[str, Sequence[Mapping[str, Any]]]:
        """Parameters beside those of the domain, by the arguments that gave them."""
        return {"workers": self.workers_configs, "branches": self.branches_configs}

    def workers_for(self, n_experiments: int | None) -> tuple[WorkerSpec, ...]:
        """Return the workers that so many experiments need, None for endlessly many."""
        if not self.is_parallel:
            return self.workers[:1]
        if n_experiments is None or self.workers_configs:
            return self.workers
        return self.workers[: max(1, -(-n_experiments // self.n_branches))]


def read_settings(
    *,
    workers: int | str | Sequence[Mapping[str, Any]],
    branches: int | Sequence[Mapping[str, Any]],
    devices: Any,
    executor_class: Any,
    dump_results: bool,
    parallel: bool,
    executor_target: str,
    loglevel: str | None,
    detach: bool,
    debug: bool,
    finalize: bool,
    profile: Any,
    memory_ratio: float | None,
    n_gpu_checks: int,
    gpu_check_delay: float,
    create_id_prefix: Any,
    redirect_stdout: Any,
    redirect_stderr: Any,
    backend: Any,
    address: Any,
    resources: Any,
    isolation: str | None,
    start_method: str | None,
    threads_per_worker: int | None,
    seed_libraries: bool,
    retries: Any,
    timeout: Any,
    memory_limit: Any,
    max_failures: Any,
) -> RunSettings:
    """Check arguments of `Research.run`, which describes them.

    Raises
    ------
    ValueError, TypeError
        Names the argument, its value and what it may be.
    ImportError
        If what asks for the memory of devices is not installed.
    """
    cluster, parallel = _read_backend(backend, address, resources, parallel)
    grows = workers == "auto"
    if grows:
        workers = 1 if cluster is not None else available_cores()
    workers_configs = read_configs("workers", workers)
    branches_configs = read_configs("branches", branches)
    n_workers, n_branches = len(workers_configs), len(branches_configs)
    if isinstance(devices, Iterator):
        devices = list(devices)
    dealt = get_devices(devices, n_workers, n_branches)
    has_devices = any(device is not None for worker in dealt for branch in worker for device in branch)
    if has_devices:
        _check_devices_given_once({"workers": workers_configs, "branches": branches_configs})
    target = read_target(executor_target)
    check_bools(
        detach=detach,
        debug=debug,
        parallel=parallel,
        finalize=finalize,
        dump_results=dump_results,
        seed_libraries=seed_libraries,
    )
    if debug and (parallel or target != "for"):
        raise ValueError(
            "`debug=True` raises the first exception where it happens: it needs `parallel=False` "
            "and `executor_target='for'`"
        )
    if detach and debug:
        raise ValueError("`debug=True` raises where it happens, and `detach=True` leaves nobody there to see")
    if detach and not dump_results:
        raise ValueError("`detach=True` needs `dump_results=True`: memory is not shared with another process")
    if cluster is not None:
        _check_cluster(cluster, devices, start_method, detach)
        reason, start_method = None, "spawn"
    else:
        start_method, reason = read_start_method(start_method)
    has_devices = has_devices or (cluster is not None and "GPU" in cluster.resources)
    profile = read_profile(profile, target, n_branches, "executor_target")
    isolation = read_isolation(isolation, has_devices, parallel)
    n_threads = read_threads(threads_per_worker, n_workers)
    share_globals = seed_libraries and target == "threads" and n_branches > 1
    return RunSettings(
        tuple(
            WorkerSpec(config, n_threads, tuple(map(tuple, own)))
            for config, own in zip(workers_configs, dealt, strict=True)
        ),
        () if isinstance(workers, int) else workers_configs,
        n_branches,
        () if isinstance(branches, int) else branches_configs,
        read_executor_class(executor_class),
        target,
        parallel,
        start_method,
        cluster,
        n_threads if threads_per_worker is not None else None,
        grows and cluster is not None,
        isolation,
        read_memory_check(memory_ratio, n_gpu_checks, gpu_check_delay, has_devices),
        check_level(loglevel),
        debug,
        finalize,
        profile,
        (
            read_redirect("redirect_stdout", redirect_stdout, dump_results, debug),
            read_redirect("redirect_stderr", redirect_stderr, dump_results, debug),
        ),
        None if create_id_prefix is None else checked_digits(create_id_prefix),
        seed_libraries and not share_globals,
        read_retries(retries),
        read_limits(timeout, memory_limit, parallel),
        read_max_failures(max_failures),
        tuple(
            _remarks(
                start_method, reason, isinstance(workers, int), unused_devices(devices, dealt), share_globals
            )
        ),
    )


def _remarks(
    start_method: str,
    reason: str | None,
    are_workers_alike: bool,
    unused: Sequence[str],
    share_globals: bool,
) -> list[str]:
    remarks = []
    if reason is not None:
        remarks.append(f"workers are started by {start_method}: {reason}")
    if not are_workers_alike:
        remarks.append(
            "workers have configs of their own: what an experiment gets depends on its worker, so that "
            "this study is not reproducible"
        )
    if unused:
        remarks.append(
            f"devices {', '.join(unused)} are not used: they cannot be dealt evenly to all branches of all "
            "workers"
        )
    if share_globals:
        remarks.append(
            "global generators (random, numpy.random, torch) are not seeded, as branches in threads share "
            "them: executor_target='for' runs one after another"
        )
    return remarks


def _read_backend(backend: Any, address: Any, resources: Any, parallel: bool) -> tuple[Cluster | None, bool]:
    """Return the cluster that is meant, if any, and whether there are processes besides this one."""
    if backend is None and address is None and resources is None:  # as most have it
        return None, bool(parallel)
    from research.backends.clusters.options import Cluster, read_backend

    found = read_backend(backend, address, resources, parallel)
    return found if isinstance(found, Cluster) else None, found != "inline"


def _check_cluster(cluster: Cluster, devices: Any, start_method: Any, detach: bool) -> None:
    """Refuse what has no meaning where workers are on machines of a cluster."""
    name = type(cluster).__name__
    if devices is not None:
        raise ValueError(
            f"`devices={devices!r}` are those of this machine: {name} finds workers with devices of their "
            "own, as many as resources={'GPU': 1} says"
        )
    if start_method is not None:
        raise ValueError(
            f"`start_method={start_method!r}` is for processes of this machine: workers of {name} are new "
            "interpreters"
        )
    if detach and not isinstance(cluster.address, str | None):
        raise ValueError(
            "`detach=True` leaves this process, and what it is connected to: give the address of the "
            f"cluster as text, got {cluster.address!r}"
        )


def _check_devices_given_once(added: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    for argument, configs in added.items():
        if any("device" in config for config in configs):
            raise ValueError(
                f"`{argument}` must not set the parameter 'device' where `devices` does: leave one out"
            )
