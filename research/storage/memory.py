"""A store in memory: the same tables, gone with the process."""

from __future__ import annotations

import sqlite3
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from research.storage.base import ExperimentRow, Finishes, Record, Snapshot, Study
from research.storage.sql import SqlStore
from research.storage.sqlite import SqliteWriter

if TYPE_CHECKING:
    from research.storage.reading import Reader


class MemoryStore:
    """An SQLite database without a file; see `research.storage.base.Store`.

    All threads share one connection, one at a time.
    """

    def __init__(self) -> None:
        connection = sqlite3.connect(":memory:", check_same_thread=False)
        weakref.finalize(self, connection.close)  # nobody closes the results of a study that was let go

        def read(name: str | None) -> Reader:
            import sqlalchemy as sa  # takes a quarter of a second, which who only writes should not wait for

            from research.storage.reading import Reader

            engine = sa.create_engine("sqlite://", creator=lambda: connection, poolclass=sa.pool.StaticPool)
            return Reader(engine, name)

        self._store = SqlStore(SqliteWriter(lambda: connection, "memory"), read)
        self._lock = threading.RLock()

    def begin(self, study: Study, resume: bool = False) -> None:
        with self._lock:
            self._store.begin(study, resume)

    def write(self, records: Sequence[Record]) -> None:
        with self._lock:
            self._store.write(records)

    def study(self) -> Study:
        with self._lock:
            return self._store.study()

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
        with self._lock:
            snapshot = self._store.read(
                select, variables, profile, outputs, within, finished, runs, last, columns
            )
        return Snapshot(
            snapshot.experiments,
            snapshot.latest,
            snapshot.history,
            [row._replace(load=self._locked(row.load)) for row in snapshot.objects],
            snapshot.profiles,
            snapshot.outputs,
            snapshot.finished,
            snapshot.runs,
            snapshot.columns,
            snapshot.last,
        )

    def close(self) -> None:
        with self._lock:
            self._store.close()

    def _locked(self, load: Callable[[], Any]) -> Callable[[], Any]:
        def locked() -> Any:
            with self._lock:
                return load()

        return locked
