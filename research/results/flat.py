"""Results as rows of plain values, each of the type that it was saved with: what is exported."""

from __future__ import annotations

import datetime
import decimal
import json
import math
import pathlib
import pickle
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any, Protocol

import numpy as np

from research.domain import Alias
from research.results.frames import config_text, free_name
from research.results.selection import AUXILIARY, StoredExperiment
from research.results.values import Series
from research.storage.encoding import is_plain, plain

_EXACT = 2**53  # integers beyond would change as floats
_INT64 = 2**63

Row = dict[str, Any]  # values by columns; what is missing is not there


@dataclass(frozen=True)
class Layout:
    """Which columns there are; arguments of `to_df`."""

    pivot: bool = True
    include_config: bool = True
    use_alias: bool = False
    concat_config: bool = False
    remove_auxilary: bool = True
    drop_columns: bool = True

    def head(self, experiment: StoredExperiment) -> Row:
        """Return what is shown of an experiment beside its values."""
        row: Row = {"id": experiment.row.shown_id}
        if not self.include_config:
            return row
        shown: dict[str, Any] = experiment.alias() if self.use_alias else dict(experiment.shown.items())
        if self.concat_config:
            name = "config" if self.drop_columns else free_name("config", shown)
            row[name] = config_text(experiment, self.use_alias)
        if not (self.concat_config and self.drop_columns):
            row.update(shown)
        if not self.remove_auxilary:
            row.update(experiment.auxiliary)
        return row

    def rows(self, experiment: StoredExperiment, series: Iterable[Series]) -> Iterator[tuple[Row, Row]]:
        """Walk the rows of an experiment: what is before its values, and values."""
        head = self.head(experiment)
        if not self.pivot:
            name, value = (free_name(text, head) for text in ("name", "value"))
            for item in series:
                for iteration, saved in item.as_saved().items():
                    yield {**head, "iteration": iteration}, {name: item.variable, value: saved}
            return
        rows: dict[int, Row] = {}
        for item in series:
            for iteration, saved in item.as_saved().items():
                rows.setdefault(iteration, {})[item.variable] = saved
        for iteration in sorted(rows):
            yield {**head, "iteration": iteration}, rows[iteration]


@dataclass
class Column:
    """What is known of a column.

    Attributes
    ----------
    name : str
    kinds : set of str
        Of its values, but None and what is missing: 'bool', 'int', 'float', 'str', 'bytes', 'date',
        'datetime', 'instant' (with a time zone), 'duration', 'json' (lists, dicts, arrays).
    low, high : int
        Bounds of its integers.
    """

    name: str
    kinds: set[str] = field(default_factory=set)
    low: int = 0
    high: int = 0

    def see(self, kind: str, value: Any) -> None:
        """Take notice of a value."""
        self.kinds.add(kind)
        if kind == "int":
            self.low, self.high = min(self.low, value), max(self.high, value)

    @property
    def kind(self) -> str:
        """The one kind that has all values; 'mixed' if there is none, 'none' if there are no values."""
        if not self.kinds:
            return "none"
        if self.kinds == {"int"}:
            return "int" if self.low >= -_INT64 and self.high < _INT64 else "mixed"
        if self.kinds == {"int", "float"} and self.low >= -_EXACT and self.high <= _EXACT:
            return "float"
        return next(iter(self.kinds)) if len(self.kinds) == 1 else "mixed"


class Rows(Protocol):
    """What is written to files: columns, of which all is known, and rows of plain values."""

    columns: list[Column]

    def parts(self) -> Iterator[list[Row]]:
        """Walk rows; each cell is of the kinds of `Column.kinds`, or None."""
        raise NotImplementedError


class Table:
    """Rows on their way to a file: kept on disk until all columns are known, read from results once.

    Parameters
    ----------
    rows : iterable of list of (Row, Row)
        Parts, as `Layout.rows` walks them.
    variables : sequence of str
        The order of variables; others follow by name.
    """

    def __init__(self, parts: Iterable[list[tuple[Row, Row]]], variables: Iterable[str]) -> None:
        self._spool: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  (closed by `__exit__`)
        self._n_parts = 0
        heads: dict[str, Column] = {}
        values: dict[str, Column] = {}
        auxiliary: dict[str, Column] = {}
        iteration: dict[str, Column] = {}
        try:
            for part in parts:
                rows = []
                for head, saved in part:
                    row: Row = {}
                    for name, value in head.items():
                        own = iteration if name == "iteration" else auxiliary if name in AUXILIARY else heads
                        row[name] = _seen(own, name, value)
                    for name, value in saved.items():
                        row[name] = _seen(values, name, value)
                    rows.append(row)
                pickle.dump(rows, self._spool, protocol=5)
                self._n_parts += 1
        except BaseException:
            self._spool.close()
            raise
        ranks = {name: rank for rank, name in enumerate(variables)}
        ordered = sorted(values, key=lambda name: (ranks.get(name, len(ranks)), name))
        heads, iteration = heads or {"id": Column("id")}, iteration or {"iteration": Column("iteration")}
        before = [*heads.values(), *auxiliary.values(), *iteration.values()]
        self.columns = [*before, *(values[name] for name in ordered)]

    def parts(self) -> Iterator[list[Row]]:
        """Walk rows of plain values; each cell is of the kinds of `Column.kinds`, or None."""
        self._spool.seek(0)
        for _ in range(self._n_parts):
            yield pickle.load(self._spool)

    def __enter__(self) -> Table:
        return self

    def __exit__(self, *_: object) -> None:
        self._spool.close()


