"""What is added to the configs of experiments as they were stored: by the workers and branches of each run,
and by defaults that the domain has been given since.

An experiment belongs to the run that has handed it out last. Groups are counted on from run to run, so that
its group tells which that is.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from research.domain import Alias
from research.domain.config import entries
from research.domain.decoding import decode
from research.domain.hashing import JSON
from research.domain.values import unwrap
from research.errors import UnstableValueError
from research.storage.base import ExperimentRow

DEVICE = "device"


def describe_added(
    workers: Iterable[Mapping[str, Any]],
    branches: Iterable[Mapping[str, Any]],
    devices: Sequence[Sequence[Sequence[str | None]]],
    seen: Sequence[Sequence[str | list[str] | None]],
    first: int = 0,
) -> dict[str, JSON]:
    """Return what `Added` reads of one run, to be kept in the settings of its study; see `next_run`.

    Parameters
    ----------
    workers, branches : iterable of Mapping
        What each worker, and each branch, adds; empty where they were given by number.
    devices : sequence
        Names of the devices of each branch of each worker.
    seen : sequence
        For the same what configs say of them.
    first : int, default 0
        The number of the run's first group.
    """
    has_devices = any(device is not None for worker in devices for branch in worker for device in branch)
    return {
        "first": first,
        "workers": [_describe(config) for config in workers],
        "branches": [_describe(config) for config in branches],
        "devices": [[list(branch) for branch in worker] for worker in devices] if has_devices else [],
        "seen": [list(worker) for worker in seen] if has_devices else [],
    }


def _describe(config: Mapping[str, Any]) -> dict[str, JSON]:
    texts: dict[str, str] = {}
    for name, value in config.items():
        try:
            texts.update(entries([(name, value)]))
        except UnstableValueError:  # a connection, say: it is no part of an identity, its kind will do
            texts.update(entries([(name, Alias(value, type(unwrap(value)).__qualname__))]))
    return {
        "config": {path: json.loads(text) for path, text in texts.items()},
        "aliases": {name: value.alias for name, value in config.items() if type(value) is Alias},
    }


def runs_of(settings: Mapping[str, JSON]) -> list[dict[str, Any]]:
    """Return what the runs of a study add, as it is stored in its settings."""
    given: Any = settings.get("added") or ()
    return [{"first": 0, **given}] if isinstance(given, Mapping) else [dict(run) for run in given]


def next_run(before: Iterable[dict[str, Any]], run: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what runs add, with one that is about to begin.

    Those that have handed out nothing are left out, and so is the new one if it is like the one before.
    """
    runs = [earlier for earlier in before if earlier["first"] < run["first"]]
    return runs if runs and _given(runs[-1]) == _given(run) else [*runs, run]


def _given(run: Mapping[str, Any]) -> dict[str, Any]:
    """Return what decides what an experiment of a run gets."""
    given = {key: value for key, value in run.items() if key != "first" and value}
    if not given.keys() & {"workers", "devices", "seen"}:
        given.pop("offset", None)
    return given


class Added:
    """Joins what workers and branches add to experiments, by their groups, workers and slots.

    Parameters
    ----------
    settings : Mapping
        Of a study, as stored.

    Attributes
    ----------
    names : tuple of str
        Parameters that may be added.
    """

    def __init__(self, settings: Mapping[str, JSON]) -> None:
        self._runs = runs_of(settings)
        self._firsts = [int(run["first"]) for run in self._runs]
        self._defaults: Mapping[str, JSON] = settings.get("defaults") or {}
        parts = [part for run in self._runs for name in ("workers", "branches") for part in run.get(name, ())]
        paths = [path for part in parts for path in part["config"]]
        self.names = tuple(path for path in dict.fromkeys(paths) if path != DEVICE)

    @property
    def is_nothing(self) -> bool:
        """Whether no config gets anything but what is stored of it."""
        return not self.names and not self._defaults

    @property
    def has_devices(self) -> bool:
        """Whether any config says which device it has."""
        parts = [part for run in self._runs for name in ("workers", "branches") for part in run.get(name, ())]
        return any(run.get("seen") for run in self._runs) or any(DEVICE in part["config"] for part in parts)

    def forms(self, row: ExperimentRow) -> dict[str, JSON]:
        """Return canonical forms, by path, of what an experiment has beside its domain's config."""
        parts = self._parts(row)
        return {path: form for part in parts for path, form in part["config"].items() if path != DEVICE}

    def defaults(self, config: Mapping[str, JSON], generation: int) -> dict[str, JSON]:
        """Return canonical forms, by path, of the domain's defaults that a stored config lacks."""
        if not self._defaults or generation:  # those of domains that replaced it are not known here
            return {}
        present = {part for path in config for part in _paths_of(path)}
        return {
            path: form
            for path, form in self._defaults.items()
            if path not in present and not any(part in config for part in _paths_of(path))
        }

    def aliases(self, row: ExperimentRow) -> dict[str, str]:
        """Return short names of such values."""
        return {name: alias for part in self._parts(row) for name, alias in part["aliases"].items()}

    def device(self, row: ExperimentRow) -> Any:
        """Return what the experiment's config says of its devices; None of none, or if nobody took it."""
        for part in self._parts(row):
            if DEVICE in part["config"]:
                return decode(part["config"][DEVICE])
        run = self._run(row)
        seen = run.get("seen")
        return seen[_worker(run, row.worker)][row.slot] if seen and row.worker is not None else None

    def _run(self, row: ExperimentRow) -> Mapping[str, Any]:
        """Return what is added in the run that has handed out an experiment."""
        place = bisect_right(self._firsts, row.group)
        return self._runs[place - 1] if place else {}

    def _parts(self, row: ExperimentRow) -> list[Mapping[str, Any]]:
        run = self._run(row)
        workers, branches = run.get("workers"), run.get("branches")
        parts = [workers[_worker(run, row.worker)]] if workers and row.worker is not None else []
        return [*parts, branches[row.slot]] if branches else parts


def _paths_of(path: str) -> list[str]:
    """Return a path and those of all that it is part of."""
    parts = path.split("/")
    return ["/".join(parts[:length]) for length in range(1, len(parts) + 1)]


def _worker(run: Mapping[str, Any], worker: int) -> int:
    """Return which of the workers of its own run one is."""
    place = worker - int(run.get("offset", 0))
    if place < 0:
        raise IndexError(f"worker {worker} comes before those of its run")
    return place


NOTHING = Added({})


def join_added(given: Iterable[tuple[Mapping[str, JSON], int, int]]) -> list[dict[str, Any]]:
    """Return what `Added` reads of studies that are merged.

    Parameters
    ----------
    given : iterable of (Mapping, int, int)
        The settings of each study, and what is added to the numbers of its workers and groups.
    """
    joined: list[dict[str, Any]] = []
    for settings, n_workers, n_groups in given:
        for run in runs_of(settings) or [{"first": 0}]:
            offset = int(run.get("offset", 0)) + n_workers
            joined = next_run(joined, {**run, "first": run["first"] + n_groups, "offset": offset})
    return joined
