"""Experiments as a table with one row each: parameters, last values of variables, and what became of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple, NoReturn

from research.domain.decoding import decode, look_up
from research.domain.values import Opaque
from research.errors import did_you_mean
from research.results.added import DEVICE, Added
from research.results.frames import MISSING, free_name
from research.results.selection import StoredExperiment, in_order
from research.results.values import all_series, opened_one
from research.storage.base import ExperimentRow, LatestRow, ObjectRow, Snapshot
from research.storage.encoding import OBJECT, decode_scalar

_ROW = ("status", "attempt", "worker", "started", "finished", "iterations", "error", "group", "slot", "code")
FIELDS = ("id", *_ROW, "repetition", "updates", DEVICE)  # what every experiment has, by its names
PARAMETER, VARIABLE, FIELD = "parameter", "variable", "field"


class Known(NamedTuple):
    """What a study says of its names, and how its configs are read.

    Parameters
    ----------
    parameters : sequence of str
        In the order in which they are shown.
    variables : sequence of str
    added : Added
    load_objects : bool
        Show objects, functions and classes themselves.
    reading : callable, optional
        Returns what turns errors of what is stored into ones that say whose they are.
    """

    parameters: Sequence[str]
    variables: Sequence[str]
    added: Added
    load_objects: bool
    reading: Callable[[], AbstractContextManager[None]] = nullcontext


class Columns:
    """Columns of experiments, each made when it is asked for.

    A name stands for a parameter, else for a variable, else for what every experiment has. Where a parameter
    or variable is called like one of these, that has as many underscores as it takes: `status_`.

    Parameters
    ----------
    snapshot : Snapshot
        Of experiments and last values.
    known : Known
    iterations : frozenset of int, optional
        Only values at these count. The snapshot has the history, then.
    """

    def __init__(self, snapshot: Snapshot, known: Known, iterations: frozenset[int] | None = None) -> None:
        self.rows = snapshot.experiments
        self._known = known
        self._forms = _forms(self.rows, known.added)
        self._last = _last_values(snapshot, iterations)
        self._made: dict[str, list[Any]] = {}
        present: dict[str, None] = {}
        for paths in dict.fromkeys(map(tuple, self._forms)):
            present.update(dict.fromkeys(in_order(paths, known.parameters)))
        self.parameters = tuple(present)
        ranks = {name: rank for rank, name in enumerate(known.variables)}
        saved = sorted(self._last, key=lambda name: (ranks.get(name, len(ranks)), name))
        self.variables = tuple(name for name in saved if name not in present)
        taken = {*self.parameters, *self.variables, *known.variables}
        self._fields = {free_name(field, taken): field for field in FIELDS}

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def names(self) -> tuple[str, ...]:
        """All names."""
        return (*self.parameters, *self.variables, *self._fields)

    @property
    def id_name(self) -> str:
        """How the column of ids is called."""
        return next(iter(self._fields))

    def field_name(self, field: str) -> str:
        """Return the name of what every experiment has."""
        return next(name for name, item in self._fields.items() if item == field)

    def role(self, name: str) -> str | None:
        """Return what a name stands for; None if that is not known."""
        if name in self.parameters:
            return PARAMETER
        if name in self._last:
            return VARIABLE
        if name in self._fields:
            return FIELD
        if name in self._known.variables:
            return VARIABLE
        is_group = any(parameter.startswith(f"{name}/") for parameter in self.parameters)
        return PARAMETER if name in self._known.parameters and not is_group else None

    def unknown(self, names: Collection[str]) -> list[str]:
        """Return names that stand for nothing; where nothing has been run, none is said to be."""
        return [name for name in names if self.role(name) is None] if self.rows else []

    def refuse(self, name: str) -> NoReturn:
        """Say that a name stands for nothing."""
        known = (*self.parameters, *self.variables, *self._known.variables, *self._fields)
        raise ValueError(f"no experiment has a parameter or variable {name!r}{did_you_mean(name, known)}")

    def __call__(self, name: str) -> list[Any]:
        """Return values of all experiments: as they were saved, `MISSING`, or what tells of an object."""
        if name not in self._made:
            with self._known.reading():
                self._made[name] = self._make(name)
        return self._made[name]

    def _make(self, name: str) -> list[Any]:
        if name in self.parameters:
            make = look_up if self._known.load_objects else Opaque
            values = [form.get(name, MISSING) for form in self._forms]
            if {dict, list} & set(map(type, values)):
                values = [decode(item, make) if type(item) in (dict, list) else item for item in values]
            return values
        if name in self._last:
            found = self._last[name]
            if len(found) == len(self.rows):
                return [found[row.key] for row in self.rows]
            return [found.get(row.key, MISSING) for row in self.rows]
        values = [self._field(row, self._fields.get(name)) for row in self.rows]
        return [MISSING if value is None else value for value in values]

    def _field(self, row: ExperimentRow, field: str | None) -> Any:
        if field in _ROW:
            return getattr(row, field)
        if field == "id":
            return row.shown_id
        if field == DEVICE:
            return self._known.added.device(row)
        return {"repetition": row.repetition, "updates": row.generation}.get(field or "")

    def shown(self, name: str, places: Sequence[int]) -> list[Any]:
        """Return values at some places as they are shown: objects are opened, or say what they are."""
        values = self(name)
        load = self._known.load_objects
        return [
            opened_one(value, load) if type(value) is ObjectRow else value
            for value in (values[place] for place in places)
        ]


def _forms(rows: Sequence[ExperimentRow], added: Added) -> list[dict[str, Any]]:
    """Return canonical forms of the values of all configs, all texts read in one go."""
    plain = [row.config for row in rows if row.aliases is None] if added.is_nothing else []
    read = iter(json.loads(f"[{','.join(plain)}]"))
    forms: list[dict[str, Any]] = []
    for row in rows:
        if plain and row.aliases is None:
            forms.append(next(read))
        else:
            forms.append(StoredExperiment(row, (), added).forms())
    if next(read, None) is not None or not set(map(type, forms)) <= {dict}:
        raise ValueError("configs are no JSON objects")
    return forms


def _last_values(snapshot: Snapshot, iterations: frozenset[int] | None) -> dict[str, dict[int, Any]]:
    """Return last values by variables and keys of experiments; of objects what tells of them."""
    found: dict[str, dict[int, Any]] = {}
    if iterations is not None:
        objects: dict[tuple[int, str], dict[int, Any]] = {}
        for item in snapshot.objects:
            objects.setdefault((item.key, item.variable), {})[item.iteration] = item
        for series in all_series(snapshot, objects, iterations):
            found.setdefault(series.variable, {})[series.key] = list(series.as_saved().values())[-1]
        return found
    closed = {(item.key, item.variable): item for item in snapshot.objects}
    by_variable: dict[str, list[LatestRow]] = {}
    for row in snapshot.latest:
        by_variable.setdefault(row.variable, []).append(row)
    for variable, rows in by_variable.items():
        keys, values = [row.key for row in rows], _decoded(rows)
        found[variable] = {
            key: closed[key, variable] if value is OBJECT else value
            for key, value in zip(keys, values, strict=True)
        }
    return found


def _decoded(rows: Sequence[LatestRow]) -> list[Any]:
    kinds = {row.type for row in rows}
    if kinds == {"float"}:
        return [row.number if row.text is None else float(row.text) for row in rows]
    if kinds == {"numpy:<f8"}:  # the same numbers
        import numpy as np

        data = bytes.fromhex("".join(row.text or "" for row in rows))
        values: list[Any] = np.frombuffer(data, dtype="<f8").tolist()
        if len(values) != len(rows):
            raise ValueError(f"a number of {rows[0].variable!r} is no number")
        return values
    return [decode_scalar(row.type, row.number, row.text) for row in rows]
