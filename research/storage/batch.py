"""From records to rows of tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from research.events import (
    QUEUED,
    RUNNING,
    Block,
    Ended,
    Failure,
    ProfileBlock,
    Profiled,
    Running,
    Values,
)
from research.storage import tables
from research.storage.base import Begun, Closed, Output, Record, Registered, Replaced, Restarted
from research.storage.encoding import encode_name, plain
from research.storage.tables import Table

# of an experiment that begins anew
UPDATED = ("status", "worker", "started", "finished", "iterations", "error", "failures")
_UNCHANGED: dict[str, Any] = {f"new_{name}": None for name in UPDATED}


class Keys(Protocol):
    """What a batch asks of its store."""

    def new_key(self, experiment: str, key: int | None) -> int:
        """Return the key of an experiment that was just registered, the next one if it has none."""

    def key(self, experiment: str, forget: bool = False) -> int:
        """Return the key of a registered experiment that has not ended."""

    def keep_large(self, name: str, data: bytes) -> str | None:
        """Write a large object to a file of its own; None if it belongs into the table."""

    def new_part(self) -> int:
        """Return a number greater than all before."""

    def new_run(self) -> int:
        """Return the number of a run that begins."""


class Batch:
    """Collects records into rows, so that one write touches each row once."""

    def __init__(self, store: Keys) -> None:
        self._store = store
        self.cleared: set[int] = set()  # keys of experiments whose values in the store go first
        self.new: dict[int, dict[str, Any]] = {}
        self.updates: dict[int, dict[str, Any]] = {}
        self.again: dict[int, dict[str, Any]] = {}  # of experiments that begin anew: what has changed
        self.replaced: list[dict[str, Any]] = []  # what is to be known of domains that replaced another
        self.study: dict[str, Any] = {}  # changes of the study's own row
        self.is_last = False  # nothing more comes of this run
        self._latest: dict[tuple[int, str], dict[str, Any]] = {}
        self._history: dict[tuple[int, str, int], dict[str, Any]] = {}
        self._objects: dict[tuple[int, str, int], dict[str, Any]] = {}
        self._profiles: dict[tuple[int, str, int, int], dict[str, Any]] = {}
        self._outputs: dict[tuple[int, int], list[bytes]] = {}
        self._runs: list[dict[str, Any]] = []

    def rows(self) -> Iterator[tuple[Table, list[dict[str, Any]]]]:
        """Walk tables and what is to be put into them."""
        for table, rows in (
            (tables.EXPERIMENTS, list(self.new.values())),
            (tables.LATEST, list(self._latest.values())),
            (tables.HISTORY, list(self._history.values())),
            (tables.OBJECTS, list(self._objects.values())),
            (tables.PROFILES, list(self._profiles.values())),
            (tables.OUTPUTS, [self._output(*place, parts) for place, parts in self._outputs.items()]),
            (tables.RUNS, self._runs),
        ):
            if rows:
                yield table, rows

    @property
    def size(self) -> int:
        """About how many bytes the database needs for it."""
        rows = [row for _, rows in self.rows() for row in rows]
        rows += [*self.updates.values(), self.study]
        values = [value for row in rows for value in row.values()]
        return sum(len(value) if isinstance(value, str | bytes) else 8 for value in values)

    def take(self, record: Record) -> None:
        """Add a record; later ones win."""
        if type(record) is Ended:
            self._end(record)
        elif type(record) is Registered:
            self._register(record)
        elif type(record) is Values:
            self._take_blocks(record.experiment, self._store.key(record.experiment), record.blocks)
        elif type(record) is Profiled:
            self._take_profile(record)
        elif type(record) is Running:
            changes = {
                "status": RUNNING,
                "worker": record.worker,
                "started": record.started,
                "iterations": record.iterations,
            }
            self._change(self._store.key(record.experiment), changes)
        elif type(record) is Output:
            key = self._store.key(record.experiment)
            self._outputs.setdefault((key, record.stream), []).append(record.data)
        elif type(record) is Begun:
            self._begin_run(record)
        elif type(record) is Replaced:
            self.replaced.append(record._asdict())
        elif type(record) is Closed:
            error = None if record.error is None else plain(record.error)
            self.study = {"finished": record.finished, "outcome": record.outcome, "error": error}
            self.is_last = True
        elif type(record) is Restarted:
            key = self._store.key(record.experiment)
            self.cleared.add(key)
            self._latest = {place: row for place, row in self._latest.items() if place[0] != key}
            self._history = {place: row for place, row in self._history.items() if place[0] != key}
            self._objects = {place: row for place, row in self._objects.items() if place[0] != key}
            self._profiles = {place: row for place, row in self._profiles.items() if place[0] != key}
            self._outputs = {place: parts for place, parts in self._outputs.items() if place[0] != key}
            self._change(key, {**dict.fromkeys(UPDATED), "status": QUEUED})
            self._begin_again(key, attempt=record.attempt, slot=record.slot)
        else:
            raise TypeError(f"a store takes no {type(record).__name__}")

    def _register(self, record: Registered) -> None:
        member, config, aliases, group, slot, number, attempt, _, code, is_stored = record
        id_, place, _, pass_, repetition, generation, _, prefix = member
        key = self._store.new_key(id_, number)
        if is_stored:
            self.cleared.add(key)
        self.new[key] = {
            "key": key,
            "id": id_,
            "prefix": prefix,
            "number": place,
            "group": group,
            "slot": slot,
            "generation": generation,
            "repetition": repetition,
            "pass": pass_,
            "config": config,
            "aliases": aliases,
            "status": QUEUED,
            "attempt": attempt,
            "code": code,
            "worker": None,
            "started": None,
            "finished": None,
            "iterations": None,
            "error": None,
            "failures": None,
        }

    def _end(self, record: Ended) -> None:
        worker, experiment, status, started, finished, iterations, failures, _, blocks = record
        key = self._store.key(experiment, forget=True)
        if blocks:
            self._take_blocks(experiment, key, blocks)
        error = _summary(record)
        changes = {
            "status": status,
            "worker": worker,
            "started": started,
            "finished": finished,
            "iterations": iterations,
            "error": plain(error) if error else None,
            "failures": _describe(failures) if failures else None,
        }
        self._change(key, changes)

    def _begin_run(self, record: Begun) -> None:
        row = {
            name: plain(value) if isinstance(value, str) else value
            for name, value in record._asdict().items()
        }
        self._runs.append({"number": self._store.new_run(), **row})

    def _output(self, key: int, stream: int, parts: list[bytes]) -> dict[str, Any]:
        part = self._store.new_part()
        return {"experiment": key, "stream": stream, "part": part, "data": b"".join(parts)}

    def _change(self, key: int, changes: Mapping[str, Any]) -> None:
        if key in self.new:
            self.new[key].update(changes)
            return
        update = self.updates.setdefault(key, dict(_UNCHANGED))
        update.update({f"new_{name}": value for name, value in changes.items()})

    def _begin_again(self, key: int, **changes: int | None) -> None:
        known = {name: value for name, value in changes.items() if value is not None}
        if key in self.new:
            self.new[key].update(known)
        elif known:
            again = self.again.setdefault(key, {f"new_{name}": None for name in changes})
            again.update({f"new_{name}": value for name, value in known.items()})

    def _take_blocks(self, experiment: str, key: int, blocks: Iterable[Block]) -> None:
        for block in blocks:
            name = encode_name(block.variable)
            last = block.last
            self._latest[key, name] = {
                "experiment": key,
                "variable": name,
                "iteration": last.iteration,
                "type": last.type,
                "number": last.number,
                "text": last.text,
            }
            if block.number is not None:
                self._history[key, name, block.number] = {
                    "experiment": key,
                    "variable": name,
                    "block": block.number,
                    **_place(block),
                    "kind": block.kind,
                    "data": block.data,
                }
            for item in block.objects:
                path = item.path
                if item.data is not None:
                    path = self._store.keep_large(f"{experiment}|{name}|{item.iteration}", item.data)
                self._objects[key, name, item.iteration] = {
                    "experiment": key,
                    "variable": name,
                    "iteration": item.iteration,
                    "format": item.format,
                    "size": item.size,
                    "data": item.data if path is None else None,
                    "path": path,
                }

    def _take_profile(self, record: Profiled) -> None:
        key = self._store.key(record.experiment)
        for block in record.blocks:
            self._profiles[key, block.kind, block.place, block.number] = {
                "experiment": key,
                "kind": block.kind,
                "place": block.place,
                "block": block.number,
                "unit": encode_name(block.unit),
                **_place(block),
                "data": block.data,
            }


def _place(block: Block | ProfileBlock) -> dict[str, Any]:
    """Return columns that say which iterations a block is of."""
    regular = isinstance(block.iterations, tuple)
    return {
        "first": block.iterations[0] if regular else 0,
        "step": block.iterations[1] if regular else 0,
        "length": block.length,
        "iterations": None if regular else block.iterations,
    }


def _summary(record: Ended) -> str | None:
    if record.failures:
        first = record.failures[0]
        return f"{first.unit}: {first.type}: {first.message}"
    return record.reason


def _describe(failures: Iterable[Failure]) -> str | None:
    described = [
        {
            "unit": failure.unit,
            "iteration": failure.iteration,
            "type": failure.type,
            "message": failure.message,
            "traceback": failure.traceback,
        }
        for failure in failures
    ]
    return json.dumps(described) if described else None
