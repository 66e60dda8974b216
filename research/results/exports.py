"""Results in parts, and in files of other programs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from copy import copy
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from research.results.reads import Reads
from research.results.values import Series

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from research.results.flat import Layout, Row, Table

_CHUNK = 1000


class Exports(Reads):
    """`iter_frames`, `to_parquet`, `to_csv`, `to_json`, `to_sqlite` and `to_xarray` of results."""

    _within: range | None

    def to_df(self, **how: Any) -> pd.DataFrame:
        """Return results as a DataFrame."""
        raise NotImplementedError

    def iter_frames(self, chunk: int = 1000, **how: Any) -> Iterator[pd.DataFrame]:
        """Walk the table of `to_df` in parts, of which only one is in memory at a time.

        Parameters
        ----------
        chunk : int, default 1000
            Of how many experiments a part is, at most.
        **how
            As in `to_df`.

        Yields
        ------
        pandas.DataFrame
            A part, of experiments that follow each other. Each has the columns of its own experiments, and
            their types. Parts without rows are left out.

        Raises
        ------
        ValueError, TypeError
            As in `to_df`, and if `chunk` is no positive number.

        Examples
        --------
        >>> from research import EC, Research, Domain
        >>> study = Research(domain=Domain(a=range(5))).add_callable('f', abs, args=[EC('a')], save_to='b')
        >>> results = study.run(dump_results=False, parallel=False, bar=False).results
        >>> [part['b'].tolist() for part in results.iter_frames(chunk=2)]
        [[0, 1], [2, 3], [4]]
        """
        is_empty = True
        for part in self._parts(chunk):
            frame = part.to_df(**how)
            if len(frame):
                is_empty = False
                yield frame
        if is_empty:
            self.to_df(**how)  # says what is wrong with a filter, if anything is

    def _parts(self, chunk: int) -> Iterator[Self]:
        if not isinstance(chunk, int) or isinstance(chunk, bool) or chunk < 1:
            raise ValueError(f"`chunk` must be a positive int, got {chunk!r}")
        part = copy(self)
        for start in count(0, chunk):
            part._within = range(start, start + chunk)
            with self._reading():
                if not self._store.read(within=part._within).experiments:
                    break
            yield part

    def to_parquet(self, path: str | os.PathLike[str], chunk: int = _CHUNK, **how: Any) -> Path:
        """Write the table of `to_df` to a Parquet file; needs the extra `parquet`.

        Columns are of the types of their values: bool, 64-bit integer, double, string, binary, date,
        timestamp and duration in microseconds. Integers and floats in one column are doubles, if none of them
        changes by that. Lists, dicts and arrays are JSON in strings; so is each value of a column of several
        kinds, or with integers beyond 64 bits. None and what is missing is null.

        Parameters
        ----------
        path : path
            The file appears, or takes the place of another, when it is complete.
        chunk : int, default 1000
            How many experiments are in memory at a time. The rest waits in a temporary file.
        **how
            As in `to_df`.

        Returns
        -------
        Path

        Raises
        ------
        ImportError
            If pyarrow is not installed.
        ValueError, TypeError
            As in `to_df`, and if `chunk` is no positive number.
        StudyError
            If the file cannot be written.
        """
        from research.results.writers import write_parquet

        return self._export(path, chunk, how, write_parquet)

    def to_csv(self, path: str | os.PathLike[str], chunk: int = _CHUNK, **how: Any) -> Path:
        """Write the table of `to_df` as text with commas, in UTF-8, below a line of names.

        There are no types: text that looks like a number is one for who reads it. Floats have all their
        digits, bytes are hex digits, dates ISO, durations seconds, lists and dicts JSON. None and what is
        missing is nothing.

        Parameters
        ----------
        path, chunk, **how
            As in `to_parquet`.

        Returns
        -------
        Path

        Raises
        ------
        ValueError, TypeError, StudyError
            As in `to_parquet`.

        Examples
        --------
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from research import EC, Research, Domain
        >>> study = Research(domain=Domain(a=[1, 2]))
        >>> study = study.add_callable('f', lambda a: a ** 2, a=EC('a'), save_to='b')
        >>> results = study.run(dump_results=False, parallel=False, bar=False).results
        >>> with TemporaryDirectory() as folder:
        ...     file = results.to_csv(f'{folder}/results.csv', a=2)
        ...     [line.split(',')[1:] for line in file.read_text().splitlines()]
        [['a', 'iteration', 'b'], ['2', '0', '4']]
        """
        from research.results.writers import write_csv

        return self._export(path, chunk, how, write_csv)

    def to_json(
        self, path: str | os.PathLike[str], lines: bool = False, chunk: int = _CHUNK, **how: Any
    ) -> Path:
        """Write the table of `to_df` as JSON, one object for each row.

        None is null, and what is missing has no key. nan is null, infinities are `"Infinity"` and
        `"-Infinity"`, integers beyond 64 bits text, bytes hex digits, dates ISO, durations seconds.

        Parameters
        ----------
        path, chunk, **how
            As in `to_parquet`.
        lines : bool, default False
            One object in each line and nothing around them (JSON Lines); else a list.

        Returns
        -------
        Path

        Raises
        ------
        ValueError, TypeError, StudyError
            As in `to_parquet`.
        """
        from research.results.writers import write_json

        return self._export(path, chunk, how, lambda table, file: write_json(table, file, lines))

    def to_sqlite(
        self, path: str | os.PathLike[str], table: str = "results", chunk: int = _CHUNK, **how: Any
    ) -> Path:
        """Write the table of `to_df` to an SQLite database of its own, flat, for any tool.

        Each value is what it is: INTEGER, REAL, TEXT or BLOB, also where a column has several kinds. Bools
        are 0 and 1, integers beyond 64 bits text, nan is NULL as are None and what is missing, dates are ISO,
        durations seconds, lists, dicts and arrays JSON. Names that differ in case alone get an underscore.

        Parameters
        ----------
        path, chunk, **how
            As in `to_parquet`. A database that is there is replaced as a whole.
        table : str, default 'results'
            How the table is called.

        Returns
        -------
        Path

        Raises
        ------
        ValueError, TypeError, StudyError
            As in `to_parquet`; ValueError also if there are more than 2000 columns.
        """
        from research.results.writers import write_sqlite

        if not isinstance(table, str) or not table or "\0" in table or table.lower().startswith("sqlite_"):
            raise ValueError(
                f"`table` must be the name of a table, not beginning with 'sqlite_', got {table!r}"
            )
        return self._export(path, chunk, how, lambda rows, file: write_sqlite(rows, file, table))

    def to_xarray(
        self, dims: str | list[str] | None = None, chunk: int = _CHUNK, **filters: Any
    ) -> xr.Dataset:
        """Return results as arrays with a dimension for each parameter; needs the extra `xarray`.

        Every variable is an array. Parameters that have one value are coordinates without a dimension, and
        so are `repetition` and `iteration`, if all are equal. Places of which there is no experiment, or at
        which nothing was saved, are nan, or None where a variable holds anything but numbers.

        Parameters
        ----------
        dims : str or list of str, optional
            The dimensions, of parameters, `repetition` and `iteration`. Default: all that have several
            values.
        chunk : int, default 1000
            How many experiments are read at a time.
        **filters
            As in `to_df`.

        Returns
        -------
        xarray.Dataset
            Values of a dimension are in the order in which they come first. Lists and the like are text
            there.

        Raises
        ------
        ImportError
            If xarray is not installed.
        ValueError
            If two values belong to one place, or there would be far more places than values: say which
            `dims`, or filter.
        """
        from research.results.cubes import to_dataset
        from research.results.flat import Layout

        layout = Layout(remove_auxilary=False)
        rows = (row for part in self._flat_parts(chunk, layout, filters) for row in part)
        return to_dataset(rows, dims, self.study.settings.get("variables", ()))

    def _export(
        self,
        path: str | os.PathLike[str],
        chunk: int,
        how: dict[str, Any],
        write: Callable[[Table, Path], None],
    ) -> Path:
        from research.results.flat import Layout, Table
        from research.results.writers import as_path, written

        file = as_path(path)
        names = Layout.__dataclass_fields__
        layout = Layout(**{name: value for name, value in how.items() if name in names})
        filters = {name: value for name, value in how.items() if name not in names}
        parts = self._flat_parts(chunk, layout, filters)
        with Table(parts, self.study.settings.get("variables", ())) as table, written(file):
            write(table, file)
        return file

    def _flat_parts(
        self, chunk: int, layout: Layout, filters: dict[str, Any]
    ) -> Iterator[list[tuple[Row, Row]]]:
        """Walk rows, some experiments at a time."""
        is_empty = True
        for part in self._parts(chunk):
            experiments, series = part._read(filters)
            by_key: dict[int, list[Series]] = {}
            for item in series:
                by_key.setdefault(item.key, []).append(item)
            rows = [
                row
                for experiment in experiments
                for row in layout.rows(experiment, by_key.get(experiment.row.key, ()))
            ]
            is_empty = is_empty and not rows
            yield rows
        if is_empty:
            self._read(filters)  # says what is wrong with a filter, if anything is