class FrameTable:
    """A DataFrame on its way to a file, as `Table` is; what is missing is none.

    Parameters
    ----------
    frame : pandas.DataFrame
    """

    def __init__(self, frame: Any) -> None:
        known: dict[str, Column] = {}
        columns = {
            str(name): [_seen(known, str(name), None if _is_nan(value) else value) for value in values]
            for name, values in ((name, frame[name].tolist()) for name in frame.columns)
        }
        self.columns = [known.get(name) or Column(name) for name in columns]
        self._rows = [
            dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
        ]

    def parts(self) -> Iterator[list[Row]]:
        """Walk rows of plain values."""
        yield self._rows


def _is_nan(value: Any) -> bool:
    return isinstance(value, float | np.floating) and bool(value != value)


def _seen(columns: dict[str, Column], name: str, value: Any) -> Any:
    kind, value = to_plain(value)
    column = columns.get(name)
    if column is None:
        column = columns[name] = Column(name)
    if kind != "none":
        column.see(kind, value)
    return value


def to_plain(value: Any) -> tuple[str, Any]:
    """Return the kind of a value, and what stands for it in a file: it is at most what a database knows."""
    kind = _KINDS.get(type(value))
    if kind is not None:
        return kind, value
    if isinstance(value, np.generic):
        return _of_numpy(value)
    for family, make in _FAMILIES:
        if isinstance(value, family):
            return make(value)
    return "str", str(Alias(value)) if callable(value) else str(value)


def to_json(value: Any) -> Any:
    """Return what `json` writes of a plain value: of what JSON has no word for, text."""
    if type(value) is float and not math.isfinite(value):
        return None if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if type(value) is int and not -_INT64 <= value < 2 * _INT64:
        return str(value)  # most readers refuse such, or change them
    if isinstance(value, JsonText):
        return json.loads(value)
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    return value if value is None or isinstance(value, bool | int | float | str) else to_text(value)


def to_text(value: Any) -> str:
    """Return a plain value as text: dates in ISO format, bytes in hex digits, durations in seconds."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime.datetime | datetime.date):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return repr(value.total_seconds())
    return value if isinstance(value, str) else repr(value)


def to_mixed(value: Any) -> str:
    """Return what stands for a plain value in a column of text that holds several kinds: its JSON."""
    if isinstance(value, JsonText):
        return str(value)
    if isinstance(value, bool | int | float | str):
        return json.dumps(value, ensure_ascii=False)
    return json.dumps(to_json(value))


def safe_text(text: str) -> str:
    """Return text that every program takes: halves of surrogate pairs are written as escapes."""
    return text if is_plain(text) else plain(text)


class JsonText(str):
    """JSON of a list, dict or array."""

    __slots__ = ()


def _as_json(value: Any) -> tuple[str, Any]:
    return "json", JsonText(json.dumps(_nested(value), ensure_ascii=False))


def _nested(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return _nested(value.tolist())
    if isinstance(value, Mapping):
        return {
            key if isinstance(key, str) else to_text(to_plain(key)[1]): _nested(value[key]) for key in value
        }
    if isinstance(value, list | tuple):
        return [_nested(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((_nested(item) for item in value), key=repr)
    return to_json(to_plain(value)[1])


def _of_numpy(value: Any) -> tuple[str, Any]:
    kind = value.dtype.kind
    if kind in "biu" or (kind == "f" and value.dtype.itemsize <= 8):
        return to_plain(value.item())
    if kind in "mM":
        if np.isnat(value):
            return "none", None
        unit = np.datetime_data(value.dtype)[0]
        if kind == "M" and unit in ("Y", "M", "W", "D"):
            return to_plain(value.astype("M8[D]").item())
        made = value.astype(f"{kind}8[us]")
        if made == value and not isinstance(made.item(), int | None):
            return to_plain(made.item())
        return "str", str(value)  # finer than a microsecond, or beyond the year 9999
    return "str", str(value)


def _of_datetime(value: Any) -> tuple[str, Any]:
    if value != value:  # pandas.NaT, which is a datetime
        return "none", None
    if getattr(value, "nanosecond", 0):
        return "str", value.isoformat()
    if hasattr(value, "to_pydatetime"):
        value = value.to_pydatetime()
    if value.tzinfo is None:
        return "datetime", value
    return "instant", value.astimezone(datetime.UTC)


def _of_duration(value: Any) -> tuple[str, Any]:
    if getattr(value, "nanoseconds", 0):
        return "str", str(value)
    return "duration", value.to_pytimedelta() if hasattr(value, "to_pytimedelta") else value


_KINDS: dict[type, str] = {
    type(None): "none",
    bool: "bool",
    int: "int",
    float: "float",
    str: "str",
    bytes: "bytes",
    datetime.date: "date",
}
_FAMILIES: tuple[tuple[Any, Callable[[Any], tuple[str, Any]]], ...] = (
    (datetime.datetime, _of_datetime),
    (datetime.timedelta, _of_duration),
    (bytearray | memoryview, lambda value: ("bytes", bytes(value))),
    ((list, tuple, set, frozenset, Mapping, np.ndarray), _as_json),
    (pathlib.PurePath, lambda value: ("str", str(value))),
    (decimal.Decimal, lambda value: ("str", str(value))),
    (str, lambda value: ("str", str(value))),
    (int, lambda value: ("int", int(value))),
    (float, lambda value: ("float", float(value))),
)
