"""What a store holds of earlier runs of a study: what is over, and what is to be run again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable
from typing import NamedTuple

from research.events import DONE, FAILED, PRUNED, QUEUED, STOPPED, TIMEOUT
from research.storage.base import ExperimentRow, Finished


class Known(NamedTuple):
    """An experiment that is stored and is to be run again."""

    key: int
    attempt: int  # which the next one is
    status: str | None  # if it is over, and runs again with its group


def finished_statuses(retry_failed: bool) -> tuple[str, ...]:
    """Return the statuses of experiments that need not be run again."""
    return (DONE, PRUNED) if retry_failed else (DONE, PRUNED, FAILED, TIMEOUT)


class Past:
    """Which experiments of a study are stored.

    Parameters
    ----------
    finished : Finished, optional
        Those that are not run again, but for the sake of others.
    rows : iterable of ExperimentRow
        The rest.
    statuses : tuple of str
        Those of experiments that were not run again but for their code.
    load : callable, optional
        Returns the rows of all experiments, for when finished ones are run again.

    Attributes
    ----------
    n_groups : int
        How many numbers of groups have been given.
    next_key : int
        Of an experiment that is new.
    """

    def __init__(
        self,
        finished: Finished | None = None,
        rows: Iterable[ExperimentRow] = (),
        statuses: Container[str] = (),
        load: Callable[[], Iterable[ExperimentRow]] = tuple,
    ) -> None:
        self._finished = Finished([], {}, [], 0, 0, {}) if finished is None else finished
        self._over = {int(id_, 16) for id_ in self._finished.ids}  # as numbers: there may be a million
        self._again = {int(row.id, 16): row for row in rows}
        self._statuses = statuses
        self._load = load
        self._loaded: dict[int, ExperimentRow] | None = None
        self.n_groups = self._finished.n_groups
        self.next_key = self._finished.next_key
        self._finished.ids.clear()

    def __str__(self) -> str:
        return f"{len(self._over)} experiments are over, {len(self._again)} begin anew if they are wanted"

    @property
    def counts(self) -> Counter[str]:
        """How many experiments are over, by status; also those that run again for their code."""
        others = (row.status for row in self._again.values() if row.status in self._statuses)
        return Counter(self._finished.counts) + Counter(others)

    @property
    def failed(self) -> list[ExperimentRow]:
        """Those of them in which something failed."""
        others = [row for row in self._again.values() if row.failures and row.status in self._statuses]
        return [*self._finished.failed, *others]

    @property
    def is_empty(self) -> bool:
        """Whether there were no earlier runs, or they have begun nothing."""
        return not self._again and not self._over

    def is_over(self, hashed: int) -> bool:
        """Whether an experiment need not be run, by its id as a number."""
        return hashed in self._over

    def find(self, id_: str) -> Known | None:
        """Return what is known of an experiment that is run again; None if it is new."""
        hashed = int(id_, 16)
        row = self._again.get(hashed)
        if row is None and hashed in self._over:
            if self._loaded is None:
                self._loaded = {int(row.id, 16): row for row in self._load()}
            row = self._loaded[hashed]
        if row is None:
            return None
        begun = row.status != QUEUED and (row.status != STOPPED or row.started is not None)
        status = row.status if row.status in self._statuses else None
        return Known(row.key, row.attempt + 1 if begun else row.attempt, status)

    def last_number(self, generation: int) -> int:
        """Return the number of the last config of a domain that was handed out, -1 if there was none."""
        return self._finished.last.get(generation, -1)
