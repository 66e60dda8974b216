"""What `Research.run` is told, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from research.backends.base import WorkerSpec
from research.backends.processes import START_METHODS, choose_start_method
from research.domain import Config, ConfigAlias
from research.errors import did_you_mean
from research.experiment.executor import TARGETS
from research.monitoring.environment import available_cores
from research.monitoring.log import check_level


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
    target : 'threads' or 'for'
    is_parallel : bool
    start_method : 'fork' or 'spawn'
    start_reason : str or None
        Why it is not the usual one.
    loglevel : int
    debug, finalize : bool
    """

    workers: tuple[WorkerSpec, ...]
    workers_configs: tuple[dict[str, Any], ...]
    n_branches: int
    branches_configs: tuple[dict[str, Any], ...]
    target: str
    is_parallel: bool
    start_method: str
    start_reason: str | None
    loglevel: int
    debug: bool
    finalize: bool

    @property
    def remarks(self) -> list[str]:
        """What the log should say of these settings."""
        remarks = []
        if self.start_reason is not None:
            remarks.append(f"workers are started by {self.start_method}: {self.start_reason}")
        if self.workers_configs:
            remarks.append(
                "workers have configs of their own: what an experiment gets depends on its worker, so that "
                "this study is not reproducible"
            )
        return remarks

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
    workers: int | Sequence[Mapping[str, Any]],
    branches: int | Sequence[Mapping[str, Any]],
    parallel: bool,
    executor_target: str,
    loglevel: str | None,
    debug: bool,
    finalize: bool,
    start_method: str | None,
    threads_per_worker: int | None,
) -> RunSettings:
    """Check arguments of `Research.run`, which describes them.

    Raises
    ------
    ValueError
        Names the argument, its value and what it may be.
    """
    workers_configs = _configs("workers", workers)
    branches_configs = _configs("branches", branches)
    if executor_target not in TARGETS:
        raise ValueError(
            f"`executor_target` must be one of {sorted(TARGETS)}, got {executor_target!r}"
            f"{did_you_mean(executor_target, TARGETS)}"
        )
    target = TARGETS[executor_target]
    if debug and (parallel or target != "for"):
        raise ValueError(
            "`debug=True` raises the first exception where it happens: it needs `parallel=False` "
            "and `executor_target='for'`"
        )
    reason = None
    if start_method is None:
        start_method, reason = choose_start_method()
    elif start_method not in START_METHODS:
        raise ValueError(f"`start_method` must be one of {START_METHODS} or None, got {start_method!r}")
    if threads_per_worker is None:
        threads_per_worker = max(1, available_cores() // len(workers_configs))
    elif not _is_positive(threads_per_worker):
        raise ValueError(f"`threads_per_worker` must be a positive int or None, got {threads_per_worker!r}")
    return RunSettings(
        tuple(WorkerSpec(config, threads_per_worker) for config in workers_configs),
        () if isinstance(workers, int) else workers_configs,
        len(branches_configs),
        () if isinstance(branches, int) else branches_configs,
        target,
        parallel,
        start_method,
        reason,
        check_level(loglevel),
        debug,
        finalize,
    )


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
