"""What workers and branches add to the configs of their experiments: stored once for the whole study."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

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
) -> dict[str, JSON]:
    """Return what `Added` reads, to be kept in the settings of a study.

    Parameters
    ----------
    workers, branches : iterable of Mapping
        What each worker, and each branch, adds; empty where they were given by number.
    devices : sequence
        Names of the devices of each branch of each worker.
    seen : sequence
        For the same what configs say of them.
    """
    has_devices = any(device is not None for worker in devices for branch in worker for device in branch)
    return {
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


class Added:
    """Joins what workers and branches add to experiments, by their workers and slots.

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
        given: Mapping[str, Any] = settings.get("added") or {}
        self._workers: Sequence[Mapping[str, Any]] = given.get("workers", ())
        self._branches: Sequence[Mapping[str, Any]] = given.get("branches", ())
        self._seen: Sequence[Sequence[Any]] = given.get("seen", ())
        paths = [path for part in (*self._workers, *self._branches) for path in part["config"]]
        self.names = tuple(path for path in dict.fromkeys(paths) if path != DEVICE)

    def forms(self, row: ExperimentRow) -> dict[str, JSON]:
        """Return canonical forms, by path, of what an experiment has beside its domain's config."""
        parts = self._parts(row)
        return {path: form for part in parts for path, form in part["config"].items() if path != DEVICE}

    def aliases(self, row: ExperimentRow) -> dict[str, str]:
        """Return short names of such values."""
        return {name: alias for part in self._parts(row) for name, alias in part["aliases"].items()}

    def device(self, row: ExperimentRow) -> Any:
        """Return what the experiment's config says of its devices; None of none, or if nobody took it."""
        for part in self._parts(row):
            if DEVICE in part["config"]:
                return decode(part["config"][DEVICE])
        return self._seen[row.worker][row.slot] if self._seen and row.worker is not None else None

    def _parts(self, row: ExperimentRow) -> list[Mapping[str, Any]]:
        parts = [self._workers[row.worker]] if self._workers and row.worker is not None else []
        return [*parts, self._branches[row.slot]] if self._branches else parts


NOTHING = Added({})


def join_added(
    given: Sequence[tuple[Mapping[str, JSON], int, int]],
) -> tuple[dict[str, JSON], list[int]]:
    """Return what `Added` reads of studies that are merged.

    Their workers are counted on from study to study, and so are slots where the branches of one add something
    else than those of another.

    Parameters
    ----------
    given : sequence of (Mapping, int, int)
        The settings of each study, and how many workers and slots it has.

    Returns
    -------
    dict
    list of int
        What is added to the slots of each study.
    """
    parts: list[tuple[dict[str, Any], int, int]] = [
        (cast("dict[str, Any]", settings.get("added") or {}), n_workers, n_slots)
        for settings, n_workers, n_slots in given
    ]
    branches = [list(part.get("branches", ())) for part, _, _ in parts]
    are_alike = all(item == branches[0] for item in branches)
    slots = [0 if are_alike else sum(n for _, _, n in parts[:number]) for number in range(len(parts))]
    joined: dict[str, Any] = {
        "workers": _padded([(part.get("workers", ()), n) for part, n, _ in parts], _NOTHING),
        "branches": branches[0]
        if are_alike
        else _padded([(item, n) for item, (_, _, n) in zip(branches, parts, strict=True)], _NOTHING),
        "devices": _padded([(part.get("devices", ()), n) for part, n, _ in parts], []),
    }
    seen = []
    for slot, (part, n_workers, n_slots) in zip(slots, parts, strict=True):
        rows = [*part.get("seen", ()), *([[]] * n_workers)][:n_workers]
        seen += [[*([None] * slot), *row, *([None] * (n_slots - len(row)))] for row in rows]
    return {**joined, "seen": seen if any(part.get("seen") for part, _, _ in parts) else []}, slots


_NOTHING: Mapping[str, Any] = {"config": {}, "aliases": {}}


def _padded(parts: Sequence[tuple[Sequence[Any], int]], filling: Any) -> list[Any]:
    """Join lists, each filled up to its length, unless all are empty."""
    if not any(items for items, _ in parts):
        return []
    return [item for items, n in parts for item in [*items, *([filling] * (n - len(items)))]]
