"""Arguments of `Research.run`, checked one by one; errors name the argument, its value and what it may be."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, TypeGuard

from research.backends.base import MemoryCheck
from research.backends.processes import START_METHODS, choose_start_method
from research.domain import Config, ConfigAlias
from research.errors import did_you_mean
from research.experiment.executor import TARGETS, Executor
from research.monitoring.environment import available_cores

ISOLATIONS = ("worker", "experiment")


def read_target(executor_target: Any) -> str:
    """Return how branches run, in words of the executor."""
    if executor_target not in TARGETS:
        raise ValueError(
            f"`executor_target` must be one of {sorted(TARGETS)}, got {executor_target!r}"
            f"{did_you_mean(executor_target, TARGETS)}"
        )
    return TARGETS[executor_target]


def read_start_method(start_method: Any) -> tuple[str, str | None]:
    """Return the start method, and why if it is not the usual one."""
    if start_method is None:
        return choose_start_method()
    if start_method not in START_METHODS:
        raise ValueError(f"`start_method` must be one of {START_METHODS} or None, got {start_method!r}")
    return start_method, None


def read_isolation(isolation: Any, has_devices: bool, parallel: bool) -> str:
    """Return whether each task gets a process of its own."""
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


def read_threads(threads_per_worker: Any, n_workers: int) -> int:
    """Return how many threads numeric libraries of a worker may use."""
    if threads_per_worker is None:
        return max(1, available_cores() // n_workers)
    if not _is_positive(threads_per_worker):
        raise ValueError(f"`threads_per_worker` must be a positive int or None, got {threads_per_worker!r}")
    return threads_per_worker


def read_executor_class(executor_class: Any) -> type[Executor]:
    """Return what runs experiments."""
    if executor_class is None:
        return Executor
    if not (isinstance(executor_class, type) and issubclass(executor_class, Executor)):
        raise TypeError(f"`executor_class` must be a subclass of Executor, got {executor_class!r}")
    return executor_class


def read_memory_check(ratio: Any, n_checks: Any, delay: Any, has_devices: bool) -> MemoryCheck | None:
    """Return how the memory of devices is asked for, None if it is not."""
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


def read_max_failures(value: Any) -> int | None:
    """Return after how many failures a study is ended."""
    if value is not None and not _is_positive(value):
        raise ValueError(f"`max_failures` must be a positive int or None, got {value!r}")
    return None if value is None else int(value)


def read_redirect(name: str, value: Any, has_folder: bool, debug: bool) -> int:
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


def check_bools(**values: Any) -> None:
    """Refuse what is neither True nor False."""
    for name, value in values.items():
        if not isinstance(value, bool):
            raise ValueError(f"`{name}` must be True or False, got {value!r}")


def read_configs(name: str, value: Any) -> tuple[dict[str, Any], ...]:
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
    auto = ", 'auto'" if name == "workers" else ""
    raise ValueError(f"`{name}` must be a positive int{auto} or a list of dicts, got {value!r}")


def _is_positive(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
