"""How this process comes to be connected with a cluster of Ray, and what is put back afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from research.backends.clusters.engine import UnfitError

Answer = TypeVar("Answer")
REACH_SECONDS = 5.0  # that the head of a cluster has to accept a connection
ADDRESS_VARIABLE = "RAY_ADDRESS"  # by which `ray job submit` says where a script is to connect
_SILENT = logging.CRITICAL + 1
# of its environment, which Ray changes for good
_VARIABLES = ("PYTHONBREAKPOINT", "RAY_AUTH_MODE", "RAY_CLIENT_MODE", "RAY_USAGE_STATS_ENABLED")


class Link:
    """A connection of this process, of which Ray allows one at a time.

    Parameters
    ----------
    address : str or None
        None: what this process is connected to, or what its environment names, else a cluster on this
        machine that begins and ends with the link.
    local : mapping
        What that cluster has, as `ray.init` takes it.
    runtime_env : mapping
        What workers need. Only who connects can hand over folders of this machine.

    Attributes
    ----------
    is_own : bool
        Whether this has connected the process.
    """

    def __init__(self, address: str | None, local: Mapping[str, Any], runtime_env: Mapping[str, Any]) -> None:
        self.is_own = False
        self._address = address
        self._local = local
        self._runtime_env = dict(runtime_env)
        self._undo = contextlib.ExitStack()
        self._head: tuple[str, int] | None = None

    async def open(self) -> None:
        """Connect, unless this process is connected.

        Raises
        ------
        UnfitError
            If there is no such cluster, or it cannot be used.
        """
        with self._undo:
            self._undo.enter_context(_unchanged_environment())
            import ray

            if ray.is_initialized():
                self._check_same(ray)
            else:
                address = self._address or os.environ.get(ADDRESS_VARIABLE)
                await self._check_reachable(address)
                self._undo.enter_context(_silence())
                self._init(ray, address)
            found = str(ray.get_runtime_context().gcs_address)
            self._head = _host_and_port(found)
            if self.is_own:
                self._undo = self._undo.pop_all()

    def _check_same(self, ray: Any) -> None:
        """Refuse to use another cluster than the one that was asked for."""
        if ray.util.client.ray.is_connected():
            raise UnfitError(
                "this process is connected to Ray by Ray Client ('ray://…'), through which no study can be "
                "run: run the script on a machine of the cluster, by `ray.init('auto')` or `ray job submit`"
            )
        found = str(ray.get_runtime_context().gcs_address)
        if self._address not in (None, "auto", found):
            raise UnfitError(
                f"this process is connected to the cluster of Ray at {found!r}, and can be to only one: "
                f"leave out `address={self._address!r}`, or call `ray.shutdown()` before"
            )

    async def _check_reachable(self, address: str | None) -> None:
        """Find out at once what Ray would try for a minute."""
        head = None if address is None else _host_and_port(address)
        if head is None:
            return
        error = await _knock(*head)
        if error is not None:
            raise self._absent(address, error)

    def _init(self, ray: Any, address: str | None) -> None:
        """Connect; in a thread that stays, as what Ray starts ends with the thread that has started it."""
        # ('auto' would find a cluster on this machine that somebody else has started)
        more = {"address": "local", "include_dashboard": False, **self._local}
        try:
            ray.init(
                log_to_driver=False,
                logging_level=_SILENT,
                runtime_env=self._runtime_env or None,
                **(more if address is None else {"address": address}),
            )
        except (ConnectionError, OSError, RuntimeError, ValueError) as error:
            with contextlib.suppress(Exception):
                ray.shutdown()
            raise self._absent(address, error) from error
        self.is_own = True

    @staticmethod
    def _absent(address: str | None, error: Exception) -> UnfitError:
        text = f"{type(error).__name__}: {error}"
        if address is None:
            return UnfitError(f"no cluster of Ray could be started on this machine: {text}")
        if error.__cause__ is not None:
            text = f"{text} ({error.__cause__})"
        tokens = ""
        if isinstance(error, ConnectionError) and error.__cause__ and not os.environ.get("RAY_AUTH_MODE"):
            tokens = "; if it wants a token, say RAY_AUTH_MODE=token in the environment"
        return UnfitError(
            f"no connection to a cluster of Ray at {address!r}: {text}{tokens}; start one by `ray start "
            "--head`, or leave `address` out for one on this machine"
        )

    async def objection(self) -> str | None:
        """Return why the head of the cluster cannot be reached at the moment, None if it can."""
        error = None if self._head is None else await _knock(*self._head)
        return None if error is None else f"{type(error).__name__}: {error}"

    async def close(self) -> None:
        """Disconnect, if `open` has connected."""
        if self.is_own:
            import ray

            with self._undo, contextlib.suppress(Exception):
                ray.shutdown()
            self.is_own = False


async def within(seconds: float, ask: Callable[[], Answer]) -> Answer:
    """Return what a function returns that may never do so, as Ray asks the head of a cluster without a limit.

    Raises
    ------
    TimeoutError
        If it takes longer. Nothing waits for its thread, then, not even the end of this process.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Answer] = loop.create_future()

    def settle(put: Callable[[Any], None], found: Any) -> None:
        if not answer.done():
            put(found)

    def run() -> None:
        put: Callable[[Any], None] = answer.set_result
        try:
            found: Any = ask()
        except BaseException as error:
            put, found = answer.set_exception, error
        with contextlib.suppress(RuntimeError):  # the loop has been closed
            loop.call_soon_threadsafe(settle, put, found)

    threading.Thread(target=run, name="research-asking", daemon=True).start()
    return await asyncio.wait_for(answer, seconds)


def local_cluster(options: Mapping[str, Any], n_workers: int) -> dict[str, Any]:
    """Return what a cluster on this machine has to have for so many workers, as `ray.init` takes it.

    How many GPUs there are, and how much memory, Ray finds out.

    Examples
    --------
    >>> local_cluster({'num_cpus': 1.5, 'resources': {'licence': 1.0}}, 3)
    {'num_cpus': 5, 'resources': {'licence': 3.0}}
    """
    more = {name: amount * n_workers for name, amount in options.get("resources", {}).items()}
    cpus = max(1, math.ceil(options["num_cpus"] * n_workers))
    return {"num_cpus": cpus, "resources": more or None} if more else {"num_cpus": cpus}


async def _knock(host: str, port: int) -> Exception | None:
    """Return why nobody takes connections there, None if somebody does."""
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), REACH_SECONDS)
    except TimeoutError:
        return TimeoutError(f"nobody answers within {REACH_SECONDS:g} seconds")
    except (OSError, ValueError) as error:
        return error
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return None


def _host_and_port(address: str) -> tuple[str, int] | None:
    host, _, port = address.rpartition(":")
    return (host.strip("[]"), int(port)) if host and port.isdecimal() else None


@contextmanager
def _unchanged_environment() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in _VARIABLES}
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})


@contextmanager
def _silence() -> Iterator[None]:
    """Keep Ray from printing; its logger is afterwards as it was."""
    import ray._private.worker as printer

    logger = logging.getLogger("ray")
    handlers, level, propagate = list(logger.handlers), logger.level, logger.propagate
    logger.handlers[:] = [logging.NullHandler()]  # Ray gives a format to those that it finds
    logger.setLevel(_SILENT)
    # (by no public name: what it prints of processes that have died, whatever it is told of logs)
    prints = getattr(printer, "_worker_logs_enabled", True)
    printer._worker_logs_enabled = False
    try:
        yield
    finally:
        printer._worker_logs_enabled = prints
        logger.handlers[:] = handlers
        logger.setLevel(level)
        logger.propagate = propagate
