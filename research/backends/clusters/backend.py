"""Workers on a cluster: the driver's side, the same for every engine."""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import threading
import time
from collections.abc import Coroutine, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from research.backends.base import Blueprint, WorkerSpec
from research.backends.clusters.agent import Begin, Kill
from research.backends.clusters.engine import Engine, UnfitError
from research.backends.clusters.files import FilePart, Folders, Receiver
from research.backends.clusters.slots import AT_FIRST, Mailbox, Slot
from research.backends.parcels import Parcel, pickled_domain
from research.domain import Domain
from research.errors import StudyError, cannot_write
from research.events import (
    Command,
    Died,
    Event,
    Member,
    Ready,
    Remark,
    Replace,
    Retired,
    Revoked,
    Run,
    StartFailed,
    Task,
    TaskDone,
)
from research.storage.folder import EXPERIMENTS

WAIT_SECONDS = 5.0  # without a place for any worker, after which the log says so
LOOK_SECONDS = 2.0  # between two looks at how large the cluster is
_CLOSE_SECONDS = 10.0
_MOST_MESSAGES = 64  # that are read at once
_REST_SECONDS = 1.0  # for what an engine has left in the loop
_HOW_TO_SEND = (
    "workers of the cluster lack a module that the study needs: send it there, by `Client.upload_file` of "
    "Dask or the `runtime_env` of Ray, or install it"
)


