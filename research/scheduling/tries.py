"""Which experiments are tried again: a state machine without I/O, clock or randomness.

an experiment's end ──> Tries.holds ──> kept until its task is over ──> Tries.settle ──> ends, or a task again
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple

from research.errors import did_you_mean
from research.events import DONE, FAILED, LOST, PRUNED, TIMEOUT, Ended, Member, Task

_FIRST = 2**40  # number of a task that is part of another: no study has so many
TROUBLES = (FAILED, LOST, TIMEOUT)


class Retries(NamedTuple):
    """How often an experiment is tried again, by how it ended."""

    failed: int = 0
    lost: int = 0
    timeout: int = 0


def read_retries(value: Any) -> Retries:
    """Return what a number of retries means, or a dict of such numbers.

    Raises
    ------
    ValueError
        If it means nothing.

    Examples
    --------
    >>> read_retries(2)
    Retries(failed=2, lost=2, timeout=2)
    >>> read_retries({'lost': 3})
    Retries(failed=0, lost=3, timeout=0)
    """
    if _is_number(value):
        return Retries(value, value, value)
    if not isinstance(value, Mapping):
        raise ValueError(
            "`retries` must be a number, not negative, or a dict of such numbers with keys among "
            f"{TROUBLES}, got {value!r}"
        )
    for name, number in value.items():
        if name not in TROUBLES:
            raise ValueError(
                f"`retries` must have keys among {TROUBLES}, got {name!r}{did_you_mean(name, TROUBLES)}"
            )
        if not _is_number(number):
            raise ValueError(f"`retries[{name!r}]` must be a number, not negative, got {number!r}")
    return Retries(**value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


class Tries:
    """Holds back the ends of experiments that may be tried again.

    Parameters
    ----------
    retries : Retries
    in_groups : bool, default False
        Experiments of a task belong together: they are tried again all or none, each as often as it may.
    """

    def __init__(self, retries: Retries, in_groups: bool = False) -> None:
        self._most = dict(zip(TROUBLES, retries, strict=True))
        self._is_patient = any(retries)
        self._in_groups = in_groups
        self._numbers = count(_FIRST)
        self._held: dict[str, Ended] = {}
        self._counts: dict[str, dict[str, int]] = {}  # of experiments that were tried again: why, how often

    def holds(self, ended: Ended) -> bool:
        """Take note of an end; return whether it is to wait until the task is over."""
        if not self._is_patient or not (self._in_groups or self._may(ended)):
            return False
        self._held[ended.experiment] = ended
        return True

    def settle(self, task: Task) -> tuple[Sequence[Ended], Sequence[Task]]:
        """Decide about a task that is over.

        Parameters
        ----------
        task : Task

        Returns
        -------
        ends : sequence of Ended
            Those that were held back and count.
        again : sequence of Task
            What is to be tried again. Experiments that ended together, as their worker did, are tried one by
            one: it may have been the fault of one of them.
        """
        if not self._is_patient:
            return [], ()
        held = [end for member in task.members if (end := self._held.pop(member.id, None)) is not None]
        troubles = [end for end in held if end.status not in (DONE, PRUNED)]
        if not troubles or not all(self._may(end) for end in troubles):
            self._forget(task.members)
            return held, ()
        for end in troubles:
            counts = self._counts.setdefault(end.experiment, {})
            counts[end.status] = counts.get(end.status, 0) + 1
        if self._in_groups:
            return (), (task,)
        ids = {end.experiment for end in troubles}
        again = tuple(member for member in task.members if member.id in ids)
        self._forget([member for member in task.members if member.id not in ids])
        if all(end.status == FAILED for end in troubles):
            return (), (Task(task.number, again),)
        return (), tuple(Task(next(self._numbers), (member,)) for member in again)

    def drop(self, experiment: str) -> Ended | None:
        """Forget an end that is held back, and return it."""
        return self._held.pop(experiment, None)

    def _may(self, ended: Ended) -> bool:
        so_far = self._counts.get(ended.experiment, {}).get(ended.status, 0)
        return so_far < self._most.get(ended.status, 0)

    def _forget(self, members: Sequence[Member]) -> None:
        for member in members:
            self._counts.pop(member.id, None)
