"""What becomes of experiments that were handed out, for store, monitor, progress bar and log."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from research.events import (
    DONE,
    FAILED,
    LOST,
    PRUNED,
    STOPPED,
    TIMEOUT,
    Ended,
    Event,
    Failure,
    Printed,
    Profiled,
    Running,
    Task,
    TaskDone,
    Values,
)
from research.monitoring.monitor import Monitor
from research.monitoring.progress import Progress
from research.scheduling.tries import Tries
from research.storage.base import Output, Record, Registered, Restarted, Store
from research.storage.outputs import Outputs

COMMIT_SECONDS = 0.25
URGENT_SECONDS = 0.02
MUCH = 1000  # records that are worth a commit before it is due, if there is nothing else to do
_TOLD = (Values, Running, Profiled)  # by workers, of experiments that go on
_OF_EXPERIMENTS = (Values, Ended, Running, Profiled, Output, Restarted)
DETAILED_FAILURES = 20  # that the log shows with their traceback


class Ledger:
    """Keeps account of experiments from when they are handed out to when they have ended for good.

    Parameters
    ----------
    store : Store
        Begun, and written by nobody else.
    monitor : Monitor
    progress : Progress
    log : logging.Logger
    outputs : Outputs
        Takes what units print.
    tries : Tries
        Knows which experiments are tried again.
    is_resumed : bool, default False
        The study is gone on with.

    Attributes
    ----------
    n_failures : int
        Experiments that have failed, were lost or took too long, with no try left.
    """

    def __init__(
        self,
        store: Store,
        monitor: Monitor,
        progress: Progress,
        log: logging.Logger,
        outputs: Outputs,
        tries: Tries,
        is_resumed: bool = False,
    ) -> None:
        self._store = store
        self._monitor = monitor
        self._progress = progress
        self._log = log
        self._outputs = outputs
        self._tries = tries
        self._is_resumed = is_resumed
        self.n_failures = 0
        self._problem: BaseException | None = None  # for which the store could not be written
        self._records: list[Record] = []  # not in the store yet
        self._queued: dict[str, Registered] = {}  # for less than the time between two commits
        self._waiting: dict[str, Registered] = {}  # for longer, of which nothing has been heard
        self._is_urgent = False  # a unit asked for what it saved to be in the store
        self._committed = self._turned = time.monotonic()
        self._open: dict[str, Running | None] = {}  # experiments handed out: how they began
        self._shown: dict[str, str] = {}  # ids of those handed out, where they are shown with a prefix
        self._iterations: dict[str, int] = {}  # of those that have told something: how many they have begun
        self._attempts: dict[str, int] = {}  # of those that are not at their first
        self._n_detailed = 0
        self._is_chatty = log.isEnabledFor(logging.DEBUG)

    @property
    def is_broken(self) -> bool:
        """Whether the store could not be written, so that it has less than the monitor counts."""
        return self._problem is not None

    @property
    def is_empty(self) -> bool:
        """Whether all that were handed out have ended."""
        return not self._open

    @property
    def due(self) -> float:
        """When what is there has to be in the store, by the monotonic clock."""
        return self._committed + (URGENT_SECONDS if self._is_urgent else COMMIT_SECONDS)

    @property
    def has_much(self) -> bool:
        """Whether there is so much to be written that whoever waits should rather do that."""
        return len(self._records) >= MUCH

    def register(self, registered: Registered) -> None:
        """Take note of an experiment that is handed out."""
        member = registered.member
        self._open[member.id] = None
        if member.prefix is not None:
            self._shown[member.id] = member.shown_id
            self._outputs.name(member.id, member.folder_name)
        if registered.attempt != 1:
            self._attempts[member.id] = registered.attempt
        self._queued[member.id] = registered
        if registered.is_stored or self._is_resumed:
            self._outputs.forget(member.id)  # a run that was broken off may have stored no more than that
        if registered.before is not None:
            self._monitor.forget(member.shown_id, registered.before)

    def add(self, record: Record) -> None:
        """Take a record about the study."""
        self._records.append(record)

    def absorb(self, events: Sequence[Event], at_once: bool = False) -> None:
        """Take what workers have said of experiments.

        Parameters
        ----------
        events : sequence of Event
        at_once : bool, default False
            Commit if a unit asked for it: nobody will come back here soon.
        """
        for event in events:  # (there may be millions)
            if isinstance(event, TaskDone):
                continue
            if isinstance(event, Ended):
                if event.experiment in self._open:  # else another worker has ended it before
                    if event.status != DONE or self._is_chatty:
                        self._report(event)
                    if not self._tries.holds(event):
                        self._close(event)
            elif isinstance(event, Printed):
                self._records.extend(self._outputs.take(event, self._open))
            elif isinstance(event, _TOLD):
                if event.experiment not in self._open:
                    continue  # its task was handed out again, and this one had ended before
                self._records.append(event)
                if isinstance(event, Values):
                    self._is_urgent = self._is_urgent or event.urgent
                    self._note(event.experiment, max([block.last.iteration for block in event.blocks]) + 1)
                elif isinstance(event, Running):
                    self._open[event.experiment] = event
                    self._note(event.experiment, event.iterations)
                    self._monitor.update(event)
                    self._progress.update(event)
        if time.monotonic() >= self.due or (at_once and self._is_urgent):
            self.commit(is_last=False)

    def restart(self, task: Task) -> None:
        """Let experiments begin anew that nobody has seen end."""
        for member in task.members:
            self._tries.drop(member.id)
            has_printed = self._outputs.restart(member.id)
            if has_printed or self._open.get(member.id) is not None:  # some of it may be in the store
                self._open[member.id] = None
                self._iterations.pop(member.id, None)
                self._records.append(Restarted(member.id))

    def settle(self, task: Task) -> Sequence[Task]:
        """Close the experiments of a task that is over; return what is to be tried again."""
        ends, again = self._tries.settle(task)
        for end in ends:
            self._close(end)
        if not again:
            return ()
        for slot, member in (pair for one in again for pair in enumerate(one.members)):
            attempt = self._attempts[member.id] = self._attempts.get(member.id, 1) + 1
            self._outputs.restart(member.id)
            self._open[member.id] = None
            self._iterations.pop(member.id, None)
            self._records.append(Restarted(member.id, attempt, slot))
            self._log.warning("%s is tried again: attempt %d", self._name(member.id), attempt)
        return again

    def end(
        self,
        task: Task,
        status: str,
        worker: int | None,
        reason: str,
        failure: Failure | None = None,
    ) -> None:
        """Take note that a task's experiments have ended and could not tell it themselves."""
        self.absorb(
            [
                self._ended(member.id, status, worker, reason, failure)
                for member in task.members
                if member.id in self._open
            ]
        )

    def stop(self) -> None:
        """Take note that all experiments that are at work are stopped."""
        for id_ in list(self._open):
            held = self._tries.drop(id_)
            if held is None or held.status not in (DONE, PRUNED):  # what was to be tried again was not
                blocks = () if held is None else held.blocks
                held = self._ended(id_, STOPPED, None, "the study was stopped")._replace(blocks=blocks)
            self._close(held)

    def commit(self, is_last: bool = True) -> None:
        """Let all that is there be in the store.

        Parameters
        ----------
        is_last : bool, default True
            Else experiments that were handed out since the last time, and of which nothing has been heard,
            may wait for the next: most have ended by then, and are written once.

        Raises
        ------
        StudyError
            If it cannot be written, or could not be before.
        """
        if self._problem is not None:
            raise self._problem  # again: who was told of it may have been within a unit's iteration
        told, self._records = self._records, []
        records: list[Record] = [*self._take_registered(told, is_last), *told]
        try:
            self._outputs.write()
            if records:
                self._store.write(records)
        except BaseException as error:
            self._problem = error
            raise
        self._is_urgent = False
        self._committed = time.monotonic()

    def _take_registered(self, told: Sequence[Record], is_last: bool) -> list[Registered]:
        """Return the experiments that are to be written now."""
        if is_last:
            registered = [*self._waiting.values(), *self._queued.values()]
            self._waiting, self._queued = {}, {}
            return registered
        is_turn = time.monotonic() >= self._turned + COMMIT_SECONDS
        registered = [*self._waiting.values()] if is_turn else []
        heard_of = {record.experiment for record in told if isinstance(record, _OF_EXPERIMENTS)}
        for known in (self._queued,) if is_turn else (self._waiting, self._queued):
            registered += [known.pop(id_) for id_ in heard_of & known.keys()]
        if is_turn:
            self._waiting, self._queued, self._turned = self._queued, {}, time.monotonic()
        return registered

    def _close(self, end: Ended) -> None:
        """Take note of an end that counts."""
        id_ = end.experiment
        self._records.append(end)
        del self._open[id_]
        if self._iterations:
            self._iterations.pop(id_, None)
        if self._attempts:
            self._attempts.pop(id_, None)
        self._outputs.end(id_)
        self._monitor.update(end, self._shown.pop(id_, None) if self._shown else None)
        self._progress.update(end)
        if end.status in (FAILED, LOST, TIMEOUT):
            self.n_failures += 1

    def _ended(
        self, id_: str, status: str, worker: int | None, reason: str, failure: Failure | None = None
    ) -> Ended:
        """Return the end of an experiment that cannot tell it itself."""
        begun = self._open[id_]
        started, taken_by = (None, worker) if begun is None else (begun.started, begun.worker)
        iterations = self._iterations.get(id_)
        failures = () if failure is None else (failure._replace(iteration=max(0, (iterations or 1) - 1)),)
        return Ended(taken_by, id_, status, started, time.time(), iterations, failures, reason)

    def _note(self, experiment: str, iterations: int) -> None:
        self._iterations[experiment] = max(iterations, self._iterations.get(experiment, 0))

    def _name(self, experiment: str) -> str:
        return self._shown.get(experiment, experiment)

    def _report(self, event: Ended) -> None:
        """Write an experiment's end to the log."""
        name = self._name(event.experiment)
        if event.status == FAILED:
            self._n_detailed += 1
            for failure in event.failures:
                head = f"{name} failed in {failure.unit!r} at iteration {failure.iteration}"
                traceback = f"\n{failure.traceback}" if self._n_detailed <= DETAILED_FAILURES else ""
                self._log.error("%s: %s: %s%s", head, failure.type, failure.message, traceback)
        elif event.status == LOST:
            self._log.error("%s was lost: %s", name, event.reason)
        elif event.status == TIMEOUT:
            self._log.error("%s was ended: %s", name, event.reason)
        elif self._is_chatty:
            self._log.debug("%s %s", name, event.status)
