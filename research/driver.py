"""The driver of a run: moves tasks to workers, events to the store, and tells what happens."""

from __future__ import annotations

import contextlib
import gc
import logging
import pickle
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

from research.backends.base import Backend
from research.backends.memory import describe_shortage
from research.domain import Domain
from research.domain.ordering import Walk
from research.errors import StudyError
from research.events import (
    DONE,
    LOST,
    STOPPED,
    TIMEOUT,
    Asks,
    CheckFailed,
    Died,
    Ended,
    Event,
    Failure,
    Remark,
    Replace,
    Retired,
    Revoke,
    Revoked,
    Running,
    StartFailed,
    Stop,
    Task,
    TaskDone,
    Values,
    Waiting,
)
from research.ledger import Ledger
from research.monitoring.progress import Progress
from research.monitoring.summary import warn
from research.scheduling.scheduler import LARGEST_BATCH, Scheduler
from research.storage.base import BROKEN, Closed, Replaced, Store
from research.tasks import TaskSource
from research.termination import Interrupts
from research.updating import Update

if TYPE_CHECKING:
    from research.pruning.judge import Judge

# takes the number of a domain and how many configs have been generated; returns True if it is known that the
# domain stayed, the next one and its walk if that is known, else False
Answers: TypeAlias = Callable[[int, int], tuple[Domain, Walk] | bool]

_OF_LEDGER = (Values, Ended, Running)  # that change nothing but what the ledger knows
_SHORTAGES = (Waiting, Retired, CheckFailed)
DRAIN_SECONDS = 1.0  # that workers have to say what they have done, when a study is stopped
IDLE_SECONDS = 0.005  # without news, after which what there is is written rather than waited with
_COLLECT_AFTER = 10_000  # objects made and not freed


