"""Which cluster a study runs on, as users say it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, ClassVar

from research.backends.base import Backend
from research.backends.clusters.engine import Engine, Needs
from research.backends.limits import read_size
from research.errors import did_you_mean

FILES_LIMIT = "1 GB"
PATIENCE = 30.0


@dataclass(frozen=True)
class Cluster:
    """What `Dask` and `Ray` have in common."""

    address: Any = None
    resources: Mapping[str, Any] = field(default_factory=dict)
    files_limit: int | str = FILES_LIMIT
    patience: float = PATIENCE

    _library: ClassVar[str] = ""  # the extra
    _module: ClassVar[str] = ""  # that is imported

    def __post_init__(self) -> None:
        amounts = _read_resources(self.resources)
        object.__setattr__(self, "resources", dict(amounts))
        read_size("files_limit", self.files_limit)
        if not _is_positive(self.patience):
            raise ValueError(f"`patience` must be a positive number of seconds, got {self.patience!r}")
        if find_spec(self._module) is None:
            name = self._library
            raise ImportError(
                f"`backend={name!r}` needs {self._module}, which is not installed: "
                f"pip install 'domain-research[{name}]'"
            )

    def needs(self, n_threads: int | None) -> Needs:
        """Return what each worker is to have; threads are as many as its CPUs, unless that is said."""
        resources = dict(self.resources)
        own = max(1, int(resources.get("CPU", 1))) if n_threads is None else n_threads
        return Needs(tuple(resources.items()), own)

    def backend(self, n_workers: int, n_threads: int | None, n_branches: int, grows: bool) -> Backend:
        """Return a backend that runs on this cluster."""
        from research.backends.clusters.backend import ClusterBackend

        needs = self.needs(n_threads)
        most = read_size("files_limit", self.files_limit)
        engine = self._engine(needs, needs.n_here if grows else n_workers)
        return ClusterBackend(engine, needs.n_threads, n_branches, most, float(self.patience), grows)

    def _engine(self, needs: Needs, n_workers: int) -> Engine:
        raise NotImplementedError


@dataclass(frozen=True)
class Dask(Cluster):
    """A cluster of Dask.

    Parameters
    ----------
    address : str, distributed.Client or cluster, optional
        Of the scheduler, as in 'tcp://10.0.0.1:8786'; a client or a cluster that know it do as well.
        Default: a cluster in this process, for as many workers as are asked for, which is closed afterwards.
        GPUs and memory are those of the machine.
    resources : dict, optional
        What each worker of the study has to itself, by the names that workers of Dask were started with
        (`dask worker --resources 'GPU=2'`), as in `{'GPU': 1}`; 'memory' may have a unit, as in '8 GB'. In
        any case it has one thread of a worker of Dask.
    files_limit : int or str, default '1 GB'
        Bytes that the files of an experiment, under `EP()`, may hold to be sent back when it ends. An
        experiment that has written more has failed.
    patience : float, default 30
        Seconds without an answer, after which either side takes the other for gone: workers end, and what
        they were at runs elsewhere.

    Examples
    --------
    >>> Dask('tcp://10.0.0.1:8786', resources={'GPU': 1}).resources
    {'GPU': 1.0}
    """

    _library: ClassVar[str] = "dask"
    _module: ClassVar[str] = "distributed"

    def _engine(self, needs: Needs, n_workers: int) -> Engine:
        from research.backends.clusters.dasks import DaskEngine

        return DaskEngine(self.address, needs, n_workers, float(self.patience))


@dataclass(frozen=True)
class Ray(Cluster):
    """A cluster of Ray.

    Parameters
    ----------
    address : str, optional
        Of the cluster, as in '10.0.0.1:6379', or 'auto': the one that this machine belongs to. Default: the
        one that this process is connected to by `ray.init`; else one on this machine, which is ended
        afterwards.
    resources : dict, optional
        What each worker of the study has to itself, in Ray's words, as in `{'GPU': 1, 'CPU': 2}`; 'memory'
        may have a unit, as in '8 GB'. Default: one CPU.
    files_limit : int or str, default '1 GB'
    patience : float, default 30
        Both as for `Dask`.
    runtime_env : dict, optional
        What workers need beside this library, as `working_dir`, `py_modules` or `pip`: see Ray's
        documentation.

    Examples
    --------
    >>> Ray('auto', resources={'GPU': 0.5, 'memory': '8 GB'}).resources
    {'GPU': 0.5, 'memory': 8000000000.0}
    """

    runtime_env: Mapping[str, Any] = field(default_factory=dict)

    _library: ClassVar[str] = "ray"
    _module: ClassVar[str] = "ray"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.address, str | None):
            raise TypeError(f"`address` must be that of a cluster of Ray, or 'auto', got {self.address!r}")
        if self.address is not None and "://" in self.address:
            raise ValueError(
                f"`address={self.address!r}` is one of Ray Client, through which no study can be run: run "
                "the script on a machine of the cluster, with address='auto' or by `ray job submit`"
            )
        if not isinstance(self.runtime_env, Mapping):
            raise TypeError(f"`runtime_env` must be a dict, got {self.runtime_env!r}")

    def _engine(self, needs: Needs, n_workers: int) -> Engine:
        from research.backends.clusters.rays import RayEngine

        return RayEngine(self.address, needs, n_workers, self.runtime_env, float(self.patience))


CLUSTERS: Mapping[str, type[Cluster]] = {"dask": Dask, "ray": Ray}
NAMES = ("inline", "processes", *CLUSTERS)


def read_backend(backend: Any, address: Any, resources: Any, parallel: bool) -> Cluster | str:
    """Return which backend is meant: a cluster, 'processes' or 'inline'.

    Raises
    ------
    ValueError, TypeError
        If these arguments of `Research.run` make no sense together.
    ImportError
        If what the cluster needs is not installed.
    """
    usual = "processes" if parallel else "inline"
    if backend is not None and not isinstance(backend, Cluster) and backend not in NAMES:
        raise ValueError(
            f"`backend` must be one of {NAMES}, or made by one of {_classes()}, got {backend!r}"
            f"{did_you_mean(backend, NAMES)}"
        )
    if backend not in (None, "inline") and not parallel:
        raise ValueError(f"`parallel=False` runs everything in this process: leave out `backend={backend!r}`")
    if isinstance(backend, str) and backend in CLUSTERS:
        given = {"address": address, "resources": resources}
        return CLUSTERS[backend](**{name: value for name, value in given.items() if value is not None})
    for name, value in (("address", address), ("resources", resources)):
        if value is not None:
            where = "in the backend itself" if isinstance(backend, Cluster) else "with a cluster"
            raise ValueError(f"`{name}={value!r}` is said {where}: backend='dask', or Dask({name}=…)")
    return usual if backend is None else backend


def _classes() -> str:
    return ", ".join(kind.__name__ for kind in CLUSTERS.values())


def _read_resources(resources: Any) -> dict[str, float]:
    if not isinstance(resources, Mapping):
        raise TypeError(f"`resources` must be a dict, as {{'GPU': 1, 'memory': '8 GB'}}, got {resources!r}")
    amounts: dict[str, float] = {}
    for name, amount in resources.items():
        if not isinstance(name, str):
            raise TypeError(f"`resources` are known by names, as in {{'GPU': 1}}, got {name!r}")
        if name.lower() == "memory" and isinstance(amount, str):
            amounts[name] = float(read_size("resources", amount))
        elif _is_positive(amount):
            amounts[name] = float(amount)
        else:
            raise ValueError(f"`resources` must be positive numbers, got {{{name!r}: {amount!r}}}")
    return amounts


def _is_positive(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf
