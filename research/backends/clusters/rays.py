"""Ray: an agent is an actor, which keeps the resources that it was promised for as long as it lives."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from research.backends.clusters.agent import Agent
from research.backends.clusters.engine import Hello, LostError, Needs, UnfitError

_MOST_CALLS = 16  # that an agent answers at once: it hears while it is told
_LEAVE_SECONDS = 3.0  # that an agent has to end its worker


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
        """Say which versions are here."""
        return tuple(self._agent.hello)

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
    """

    def __init__(
        self, address: str | None, needs: Needs, n_workers: int, runtime_env: Mapping[str, Any]
    ) -> None:
        self._address = address
        self._needs = needs
        self._n_workers = n_workers
        self._runtime_env = dict(runtime_env)
        self._is_own = False  # whether this has connected the process

    async def connect(self) -> None:
        import ray

        if ray.is_initialized():
            return
        wanted = _options(self._needs)
        local: dict[str, Any] = {}
        if self._address is None:
            more = {name: amount * self._n_workers for name, amount in wanted["resources"].items()}
            local = {
                "num_cpus": max(1, round(wanted["num_cpus"] * self._n_workers)),
                "num_gpus": wanted["num_gpus"] * self._n_workers or None,
                "resources": more or None,
                "include_dashboard": False,
            }
        try:
            ray.init(
                # ('auto' would find a cluster on this machine that somebody else has started)
                address="local" if self._address is None else self._address,
                log_to_driver=False,
                configure_logging=False,
                **local,
            )
        except (ConnectionError, OSError, RuntimeError, ValueError) as error:
            raise UnfitError(
                f"there is no cluster of Ray at {self._address!r} for this process: {type(error).__name__}: "
                f"{error}; start one by `ray start --head`, or leave `address` out for one on this machine"
            ) from error
        self._is_own = True

    async def room(self) -> int:
        import ray

        wanted = _options(self._needs)
        needed = {"CPU": wanted["num_cpus"], "GPU": wanted["num_gpus"], "memory": wanted.get("memory", 0)}
        needed.update(wanted["resources"])
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        return sum(
            min((int(node.get(name, 0) // amount) for name, amount in needed.items() if amount), default=1)
            for node in nodes
        )

    async def place(self, worker: int) -> _RayPlaced:
        import ray

        options = _options(self._needs)
        if self._runtime_env:
            options["runtime_env"] = self._runtime_env
        actor = (
            ray.remote(RayAgent)
            .options(max_concurrency=_MOST_CALLS, max_restarts=0, **options)
            .remote(self._needs.n_gpus)
        )
        try:
            hello = Hello(*await actor.hello.remote())
        except ray.exceptions.RuntimeEnvSetupError as error:
            raise UnfitError(f"Ray cannot make the surroundings of workers: {error}") from error
        except ray.exceptions.RayActorError as error:
            raise LostError(_first_line(error)) from error
        return _RayPlaced(actor, hello)

    async def close(self) -> None:
        import ray

        if self._is_own:
            with contextlib.suppress(Exception):
                await asyncio.to_thread(ray.shutdown)


class _RayPlaced:
    """See `research.backends.clusters.engine.Placed`."""

    def __init__(self, actor: Any, hello: Hello) -> None:
        self._actor = actor
        self.hello = hello

    async def tell(self, first: int, messages: Sequence[bytes]) -> None:
        import ray

        try:
            await self._actor.tell.remote(first, list(messages))
        except ray.exceptions.ActorDiedError as error:
            raise LostError(_first_line(error)) from error

    async def hear(self, position: int, seconds: float) -> Sequence[bytes] | None:
        import ray

        try:
            said: list[bytes] | None = await self._actor.hear.remote(position, seconds)
        except ray.exceptions.ActorDiedError as error:
            raise LostError(_first_line(error)) from error
        return said

    async def discard(self) -> None:
        import ray

        with contextlib.suppress(Exception):
            await asyncio.wait_for(self._actor.end.remote(), _LEAVE_SECONDS)
        with contextlib.suppress(Exception):
            ray.kill(self._actor)


def _options(needs: Needs) -> dict[str, Any]:
    """Return in Ray's words what each worker is to have."""
    amounts = dict(needs.resources)
    options: dict[str, Any] = {"num_cpus": amounts.pop("CPU", 1.0), "num_gpus": amounts.pop("GPU", 0.0)}
    if "memory" in amounts:
        options["memory"] = amounts.pop("memory")
    options["resources"] = amounts
    return options


def _first_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:300]}"
