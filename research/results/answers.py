"""Answers to questions: selections, the best, what there is, what differs, means over repetitions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from research.domain.config import flatten
from research.domain.values import Alias, Opaque
from research.errors import did_you_mean
from research.framing import frame_of, names_of
from research.results.columns import Columns
from research.results.comparing import identity, is_missing, is_number, sort_places
from research.results.conditions import Condition, Every, of_keyword
from research.results.frames import MISSING, column_of, free_name
from research.results.language import parse
from research.storage.base import ObjectRow

_SHOWN = 5  # different values, in `describe`


class Question(NamedTuple):
    """What is asked: names to show (None: all), which experiments, in which order, how many."""

    names: tuple[str, ...] | None
    condition: Condition
    order: tuple[str, ...] = ()
    limit: int | None = None
    needed: tuple[str, ...] = ()  # names, beside these

    def used(self) -> set[str]:
        """Return all names that are used, as they may be written."""
        ordered = {name for item in self.order for name in (item, item.removeprefix("-"))}
        return {*(self.names or ()), *self.condition.names(), *ordered, *self.needed}

    def unknown(self, columns: Columns) -> list[str]:
        """Return names that stand for nothing."""
        ordered = [_descending(name, columns)[0] for name in self.order]
        return columns.unknown([*(self.names or ()), *self.needed, *self.condition.names(), *ordered])

    def check(self, columns: Columns) -> None:
        """Refuse names that stand for nothing, and values that are none of theirs."""
        for name in self.unknown(columns):
            columns.refuse(name)
        for name, value in self.condition.values():
            columns.check(name, value)

    def places(self, columns: Columns) -> list[int]:
        """Return places of experiments that are asked for, in the order that is asked for."""
        places: list[int] = np.flatnonzero(self.condition.mask(columns)).tolist()
        for name in reversed(self.order):
            name, is_descending = _descending(name, columns)
            places = sort_places(columns(name), places, is_descending)
        return places if self.limit is None else places[: self.limit]


def asked(
    names: Sequence[Any], where: Any, equal: Mapping[str, Any], order_by: Any = None, limit: Any = None
) -> Question:
    """Read a question as users write it.

    Parameters
    ----------
    names : sequence of str or Condition
        What is shown, and conditions.
    where : str, Condition or None
    equal : Mapping
        Values of names, or lists of values.
    order_by : str or list of str, optional
    limit : int, optional
    """
    conditions: list[Condition] = []
    shown: list[str] = []
    for item in names:
        if isinstance(item, Condition):
            conditions.append(item)
        elif isinstance(item, str):
            shown.append(item)
        else:
            raise TypeError(f"names of what is to be shown are str, got {item!r}")
    if isinstance(where, str):
        conditions.append(parse(where))
    elif isinstance(where, Condition):
        conditions.append(where)
    elif where is not None:
        raise TypeError(
            f'`where` must be a text as "f1 > 0.8" or a condition as `results.c.f1 > 0.8`, got {where!r}'
        )
    conditions += [of_keyword(name, value) for name, value in flatten(equal.items())]
    if limit is not None and (
        not isinstance(limit, int | np.integer) or isinstance(limit, bool) or limit < 0
    ):
        raise ValueError(f"`limit` must be a number of rows, not less than 0, got {limit!r}")
    condition = conditions[0] if len(conditions) == 1 else Every(tuple(conditions))
    order = () if order_by is None else as_names("order_by", order_by)
    return Question(tuple(shown) or None, condition, order, None if limit is None else int(limit))


def as_names(argument: str, given: Any) -> tuple[str, ...]:
    """Return names that are given as one or several."""
    names = (given,) if isinstance(given, str) else tuple(given) if isinstance(given, Iterable) else (given,)
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"`{argument}` must be a name or a list of names, got {given!r}")
    return names


def _descending(name: str, columns: Columns) -> tuple[str, bool]:
    """Return a name as it is in `order_by`, without its minus."""
    is_minus = name.startswith("-") and columns.role(name) is None
    return (name[1:], True) if is_minus else (name, False)


def table_of(columns: Columns, names: Iterable[str], places: Sequence[int]) -> pd.DataFrame:
    """Make a table of some columns, of experiments at some places."""
    shown = {name: column_of(columns.shown(name, places)) for name in names}
    return frame_of(shown, range(len(places)))


def selected(columns: Columns, question: Question) -> pd.DataFrame:
    """Return what `select` does."""
    question.check(columns)
    names = question.names
    if names is None:
        names = (columns.field_name("id"), *columns.parameters, *columns.variables)
    return table_of(columns, names, question.places(columns))


def best(
    columns: Columns, question: Question, name: str, n: int, mode: str, by: Sequence[str]
) -> pd.DataFrame:
    """Return what `best` does; see `Asking.best`."""
    question.check(columns)
    values = columns(name)
    present = [place for place in question.places(columns) if not is_missing(values[place])]
    places = [place for place in present if type(values[place]) is float or is_number(values[place])]
    if present and not places:
        raise ValueError(f"{name!r} has no numbers, of which one would be the best")
    places = sort_places(values, places, mode == "max")
    if not by:
        chosen = places[:n]
    else:
        groups = _grouped(columns, by, places)
        chosen = [place for group in groups for place in group[:n]]
    head = (columns.field_name("id"), *columns.parameters)
    names = dict.fromkeys((*head, *by, name))
    return table_of(columns, names, chosen)


def _grouped(columns: Columns, names: Sequence[str], places: Iterable[int]) -> list[list[int]]:
    """Return places in groups that have equal values, in the order in which they come."""
    keys: list[list[Any]] = [
        [None if is_missing(value) else identity(value) for value in columns(name)] for name in names
    ]
    groups: dict[tuple[Any, ...], list[int]] = {}
    for place in places:
        groups.setdefault(tuple(key[place] for key in keys), []).append(place)
    return list(groups.values())


def aggregated(columns: Columns, question: Question, name: str, over: Sequence[str]) -> pd.DataFrame:
    """Return what `aggregate` does; see `Asking.aggregate`."""
    question.check(columns)
    by = [parameter for parameter in columns.parameters if parameter not in (*over, name)]
    places = question.places(columns)
    values = columns(name)
    rows = []
    for group in _grouped(columns, by, places):
        numbers = [
            float(values[place])
            for place in group
            if not is_missing(values[place]) and is_number(values[place])
        ]
        mean = math.fsum(numbers) / len(numbers) if numbers else math.nan
        rows.append((group[0], mean, _spread(numbers, mean), len(numbers)))
    frame = table_of(columns, by, [row[0] for row in rows])
    parts = {
        "mean": [row[1] for row in rows],
        "std": [row[2] for row in rows],
        "count": [row[3] for row in rows],
        "sem": [row[2] / math.sqrt(row[3]) if row[3] else math.nan for row in rows],
    }
    for title, column in parts.items():
        kind = np.int64 if title == "count" else np.float64
        frame[free_name(title, by)] = np.array(column, dtype=kind)
    return frame.set_axis(names_of(frame.columns), axis=1)


def _spread(numbers: Sequence[float], mean: float) -> float:
    """Return the standard deviation of which numbers are a sample; nan of less than two."""
    if len(numbers) < 2:
        return math.nan
    return math.sqrt(math.fsum((number - mean) ** 2 for number in numbers) / (len(numbers) - 1))


def described(columns: Columns, question: Question) -> pd.DataFrame:
    """Return what `describe` does; see `Asking.describe`."""
    question.check(columns)
    places = question.places(columns)
    rows = []
    for name in (*columns.parameters, *columns.variables):
        values = [columns(name)[place] for place in places]
        present = [value for value in values if not is_missing(value)]
        numbers = [value for value in present if is_number(value)]
        different = {identity(value): value for value in present if type(value) is not ObjectRow}
        shown = [
            str(value) if isinstance(value, Opaque) else str(Alias(value)) for value in different.values()
        ]
        rows.append(
            (
                name,
                columns.role(name),
                ", ".join(sorted({_kind(value) for value in values if value is not MISSING})),
                len(present),
                len(values) - len(present),
                len(different),
                min(numbers) if numbers else MISSING,
                max(numbers) if numbers else MISSING,
                ", ".join(shown[:_SHOWN]) + (", …" if len(shown) > _SHOWN else ""),
            )
        )
    titles = ("name", "role", "types", "count", "missing", "different", "min", "max", "values")
    return frame_of({title: column_of([row[place] for row in rows]) for place, title in enumerate(titles)})


def _kind(value: Any) -> str:
    if type(value) is ObjectRow:
        return "array" if value.format == "npy" else "object"
    if isinstance(value, Opaque):
        ((tag, _),) = value.form.items()
        return tag[1:]
    return "None" if value is None else type(value).__name__


def compared(columns: Columns, ids: Sequence[str]) -> pd.DataFrame:
    """Return what `compare` does; see `Asking.compare`."""
    known: dict[str, int] = {}
    shown_ids = columns.ids
    for place, (bare, shown_id) in enumerate(zip(columns.bare_ids, shown_ids, strict=True)):
        known[bare] = known[shown_id] = place
    for id_ in ids:
        if id_ not in known:
            raise ValueError(f"there is no experiment {id_!r}{did_you_mean(id_, shown_ids)}")
    places = list(dict.fromkeys(known[id_] for id_ in ids))
    names = [*columns.parameters, *columns.variables, columns.field_name("status")]
    names = [name for name in names if _differ([columns(name)[place] for place in places])]
    shown = {name: columns.shown(name, places) for name in names}
    frame = {
        shown_ids[place]: pd.Series(
            [np.nan if shown[name][nth] is MISSING else shown[name][nth] for name in names], dtype=object
        )
        for nth, place in enumerate(places)
    }
    return frame_of(frame).set_axis(names_of(names), axis=0)


def _differ(values: Sequence[Any]) -> bool:
    """Whether values are not all the same; of objects, which are not opened, that cannot be known."""
    if any(type(value) is ObjectRow for value in values):
        return len(values) > 1
    return len(set(map(identity, values))) > 1
