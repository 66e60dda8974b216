"""Tables in files of other programs."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TextIO

from research.errors import StudyError
from research.results.flat import Column, JsonText, Row, Rows, safe_text, to_json, to_mixed, to_text
from research.storage.folder import DATABASE
from research.whole import temporary_name, whole_file

_INT64 = 2**63
_OF_STUDIES = "research."  # names of their own files begin with it
_AT_ONCE = 10_000  # rows that become one part of a file


@contextmanager
def written(path: Path) -> Iterator[None]:
    """Turn errors of the disk into one that names the file."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise StudyError(
            f"{str(path)!r} cannot be written: {type(error).__name__}: {error}; make room there, see who may "
            "write there, or give another `path`"
        ) from error


class _Lines:
    """Takes lines as the module `csv` ends them, one at a time, and writes them with a plain end."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, line: str) -> int:
        return self._file.write(line.removesuffix("\r\n") + "\n")


def write_csv(table: Rows, path: Path) -> None:
    """Write text: what is missing, and None, is nothing at all."""
    with whole_file(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", errors="backslashreplace", newline="")
        writer = csv.writer(_Lines(text), lineterminator="\r\n")  # so that text with either is quoted
        writer.writerow([column.name for column in table.columns])
        names = [column.name for column in table.columns]
        for rows in table.parts():
            writer.writerows(
                ["" if (value := row.get(name)) is None else to_text(value) for name in names] for row in rows
            )
        text.flush()
        text.detach()


def write_json(table: Rows, path: Path, lines: bool) -> None:
    """Write a list of objects, one in each line; what is missing has no key, None is null."""
    names = [column.name for column in table.columns]
    with whole_file(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", errors="backslashreplace", newline="")
        before = "" if lines else "[\n"
        for rows in table.parts():
            for row in rows:
                shown = {name: to_json(row[name]) for name in names if name in row}
                text.write(f"{before}{json.dumps(shown, ensure_ascii=False, allow_nan=False)}")
                before = "\n" if lines else ",\n"
        if lines:
            text.write("" if before == "" else "\n")
        else:
            text.write("[]\n" if before == "[\n" else "\n]\n")
        text.flush()
        text.detach()


_DECLARED = {
    "bool": "BOOLEAN",
    "int": "INTEGER",
    "float": "REAL",
    "duration": "REAL",
    "bytes": "BLOB",
    "mixed": "",
    "none": "",
}
_MOST_COLUMNS = 2000  # that SQLite takes


def write_sqlite(table: Rows, path: Path, name: str) -> None:
    """Write a database with one table, each value in the way that is closest to it."""
    if len(table.columns) > _MOST_COLUMNS:
        raise ValueError(
            f"SQLite has room for {_MOST_COLUMNS} columns, and there are {len(table.columns)}: export fewer "
            "by `name=[…]`, or one row for each value by `pivot=False`"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_name(path)
    try:
        with closing(sqlite3.connect(temporary, isolation_level=None)) as database:
            database.execute("PRAGMA journal_mode = OFF")  # nobody sees the file before it is complete
            database.execute("BEGIN")
            database.execute(f"CREATE TABLE {_quoted(name)} ({', '.join(_declared(table.columns))})")
            names = [column.name for column in table.columns]
            marks = ", ".join("?" * len(names))
            insert = f"INSERT INTO {_quoted(name)} VALUES ({marks})"  # noqa: S608  (quoted)
            for rows in table.parts():
                database.executemany(insert, ([_for_sqlite(row.get(name)) for name in names] for row in rows))
            database.execute("COMMIT")
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _declared(columns: list[Column]) -> Iterator[str]:
    """Walk definitions of columns; one of several kinds has no type, which would change what it holds."""
    taken: set[str] = set()
    for column in columns:
        name = safe_text(column.name)
        while name.casefold() in taken:  # SQLite takes C and c for one
            name += "_"
        taken.add(name.casefold())
        is_mixed = column.kind == "float" and "int" in column.kinds
        yield f"{_quoted(name)} {'' if is_mixed else _DECLARED.get(column.kind, 'TEXT')}".strip()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _for_sqlite(value: Any) -> Any:
    if value is None or isinstance(value, bytes):
        return value
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        return value if -_INT64 <= value < _INT64 else str(value)
    if isinstance(value, float):
        return None if math.isnan(value) else value
    return value.total_seconds() if isinstance(value, timedelta) else safe_text(to_text(value))


def write_parquet(table: Rows, path: Path) -> None:
    """Write columns, each of one type; JSON in text where there is none for all of its values."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise ImportError(
            "Parquet is written by pyarrow, which is not installed: it is the extra `parquet`, as in "
            "pip install 'domain-research[parquet]'"
        ) from error
    types = {
        "none": pa.null(),
        "bool": pa.bool_(),
        "int": pa.int64(),
        "float": pa.float64(),
        "bytes": pa.binary(),
        "date": pa.date32(),
        "datetime": pa.timestamp("us"),
        "instant": pa.timestamp("us", tz="UTC"),
        "duration": pa.duration("us"),
    }
    schema = pa.schema(
        [
            pa.field(
                safe_text(column.name),
                types.get(column.kind, pa.string()),
                metadata={"research": column.kind},
            )
            for column in table.columns
        ]
    )
    with whole_file(path) as file, pq.ParquetWriter(file, schema) as writer:
        waiting: list[Row] = []
        for rows in table.parts():
            waiting += rows
            if len(waiting) >= _AT_ONCE:
                writer.write_batch(_batch(pa, schema, table.columns, waiting))
                waiting = []
        if waiting:
            writer.write_batch(_batch(pa, schema, table.columns, waiting))


def _batch(pa: Any, schema: Any, columns: list[Column], rows: list[Row]) -> Any:
    arrays = []
    for column, part in zip(columns, schema, strict=True):
        values = [row.get(column.name) for row in rows]
        if part.type == pa.string():
            is_mixed = column.kind == "mixed"
            values = [None if value is None else _text(value, is_mixed) for value in values]
        elif part.type == pa.float64():
            values = [None if value is None else float(value) for value in values]
        arrays.append(pa.array(values, type=part.type, from_pandas=False))
    return pa.record_batch(arrays, schema=schema)


def _text(value: Any, is_mixed: bool) -> str:
    if is_mixed:
        return safe_text(to_mixed(value))
    return safe_text(str(value) if isinstance(value, JsonText) else to_text(value))


def as_path(path: str | os.PathLike[str]) -> Path:
    """Return where a file is to be."""
    text = os.fsdecode(path)
    if not text or Path(text).is_dir():
        what = "" if not text else ", a folder"
        raise ValueError(f"`path` must be the name of a file, got {text!r}{what}")
    path = Path(text)
    if path.name.startswith(_OF_STUDIES) and (path.parent / DATABASE).exists():
        raise ValueError(f"`path` must not be a file of a study, got {text!r}: give another name")
    return path
