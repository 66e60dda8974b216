"""What `Research.run` is told, checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, TypeGuard

from research.backends.base import MemoryCheck, WorkerSpec
from research.backends.limits import Limits, read_limits
from research.backends.processes import START_METHODS, choose_start_method
from research.domain import Config, ConfigAlias
from research.domain.walking import checked_digits
from research.errors import did_you_mean
from research.experiment.executor import TARGETS, Executor
from research.monitoring.environment import available_cores
from research.monitoring.log import check_level
from research.profiling.measuring import read_profile
from research.scheduling.devices import get_devices, unused_devices
from research.scheduling.tries import Retries, read_retries

ISOLATIONS = ("worker", "experiment")


@dataclass(frozen=True, slots=True)
class RunSettings:
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
    workers: int | Sequence[Mapping[str, Any]],
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
    workers_configs = _configs("workers", workers)
    branches_configs = _configs("branches", branches)
    n_workers, n_branches = len(workers_configs), len(branches_configs)
    if isinstance(devices, Iterator):
        devices = list(devices)
    dealt = get_devices(devices, n_workers, n_branches)
    has_devices = any(device is not None for worker in dealt for branch in worker for device in branch)
    if has_devices:
        _check_devices_given_once({"workers": workers_configs, "branches": branches_configs})
    target = _target(executor_target)
    _check_bools(
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
    start_method, reason = _start_method(start_method)
    profile = read_profile(profile, target, n_branches, "executor_target")
    isolation = _isolation(isolation, has_devices, parallel)
    n_threads = _threads(threads_per_worker, n_workers)
    share_globals = seed_libraries and target == "threads" and n_branches > 1
    return RunSettings(
        tuple(
            WorkerSpec(config, n_threads, tuple(map(tuple, own)))
            for config, own in zip(workers_configs, dealt, strict=True)
        ),
        () if isinstance(workers, int) else workers_configs,
        n_branches,
        () if isinstance(branches, int) else branches_configs,
        _executor_class(executor_class),
        target,
        parallel,
        start_method,
        isolation,
        _memory_check(memory_ratio, n_gpu_checks, gpu_check_delay, has_devices),
        check_level(loglevel),
        debug,
        finalize,
        profile,
        (
            _redirect("redirect_stdout", redirect_stdout, dump_results, debug),
            _redirect("redirect_stderr", redirect_stderr, dump_results, debug),
        ),
        None if create_id_prefix is None else checked_digits(create_id_prefix),
        seed_libraries and not share_globals,
        read_retries(retries),
        read_limits(timeout, memory_limit, parallel),
        _max_failures(max_failures),
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


def _check_devices_given_once(added: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    for argument, configs in added.items():
        if any("device" in config for config in configs):
            raise ValueError(
                f"`{argument}` must not set the parameter 'device' where `devices` does: leave one out"
            )


def _target(executor_target: Any) -> str:
    if executor_target not in TARGETS:
        raise ValueError(
            f"`executor_target` must be one of {sorted(TARGETS)}, got {executor_target!r}"
            f"{did_you_mean(executor_target, TARGETS)}"
        )
    return TARGETS[executor_target]


def _start_method(start_method: Any) -> tuple[str, str | None]:
    """Return the start method, and why if it is not the usual one."""
    if start_method is None:
        return choose_start_method()
    if start_method not in START_METHODS:
        raise ValueError(f"`start_method` must be one of {START_METHODS} or None, got {start_method!r}")
    return start_method, None


def _isolation(isolation: Any, has_devices: bool, parallel: bool) -> str:
    if isolation is None:
        return "experiment" if has_devices and parallel else "worker"
    if isolation not in ISOLATIONS:
        raise ValueError(
            f"`isolation` must be one of {ISOLATIONS} or None, got {isolation!r}"
            f"{did_you_mean(isolation, ISOLATIONS)}"
        )
    if isolation == "experiment" and not parallel:
        raise ValueError("`isolation='experiment'` needs `parallel=True`: without processes there is one")
    return str(isolation)


def _threads(threads_per_worker: Any, n_workers: int) -> int:
    if threads_per_worker is None:
        return max(1, available_cores() // n_workers)
    if not _is_positive(threads_per_worker):
        raise ValueError(f"`threads_per_worker` must be a positive int or None, got {threads_per_worker!r}")
    return threads_per_worker


def _executor_class(executor_class: Any) -> type[Executor]:
    if executor_class is None:
        return Executor
    if not (isinstance(executor_class, type) and issubclass(executor_class, Executor)):
        raise TypeError(f"`executor_class` must be a subclass of Executor, got {executor_class!r}")
    return executor_class


def _memory_check(ratio: Any, n_checks: Any, delay: Any, has_devices: bool) -> MemoryCheck | None:
    if ratio is None:
        return None
    if not _is_number(ratio) or not 0 < ratio <= 1:
        raise ValueError(f"`memory_ratio` must be a number above 0, at most 1, or None, got {ratio!r}")
    if not _is_positive(n_checks):
        raise ValueError(f"`n_gpu_checks` must be a positive int, got {n_checks!r}")
    if not _is_number(delay) or not 0 <= delay < float("inf"):
        raise ValueError(f"`gpu_check_delay` must be a number of seconds, not negative, got {delay!r}")
    if not has_devices:
        raise ValueError(f"`memory_ratio={ratio!r}` is about devices: say which, by `devices=`")
    if find_spec("pynvml") is None:
        raise ImportError(
            f"`memory_ratio={ratio!r}` is asked of devices through nvidia-ml-py, which is not installed: "
            "pip install 'domain-research[gpu]'"
        )
    return MemoryCheck(float(ratio), n_checks, float(delay))


def _max_failures(value: Any) -> int | None:
    if value is not None and not _is_positive(value):
        raise ValueError(f"`max_failures` must be a positive int or None, got {value!r}")
    return None if value is None else int(value)


def _redirect(name: str, value: Any, has_folder: bool, debug: bool) -> int:
    """Return where a stream goes: 0 none, 1 one file for the study, 2 one for each experiment, 3 both."""
    if value is None or value is False:
        return 0
    if value is True and debug:
        return 0  # who debugs wants to see the debugger
    if value is True:
        return 3 if has_folder else 2
    if not isinstance(value, int) or value not in (0, 1, 2, 3):
        raise ValueError(f"`{name}` must be True, False, 0, 1, 2 or 3, got {value!r}")
    if value in (1, 3) and not has_folder:
        raise ValueError(
            f"`{name}={value}` writes one file for the study, and with `dump_results=False` there is no "
            "folder for it: 2 keeps what each experiment prints"
        )
    return value


def _check_bools(**values: Any) -> None:
    for name, value in values.items():
        if not isinstance(value, bool):
            raise ValueError(f"`{name}` must be True or False, got {value!r}")


def _configs(name: str, value: Any) -> tuple[dict[str, Any], ...]:
    """Return one dict of more parameters for each worker or branch."""
    if _is_positive(value):
        return ({},) * value
    if (
        isinstance(value, list | tuple)
        and value
        and all(isinstance(item, Mapping | ConfigAlias) for item in value)
    ):
        return tuple(
            dict(Config(item.config() if isinstance(item, ConfigAlias) else item).raw_items())
            for item in value
        )
    raise ValueError(f"`{name}` must be a positive int or a list of dicts, got {value!r}")


def _is_positive(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
