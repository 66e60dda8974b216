"""The experiments that are drawn, and their values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from research.results.answers import Question, asked
from research.results.asking import Asking
from research.results.columns import PARAMETER, VARIABLE, Columns
from research.results.comparing import identity, is_missing, is_number
from research.results.values import Series

Numbers = np.ndarray[Any, np.dtype[np.float64]]


class Chosen:
    """Experiments that meet what `where` and keywords ask for.

    Parameters
    ----------
    results : Asking
    names : sequence of str
        What is to be drawn of them, beside parameters.
    where : str, Condition or None
    equal : Mapping
        See `Asking.select`.

    Raises
    ------
    ValueError
        If there is no experiment, or a name stands for nothing.
    """

    def __init__(self, results: Asking, names: Sequence[str], where: Any, equal: Mapping[str, Any]) -> None:
        for name in names:
            if not isinstance(name, str):
                raise TypeError(f"what is drawn is named by str, got {name!r}")
        question: Question = asked((), where, equal)._replace(needed=tuple(names))
        self._results = results
        self._columns: Columns = results._columns(question)
        question.check(self._columns)
        self.places = question.places(self._columns)
        if not len(self._columns):
            raise ValueError("there is nothing to draw: the results have no experiments")
        if not self.places:
            raise ValueError(
                f"there is nothing to draw: of {len(self._columns)} experiments none meets "
                f"{question.condition}"
            )

    def __len__(self) -> int:
        return len(self.places)

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of parameters."""
        return self._columns.parameters

    def varied(self, but: str = "") -> tuple[str, ...]:
        """Return the parameters of which there are several values."""
        return tuple(
            name
            for name in self.parameters
            if name != but and len({group_key(value) for value in self.values(name)}) > 1
        )

    def values(self, name: str) -> list[Any]:
        """Return values of a name; `MISSING` where there is none, and what tells of objects."""
        values = self._columns(name)
        return [values[place] for place in self.places]

    def numbers(self, name: str) -> Numbers:
        """Return numbers of a name; nan where there is none.

        Raises
        ------
        ValueError
            If there are none at all.
        """
        found = as_numbers(self.values(name))
        if not np.isfinite(found).any():
            raise no_numbers(len(self), name)
        return found

    def groups(self, names: Sequence[str]) -> list[tuple[tuple[Any, ...], list[int]]]:
        """Return equal values of some names, each with the chosen experiments, by number, that have them."""
        columns = [self.values(name) for name in names]
        found: dict[tuple[Any, ...], tuple[tuple[Any, ...], list[int]]] = {}
        for number in range(len(self)):
            own = tuple(column[number] for column in columns)
            found.setdefault(tuple(map(group_key, own)), (own, []))[1].append(number)
        return list(found.values())

    def series(self, variable: str) -> dict[int, Series]:
        """Return all that was saved of a variable, by the numbers of experiments.

        Raises
        ------
        ValueError
            If the name is none of a variable.
        """
        role = self._columns.role(variable)
        if role != VARIABLE:
            what = "a parameter" if role == PARAMETER else "what every experiment has"
            raise ValueError(f"curves are of variables, and {variable!r} is {what}")
        ids = self._columns.bare_ids
        numbers = {ids[place]: number for number, place in enumerate(self.places)}
        filters = {} if len(numbers) == len(self._columns) else {"experiment_id": list(numbers)}
        experiments, series = self._results._read({"name": variable, **filters})
        places = {item.row.key: numbers[item.row.id] for item in experiments if item.row.id in numbers}
        return {places[item.key]: item for item in series if item.key in places}


def no_numbers(count: int, name: str) -> ValueError:
    """Return the error that says that of so many experiments none has a number."""
    return ValueError(f"there is nothing to draw: of {count} experiments none has a number as {name!r}")


def as_numbers(values: Sequence[Any] | np.ndarray[Any, Any]) -> Numbers:
    """Return values as floats; nan where one is no number."""
    if isinstance(values, np.ndarray) and values.dtype.kind in "biuf":
        return values.astype(np.float64)
    return np.array([_as_number(value) for value in values], dtype=np.float64)


def _as_number(value: Any) -> float:
    if type(value) is float:
        return value
    if is_missing(value) or not is_number(value):
        return np.nan
    try:
        return float(value)
    except OverflowError:
        return np.inf if value > 0 else -np.inf


def group_key(value: Any) -> Any:
    """Return what tells values apart; missing ones are one, and so are 1 and 1.0, but not True."""
    if is_missing(value):
        return None
    if isinstance(value, bool | np.bool_):
        return bool, bool(value)
    return identity(value) if not is_number(value) else (float, value)
