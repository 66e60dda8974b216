"""The driver of a run: moves tasks to workers, events to the store, and tells what happens."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import TypeAlias

from research.backends.base import Backend
from research.backends.memory import describe_shortage
from research.domain import Domain
from research.domain.ordering import Walk
from research.errors import StudyError
from research.events import (
    DONE,
    FAILED,
    LOST,
    STOPPED,
    CheckFailed,
    Died,
    Ended,
    Event,
    Printed,
    Profiled,
    Replace,
    Retired,
    Running,
    StartFailed,
    Stop,
    Task,
    Values,
    Waiting,
)
from research.monitoring.monitor import Monitor
from research.monitoring.progress import Progress
from research.results.results import ResearchResults
from research.scheduling.scheduler import Scheduler
from research.storage.base import BROKEN, Closed, Record, Replaced, Restarted, Store
from research.storage.outputs import Outputs
from research.tasks import TaskSource
from research.updating import Update

# takes the number of a domain and how many configs have been generated; returns True if it is known that the
# domain stayed, the next one and its walk if that is known, else False
Answers: TypeAlias = Callable[[int, int], tuple[Domain, Walk] | bool]

COMMIT_SECONDS = 0.25
URGENT_SECONDS = 0.02
DETAILED_FAILURES = 20  # that the log shows with their traceback


class Driver:
    """Runs the tasks of one source to their end.

    Each batch of events goes to the store first, then to the scheduler.

    Parameters
    ----------
    source : TaskSource
    store : Store
        Begun, and written by nobody else.
    n_workers : int
    monitor : Monitor
    progress : Progress
    log : logging.Logger
    admit : callable, optional
        Takes a domain that is to replace the present one, its generation and the update that gave it; returns
        its walk, or raises.
    outputs : Outputs, optional
        Takes what units print.

    Attributes
    ----------
    is_broken : bool
        The store could not be written, so it has less than the monitor counts.
    """

    def __init__(
        self,
        source: TaskSource,
        store: Store,
        n_workers: int,
        monitor: Monitor,
        progress: Progress,
        log: logging.Logger,
        admit: Callable[[Domain, int, Update], Walk] | None = None,
        outputs: Outputs | None = None,
        recall: Answers | None = None,
    ) -> None:
        self._recall = recall
        self._source = source
        self._n_workers = n_workers
        self._admit = admit
        self._store = store
        self._outputs = Outputs(None, (0, 0)) if outputs is None else outputs
        self._scheduler = Scheduler(source, n_workers)
        self._monitor = monitor
        self._progress = progress
        self._log = log
        self._records: list[Record] = []  # not in the store yet
        self.is_broken = False  # the store has refused something: what it lacks is lost
        self._is_urgent = False  # a unit asked for what it saved to be in the store
        self._committed = time.monotonic()
        self._open: dict[str, Running | None] = {}  # experiments handed out: how they began
        self._shown: dict[str, str] = {}  # ids of those handed out, where they are shown with a prefix
        self._iterations: dict[str, int] = {}  # of those that have told something: how many they have begun
        self._shortages: dict[int, str] = {}  # why workers have given up
        self._n_left_out = 0
        self._n_detailed = 0

    def run(self, backend: Backend, after_start: Callable[[], None]) -> None:
        """Run everything.

        Parameters
        ----------
        backend : Backend
            Started.
        after_start : callable
            Called once, when the first tasks are on their way.

        Raises
        ------
        StudyError
            If workers cannot be started, all of them have waited for memory of devices in vain or that cannot
            be asked, or the store cannot be written.
        """
        is_started = False
        try:
            while True:
                self._update(backend)
                self._send(backend)
                if self._scheduler.is_finished:
                    break
                if self._open and not is_started:
                    is_started = True
                    after_start()
                events = backend.events(max(0.0, self._due() - time.monotonic()))
                self.absorb(events)
                for event in events:
                    self._scheduler.handle(event)
                    if isinstance(event, StartFailed):
                        raise StudyError(f"worker {event.worker} could not start: {event.reason}")
                    if isinstance(event, Died):
                        self._bury(event)
                    elif isinstance(event, Waiting | Retired | CheckFailed):
                        self._note_shortage(event, backend)
            self._records.append(Closed(time.time(), DONE, None))
        except BaseException as error:
            self._end_open(list(self._open), STOPPED, None, "the study was stopped")
            is_error = isinstance(error, Exception)
            if not is_error:
                self._log.warning("the study is stopped by %s", type(error).__name__)
            text = f"{type(error).__name__}: {error}" if is_error else None
            self._records.append(Closed(time.time(), BROKEN if is_error else STOPPED, text))
            raise
        finally:
            self._commit()

    def absorb(self, events: Sequence[Event], at_once: bool = False) -> None:
        """Give events to the store, to the monitor and to the progress bar.

        Parameters
        ----------
        events : sequence of Event
        at_once : bool, default False
            Commit if a unit asked for it: nobody will come back here soon.
        """
        for event in events:
            if isinstance(event, Printed):
                self._records.extend(self._outputs.take(event, self._open))
            elif isinstance(event, Running | Values | Profiled | Ended):
                if event.experiment not in self._open:
                    continue  # its task was handed out again, and this one had ended before
                self._records.append(event)
                if isinstance(event, Profiled):
                    continue
                if isinstance(event, Values):
                    self._is_urgent = self._is_urgent or event.urgent
                    self._note(event.experiment, max(block.last.iteration for block in event.blocks) + 1)
                    continue
                if isinstance(event, Running):
                    self._open[event.experiment] = event
                    self._note(event.experiment, event.iterations)
                else:
                    del self._open[event.experiment]
                    self._iterations.pop(event.experiment, None)
                    self._outputs.end(event.experiment)
                    self._report(event)
                self._monitor.update(event, self._shown.get(event.experiment))
                if isinstance(event, Ended):
                    self._shown.pop(event.experiment, None)
                self._progress.update(event)
        if time.monotonic() >= self._due() or (at_once and self._is_urgent):
            self._commit()

    def _update(self, backend: Backend) -> None:
        """Where the domain may be replaced now, ask whether it is."""
        due = self._source.due
        if due and self._recall is not None:
            known = self._recall(self._source.generation, self._source.n_items)
            if known is True:
                self._source.keep()
                return
            if known is not False:
                self._replace(*known, backend)
                return
        if not due or self._admit is None or (self._open and any(update.wait for update in due)):
            return
        self._commit()
        results = ResearchResults(self._store)
        generation = self._source.generation + 1
        for update in due:
            try:
                domain = update.call(results)
                walk = None if domain is None else self._admit(domain, generation, update)
            except Exception as error:  # it is the user's function
                text = f"the update of the domain by {update.name} failed: {type(error).__name__}: {error}"
                self._log.error(text, exc_info=error)
                raise StudyError(text) from error
            if domain is not None and walk is not None:
                self._records.append(Replaced(self._source.n_items, dict(update.numbers)))
                self._replace(domain, walk, backend)
                return
        self._source.keep()

    def _replace(self, domain: Domain, walk: Walk, backend: Backend) -> None:
        n_items = self._source.n_items
        self._source.replace(domain, walk)
        self._log.info("update %d, after %d configs: %r", self._source.generation, n_items, domain)
        left_out = self._source.n_duplicates + self._source.n_over
        size = None if walk.size is None else n_items - left_out + walk.size
        self._progress.expect(size)
        for worker in range(self._n_workers):
            backend.send(worker, Replace(self._source.generation, domain))

    def _note(self, experiment: str, iterations: int) -> None:
        self._iterations[experiment] = max(iterations, self._iterations.get(experiment, 0))

    def _due(self) -> float:
        """Return when what is there has to be in the store."""
        return self._committed + (URGENT_SECONDS if self._is_urgent else COMMIT_SECONDS)

    def _send(self, backend: Backend) -> None:
        commands = self._scheduler.commands()
        for registered in self._source.take_registered():
            member = registered.member
            self._open[member.id] = None
            if member.prefix is not None:
                self._shown[member.id] = member.shown_id
                self._outputs.name(member.id, member.folder_name)
            self._records.append(registered)
            if registered.key is not None:
                self._outputs.forget(member.id)
            if registered.before is not None:
                self._monitor.forget(member.shown_id, registered.before)
        for worker, command in commands:
            backend.send(worker, command)
        left_out = self._source.n_duplicates + self._source.n_over
        if left_out != self._n_left_out:
            self._progress.leave_out(left_out - self._n_left_out)
            self._n_left_out = left_out

    def _commit(self) -> None:
        if not self.is_broken:
            records, self._records = self._records, []
            try:
                self._outputs.write()
                if records:
                    self._store.write(records)
            except Exception:
                self.is_broken = True
                raise
        self._is_urgent = False
        self._committed = time.monotonic()

    def _bury(self, death: Died) -> None:
        """Record what a dead worker was at as lost; the rest of its tasks is with the scheduler again."""
        reason = f"worker {death.worker} ended: {death.reason}"
        self._log.warning("%s; another takes its place", reason)
        for task in self._scheduler.take_interrupted():
            self._restart(task)
        for task in self._scheduler.take_lost():
            self._end_open([member.id for member in task.members], LOST, death.worker, reason)

    def _note_shortage(self, event: Waiting | Retired | CheckFailed, backend: Backend) -> None:
        """Write to the log who waits for memory; let a worker go that has given up."""
        if isinstance(event, CheckFailed):
            raise StudyError(event.reason)
        text = f"after {event.n_checks} checks: {describe_shortage(event)}"
        if isinstance(event, Waiting):
            level = logging.WARNING if event.n_checks == 1 else logging.DEBUG
            self._log.log(level, "worker %d waits for memory %s", event.worker, text)
            return
        self._log.warning("worker %d leaves its tasks to others %s", event.worker, text)
        self._shortages[event.worker] = text
        backend.send(event.worker, Stop())  # what it holds of memory by itself may be what others lack
        if self._scheduler.is_deserted and not self._scheduler.is_finished:
            who = "; ".join(f"worker {worker} gave up {why}" for worker, why in self._shortages.items())
            raise StudyError(
                f"no worker is left, as devices have too little free memory: {who}; make room there, ask for "
                f"less than `memory_ratio={event.ratio:g}`, or wait longer by `n_gpu_checks` and "
                "`gpu_check_delay`"
            )

    def _restart(self, task: Task) -> None:
        for member in task.members:
            has_printed = self._outputs.restart(member.id)
            if has_printed or self._open.get(member.id) is not None:  # some of it may be in the store
                self._open[member.id] = None
                self._iterations.pop(member.id, None)
                self._records.append(Restarted(member.id))

    def _end_open(self, ids: Sequence[str], status: str, worker: int | None, reason: str) -> None:
        """Record the end of experiments that cannot tell it themselves."""
        now = time.time()
        ended = []
        for id_ in ids:
            if id_ in self._open:
                begun = self._open[id_]
                started, taken_by = (None, worker) if begun is None else (begun.started, begun.worker)
                iterations = self._iterations.get(id_)
                ended.append(Ended(taken_by, id_, status, started, now, iterations, (), reason))
        self.absorb(ended)

    def _report(self, event: Ended) -> None:
        """Write an experiment's end to the log."""
        name = self._shown.get(event.experiment, event.experiment)
        if event.status == FAILED:
            self._n_detailed += 1
            for failure in event.failures:
                head = f"{name} failed in {failure.unit!r} at iteration {failure.iteration}"
                traceback = f"\n{failure.traceback}" if self._n_detailed <= DETAILED_FAILURES else ""
                self._log.error("%s: %s: %s%s", head, failure.type, failure.message, traceback)
        elif event.status == LOST:
            self._log.error("%s was lost: %s", name, event.reason)
        else:
            self._log.debug("%s %s", name, event.status)
