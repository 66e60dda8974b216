"""What runs in a worker of Dask: a task that takes as long as the study, and answers in the worker's loop.

An actor of Dask would not do: it gives back the resources that it was promised as soon as it is made.
https://github.com/dask/distributed/issues/2843
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from research.backends.clusters.agent import Agent
from research.backends.clusters.engine import UnfitError

TOPIC = "research-agents"  # under which agents tell clients where they are
HANDLER = "research_agent"
_FORGET_SECONDS = 10.0  # that its last words wait for somebody to ask for them
_MOST_DEVICES = 64  # of a machine that does not say which there are
_AGENTS: dict[str, Agent] = {}  # of this process, by the keys of their tasks
_LENT: Counter[str] = Counter()  # how much of each device of this process agents have
_LENDING = threading.Condition()
_RETURN_SECONDS = 5.0  # until devices of an agent that is told to end are free


def serve(key: str, gpus: float) -> None:
    """Be an agent; a task of Dask."""
    from distributed import get_worker
    from distributed.core import Status

    worker, running = get_worker(), (Status.running, Status.paused)
    worker.handlers[HANDLER] = answer
    with _lent(gpus, worker.address) as devices:
        _AGENTS[key] = agent = Agent(devices)
        try:
            worker.log_event(TOPIC, {"key": key, "address": worker.address, "hello": tuple(agent.hello)})
            agent.run(lambda: worker.status in running and _is_wanted(worker, key))
        finally:
            with contextlib.suppress(RuntimeError):  # the loop has been closed
                worker.loop.asyncio_loop.call_soon_threadsafe(_forget_later, key)


def _is_wanted(worker: Any, key: str) -> bool:
    """Return whether the task of an agent is still to be run here; if not, Dask cannot end it by itself."""
    task = worker.state.tasks.get(key)
    return task is not None and task.state in ("executing", "long-running")


def _forget_later(key: str) -> None:
    asyncio.get_running_loop().call_later(_FORGET_SECONDS, _AGENTS.pop, key, None)


async def answer(key: str, **call: Any) -> dict[str, Any]:
    """Answer a client that calls an agent; in the loop of a Dask worker."""
    from distributed.protocol import to_serialize

    agent = _AGENTS.get(key)
    if agent is None:
        return {"status": "gone"}
    if "is_over" in call:
        agent.close()
        return {"status": "OK"}
    if "messages" in call:
        agent.tell(call["first"], pickle.loads(call["messages"]))
        return {"status": "OK"}
    said = await agent.hear(call["position"], call["seconds"])
    return {"status": "gone"} if said is None else {"status": "OK", "said": to_serialize(pickle.dumps(said))}


@contextmanager
def _lent(gpus: float, address: str) -> Iterator[list[str]]:
    """Lend devices that this process sees: whole ones that nobody else has, or a part of the fullest one."""
    if not gpus:
        yield []
        return
    known = visible_devices()
    if known is None:
        known = list(map(str, range(_MOST_DEVICES)))
    share, count = min(gpus, 1.0), max(1, int(gpus))
    with _LENDING:
        devices = _free(known, share)[:count]
        deadline = time.monotonic() + (_RETURN_SECONDS if len(known) >= count else 0.0)
        while len(devices) < count and time.monotonic() < deadline:  # who had them may be about to end
            _LENDING.wait(_RETURN_SECONDS / 10)
            devices = _free(known, share)[:count]
        if len(devices) < count:
            raise UnfitError(
                f"the worker of Dask at {address} promises more devices than it sees: of {known}, "
                f"{len(devices)} are free, and {count} are asked for; start it with as many as it says by "
                "`--resources`"
            )
        _LENT.update(dict.fromkeys(devices, share))
    try:
        yield devices
    finally:
        with _LENDING:
            _LENT.subtract(dict.fromkeys(devices, share))
            _LENDING.notify_all()


def _free(known: Sequence[str], share: float) -> list[str]:
    """Return devices of which so much is left, the fullest first."""
    fits = [name for name in known if _LENT[name] + share <= 1 + 1e-9]
    return sorted(fits, key=lambda name: -_LENT[name])


def visible_devices() -> list[str] | None:
    """Return the devices that this process sees; None if nobody knows."""
    seen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if seen is not None:
        return [name.strip() for name in seen.split(",") if name.strip()]
    try:
        return [str(number) for number, _ in enumerate(Path("/proc/driver/nvidia/gpus").iterdir())] or None
    except OSError:
        return None
