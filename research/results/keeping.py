"""Columns that are kept in the study's folder, beside what its experiments have saved, and never among it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

import numpy as np

from research.domain.hashing import digest
from research.errors import cannot_write
from research.results.derived import Column, MissingError
from research.storage.encoding import SCALARS, decode_scalar, encode_scalar
from research.storage.files import inside, is_file_name
from research.whole import write_whole

COLUMNS = "columns"  # holds a file for each
_LONGEST = 200  # characters of a file's name

Kept: TypeAlias = dict[str, list[list[Any]]]  # by id: (iteration, None: all, type, number, text)


class KeptColumns:
    """The columns in a study's folder. What has not changed is not read again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, tuple[tuple[int, int], Column]] = {}

    def columns(self) -> list[Column]:
        """Return them, by name. They hold plain data, and run nothing."""
        top = self._folder / COLUMNS
        paths = sorted(top.glob("*.json")) if top.is_dir() else []
        return sorted(
            (self._column(inside(self._folder, path)) for path in paths), key=lambda item: item.name
        )

    def _column(self, path: Path) -> Column:
        status = path.stat()
        stamp = (status.st_mtime_ns, status.st_size)
        known = self._read.get(path)
        if known is None or known[0] != stamp:
            form = json.loads(path.read_bytes())
            known = self._read[path] = stamp, _as_column(str(form["name"]), form["values"])
        return known[1]

    def put(self, name: str, values: Mapping[str, Mapping[int | None, Any]]) -> None:
        """Keep values, by ids and iterations (None: all); those of other experiments stay.

        Raises
        ------
        TypeError
            If a value is no scalar.
        StudyError
            If they cannot be written.
        """
        path = self._path(name)
        kept: Kept = json.loads(inside(self._folder, path).read_bytes())["values"] if path.is_file() else {}
        kept |= {identity: _encode(name, found) for identity, found in values.items()}
        self.write(name, kept)

    def write(self, name: str, kept: Kept) -> None:
        """Write a column as it is kept."""
        path = self._path(name)
        try:
            write_whole(path, json.dumps({"name": name, "values": kept}).encode())
        except OSError as error:
            raise cannot_write(path, error) from error

    def _path(self, name: str) -> Path:
        file = quote(name, safe=" ")
        if not is_file_name(file) or len(file) > _LONGEST or file.startswith("."):
            file = f"column-{digest(name.encode('utf-8', 'surrogatepass'))}"
        return self._folder / COLUMNS / f"{file}.json"


def join_columns(folders: Sequence[Path], into: Path) -> None:
    """Keep the columns of several studies in one; where two have a value, that of the first counts."""
    joined: dict[str, Kept] = {}
    for folder in folders:
        for path in sorted((folder / COLUMNS).glob("*.json")):
            form = json.loads(inside(folder, path).read_bytes())
            own = joined.setdefault(str(form["name"]), {})
            own |= {identity: found for identity, found in form["values"].items() if identity not in own}
    kept = KeptColumns(into)
    for name, values in joined.items():
        kept.write(name, values)


def _as_column(name: str, kept: Kept) -> Column:
    values = {
        identity: [(iteration, decode_scalar(*scalar)) for iteration, *scalar in found]
        for identity, found in kept.items()
    }

    def value_of(row: Mapping[str, Any]) -> Any:
        iteration = row.get("iteration")
        found = values.get(str(row["id"]).rpartition("_")[2], ())
        for place, value in reversed(found):  # what is asked for the experiment as a whole is its last
            if iteration is None or place is None or place == iteration:
                return value
        raise MissingError(name)

    return Column(name, value_of)


def _encode(name: str, values: Mapping[int | None, Any]) -> list[list[Any]]:
    for value in values.values():
        if type(value) not in SCALARS and not isinstance(value, np.generic):
            raise TypeError(
                f"the column {name!r} has a value of type {type(value).__qualname__}: `store=True` keeps "
                "numbers, text, bools and None"
            )
    return [[iteration, *encode_scalar(value)] for iteration, value in sorted(values.items(), key=_place)]


def _place(item: tuple[int | None, Any]) -> int:
    return -1 if item[0] is None else item[0]
