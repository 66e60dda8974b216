"""What a backend is, and what it is given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from research.backends.limits import UNLIMITED, Limits
from research.domain import Domain
from research.events import Command, Event
from research.experiment.executor import Executor
from research.experiment.experiment import Experiment
from research.storage.folder import EXPERIMENTS

if TYPE_CHECKING:
    from research.pruning.watch import Pruning


class MemoryCheck(NamedTuple):
    """Whether devices have room is asked before each task."""

    ratio: float  # of each device's memory that must be free
    n_checks: int  # after which a worker gives up
    delay: float  # seconds between them


class Blueprint(NamedTuple):
    """All that a worker needs to run any task of a study.

    Parameters
    ----------
    experiment : Experiment
    domains : tuple of Domain
        By generation.
    seed : int
        The study's.
    n_iters : int or None
    executor_class : type
        Executor, or a subclass of it.
    executor_target : 'threads' or 'for'
    branches_configs : tuple of dict
        More parameters for each branch.
    finalize, debug : bool
    folder : Path
        Where experiments have their folders.
    isolation : 'worker' or 'experiment'
        Whether each task gets a process of its own.
    memory_check : MemoryCheck or None
    profile : 0, 1 or 2
        Of units: nothing, their times, or what they call as well.
    captures : tuple of bool
        Whether what goes to stdout and to stderr is kept.
    seed_libraries : bool
        Whether global generators are seeded for each experiment.
    limits : Limits
        Of time and memory that a task may take; for backends that have processes.
    keeps_objects : bool
        Whether workers write large objects to files in the folder, where the store looks for them.
    pruning : Pruning or None
        By what experiments are ended that are hopeless.
    """

    experiment: Experiment
    domains: tuple[Domain, ...]
    seed: int
    n_iters: int | None
    executor_class: type[Executor]
    executor_target: str
    branches_configs: tuple[dict[str, Any], ...]
    finalize: bool
    debug: bool
    folder: Path
    isolation: str = "worker"
    memory_check: MemoryCheck | None = None
    profile: int = 0
    captures: tuple[bool, bool] = (False, False)
    seed_libraries: bool = False
    limits: Limits = UNLIMITED
    keeps_objects: bool = False
    pruning: Pruning | None = None

    def experiment_folder(self, experiment: str) -> Path:
        """Return an experiment's own folder, made if it is not there."""
        path = self.folder / EXPERIMENTS / experiment
        path.mkdir(parents=True, exist_ok=True)
        return path

    def find_folder(self, id_: str, has_prefix: bool) -> Path:
        """Return the folder of an experiment that some worker has run, whether or not it is there.

        Parameters
        ----------
        id_ : str
        has_prefix : bool
            Names of folders may have something before the id, of which nothing is known here.
        """
        plain = self.folder / EXPERIMENTS / id_
        named = sorted(plain.parent.glob(f"*_{id_}")) if has_prefix else []
        return named[0] if named else plain


class WorkerSpec(NamedTuple):
    """What distinguishes one worker from the others."""

    config: dict[str, Any]  # more parameters for its experiments
    n_threads: int  # that numeric libraries may use
    devices: tuple[tuple[str | None, ...], ...] = ()  # of each branch

    @property
    def visible_devices(self) -> tuple[str, ...]:
        """All devices of the worker, in their order, each once."""
        named = (device for branch in self.devices for device in branch if device is not None)
        return tuple(dict.fromkeys(named))

    @property
    def environment(self) -> dict[str, str]:
        """Variables that show CUDA the devices of the worker and no others; empty where it has none.

        Numbers are those of nvidia-smi, which counts by the bus: CUDA by itself counts by speed.

        Examples
        --------
        >>> WorkerSpec({}, 1, (('2',), ('3', '5'))).environment
        {'CUDA_DEVICE_ORDER': 'PCI_BUS_ID', 'CUDA_VISIBLE_DEVICES': '2,3,5'}
        >>> WorkerSpec({}, 1, ((None,),)).environment
        {}
        """
        if not self.visible_devices:
            return {}
        return {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ",".join(self.visible_devices)}

    def device(self, branch: int) -> str | list[str] | None:
        """Return what a config says of the devices of a branch: their places among the visible ones.

        Examples
        --------
        >>> spec = WorkerSpec({}, 1, (('2',), ('3', '5')))
        >>> spec.device(0), spec.device(1)
        ('0', ['1', '2'])
        """
        if branch >= len(self.devices):
            return None
        visible = self.visible_devices
        places = [str(visible.index(device)) for device in self.devices[branch] if device is not None]
        return places[0] if len(places) == 1 else places or None


class Backend(Protocol):
    """Carries tasks to workers and events back; it alone knows what a worker is.

    `start` comes first, once. The other methods may come in any order, from the thread that called
    `start`. Each worker sends `Ready` before anything else, or `StartFailed`. For every task sent to it,
    there is a `TaskDone`, or it is in a `Revoked` of that worker, or the worker has `Died` or `Retired`. One
    that died is replaced by another of the same number, which is `Ready` again; one that was told to stop
    is not. After `close`, which may come at any
    time and more than once, no worker is left, nor anything that was started to look after them.
    """

    def start(self, blueprint: Blueprint, workers: Sequence[WorkerSpec]) -> None:
        """Start workers, numbered from 0."""

    def send(self, worker: int, command: Command) -> None:
        """Tell a worker something. One that has died meanwhile hears nothing."""

    def events(self, timeout: float) -> Sequence[Event]:
        """Return what has happened, in the order in which each worker said it.

        Parameters
        ----------
        timeout : float
            Seconds to wait for something to happen.
        """

    def kill(self, worker: int, grace: float) -> None:
        """End a worker that will not end by itself; it is replaced.

        Parameters
        ----------
        worker : int
        grace : float
            Seconds between SIGTERM and SIGKILL.
        """

    def close(self) -> None:
        """End all workers."""
