"""From records to rows of tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Protocol, TypeAlias

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

# of an experiment's row what changes while it runs
UPDATED = ("status", "worker", "started", "finished", "iterations", "error", "failures")
RENEWED = ("attempt", "slot")  # and when it begins anew, where that is known
_QUEUED = (QUEUED, *[None] * (len(UPDATED) - 1))

Row: TypeAlias = tuple[Any, ...]


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
    """Collects records into rows, so that one write touches each row once.

    Attributes
    ----------
    cleared : set of int
        Keys of experiments whose values in the store go first.
    replaced : list of dict
        What is to be known of domains that replaced another.
    study : dict
        Changes of the study's own row.
    is_last : bool
        Nothing more comes of this run.
    """

    def __init__(self, store: Keys) -> None:
        self._store = store
        self.cleared: set[int] = set()
        self.replaced: list[dict[str, Any]] = []
        self.study: dict[str, Any] = {}
        self.is_last = False
        self._new: dict[int, Registered] = {}
        self._states: dict[int, Row] = {}  # what `UPDATED` names
        self._renewed: dict[int, tuple[int | None, int | None]] = {}  # what `RENEWED` names
        self._latest: dict[tuple[int, str], Row] = {}
        self._history: dict[tuple[int, str, int], Row] = {}
        self._objects: dict[tuple[int, str, int], Row] = {}
        self._profiles: dict[tuple[int, str, int, int], Row] = {}
        self._outputs: dict[tuple[int, int], list[bytes]] = {}
        self._runs: list[Row] = []

    @property
    def has_new(self) -> bool:
        """Whether any experiment is new to the store."""
        return bool(self._new)

    def rows(self) -> Iterator[tuple[Table, list[Row]]]:
        """Walk tables and what is to be put into them: all columns in their order, but for the study's."""
        for table, rows in (
            (tables.EXPERIMENTS, self._experiments()),
            (tables.LATEST, list(self._latest.values())),
            (tables.HISTORY, list(self._history.values())),
            (tables.OBJECTS, list(self._objects.values())),
            (tables.PROFILES, list(self._profiles.values())),
            (tables.OUTPUTS, [self._output(*place, parts) for place, parts in self._outputs.items()]),
            (tables.RUNS, self._runs),
        ):
            if rows:
                yield table, rows

    def _experiments(self) -> list[Row]:
        states, renewed = self._states, self._renewed
        rows = []
        for key, record in self._new.items():
            member, config, aliases, group, slot, _, attempt, _, code, _ = record
            id_, place, _, pass_, repetition, generation, _, prefix = member
            if key in renewed:
                new_attempt, new_slot = renewed[key]
                attempt = attempt if new_attempt is None else new_attempt
                slot = slot if new_slot is None else new_slot
            status, *others = states.get(key, _QUEUED)
            origin = generation, repetition, pass_, config, aliases
            rows.append((key, id_, prefix, place, group, slot, *origin, status, attempt, *others, code))
        return rows

    @property
    def updates(self) -> list[Row]:
        """What `UPDATED` names, then the key, of experiments that the store has."""
        return [(*state, key) for key, state in self._states.items() if key not in self._new]

    @property
    def renewals(self) -> list[Row]:
        """What `RENEWED` names, None where it stays, then the key, of experiments that the store has."""
        return [(*numbers, key) for key, numbers in self._renewed.items() if key not in self._new]

    @property
    def size(self) -> int:
        """About how many bytes the database needs for it."""
        rows = [row for _, rows in self.rows() for row in rows] + self.updates
        values = [value for row in [*rows, tuple(self.study.values())] for value in row]
        return sum(len(value) if isinstance(value, str | bytes) else 8 for value in values)

    def take(self, record: Record) -> None:
        """Add a record; later ones win."""
        kind = type(record)
        if kind is Ended:
            self._end(record)  # type: ignore[arg-type]
        elif kind is Registered:
            self._register(record)  # type: ignore[arg-type]
        else:
            self._take_other(record)

    def _take_other(self, record: Record) -> None:
        """Add a record of a kind of which there are not as many."""
        if isinstance(record, Values):
            self._take_blocks(record.experiment, self._store.key(record.experiment), record.blocks)
        elif isinstance(record, Profiled):
            self._take_profile(record)
        elif isinstance(record, Running):
            state = RUNNING, record.worker, record.started, None, record.iterations, None, None
            self._states[self._store.key(record.experiment)] = state
        elif isinstance(record, Output):
            key = self._store.key(record.experiment)
            self._outputs.setdefault((key, record.stream), []).append(record.data)
        elif isinstance(record, Begun):
            self._begin_run(record)
        elif isinstance(record, Replaced):
            self.replaced.append(record._asdict())
        elif isinstance(record, Closed):
            error = None if record.error is None else plain(record.error)
            self.study = {"finished": record.finished, "outcome": record.outcome, "error": error}
            self.is_last = True
        elif isinstance(record, Restarted):
            self._restart(record)
        else:
            raise TypeError(f"a store takes no {type(record).__name__}")

    def _register(self, record: Registered) -> None:
        key = self._store.new_key(record.member.id, record.key)
        if record.is_stored:
            self.cleared.add(key)
        self._new[key] = record

    def _end(self, record: Ended) -> None:
        worker, experiment, status, started, finished, iterations, failures, _, blocks = record
        key = self._store.key(experiment, forget=True)
        if blocks:
            self._take_blocks(experiment, key, blocks)
        error = _summary(record)
        described = _describe(failures) if failures else None
        summary = plain(error) if error else None
        self._states[key] = status, worker, started, finished, iterations, summary, described

    def _restart(self, record: Restarted) -> None:
        key = self._store.key(record.experiment)
        self.cleared.add(key)
        self._latest = {place: row for place, row in self._latest.items() if place[0] != key}
        self._history = {place: row for place, row in self._history.items() if place[0] != key}
        self._objects = {place: row for place, row in self._objects.items() if place[0] != key}
        self._profiles = {place: row for place, row in self._profiles.items() if place[0] != key}
        self._outputs = {place: parts for place, parts in self._outputs.items() if place[0] != key}
        self._states[key] = _QUEUED
        attempt, slot = self._renewed.get(key, (None, None))
        attempt = attempt if record.attempt is None else record.attempt
        slot = slot if record.slot is None else record.slot
        if attempt is not None or slot is not None:
            self._renewed[key] = attempt, slot

    def _begin_run(self, record: Begun) -> None:
        said = record._asdict()
        values = [said[name] for name in tables.RUNS.columns]
        texts = [plain(value) if isinstance(value, str) else value for value in values]
        self._runs.append((self._store.new_run(), *texts))

    def _output(self, key: int, stream: int, parts: list[bytes]) -> Row:
        return key, stream, self._store.new_part(), b"".join(parts)

    def _take_blocks(self, experiment: str, key: int, blocks: Iterable[Block]) -> None:
        for block in blocks:
            name = encode_name(block.variable)
            self._latest[key, name] = key, name, *block.last
            if block.number is not None:
                place = key, name, block.number
                self._history[place] = *place, *_iterations(block), block.kind, block.data
            for item in block.objects:
                path = item.path
                if item.data is not None:
                    path = self._store.keep_large(f"{experiment}|{name}|{item.iteration}", item.data)
                data = item.data if path is None else None
                row = key, name, item.iteration, item.format, item.size, data, path
                self._objects[key, name, item.iteration] = row

    def _take_profile(self, record: Profiled) -> None:
        key = self._store.key(record.experiment)
        for block in record.blocks:
            place = key, block.kind, block.place, block.number
            self._profiles[place] = *place, encode_name(block.unit), *_iterations(block), block.data


def _iterations(block: Block | ProfileBlock) -> Row:
    """Return columns that say which iterations a block is of: first, step, length, iterations."""
    if isinstance(block.iterations, tuple):
        return *block.iterations, block.length, None
    return 0, 0, block.length, block.iterations


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
