"""Experiments as a table with one row each: parameters, last values of variables, and what became of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple, NoReturn, TypeAlias

import numpy as np

from research.domain.decoding import decode, look_up
from research.domain.values import Opaque
from research.errors import did_you_mean
from research.events import STATUSES, show_id
from research.results.added import DEVICE, NOTHING, Added
from research.results.frames import MISSING, free_name
from research.results.selection import StoredExperiment, in_order
from research.results.values import Series, all_series, opened_one
from research.storage.base import ExperimentRow, LastValues, ObjectRow, Snapshot
from research.storage.encoding import OBJECT, decode_scalar

_ROW = ("status", "attempt", "worker", "started", "finished", "iterations", "error", "group", "slot", "code")
_Column: TypeAlias = tuple[list[int], list[Any]]
_STORED = {
    "id": ("id", "prefix"),
    **{name: (name,) for name in (*_ROW, "repetition")},
    "updates": ("generation",),
}
FIELDS = (*_STORED, DEVICE)  # what every experiment has, by its names
_OF_ADDED = ("group", "slot", "worker", "generation")  # what is added to a config depends on them
_CHANGES = ('"defaults"', '"ignored"', '"replaced"')  # notes of configs, by which more is shown than stored
_NO_ROW = ExperimentRow._make([None] * len(ExperimentRow._fields))
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


def stored_columns(names: Collection[str], added: Added) -> list[str]:
    """Return the columns of experiments to be read for some names; none, where it is by rows."""
    if DEVICE in names and added.has_devices:
        return []
    found = {column for name in names for column in _STORED.get(name, ())}
    found |= set(() if added.is_nothing else _OF_ADDED)
    return ["key", "config", "aliases", *sorted(found)]


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
    shown : tuple of (list of dict, list of Series), optional
        Configs and series as they are shown, where that is more than what is stored.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        known: Known,
        iterations: frozenset[int] | None = None,
        shown: tuple[list[dict[str, Any]], Sequence[Series]] | None = None,
    ) -> None:
        self._snapshot = snapshot
        self._known = known
        self._keys: list[int] = list(self._stored("key"))
        self._is_decoded = shown is not None
        if shown is None:
            self._forms = self._read_forms()
            self._last = _last_values(snapshot, iterations)
        else:
            self._forms, self._last = shown[0], _ends(shown[1])
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
        return len(self._keys)

    def _stored(self, column: str) -> Sequence[Any]:
        """Return a column of experiments as it is stored."""
        if self._snapshot.columns:
            return self._snapshot.columns[column]
        return [getattr(row, column) for row in self._snapshot.experiments]

    def _read_forms(self) -> list[dict[str, Any]]:
        """Return canonical forms of the values of all configs, all texts read in one go."""
        added, texts, notes = self._known.added, self._stored("config"), self._stored("aliases")
        forms: list[dict[str, Any]] = json.loads(f"[{','.join(texts)}]")
        if len(forms) != len(texts) or not set(map(type, forms)) <= {dict}:
            raise ValueError("configs are no JSON objects")
        columns = [] if added.is_nothing else [self._stored(name) for name in _OF_ADDED]
        known: dict[Any, dict[str, Any]] = {}  # which defaults apply depends on names alone
        for place, note in enumerate(notes):
            is_more = note is not None and any(word in note for word in _CHANGES)  # than short names
            if not is_more and added.is_nothing:
                continue
            given = {name: column[place] for name, column in zip(_OF_ADDED, columns, strict=False)}
            row = _NO_ROW._replace(config=texts[place], aliases=note, **given)
            if is_more:
                forms[place] = StoredExperiment(row, (), added if given else NOTHING).forms()
                continue
            form = {**forms[place], **added.forms(row)} if added.names else forms[place]
            kind = (row.generation, *form)
            if kind not in known:
                known[kind] = added.defaults(form, row.generation)
            forms[place] = {**form, **known[kind]}
        return forms

    @property
    def ids(self) -> list[str]:
        """Ids as users see them."""
        return list(map(show_id, self._stored("id"), self._stored("prefix")))

    @property
    def bare_ids(self) -> Sequence[str]:
        """Ids without prefixes."""
        return self._stored("id")

    @property
    def names(self) -> tuple[str, ...]:
        """All names."""
        return (*self.parameters, *self.variables, *self._fields)

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
        return [name for name in names if self.role(name) is None] if self._keys else []

    def refuse(self, name: str) -> NoReturn:
        """Say that a name stands for nothing."""
        own = (*self.parameters, *self.variables, *self._known.variables)
        hint = did_you_mean(name, (*own, *self._fields)) or did_you_mean(name, own)
        if name in STATUSES or any(value == name for item in self.parameters for value in self(item)):
            hint = f"; if it is a value, it takes quotes: {name!r}"
        raise ValueError(f"no experiment has a parameter or variable {name!r}{hint}")

    def check(self, name: str, value: Any) -> None:
        """Refuse what a name never is."""
        is_status = self.role(name) == FIELD and self._fields[name] == "status"
        if is_status and isinstance(value, str) and value not in STATUSES:
            raise ValueError(f"no experiment has ever the {name} {value!r}{did_you_mean(value, STATUSES)}")

    def __call__(self, name: str) -> list[Any]:
        """Return values of all experiments: as they were saved, `MISSING`, or what tells of an object."""
        if name not in self._made:
            self._made[name] = self._make(name, range(len(self)))
        return self._made[name]

    def _make(self, name: str, places: Sequence[int]) -> list[Any]:
        """Return values at some places, in a list; or at all of them, in a range."""
        with self._known.reading():
            if name in self.parameters:
                make = look_up if self._known.load_objects else Opaque
                values = [self._forms[place].get(name, MISSING) for place in places]
                if not self._is_decoded and {dict, list} & set(map(type, values)):
                    values = [decode(item, make) if type(item) in (dict, list) else item for item in values]
                return values
            if name in self._last:
                keys, values = self._last[name]
                if len(keys) < len(self) or keys != self._keys:
                    found = dict(zip(keys, values, strict=True))
                    values = [found.get(key, MISSING) for key in self._keys]
            elif name in self._fields:
                values = [MISSING if value is None else value for value in self._field(self._fields[name])]
            else:
                return [MISSING] * len(places)
            return values if isinstance(places, range) else [values[place] for place in places]

    def _field(self, field: str) -> Sequence[Any]:
        if field == "id":
            return self.ids
        if field == DEVICE and not self._known.added.has_devices:
            return [None] * len(self)
        if field == DEVICE:
            return [self._known.added.device(row) for row in self._snapshot.experiments]
        return self._stored(*_STORED[field])

    def shown(self, name: str, places: Sequence[int]) -> list[Any]:
        """Return values at some places as they are shown: objects are opened, or say what they are."""
        values, load = self._made.get(name), self._known.load_objects
        found = self._make(name, places) if values is None else [values[place] for place in places]
        return [opened_one(value, load) if type(value) is ObjectRow else value for value in found]


def _last_values(snapshot: Snapshot, iterations: frozenset[int] | None) -> dict[str, _Column]:
    """Return keys of experiments and last values, by variables; of objects what tells of them."""
    if iterations is not None:
        objects: dict[tuple[int, str], dict[int, Any]] = {}
        for item in snapshot.objects:
            objects.setdefault((item.key, item.variable), {})[item.iteration] = item
        return _ends(all_series(snapshot, objects, iterations))
    found: dict[str, _Column] = {}
    closed = {(item.key, item.variable): item for item in snapshot.objects}
    for part in snapshot.last:
        keys, values = list(part.keys), _decoded(part)
        if "object" in part.types:
            pairs = zip(keys, values, strict=True)
            values = [closed[key, part.variable] if value is OBJECT else value for key, value in pairs]
        found[part.variable] = keys, values
    return found


def _ends(series: Iterable[Series]) -> dict[str, _Column]:
    """Return keys of experiments and the last values of series, by variables."""
    found: dict[str, _Column] = {}
    for item in series:
        keys, values = found.setdefault(item.variable, ([], []))
        keys.append(item.key)
        values.append(list(item.as_saved().values())[-1])
    return found


def _decoded(part: LastValues) -> list[Any]:
    kinds, of_texts = set(part.types), set(part.texts)
    if kinds == {"float"} and of_texts == {None}:
        return list(part.numbers)
    if kinds == {"numpy:<f8"}:  # the same numbers
        values: list[Any] = np.frombuffer(bytes.fromhex("".join(map(str, part.texts))), dtype="<f8").tolist()
        if len(values) != len(part.keys):
            raise ValueError(f"a number of {part.variable!r} is no number")
        return values
    return list(map(decode_scalar, part.types, part.numbers, part.texts))
