"""A store in an SQL database: SQLite in a file, or whatever SQLAlchemy connects to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from research.errors import StudyError, StudyExistsError, cannot_write
from research.storage.base import ExperimentRow, Finishes, Record, Snapshot, Study
from research.storage.batch import Batch
from research.storage.encoding import encode_name, plain
from research.storage.files import identity
from research.storage.folder import DATABASE
from research.storage.shelf import LARGE, object_path, sweep
from research.storage.writing import Begin, Writer, exists_already
from research.whole import write_whole

if TYPE_CHECKING:
    from research.storage.reading import Reader


class SqlStore:
    """A study in the tables of `research.storage.tables`; see `research.storage.base.Store`.

    Parameters
    ----------
    writer : Writer
    read : callable
        Returns what reads, given the study's name; asked when there is something to read.
    name : str, optional
        The study's name, where the database may hold several. Default: the only one.
    folder : Path, optional
        Where large objects become files.
    """

    def __init__(
        self,
        writer: Writer,
        read: Callable[[str | None], Reader],
        name: str | None = None,
        folder: Path | None = None,
    ) -> None:
        self._writer = writer
        self._make_reader = read
        self._made_reader: Reader | None = None
        self._name = name
        self._folder = folder
        self._keys: dict[str, int] = {}  # of experiments that have not ended
        self._begun = Begin(0)  # where the next of each kind begins, but for keys
        self._next_key = 0  # (of which there may be millions)
        self._settings: dict[str, Any] = {}
        self._identity: tuple[int, int] | None = None

    def begin(self, study: Study, resume: bool = False) -> None:
        row: dict[str, Any] = {
            "version": study.version,
            "domain": plain(study.domain),
            "settings": json.dumps(study.settings),
        }
        if not resume:
            self._name = study.name
            row["name"] = encode_name(study.name)
            row |= {"created": study.created, "seed": str(study.seed), "next_key": 0}
        self._settings = study.settings
        name = None if self._name is None else encode_name(self._name)
        with self._writing():
            try:
                self._begun = self._writer.begin(row, name, resume)
            except StudyExistsError:
                raise exists_already(study.name) from None
            if resume and self._folder is not None:
                sweep(self._folder, self._writer.files)
            self._next_key = self._begun.key
            self._identity = None if self._folder is None else identity(self._folder / DATABASE)

    def write(self, records: Sequence[Record]) -> None:
        batch = Batch(self)
        for record in records:
            batch.take(record)
        path = None if self._folder is None or self._identity is None else self._folder / DATABASE
        if path is not None and identity(path) != self._identity:
            raise StudyError(
                f"{str(path)!r} was removed or replaced while the study ran, so that its "
                "results have nowhere to go; run it again, under another `name` if there is another study"
            )
        if batch.replaced:
            replaced = [*self._settings.get("replaced", ()), *batch.replaced]
            self._settings = {**self._settings, "replaced": replaced}
            batch.study["settings"] = json.dumps(self._settings)
        if batch.has_new:
            batch.study["next_key"] = self._next_key
        with self._writing(batch):
            self._writer.write(self._begun.study, batch)

    def study(self) -> Study:
        return self._reader.study()

    def read(
        self,
        select: Callable[[ExperimentRow], bool] | None = None,
        variables: Sequence[str] | None = (),
        profile: str | None = None,
        outputs: bool = False,
        within: range | None = None,
        finished: Finishes | None = None,
        runs: bool = False,
        last: bool = False,
        columns: Sequence[str] = (),
    ) -> Snapshot:
        return self._reader.read(select, variables, profile, outputs, within, finished, runs, last, columns)

    def close(self) -> None:
        if self._made_reader is not None:
            self._made_reader.close()
        self._writer.close()

    @property
    def _reader(self) -> Reader:
        if self._made_reader is None:
            self._made_reader = self._make_reader(self._name)
        return self._made_reader

    @contextmanager
    def _writing(self, batch: Batch | None = None) -> Iterator[None]:
        """Turn errors of the database or its disk into one that says whose they are."""
        try:
            yield
        except self._writer.errors as error:
            if isinstance(error, StudyExistsError):
                raise
            place = self._writer.place
            raise cannot_write(place, error, None if batch is None else batch.size) from error

    def new_key(self, experiment: str, key: int | None) -> int:
        """Return the key of an experiment that was just registered, the next one if it has none."""
        if key is None:
            key = self._next_key
        self._next_key = max(self._next_key, key + 1)
        self._keys[experiment] = key
        return key

    def key(self, experiment: str, forget: bool = False) -> int:
        """Return the key of a registered experiment that has not ended."""
        return self._keys.pop(experiment) if forget else self._keys[experiment]

    def new_part(self) -> int:
        """Return a number greater than all before."""
        self._begun = self._begun._replace(part=self._begun.part + 1)
        return self._begun.part

    def new_run(self) -> int:
        """Return the number of a run that begins."""
        run = self._begun.run
        self._begun = self._begun._replace(run=run + 1)
        return run

    def keep_large(self, name: str, data: bytes) -> str | None:
        """Write a large object to a file of its own; None if it belongs into the table."""
        if self._folder is None or len(data) < LARGE:
            return None
        path = object_path(name)
        try:
            write_whole(self._folder / path, data)
        except OSError as error:
            raise cannot_write(self._folder / path, error, len(data)) from error
        return path
