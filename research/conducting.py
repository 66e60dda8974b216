"""One run of a study, from a folder to the last line of its log."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from research import sharding
from research.backends.base import Backend, Blueprint
from research.backends.inline import InlineBackend
from research.backends.processes import ProcessBackend
from research.codes import Codes
from research.definition import check_definition, save_definition, save_domain
from research.domain import Domain
from research.domain.ordering import Walk
from research.driver import Answers, Driver, rare_collections
from research.errors import StudyError
from research.events import PRUNED, Event
from research.experiment.experiment import Experiment
from research.ledger import Ledger
from research.monitoring.environment import Meta, keep_meta
from research.monitoring.log import LOG, close_log, open_log
from research.monitoring.monitor import Monitor
from research.monitoring.progress import Progress
from research.monitoring.summary import tell_beginning, tell_end, tell_stopped, warn
from research.reporting import REPORTS
from research.results.added import describe_added
from research.resuming import Recall, join_settings, stored
from research.scheduling.tries import Tries
from research.settings import RunSettings
from research.sharding import Part
from research.storage.base import Begun, Finishes, Store, Study
from research.storage.folder import EXPERIMENTS
from research.storage.memory import MemoryStore
from research.storage.outputs import Outputs
from research.storage.past import Past, finished_statuses
from research.storage.places import keeps_files
from research.storage.presence import WHOLE, Shard
from research.storage.taking import Taken
from research.tasks import TaskSource, walk_ids
from research.termination import Interrupts
from research.updating import Update
from research.version import __version__

if TYPE_CHECKING:
    from research.pruning.judge import Judge
    from research.pruning.watch import Pruning


class Definition(NamedTuple):
    """What a study is: all that `Research` is made from, to be kept and run again."""

    name: str
    domain: Domain
    experiment: Experiment
    n_configs: int | None
    n_reps: int | None
    repeat_each: int | None
    updates: Sequence[Update]
    pruning: Pruning | None = None

    def walk(self, seed: int) -> Walk:
        """Return the numbering of configs and repetitions."""
        return self.domain.walk(self.n_configs, self.n_reps, self.repeat_each, seed)

    def ids(self, seed: int) -> Iterator[str]:
        """Walk the ids of experiments, as long as nothing replaces the domain."""
        return walk_ids(self.domain, self.walk(seed), seed)


class Plan(NamedTuple):
    """A study that is about to be run, with nothing opened or started yet."""

    definition: Definition
    updates: Sequence[Update]  # of the domain itself, then of the study
    has_root: bool
    settings: RunSettings
    n_iters: int | None
    seed: int
    bar: Any
    meta: Meta
    codes: Codes
    begun: Begun
    earlier: Study | None = None  # as it is stored, where it is gone on with
    retry_failed: bool = False
    shard: Shard = WHOLE


def conduct(
    plan: Plan,
    taken: Taken | None,
    monitor: Monitor,
    begun: Callable[[Store], None],
    interrupts: Interrupts,
) -> None:
    """Run a study and wait for its end.

    Parameters
    ----------
    plan : Plan
    taken : Taken or None
        The study; None to keep results in memory.
    monitor : Monitor
        Told of everything that happens.
    begun : callable
        Called with the store as soon as there is something to read in it.
    interrupts : Interrupts
        Entered by whoever wants them to end the study in order.

    Raises
    ------
    StudyError
        If workers cannot be started, or results cannot be written.
    """
    with ExitStack() as stack:
        _Run(plan, taken, stack, interrupts).conduct(monitor, begun)


class _Run:
    """What is open while a study runs; the stack closes it."""

    def __init__(self, plan: Plan, taken: Taken | None, stack: ExitStack, interrupts: Interrupts) -> None:
        self._interrupts = interrupts
        self._plan = plan
        self._taken = taken
        self._stack = stack
        if taken is None:
            self._folder = Path(tempfile.mkdtemp(prefix="research-"))
            stack.callback(shutil.rmtree, self._folder, ignore_errors=True)
        else:
            self._folder = taken.place.folder
        self._place = None if taken is None else taken.place
        self._keeps_files = keeps_files(self._place)  # of objects, and of what is printed
        given = (plan.settings.n_digits, stored(plan.earlier, "id_digits"), plan.definition.domain.n_digits)
        self._n_digits = next(number for number in given if number is not None)
        self._walk = plan.definition.walk(plan.seed)

    def conduct(self, monitor: Monitor, begun: Callable[[Store], None]) -> None:
        plan, settings, definition = self._plan, self._plan.settings, self._plan.definition
        size, name, n_iters = self._walk.size, definition.name, plan.n_iters
        n_digits = self._n_digits
        own_size = sharding.own_size(plan.shard, size)
        workers = settings.workers_for(None if plan.updates else own_size)

        def absorb(events: Sequence[Event]) -> None:
            with self._interrupts.deferred():
                ledger.absorb(events, at_once=True)

        if any(unit.is_program for unit in definition.experiment.units.values()):
            from research.experiment.external import end_programs

            self._stack.callback(end_programs, REPORTS, f"{self._folder / EXPERIMENTS}/")
        judge = None if definition.pruning is None else _judge(definition.pruning)
        backend = self._backend(absorb, judge)
        backend.start(self._blueprint(), workers)  # before anything is opened: workers are forks of this
        log = open_log(None if self._place is None else self._folder / LOG, settings.loglevel)
        self._stack.callback(close_log, log)
        has_units = bool(definition.experiment.units)
        n_workers = "a varying number of" if settings.grows else len(workers)
        tell_beginning(log, name, plan.seed, own_size, n_workers, has_units, bool(plan.updates))
        if settings.cluster is not None:
            log.info("workers are on a cluster: %r", settings.cluster)
        remark = definition.pruning and definition.pruning.remark(definition.experiment.variables)
        for text in (*settings.remarks, *plan.codes.remarks, *([remark] if remark else ())):
            log.warning(text)
        if self._taken is not None and not self._taken.is_guarded:
            log.warning("%r cannot be locked: nothing keeps other machines from running this study", name)
        store = MemoryStore() if self._taken is None else self._taken.open(self._stack, log.warning)
        if self._place is not None and not self._keeps_files:
            log.info(
                "%s is kept in %s; %s has its log, and files of experiments", name, self._place, self._folder
            )
        past = Past() if plan.earlier is None else self._past(store)
        before = {} if plan.earlier is None else plan.earlier.settings
        part, shards = None, {}
        if plan.shard == WHOLE:
            past.next_key, past.n_groups = sharding.beyond(past, before)
        else:
            part, shards["shards"] = self._allot(past, before)
            past.n_groups = part.first_group
        store.begin(self._describe(past, shards), plan.earlier is not None)
        store.write([plan.begun])
        keep_meta(plan.meta, self._place, log)
        if plan.earlier is not None:
            log.info("study %r is gone on with: %s", name, past)
        monitor.take_past(past.counts, past.failed)
        in_groups = plan.has_root or bool(settings.branches_configs)
        source = TaskSource(
            definition.domain,
            self._walk,
            plan.seed,
            settings.n_branches,
            plan.updates,
            n_digits,
            past,
            in_groups,
            plan.codes.id,
            part,
        )
        progress = Progress(plan.bar, name, own_size, n_iters)
        self._stack.callback(progress.close)
        if self._taken is not None:
            self._taken.keep()
        begun(store)
        outputs = Outputs(None if self._place is None else self._folder, settings.redirect, self._keeps_files)
        tries = Tries(settings.retries, in_groups)
        ledger = Ledger(store, monitor, progress, log, outputs, tries, plan.earlier is not None)
        recall = None
        if plan.earlier is not None and self._place is not None:
            recall = self._recall(Recall(self._place, plan.earlier, past))
        if judge is not None and plan.earlier is not None:
            from research.pruning.past import recall_reached

            own = None if part is None else part.has_key  # who runs another part is not compared with
            judge.recall(recall_reached(store, judge.pruning, own))
        driver = Driver(
            source,
            store,
            ledger,
            len(workers),
            progress,
            log,
            self._admit,
            recall,
            settings.max_failures,
            judge,
            self._interrupts,
        )

        def save() -> None:
            problem = None if self._place is None else save_definition(self._place, definition._asdict())
            if problem is not None:
                log.warning("the definition was not saved, Research.load will give results only: %s", problem)

        try:
            # units that run in this process find the collector as it was
            with rare_collections() if settings.is_parallel else nullcontext(), self._interrupts.deferred():
                driver.run(backend, save)
        except StudyError as error:
            log.error("study %r was broken off: %s", name, error)
            raise
        except KeyboardInterrupt:
            progress.close()
            tell_stopped(name, monitor, self._place is not None)
            raise
        finally:
            if not ledger.is_broken:
                log.info("study %r ended: %s", name, monitor.counts)
        progress.close()
        path = None if self._place is None else Path(name) / LOG
        tell_end(log, name, monitor, source.n_duplicates, path)
        if definition.pruning is not None and PRUNED not in monitor.counts:
            from research.pruning.past import remark_unsaved

            unsaved = remark_unsaved(store, definition.pruning)
            if unsaved is not None:
                warn(log, name, unsaved)

    def _past(self, store: Store) -> Past:
        """Return what earlier runs have left."""
        statuses = finished_statuses(self._plan.retry_failed)
        snapshot = store.read(finished=Finishes(statuses, self._plan.codes.again))
        return Past(snapshot.finished, snapshot.experiments, statuses, lambda: store.read().experiments)

    def _backend(self, interim: Callable[[Sequence[Event]], None], judge: Judge | None) -> Backend:
        settings = self._plan.settings
        backend: Backend
        if settings.cluster is not None:
            n_workers = len(settings.workers)
            backend = settings.cluster.backend(
                n_workers, settings.n_threads, settings.n_branches, settings.grows
            )
        elif settings.is_parallel:
            backend = ProcessBackend(settings.start_method)
        else:
            ask = None if judge is None else judge.answer
            backend = InlineBackend(interim, self._interrupts.allowed, ask)
        self._stack.callback(backend.close)
        return backend

    def _blueprint(self) -> Blueprint:
        plan, settings = self._plan, self._plan.settings
        return Blueprint(
            experiment=plan.definition.experiment,
            domains=(plan.definition.domain.without_replacements(),),
            seed=plan.seed,
            n_iters=plan.n_iters,
            executor_class=settings.executor_class,
            executor_target=settings.target,
            branches_configs=settings.branches_configs,
            finalize=settings.finalize,
            debug=settings.debug,
            folder=self._folder,
            isolation=settings.isolation,
            memory_check=settings.memory_check,
            profile=settings.profile,
            captures=(bool(settings.redirect[0]), bool(settings.redirect[1])),
            limits=settings.limits,
            seed_libraries=settings.seed_libraries,
            keeps_objects=self._keeps_files,
            pruning=plan.definition.pruning,
        )

    def _admit(self, domain: Domain, generation: int, update: Update) -> Walk:
        """Check a domain that is to replace the present one; return its walk."""
        check_definition(domain, self._plan.definition.experiment, self._plan.settings.added)
        if self._place is not None:
            save_domain(self._place, generation, domain)
        return domain.walk(**update.numbers, default_seed=self._plan.seed, generation=generation)

    def _recall(self, recall: Recall) -> Answers:
        """Return what tells the driver the answers of updates that earlier runs have had."""

        def answer(generation: int, n_items: int) -> tuple[Domain, Walk] | bool:
            if recall.is_kept(generation, n_items):
                return True
            known = recall.next_domain(generation)
            if known is None:
                return False
            domain, numbers = known
            seed = self._plan.seed
            return domain, domain.walk(**numbers, default_seed=seed, generation=generation + 1)

        return answer

    def _allot(self, past: Past, before: Mapping[str, Any]) -> tuple[Part, dict[str, Any]]:
        """Return what this run takes of the domain, and what is to be kept of that."""
        ids = self._plan.definition.ids(self._plan.seed)
        walk = sharding.describe_walk(self._plan.definition.domain, self._walk, ids)
        return sharding.allot(self._plan.shard, walk, self._walk.size or 0, past, before)

    def _describe(self, past: Past, shards: Mapping[str, Any]) -> Study:
        plan, settings, definition = self._plan, self._plan.settings, self._plan.definition
        slots = range(settings.n_branches)
        described: dict[str, Any] = {
            "parameters": list(definition.domain.names),
            "variables": definition.experiment.variables,
            "n_configs": definition.n_configs,
            "n_reps": definition.n_reps,
            "repeat_each": definition.repeat_each,
            "n_iters": plan.n_iters,
            "size": None if plan.updates else self._walk.size,
            "workers": len(settings.workers),
            "branches": settings.n_branches,
            "profile": settings.profile,
            "added": [
                describe_added(
                    settings.workers_configs,
                    settings.branches_configs,
                    [spec.devices for spec in settings.workers],
                    [[spec.device(slot) for slot in slots] for spec in settings.workers],
                    past.n_groups,
                )
            ],
            "redirect": list(settings.redirect),
            "seed_libraries": settings.seed_libraries,
            "defaults": {path: json.loads(text) for path, text in definition.domain.default_texts.items()},
            "id_digits": self._n_digits,
            "code": plan.codes.settings,
            **shards,
        }
        if plan.earlier is not None:
            described = join_settings(described, plan.earlier.settings)
        return Study(definition.name, time.time(), plan.seed, __version__, repr(definition.domain), described)


def _judge(pruning: Pruning) -> Judge:
    from research.pruning.judge import Judge  # most studies prune nothing

    return Judge(pruning)
