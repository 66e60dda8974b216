"""How many experiments are done, and what went wrong in the others."""

from __future__ import annotations

import json
import pickle
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from research.errors import UnitFailure
from research.events import FAILED, LOST, RUNNING, Ended, Failure, Running
from research.storage.base import ExperimentRow

LONGEST_MESSAGE = 200  # characters, where a message has to fit a line
KEPT_EXCEPTIONS = 10_000  # in memory; the store has all


class Monitor:
    """Counts experiments by status and collects exceptions of units."""

    def __init__(self) -> None:
        self._status: Counter[str] = Counter()
        self._running: set[str] = set()
        self._failures: list[tuple[str, Failure]] = []

    @classmethod
    def of_rows(cls, rows: Sequence[ExperimentRow]) -> Monitor:
        """Return the monitor of a study that was stored."""
        monitor = cls()
        monitor.take_rows(rows)
        return monitor

    def take_rows(self, rows: Sequence[ExperimentRow]) -> None:
        """Take note of experiments that are stored."""
        self._running.update(row.id for row in rows if row.status == RUNNING)
        self.take_past(Counter(row.status for row in rows if row.status != RUNNING), rows)

    def take_past(self, counts: Mapping[str, int], failed: Iterable[ExperimentRow]) -> None:
        """Take note of how many experiments are stored, and of those in which something failed."""
        self._status.update(counts)
        for row in failed:
            for item in json.loads(row.failures) if row.failures else ():
                failure = Failure(
                    item["unit"], item["iteration"], item["type"], item["message"], item["traceback"], None
                )
                self._failures.append((row.shown_id, failure))

    def forget(self, shown_id: str, status: str) -> None:
        """Take note that an experiment that had ended begins anew."""
        self._status[status] -= 1
        self._failures = [pair for pair in self._failures if pair[0] != shown_id]

    def update(self, event: Running | Ended, shown_id: str | None = None) -> None:
        """Take note of an experiment that has begun or ended.

        Parameters
        ----------
        event : Running or Ended
        shown_id : str, optional
            The experiment's id as users see it. Default: as it is.
        """
        if isinstance(event, Running):
            self._running.add(event.experiment)
            return
        self._running.discard(event.experiment)
        self._status[event.status] += 1
        if event.failures and len(self._failures) < KEPT_EXCEPTIONS:
            name = event.experiment if shown_id is None else shown_id
            self._failures.extend((name, failure) for failure in event.failures)

    @property
    def counts(self) -> dict[str, int]:
        """Number of experiments by status: `done`, `pruned`, `failed`, `lost`, `timeout`, `stopped`,
        `running`.
        """
        counts = {status: count for status, count in self._status.items() if count}
        return {**counts, **({RUNNING: len(self._running)} if self._running else {})}

    @property
    def n_failed(self) -> int:
        """Number of experiments in which a unit raised an exception."""
        return self._status[FAILED]

    @property
    def n_lost(self) -> int:
        """Number of experiments whose worker died."""
        return self._status[LOST]

    def describe_first_failure(self) -> str | None:
        """Say in one line what was raised first, in which unit and experiment."""
        if not self._failures:
            return None
        id_, failure = self._failures[0]
        message = " ".join(failure.message.split())
        text = f"{failure.type}: {message}" if message else failure.type
        if len(text) > LONGEST_MESSAGE:  # what a program said last is at the end
            half = LONGEST_MESSAGE // 2
            text = f"{text[:half]} … {text[-half:]}"
        return f"{text}, in {failure.unit!r} of experiment {id_}"

    @property
    def exceptions(self) -> list[dict[str, Any]]:
        """What units raised: dicts with `id`, `name` of the unit, `it`, `exception` and `traceback`.

        `id` is that of tables, with a prefix if `create_id_prefix` asked for one.
        `exception` is the original where it survived the way from the worker, else a
        `research.errors.UnitFailure` with its text. The first 10,000 are kept here, all in the store.
        """
        return [
            {
                "id": id_,
                "name": failure.unit,
                "it": failure.iteration,
                "exception": _exception(failure),
                "traceback": failure.traceback,
            }
            for id_, failure in self._failures
        ]

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {status}" for status, count in self.counts.items())
        return f"<monitor: {counts or 'nothing has begun'}>"


def _exception(failure: Failure) -> BaseException:
    if failure.pickled is not None:
        try:
            exception = pickle.loads(failure.pickled)
        except Exception:  # (a class that only the worker could import)
            exception = None
        if isinstance(exception, BaseException):
            return exception
    return UnitFailure(f"{failure.type}: {failure.message}")
