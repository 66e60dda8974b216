"""Dask: the driver's side of agents that are tasks; see `dasktasks`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import pickle
import re
import socket
import time
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from research.backends.clusters import dasktasks
from research.backends.clusters.dasktasks import HANDLER, TOPIC, visible_devices
from research.backends.clusters.engine import Hello, LostError, Needs, UnfitError

_LEAVE_SECONDS = 3.0  # that an agent has to end its worker
_SLOW_SECONDS = 10.0  # beyond what it was to take, after which a call is made again
_SCHEDULER_SECONDS = 10.0  # for the scheduler to say which workers it has
_LOOK_SECONDS = 0.1
_TRIES = 3
_KNOCK_SECONDS = 5.0  # that a scheduler may take to begin, if its machine says that there is none


class DaskEngine:
    """See `research.backends.clusters.engine.Engine`.

    Parameters
    ----------
    address : str, Client, cluster or None
        Of a scheduler, or what knows it. None: a cluster in this process.
    needs : Needs
    n_workers : int
        Of the cluster in this process.
    patience : float
        Seconds for the scheduler to answer, and to come back when the connection to it is lost.
    """

    def __init__(self, address: Any, needs: Needs, n_workers: int, patience: float) -> None:
        self._address, self._security = _read_address(address)
        self._needs = needs
        self._n_workers = n_workers
        self._patience = patience
        self._found = ""  # where it is
        self._cluster: Any = None
        self._client: Any = None
        self._greetings: dict[str, asyncio.Future[Mapping[str, Any]]] = {}

    async def connect(self) -> None:
        from distributed import Client, LocalCluster

        await _knock(self._address, min(_KNOCK_SECONDS, self._patience))
        try:
            if self._address is None:
                # in this process, as agents have processes for their workers: a script needs no guard
                self._cluster = await LocalCluster(
                    n_workers=1,
                    threads_per_worker=self._n_workers,
                    processes=False,
                    asynchronous=True,
                    dashboard_address=":0",  # none would be the usual one, which may be taken
                    memory_limit=0,
                    silence_logs=logging.CRITICAL,  # what matters is in the log of the study
                    resources=_resources_here(self._needs, self._n_workers),
                )
            for tries_left in reversed(range(_TRIES)):
                self._client = Client(
                    self._cluster or self._address,
                    asynchronous=True,
                    set_as_default=False,
                    timeout=self._patience,
                    security=None if self._cluster else self._security,
                    name="research",
                )
                try:
                    await self._client
                    break
                except AssertionError:  # of Dask, where a scheduler that is busy greets with more than that
                    await self._client.close()
                    if not tries_left:
                        raise
        except (OSError, TimeoutError) as error:
            raise _no_scheduler(self._address, error) from error
        self._found = self._client.scheduler.address
        await self._check_resources()

    def _note(self, event: tuple[float, Mapping[str, Any]]) -> None:
        """Take note of where an agent is that has just begun."""
        _, greeting = event
        future = self._greetings.get(greeting["key"])
        if future is not None and not future.done():
            future.set_result(greeting)

    async def _workers(self) -> Mapping[str, Mapping[str, Any]]:
        found = await self._client.scheduler.identity(n_workers=-1)
        workers: Mapping[str, Mapping[str, Any]] = found["workers"]
        return workers

    async def _check_resources(self) -> None:
        """Refuse what no worker of Dask has: tasks that want it would wait for ever."""
        workers = (await self._workers()).values()
        wanted = dict(self._needs.resources)
        if workers and not any(_fits(worker, wanted) for worker in workers):
            had = sorted({str(worker["resources"]) for worker in workers})
            options = " ".join(f"{name}={amount:g}" for name, amount in wanted.items())
            raise UnfitError(
                f"no worker of the cluster has the resources {wanted}, they have {', '.join(had)}: start "
                f"workers that say so, by `dask worker --resources {options!r}`, or ask for others"
            )

    async def room(self) -> int:
        wanted = dict(self._needs.resources)
        workers = (await self._workers()).values()
        return sum(_fits(worker, wanted) for worker in workers if worker["status"] == "running")

    async def _be_connected(self) -> None:
        """Wait until the scheduler is there, unless it has been away for too long."""
        while self._client.status == "connecting":
            await asyncio.sleep(_LOOK_SECONDS)
        if self._client.status != "running":
            raise UnfitError(
                f"the scheduler of Dask at {self._found} cannot be reached any more: "
                "run(resume=True) goes on with the study, on whichever cluster, or by processes of this "
                "machine"
            )

    async def place(self, worker: int) -> _DaskPlaced:
        await self._be_connected()
        self._client.subscribe_topic(TOPIC, self._note)  # (which a new connection does not know)
        key = f"research-agent-{worker}-{uuid4().hex}"
        greeted = self._greetings[key] = asyncio.get_running_loop().create_future()
        gpus = dict(self._needs.resources).get("GPU", 0.0)
        # a name that cannot be imported where a task is unpickled would end that worker of Dask, and bytecode
        # would if its Python is another: so it gets a text, whose errors are those of a task
        future = self._client.submit(
            eval,
            f"__import__('importlib').import_module({dasktasks.__name__!r}).serve({key!r}, {gpus!r})",
            key=key,
            pure=False,
            retries=0,
            resources=dict(self._needs.resources) or None,
        )
        ended = asyncio.ensure_future(future.exception())
        try:
            await asyncio.wait([greeted, ended], return_when=asyncio.FIRST_COMPLETED)
            if not greeted.done():
                raise self._unfit(ended)
            greeting = greeted.result()
            address, hello = greeting["address"], Hello(*greeting["hello"])
            hello = hello._replace(host=f"{hello.host} ({address})")
            return _DaskPlaced(self._client, future, key, address, hello)
        except BaseException:
            with contextlib.suppress(Exception):
                await future.cancel(force=True)
            raise
        finally:
            self._greetings.pop(key, None)
            ended.cancel()
            await asyncio.gather(ended, return_exceptions=True)

    @staticmethod
    def _unfit(ended: asyncio.Future[Any]) -> Exception:
        """Return what to make of an agent that has ended before it began."""
        try:
            error = ended.result()
        except asyncio.CancelledError:
            error = None
        if isinstance(error, UnfitError):
            return error
        if isinstance(error, ImportError):
            return UnfitError(
                f"workers of the cluster cannot import this library ({error}): install it there as well"
            )
        return LostError(f"{type(error).__name__}: {error}")

    async def close(self) -> None:
        for item in (self._client, self._cluster):
            if item is not None:
                with contextlib.suppress(Exception):
                    await item.close()


class _DaskPlaced:
    """See `research.backends.clusters.engine.Placed`."""

    def __init__(self, client: Any, future: Any, key: str, address: str, hello: Hello) -> None:
        self._client = client
        self._future = future
        self._key = key
        self._address = address
        self._is_doubtful = False  # whether the last call has failed
        self.hello = hello

    async def tell(self, first: int, pieces: Sequence[bytes]) -> None:
        from distributed.protocol import to_serialize

        await self._call(first=first, messages=to_serialize(pickle.dumps(list(pieces))))

    async def hear(self, position: int, seconds: float) -> Sequence[bytes] | None:
        call = self._call(position=position, seconds=seconds)
        answer = await asyncio.wait_for(call, seconds + _SLOW_SECONDS)
        if answer is None:
            return None
        said: list[bytes] = pickle.loads(answer["said"])
        return said

    async def _call(self, **call: Any) -> Mapping[str, Any] | None:
        """Call the agent by way of the scheduler, as clients need not reach workers; None if it is over."""
        if self._client.status == "closed":
            raise LostError("the scheduler of Dask cannot be reached any more")
        if self._future.status in ("lost", "error", "cancelled"):
            raise LostError(f"its task is {self._future.status}, as Dask says")
        if self._is_doubtful:
            await self._look()
        message = {"op": HANDLER, "key": self._key, **call}
        try:
            scheduler = self._client.scheduler
            answer: Mapping[str, Any] = await scheduler.proxy(worker=self._address, msg=message)
        except BaseException:
            self._is_doubtful = True
            raise
        self._is_doubtful = False
        return None if answer["status"] == "gone" else answer

    async def _look(self) -> None:
        """See whether the scheduler still has the worker: it knows at once of processes that are killed."""
        known = self._client.scheduler.identity(n_workers=-1)
        workers = (await asyncio.wait_for(known, _SCHEDULER_SECONDS))["workers"]
        if self._address in workers:
            return
        events = await self._client.scheduler.events(topic=self._address)
        if any(event.get("status") == "closing_gracefully" for _, event in events):
            raise LostError("Dask has retired the worker that it was on", in_order=True)
        raise LostError("Dask has lost the worker that it was on")

    async def discard(self) -> None:
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self._call(is_over=True), _LEAVE_SECONDS)
            await asyncio.wait_for(self._future.exception(), _LEAVE_SECONDS)
        with contextlib.suppress(Exception):
            await self._future.cancel(force=True)


def _resources_here(needs: Needs, n_workers: int) -> dict[str, float]:
    """Return what a cluster in this process has: the devices and memory of this machine, and all else."""
    import psutil

    resources = {name: amount * n_workers for name, amount in needs.resources}
    for name in resources:
        if name == "GPU":
            resources[name] = float(len(visible_devices() or ()))
        elif name.lower() == "memory":
            resources[name] = float(psutil.virtual_memory().total)
    return resources


def _fits(worker: Mapping[str, Any], wanted: Mapping[str, float]) -> int:
    """Return how many agents a worker of Dask has room for."""
    has = worker["resources"]
    rooms = [int(has.get(name, 0) // amount) for name, amount in wanted.items() if amount]
    return min([int(worker["nthreads"]), *rooms])


async def _knock(address: str | None, seconds: float) -> None:
    """See whether anybody takes connections, so far as that can be seen: Dask tries for long to be taken."""
    found = re.fullmatch(r"(?:tcp|tls)://(.+):(\d+)", address or "")
    if found is None:
        return
    deadline = time.monotonic() + seconds
    while True:
        try:
            _, writer = await asyncio.open_connection(found[1].strip("[]"), int(found[2]))
            writer.close()
            return
        except socket.gaierror as error:
            raise _no_scheduler(address, error) from error
        except ConnectionRefusedError as error:
            if time.monotonic() > deadline:
                raise _no_scheduler(address, error) from error
        except OSError:  # whatever else: let Dask see
            return
        await asyncio.sleep(_LOOK_SECONDS)


def _no_scheduler(address: Any, error: BaseException) -> UnfitError:
    return UnfitError(
        f"there is no scheduler of Dask at {address!r}: {type(error).__name__}: {error}; start one by `dask "
        "scheduler`, or leave `address` out for a cluster on this machine"
    )


def _read_address(address: Any) -> tuple[str | None, Any]:
    """Return the address of a scheduler, and how to speak with it."""
    if isinstance(address, str):
        if "://" not in address and not re.search(r":\d+$", address):
            raise ValueError(
                f"`address` must be that of a scheduler of Dask, as in 'tcp://10.0.0.1:8786', got {address!r}"
            )
        return address if "://" in address else f"tcp://{address}", None
    if address is None:
        return None, None
    found = getattr(address, "scheduler_address", None)  # of a cluster
    if not found:
        scheduler = getattr(address, "scheduler", None)  # of a client
        found = getattr(scheduler, "address", None)
    if not isinstance(found, str):
        raise TypeError(
            "`address` must be that of a scheduler of Dask, as in 'tcp://10.0.0.1:8786', a Client, or a "
            f"cluster, got {address!r}"
        )
    return found, getattr(address, "security", None)
