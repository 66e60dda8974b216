"""What is asked of an engine: places for agents, and calls to them."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from research.version import __version__


class LostError(Exception):
    """An agent is gone, or cannot be reached; its text says why.

    Parameters
    ----------
    reason : str
    in_order : bool, default False
        Whether its place was taken away on purpose: what ran there is not to blame.
    """

    def __init__(self, reason: str, in_order: bool = False) -> None:
        super().__init__(reason)
        self.in_order = in_order


class UnfitError(Exception):
    """No agent can be had, and no later try would help; its text says why."""


class Hello(NamedTuple):
    """What an agent says of itself, in words that every version of this library understands."""

    python: str
    research: str
    host: str

    @classmethod
    def here(cls) -> Hello:
        """Return what is so in this process."""
        python = ".".join(platform.python_version_tuple()[:2])  # what pickled functions depend on
        return cls(python, __version__, platform.node())

    def objection(self) -> str | None:
        """Return why an agent that says this cannot work for this process, None if it can."""
        here = Hello.here()
        for what, there, own in (
            ("Python", self.python, here.python),
            ("research", self.research, here.research),
        ):
            if there != own:
                return (
                    f"{self.host!r} of the cluster has {what} {there}, and this process has {what} {own}: "
                    "install the same version on both, as functions and values go from one to the other"
                )
        return None


@dataclass(frozen=True, slots=True)
class Needs:
    """What each worker is to have to itself.

    Parameters
    ----------
    resources : tuple of (str, float)
        By the names that users gave, those of the engine; 'memory' in bytes.
    n_threads : int
        That numeric libraries may use.
    """

    resources: tuple[tuple[str, float], ...] = ()
    n_threads: int = 1

    @property
    def n_gpus(self) -> int:
        """How many devices are a worker's own; parts of one count as one."""
        amount = dict(self.resources).get("GPU", 0.0)
        return max(1, int(amount)) if amount else 0

    @property
    def n_here(self) -> int:
        """How many workers this machine has cores for."""
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return max(1, int(cores // dict(self.resources).get("CPU", 1.0)))


class Placed(Protocol):
    """An agent on some machine. From the thread of the engine's loop only.

    The first two methods raise `LostError` if the agent is known to be gone, and any other exception if that
    is not certain: the same call may be made again, as an agent knows what it was told by its number.
    """

    hello: Hello

    async def tell(self, first: int, pieces: Sequence[bytes]) -> None:
        """Give it pieces of messages, the first of which has this number."""

    async def hear(self, position: int, seconds: float) -> Sequence[bytes] | None:
        """Return the pieces that it says from a number on: some, as soon as there are, or in so many seconds.

        None: it has ended, and has nothing more to say. What comes before the number is forgotten there.
        """

    async def discard(self) -> None:
        """Let it end, if it is there; raises nothing."""


class Engine(Protocol):
    """A cluster. All methods are called from one loop of asyncio, `connect` first and `close` last."""

    async def connect(self) -> None:
        """Find the cluster, or start one.

        Raises
        ------
        UnfitError
            If there is none.
        """

    async def room(self) -> int:
        """Return how many workers the cluster could have by now."""

    async def place(self, worker: int) -> Placed:
        """Start an agent as soon as there is room for it, for as long as that takes.

        Raises
        ------
        LostError
            If it could not be started; another try may do better.
        UnfitError
            If nobody could.
        """

    async def close(self) -> None:
        """Leave the cluster; end it if it was started here."""
