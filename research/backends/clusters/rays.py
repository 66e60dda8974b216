"""Ray: an agent is an actor, which keeps the resources that it was promised for as long as it lives."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from research.backends.clusters.agent import Agent
from research.backends.clusters.engine import Hello, LostError, Needs, UnfitError
from research.backends.clusters.raylinks import Link, local_cluster, within

_MOST_CALLS = 16  # that an agent answers at once: it hears while it is told
_LEAVE_SECONDS = 3.0  # that an agent has to end its worker, and its process to end
_LOOK_SECONDS = 2.0  # between two looks at whether the cluster is there
_MOST_PATIENCE = 40.0  # Ray itself ends a process that has been without the head of its cluster for a minute


class RayAgent:
    """An agent in an actor of Ray, which ends with the driver that has made it.

    Parameters
    ----------
    n_gpus : int
        How many devices it has.
    """

    def __init__(self, n_gpus: int) -> None:
        import ray

        devices = [str(number) for number in ray.get_gpu_ids()] if n_gpus else []
        self._agent = Agent(devices)
        self._thread = threading.Thread(target=self._agent.run, daemon=True)
        self._thread.start()

    async def hello(self) -> tuple[str, ...]:
        """Say which versions are here; the one method that an agent of another version may be asked."""
        return tuple(self._agent.hello)

    async def where(self) -> tuple[str, int]:
        """Say which node this is, and which process."""
        import ray

        return ray.get_runtime_context().get_node_id(), os.getpid()

    async def tell(self, first: int, messages: Sequence[bytes]) -> None:
        """See `Placed`."""
        self._agent.tell(first, messages)

    async def hear(self, position: int, seconds: float) -> list[bytes] | None:
        """See `Placed`."""
        return await self._agent.hear(position, seconds)

    async def end(self) -> None:
        """End the worker."""
        self._agent.close()
        await asyncio.to_thread(self._thread.join, _LEAVE_SECONDS)


class RayEngine:
    """See `research.backends.clusters.engine.Engine`.

    Parameters
    ----------
    address : str or None
        None: the cluster that this process is connected to, else one on this machine.
    needs : Needs
    n_workers : int
        Of the cluster on this machine.
    runtime_env : dict
        What workers need, in Ray's words.
    patience : float
        Seconds after which a cluster that cannot be reached is given up.
    """

    def __init__(
        self,
        address: str | None,
        needs: Needs,
        n_workers: int,
        runtime_env: Mapping[str, Any],
        patience: float,
    ) -> None:
        self._needs = needs
        self._wanted = _options(needs)
        self._runtime_env = dict(runtime_env)
        self._patience = min(patience, _MOST_PATIENCE)
        self._link = Link(address, local_cluster(self._wanted, n_workers), runtime_env)
        self._kind: Any = None  # of actors
        self._lost: asyncio.Future[str] | None = None  # why the cluster is given up
        self._watch: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        await self._link.open()
        import ray

        options: dict[str, Any] = {**self._wanted, "max_concurrency": _MOST_CALLS, "max_restarts": 0}
        if self._runtime_env and not self._link.is_own:  # else all of them have it
            options["runtime_env"] = self._runtime_env
        try:
            self._kind = ray.remote(RayAgent).options(**options)
        except (TypeError, ValueError) as error:
            raise UnfitError(f"Ray refuses what workers are to have: {error}") from error
        await self._check_resources(ray)
        self._lost = asyncio.get_running_loop().create_future()
        self._watch = asyncio.create_task(self._look_at_head(self._lost))

    async def _check_resources(self, ray: Any) -> None:
        """Refuse what no node has: actors that want it would wait for ever."""
        try:
            nodes = await within(self._patience, lambda: _nodes(ray))
        except TimeoutError as error:
            raise UnfitError(
                f"the head of the cluster has not said within {self._patience:g} seconds which nodes there "
                "are: it may stand still, or this process may have lost its connection, of which "
                "`ray.shutdown()` and another try make a new one"
            ) from error
        if any(_fits(node, self._wanted) for node in nodes) or _grows_by_itself(ray):
            return
        had = sorted({str({name: node[name] for name in sorted(node) if ":" not in name}) for node in nodes})
        raise UnfitError(
            f"no node of the cluster has the resources {dict(self._needs.resources)}, they have "
            f"{', '.join(had)} ('memory' in bytes): ask for others, or start nodes that have them, by "
            "`ray start --resources` or `--num-gpus`"
        )

    async def _look_at_head(self, lost: asyncio.Future[str]) -> None:
        """Give up a cluster whose head cannot be reached for long: Ray would end this process."""
        seen = time.monotonic()
        while True:
            await asyncio.sleep(min(_LOOK_SECONDS, self._patience / 4))
            objection = await self._link.objection()
            if objection is None:
                seen = time.monotonic()
            elif time.monotonic() - seen > self._patience:
                lost.set_result(
                    f"the head of the cluster has not been reached for {self._patience:g} seconds "
                    f"({objection}); what has been stored is whole: run(resume=True) goes on, with another "
                    "cluster or none"
                )
                return

    async def room(self) -> int:
        import ray

        nodes = await within(self._patience, lambda: _nodes(ray))
        return sum(_fits(node, self._wanted) for node in nodes)

    async def place(self, worker: int) -> _RayPlaced:
        import ray

        placed = _RayPlaced(self._kind.remote(self._needs.n_gpus), self._lost)
        try:
            await placed.greet()
        except BaseException as error:
            placed.kill()
            if isinstance(error, ray.exceptions.RuntimeEnvSetupError):
                raise UnfitError(f"Ray cannot make the surroundings of workers: {error}") from error
            if isinstance(error, ray.exceptions.RayError):
                raise _no_place(error) from error
            raise
        return placed

    async def close(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        await self._link.close()


class _RayPlaced:
    """See `research.backends.clusters.engine.Placed`.

    Parameters
    ----------
    actor : handle of a RayAgent
    lost : Future of str
        Why the cluster is given up, when it is.
    """

    hello: Hello

    def __init__(self, actor: Any, lost: asyncio.Future[str] | None) -> None:
        self._actor = actor
        self._lost = lost
        self._node = ""
        self._process = 0

    async def greet(self) -> None:
        """Wait until it is there."""
        self.hello = Hello(*await self._answer(self._actor.hello.remote()))
        if self.hello.objection() is None:
            self._node, self._process = await self._answer(self._actor.where.remote())

    async def tell(self, first: int, messages: Sequence[bytes]) -> None:
        await self._ask(self._actor.tell.remote(first, list(messages)))

    async def hear(self, position: int, seconds: float) -> Sequence[bytes] | None:
        said: list[bytes] | None = await self._ask(self._actor.hear.remote(position, seconds))
        return said

    async def _ask(self, call: Any) -> Any:
        import ray

        try:
            return await self._answer(call)
        except ray.exceptions.ActorDiedError as error:
            raise LostError(_short(error)) from error

    async def _answer(self, call: Any) -> Any:
        """Return the answer to a call, unless the cluster is given up before it comes."""
        answer = asyncio.ensure_future(call)
        if self._lost is None:
            return await answer
        try:
            await asyncio.wait([answer, self._lost], return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                raise UnfitError(self._lost.result())
            return answer.result()
        finally:
            answer.cancel()

    def kill(self) -> None:
        """Let Ray end it, whatever it does."""
        import ray

        if self._lost is None or not self._lost.done():  # else this waits for a minute
            with contextlib.suppress(Exception):
                ray.kill(self._actor)

    async def discard(self) -> None:
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self._answer(self._actor.end.remote()), _LEAVE_SECONDS)
        self.kill()
        with contextlib.suppress(Exception):  # it is said of an actor that is dead
            await asyncio.wait_for(self._answer(self._actor.hello.remote()), _LEAVE_SECONDS)
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self._ended(), _LEAVE_SECONDS)

    async def _ended(self) -> None:
        """Wait for the end of its process, if that is on this machine: Ray says that it is dead before."""
        import ray

        while self._node == ray.get_runtime_context().get_node_id():
            os.kill(self._process, 0)
            await asyncio.sleep(0.005)


def _nodes(ray: Any) -> list[dict[str, float]]:
    """Return what each node has."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def _fits(node: Mapping[str, float], wanted: Mapping[str, Any]) -> int:
    """Return how many workers a node has room for.

    Examples
    --------
    >>> _fits({'CPU': 4.0, 'GPU': 1.0}, {'num_cpus': 1.0, 'num_gpus': 0.5})
    2
    """
    needed = {"CPU": wanted["num_cpus"], "GPU": wanted["num_gpus"], "memory": wanted.get("memory", 0)}
    needed.update(wanted.get("resources", {}))
    return min((int(node.get(name, 0) // amount) for name, amount in needed.items() if amount), default=1)


def _grows_by_itself(ray: Any) -> bool:
    """Return whether the cluster may get nodes of other kinds than it has."""
    try:
        return bool(ray._private.state.state.get_max_resources_from_cluster_config())
    except Exception:  # (it is no public name)
        return False


def _no_place(error: Exception) -> Exception:
    """Return what to make of an actor that has not begun."""
    text = str(error)
    if "ModuleNotFoundError" in text or "ImportError" in text:
        return UnfitError(
            f"nodes of the cluster cannot import this library: install it there as well, or hand it over by "
            f"Ray(runtime_env={{'pip': […]}}): {text.strip()}"
        )
    return LostError(_short(error))


def _options(needs: Needs) -> dict[str, Any]:
    """Return in Ray's words what each worker is to have."""
    amounts = dict(needs.resources)
    options: dict[str, Any] = {"num_cpus": amounts.pop("CPU", 1.0), "num_gpus": amounts.pop("GPU", 0.0)}
    if "memory" in amounts:
        options["memory"] = int(amounts.pop("memory"))
    if amounts:
        options["resources"] = amounts
    return options


def _short(error: BaseException) -> str:
    """Return what Ray says of an error, without numbers of its own."""
    lines = [line.strip() for line in str(error).splitlines()]
    kept = [line for line in lines if not line.startswith(("class_name:", "actor_id:", "namespace:"))]
    return f"{type(error).__name__}: {' '.join(kept)[:300]}"
