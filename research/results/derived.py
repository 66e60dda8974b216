"""Columns that are made of others: by functions of rows, or kept; and paths that are elsewhere now.

Whoever shows rows asks `derive` for what such columns hold in each of them; tables do, and so may others.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any, NamedTuple

from research.domain.hashing import canonical_text
from research.errors import ExpressionError, ResearchError, UnstableValueError, did_you_mean

_SEPARATORS = ("/", "\\")


class Column(NamedTuple):
    """A column that is made of others.

    Parameters
    ----------
    name : str
    function : callable
        Gets a `Row`, returns its value.
    """

    name: str
    function: Callable[[Mapping[str, Any]], Any]


class MissingError(KeyError):
    """A row has no such value."""


class _UnknownError(ResearchError, KeyError):
    """No row has such a value."""


class Row(Mapping[str, Any]):
    """What a function of a column is given: values by the names of columns, those that there are.

    Parameters
    ----------
    values : dict
    known : collection of str, optional
        The names of all columns; to read another is an error. Default: any may be one.
    """

    __slots__ = ("_known", "_values")

    def __init__(self, values: dict[str, Any], known: Collection[str] | None = None) -> None:
        self._values = values
        self._known = known

    def __getitem__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            pass
        if self._known is not None and name not in self._known:
            raise _UnknownError(name)
        raise MissingError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Row({self._values!r})"


def derive(
    columns: Sequence[Column], values: Mapping[str, Any], known: Collection[str] | None = None
) -> dict[str, Any]:
    """Return what columns hold in one row.

    Parameters
    ----------
    columns : sequence of Column
        In their order: each sees those before it.
    values : Mapping
        All that is known of the row, by names: parameters, variables, `id`, and `iteration` where it is one
        of an iteration; without what is missing there.
    known : collection of str, optional
        The names of all columns that there are. Default: any may be one.

    Returns
    -------
    dict
        Values by names. A column whose function has read by `row[name]` what the row lacks is left out:
        it is missing there, too.

    Raises
    ------
    ValueError
        If a function reads what is no column.
    ExpressionError
        If a function fails otherwise.

    Examples
    --------
    >>> columns = [Column('gap', lambda row: row['train'] - row['test'])]
    >>> derive(columns, {'train': 5, 'test': 3}), derive(columns, {'train': 5})
    ({'gap': 2}, {})
    """
    all_values = dict(values)
    row = Row(all_values, known)
    found = {}
    for column in columns:
        try:
            value = column.function(row)
        except MissingError:
            all_values.pop(column.name, None)
            continue
        except _UnknownError as error:
            name = error.args[0]
            hint = did_you_mean(name, known or ())
            raise ValueError(f"the column {column.name!r} reads {name!r}, which no row has{hint}") from None
        except Exception as error:
            where = "".join(f", {name} {values[name]}" for name in ("id", "iteration") if name in values)
            raise ExpressionError(
                f"the column {column.name!r} failed for a row{where}: {type(error).__name__}: {error}"
            ) from error
        found[column.name] = all_values[column.name] = value
    return found


def is_wanted(value: Any, wanted: Any) -> bool:
    """Whether a value is the one that a filter asks for: by identity, as those of parameters are."""
    try:
        return canonical_text(value) == canonical_text(wanted)
    except UnstableValueError:
        return bool(value is wanted)


class Moved(NamedTuple):
    """Paths below one folder that are below another now.

    Both are without a separator at their end, so that a root is empty; `make` sees to that.
    """

    old: str
    new: str

    @classmethod
    def make(cls, old: str, new: str) -> Moved:
        """Take folders, with or without a separator at the end."""
        ends = "".join(_SEPARATORS)
        return cls(old.rstrip(ends), new.rstrip(ends))

    def apply(self, text: str) -> str:
        """Return the path as it is now; what lies elsewhere stays as it is."""
        rest = text[len(self.old) :]
        if not text.startswith(self.old) or (rest and not rest.startswith(_SEPARATORS)):
            return text
        if rest or self.new:
            return self.new + rest if self.old or rest else text
        return _SEPARATORS[0]  # what was moved is the root now


def translate(value: Any, moved: Sequence[Moved]) -> Any:
    """Return a text or a path as it is after all moves; any other value as it is."""
    if isinstance(value, PurePath):
        text = translate(str(value), moved)
        return value if text == str(value) else type(value)(text)
    if type(value) is str:
        for item in moved:
            value = item.apply(value)
    return value