class ClusterBackend:
    """See `research.backends.base.Backend`.

    Parameters
    ----------
    engine : Engine
    n_threads : int
        That numeric libraries of a worker may use.
    n_branches : int
    most_files : int
        Bytes of the files of one experiment that are sent back.
    patience : float
        Seconds after which an agent that does not answer is given up, as it gives up a driver that is silent.
    grows : bool, default False
        Whether there are as many workers as the cluster has room for; else as many as `start` is given.
    """

    def __init__(
        self,
        engine: Engine,
        n_threads: int,
        n_branches: int,
        most_files: int,
        patience: float,
        grows: bool = False,
    ) -> None:
        self._engine = engine
        self._n_threads = n_threads
        self._n_branches = n_branches
        self._most_files = most_files
        self._patience = patience
        self._grows = grows
        self._loop = asyncio.new_event_loop()
        self._thread: threading.Thread | None = None
        self._said = Mailbox()
        self._jobs: list[Future[None]] = []
        self._slots: list[Slot] = []
        self._parcels: list[Parcel] = []
        self._blueprint: Blueprint | None = None
        self._domains: dict[int, Domain] = {}
        self._replaced: dict[int, bytes] = {}  # commands that agents to come need, too
        self._experiments = Path()
        self._receiver = Receiver(self._experiments)

    def start(self, blueprint: Blueprint, workers: Sequence[WorkerSpec]) -> None:
        self._blueprint = blueprint
        self._domains = dict(enumerate(blueprint.domains))
        parcel = Parcel.pack(blueprint, workers)
        self._parcels = [parcel.only(spec) for spec in workers]
        self._experiments = blueprint.folder / EXPERIMENTS
        self._receiver = Receiver(self._experiments)
        self._thread = threading.Thread(target=self._loop.run_forever, name="research-cluster", daemon=True)
        self._thread.start()
        try:
            self._call(self._engine.connect())
        except UnfitError as error:
            self.close()
            raise StudyError(str(error)) from error.__cause__
        self._widen(len(workers))
        for job in (self._tell_waiting(), *((self._grow(),) if self._grows else ())):
            self._jobs.append(asyncio.run_coroutine_threadsafe(job, self._loop))

    def _call(self, coroutine: Coroutine[Any, Any, Any], seconds: float | None = None) -> Any:
        """Run something in the loop, and wait for it."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(seconds)

    def _widen(self, n_workers: int) -> None:
        while len(self._slots) < n_workers:
            worker = len(self._slots)
            parcel = self._parcels[min(worker, len(self._parcels) - 1)]
            begin = Begin(worker, parcel, self._n_threads, self._n_branches, self._most_files, self._patience)
            slot = Slot(begin, self._engine, self._loop, self._said, self._replaced)
            self._slots.append(slot)
            asyncio.run_coroutine_threadsafe(slot.serve(), self._loop)

    async def _grow(self) -> None:
        """Have as many slots as there is room; the places of those that go stay open for others that come."""
        while True:
            with contextlib.suppress(Exception):  # the engine is out of reach: it may come back
                self._widen(await self._engine.room())
            await asyncio.sleep(LOOK_SECONDS)

    async def _tell_waiting(self) -> None:
        """Say in the log if workers have to wait for places."""
        await asyncio.sleep(WAIT_SECONDS)
        n_placed = sum(slot.is_placed for slot in self._slots)
        if n_placed < len(self._slots):
            room = None
            with contextlib.suppress(Exception):
                room = await self._engine.room()
            text = (
                f"{len(self._slots) - n_placed} of {len(self._slots)} workers wait for a place"
                f"{'' if room is None else f'; the cluster has room for {room}'}"
            )
            self._said.put((0, 0, Remark(text, n_placed == 0)))

    def send(self, worker: int, command: Command) -> None:
        if isinstance(command, Replace):
            self._replace(command)
        elif worker < len(self._slots):
            slot = self._slots[worker]
            if isinstance(command, Run):
                slot.sent.update((task.number, task) for task in command.tasks)
                for part in self._parents_of(slot, command.tasks):
                    slot.tell(pickle.dumps(part, protocol=5))
            slot.tell(pickle.dumps(command, protocol=5))

    def _replace(self, command: Replace) -> None:
        """Tell all workers, and remember it for those to come; called once for each of them."""
        if command.generation in self._replaced:
            return
        self._domains[command.generation] = command.domain
        message = pickle.dumps(Replace(command.generation, pickled_domain(command.domain)), protocol=5)
        self._replaced[command.generation] = message
        for slot in list(self._slots):
            slot.tell(message, also_unready=True)

    def _parents_of(self, slot: Slot, tasks: Sequence[Task]) -> list[FilePart]:
        """Return the folders of the experiments from which those of tasks were bred."""
        parts: list[FilePart] = []
        for task in tasks:
            for member in task.members:
                name = self._parent_name(member)
                if name is not None and name not in slot.provided:
                    slot.provided.add(name)
                    parts.extend(Folders(self._experiments).parts(name))
        return parts

    def _parent_name(self, member: Member) -> str | None:
        domain, blueprint = self._domains[member.generation], self._blueprint
        if blueprint is None or not domain.has_parents:
            return None
        stream = domain.stream(blueprint.seed, member.generation)
        config = domain.point(member.key, stream, member.pass_, member.places).config
        parents = domain.parents(config.canonical, member.repetition)
        return blueprint.find_folder(parents[0], member.prefix is not None).name if parents else None

    def events(self, timeout: float) -> Sequence[Event]:
        events: list[Event] = []
        deadline = time.monotonic() + timeout
        for _ in range(_MOST_MESSAGES):  # so that what has come is stored in time
            taken = self._said.take(0.0 if events else max(0.0, deadline - time.monotonic()))
            if taken is None:
                return events
            worker, life, said = taken
            if isinstance(said, StudyError):
                raise said
            slot = self._slots[worker]
            for event in pickle.loads(said) if isinstance(said, bytes) else [said]:
                if isinstance(event, FilePart):
                    self._keep(event)
                elif not isinstance(event, Died) or slot.is_ready:  # else nobody has heard of it
                    events.append(self._noted(slot, life, event))
        return events

    def _keep(self, part: FilePart) -> None:
        try:
            self._receiver.take(part)
        except OSError as error:
            raise cannot_write(f"{EXPERIMENTS}/{part.folder}/{part.path}", error, len(part.data)) from error

    def _noted(self, slot: Slot, life: int, event: Event) -> Event:
        """Take note of what a worker still has to do; say at which task one died that is out of reach."""
        if isinstance(event, Ready):
            if life != slot.ready_life:
                slot.provided.clear()  # another agent, perhaps on another machine
            slot.is_ready, slot.ready_life = True, life
        elif isinstance(event, StartFailed) and "ModuleNotFoundError" in event.reason:
            event = event._replace(reason=f"{event.reason.rstrip()}\n{_HOW_TO_SEND}")
        elif isinstance(event, TaskDone):
            slot.sent.pop(event.number, None)
        elif isinstance(event, Revoked):
            for task in event.tasks:
                slot.sent.pop(task.number, None)
        elif isinstance(event, Died | Retired):
            if isinstance(event, Died) and event.task == AT_FIRST:
                event = event._replace(task=next(iter(slot.sent), None))
            slot.sent.clear()
            slot.is_ready = False
        return event

    def kill(self, worker: int, grace: float) -> None:
        self._slots[worker].tell(pickle.dumps(Kill(grace), protocol=5))

    def close(self) -> None:
        thread, self._thread = self._thread, None
        if thread is None:
            return
        with contextlib.suppress(Exception):
            self._call(self._leave(), _CLOSE_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        thread.join(_CLOSE_SECONDS)
        if not thread.is_alive():
            self._loop.close()
        self._receiver.close()

    async def _leave(self) -> None:
        for job in self._jobs:
            job.cancel()
        await asyncio.gather(*(slot.leave() for slot in self._slots), return_exceptions=True)
        await self._engine.close()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:  # of the engine's: what they wait for would be missed, and told on stderr
            task.cancel()
        await asyncio.wait_for(asyncio.gather(*rest, return_exceptions=True), _REST_SECONDS)
