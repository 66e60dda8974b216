"""What a store holds of earlier runs of a study: what is over, and what is to be run again."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import NamedTuple

from research.events import DONE, FAILED, QUEUED, STOPPED, TIMEOUT
from research.storage.base import ExperimentRow

COLUMNS = (  # what is looked at, also by the monitor
    *("key", "id", "prefix", "number", "group", "generation"),
    *("status", "attempt", "started", "failures", "code"),
)


class Known(NamedTuple):
    """An experiment that is stored and is to be run again."""

    key: int
    attempt: int  # which the next one is
    status: str | None  # if it is over, and runs again with its group


def finished_statuses(retry_failed: bool) -> tuple[str, ...]:
    """Return the statuses of experiments that need not be run again."""
    return (DONE,) if retry_failed else (DONE, FAILED, TIMEOUT)


class Past:
    """Which experiments of a study are stored.

    Parameters
    ----------
    rows : iterable of ExperimentRow
    retry_failed : bool, default False
        Run again those in which a unit raised an exception, and those that took too long.
    again : container of str, optional
        Codes: what was made with one of them is run again.

    Attributes
    ----------
    over : list of ExperimentRow
        Those that are not run again, but for the sake of others or as their code is to be.
    n_groups : int
        How many numbers of groups have been given.
    """

    def __init__(
        self,
        rows: Iterable[ExperimentRow] = (),
        retry_failed: bool = False,
        again: Container[str | None] = (),
    ) -> None:
        ends = finished_statuses(retry_failed)
        self.over: list[ExperimentRow] = []
        self._over: dict[int, ExperimentRow] = {}  # by ids as numbers: there may be a million
        self._again: dict[int, ExperimentRow] = {}
        self._numbers: dict[int, int] = {}
        self.n_groups = 0
        for row in rows:
            if row.status in ends:
                self.over.append(row)
                known = self._again if row.code in again else self._over
            else:
                known = self._again
            known[int(row.id, 16)] = row
            if row.group >= self.n_groups:
                self.n_groups = row.group + 1
            if row.number > self._numbers.get(row.generation, -1):
                self._numbers[row.generation] = row.number
        self._ends = ends

    def __str__(self) -> str:
        return f"{len(self._over)} experiments are over, {len(self._again)} begin anew if they are wanted"

    def is_over(self, hashed: int) -> bool:
        """Whether an experiment need not be run, by its id as a number."""
        return hashed in self._over

    def find(self, id_: str) -> Known | None:
        """Return what is known of an experiment that is run again; None if it is new."""
        hashed = int(id_, 16)
        row = self._again.get(hashed) or self._over.get(hashed)
        if row is None:
            return None
        begun = row.status != QUEUED and (row.status != STOPPED or row.started is not None)
        status = row.status if row.status in self._ends else None
        return Known(row.key, row.attempt + 1 if begun else row.attempt, status)

    def last_number(self, generation: int) -> int:
        """Return the number of the last config of a domain that was handed out, -1 if there was none."""
        return self._numbers.get(generation, -1)