@contextlib.contextmanager
def rare_collections() -> Iterator[None]:
    """Let the garbage collector come less often: of what is on its way to the store nothing is garbage.

    An experiment is a few objects for a moment. Thousands of them are enough for the collector to look at all
    that this process has, libraries included, again and again.
    """
    before = gc.get_threshold()
    if before[0]:  # (0: somebody does without it)
        gc.set_threshold(max(before[0], _COLLECT_AFTER), *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


class Driver:
    """Runs the tasks of one source to their end.

    Each batch of events goes to the ledger first, then to the scheduler.

    Parameters
    ----------
    source : TaskSource
    store : Store
        Begun; what the functions that may replace the domain read from.
    ledger : Ledger
        Writes to the store.
    n_workers : int
    progress : Progress
    log : logging.Logger
    admit : callable, optional
        Takes a domain that is to replace the present one, its generation and the update that gave it; returns
        its walk, or raises.
    recall : callable, optional
        Knows what earlier runs have answered to updates.
    max_failures : int, optional
        Give up when so many experiments have failed, were lost or took too long.
    judge : Judge, optional
        Says which experiments are pruned.
    interrupts : Interrupts, optional
        Deferred while the driver runs: it says when they may come.
    """

    def __init__(
        self,
        source: TaskSource,
        store: Store,
        ledger: Ledger,
        n_workers: int,
        progress: Progress,
        log: logging.Logger,
        admit: Callable[[Domain, int, Update], Walk] | None = None,
        recall: Answers | None = None,
        max_failures: int | None = None,
        judge: Judge | None = None,
        interrupts: Interrupts | None = None,
    ) -> None:
        self._source = source
        self._store = store
        self._ledger = ledger
        self._n_workers = n_workers
        self._progress = progress
        self._log = log
        self._admit = admit
        self._recall = recall
        self._max_failures = max_failures
        self._interrupts = Interrupts() if interrupts is None else interrupts
        self._judge = judge
        is_ordered = judge is not None and judge.keeps_order
        self._scheduler = Scheduler(source, n_workers, 1 if is_ordered else LARGEST_BATCH)
        self._shortages: dict[int, str] = {}  # why workers have given up
        self._n_left_out = 0

    def run(self, backend: Backend, meanwhile: Callable[[], None]) -> None:
        """Run everything.

        Parameters
        ----------
        backend : Backend
            Started.
        meanwhile : callable
            Called once, while workers start.

        Raises
        ------
        StudyError
            If workers cannot be started, all of them have waited for memory of devices in vain or that cannot
            be asked, too many experiments have failed, or the store cannot be written.
        """
        try:
            meanwhile()
            self._run(backend)
            self._ledger.add(Closed(time.time(), DONE, None))
            self._ledger.commit()
        except BaseException as error:
            self._drain(backend)
            self._ledger.stop()
            is_error = isinstance(error, Exception)
            if not is_error:
                self._log.warning("the study is stopped by %s", type(error).__name__)
            text = f"{type(error).__name__}: {error}" if is_error else None
            self._ledger.add(Closed(time.time(), BROKEN if is_error else STOPPED, text))
            raise
        finally:
            if not self._ledger.is_broken:
                self._ledger.commit()

    def _run(self, backend: Backend) -> None:
        while True:
            self._interrupts.check()
            self._update(backend)
            self._send(backend)
            self._answer(backend)
            if self._scheduler.is_finished:
                for worker in self._scheduler.present:
                    backend.send(worker, Stop())  # they leave while the last of their work is stored
                break
            is_laden = self._ledger.has_much
            patience = max(0.0, self._ledger.due - time.monotonic())
            events = backend.events(min(patience, IDLE_SECONDS) if is_laden else patience)
            if is_laden and not events:
                self._ledger.commit(is_last=False)
            self._take(events, backend)
            self._check_failures()

    def _take(self, events: Sequence[Event], backend: Backend) -> None:
        """Let events take effect: on what is stored and shown first, then on who does what."""
        self._ledger.absorb(events)
        for event in events:
            if isinstance(event, TaskDone):
                self._scheduler.handle(event)
                continue
            if isinstance(event, _OF_LEDGER):
                if self._judge is not None and isinstance(event, Ended):
                    self._judge.close(event.experiment)
                continue
            self._scheduler.handle(event)
            if isinstance(event, StartFailed):
                raise StudyError(f"worker {event.worker} could not start: {event.reason}")
            if isinstance(event, Died):
                self._bury(event)
            elif isinstance(event, _SHORTAGES):
                self._note_shortage(event, backend)
            elif isinstance(event, Asks) and self._judge is not None:
                self._judge.ask(event)
            elif isinstance(event, Remark):
                if event.is_warning:
                    warn(self._log, self._progress.name, event.text)
                else:
                    self._log.info("%s", event.text)
        for task in self._scheduler.take_done():
            self._settle(task)

    def _drain(self, backend: Backend) -> None:
        """Let workers say what they have done so far, and begin nothing more."""
        is_over = self._ledger.is_broken or self._scheduler.is_finished  # nobody could say more that counts
        silent = set() if is_over else self._scheduler.present
        for worker in silent:
            backend.send(worker, Revoke(LARGEST_BATCH * 2))
        deadline = time.monotonic() + DRAIN_SECONDS
        with contextlib.suppress(StudyError):  # there is another reason to stop
            while silent and time.monotonic() < deadline:
                events = backend.events(max(0.0, deadline - time.monotonic()))
                self._ledger.absorb(events)
                silent -= {event.worker for event in events if isinstance(event, Revoked | Died)}

    def _check_failures(self) -> None:
        """Give up where too much has gone wrong."""
        n_failures, most = self._ledger.n_failures, self._max_failures
        if most is not None and n_failures >= most:
            raise StudyError(
                f"{n_failures} experiments have failed, were lost or took too long, and "
                f"`max_failures={most}`: see `monitor.exceptions`; run(resume=True) goes on with what has "
                "not run, and with retry_failed=True also with what has failed"
            )

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
        if (
            not due
            or self._admit is None
            or (not self._ledger.is_empty and any(update.wait for update in due))
        ):
            return
        self._ledger.commit()
        from research.results.results import ResearchResults  # most studies ask nothing of it

        results = ResearchResults(self._store)
        generation = self._source.generation + 1
        for update in due:
            try:
                with self._interrupts.allowed():
                    domain = update.call(results)
                walk = None if domain is None else self._admit(domain, generation, update)
            except Exception as error:  # it is the user's function
                text = f"the update of the domain by {update.name} failed: {type(error).__name__}: {error}"
                self._log.error(text, exc_info=error)
                raise StudyError(text) from error
            if domain is not None and walk is not None:
                self._ledger.add(Replaced(self._source.n_items, dict(update.numbers)))
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

    def _send(self, backend: Backend) -> None:
        with self._interrupts.allowed():  # conditions of the domain are the user's functions
            commands = self._scheduler.commands()
        for registered in self._source.take_registered():
            self._ledger.register(registered)
            if self._judge is not None:
                self._judge.open(registered.member.id, registered.member.number)
        for worker, command in commands:
            backend.send(worker, command)
        left_out = self._source.n_duplicates + self._source.n_over
        if left_out != self._n_left_out:
            self._progress.leave_out(left_out - self._n_left_out)
            self._n_left_out = left_out

    def _answer(self, backend: Backend) -> None:
        """Tell experiments that have asked whether they go on, as far as that is known."""
        judge = self._judge
        if judge is None or not judge.n_waiting:
            return
        verdicts = judge.verdicts()
        if not verdicts and judge.n_waiting == self._scheduler.n_at_work:
            self._log.warning("what comes first has to wait for a worker: who is pruned may depend on that")
            verdicts = judge.give_way()
        for worker, verdict in verdicts:
            backend.send(worker, verdict)

    def _bury(self, death: Died) -> None:
        """Take note of how a dead worker ended what it was at; the scheduler has its other tasks."""
        reason = f"worker {death.worker} ended: {death.reason}"
        self._log.warning("%s; another takes its place", reason)
        for task in self._scheduler.take_interrupted():
            self._ledger.restart(task)
        if self._judge is not None:
            self._judge.drop(death.worker)
        for task in self._scheduler.take_lost():
            if self._judge is not None:
                for member in task.members:
                    self._judge.close(member.id)
            if death.status == LOST:
                self._ledger.end(task, LOST, death.worker, reason)
            elif death.status == TIMEOUT:
                self._ledger.end(task, TIMEOUT, death.worker, death.reason)
            else:
                self._ledger.end(task, death.status, death.worker, death.reason, _too_large(death.reason))
            self._settle(task)

    def _settle(self, task: Task) -> None:
        for again in self._ledger.settle(task):
            self._scheduler.repeat(again)
            if self._judge is not None:
                for member in again.members:
                    self._judge.try_again(member.id, member.number)

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


def _too_large(reason: str) -> Failure:
    """Return why an experiment has failed whose worker held too much memory."""
    return Failure("memory_limit", 0, "MemoryError", reason, reason, pickle.dumps(MemoryError(reason)))
