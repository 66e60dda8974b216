"""One worker of a cluster as the driver's loop sees it: one agent after another."""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import queue
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from functools import partial
from itertools import count
from typing import Any, TypeAlias, TypeVar

from research.backends.clusters.agent import Begin
from research.backends.clusters.engine import Engine, LostError, Placed, UnfitError
from research.backends.clusters.pieces import PIECE, Joiner, cut
from research.errors import StudyError
from research.events import Died, Event, Remark, Task

Letter: TypeAlias = tuple[int, int, "bytes | Event | StudyError"]
T = TypeVar("T")

AT_FIRST = -2  # in place of a task's number: the first of those that had been sent
MOST_UNREAD = 1 << 28  # bytes, beyond which agents are asked less often
_ROOM_SECONDS = 0.02
HEAR_SECONDS = 1.0  # that an agent which has nothing to say waits before it answers
RETRY_SECONDS = 0.5  # between two calls, or two places, after one that has failed
MARGIN_SECONDS = 2.0  # that an agent has to end its worker, when it has heard nothing for too long
_FAILED_PLACES = 3  # in a row, after which another try would not help: none has ever been found
_FAILED_AGAIN = 100  # the same where one has: machines may be coming back
_LEAVE_SECONDS = 5.0
_ALWAYS = 0  # in place of a life: messages that every agent needs


class Mailbox:
    """What agents have said and the driver has not read: who, in which of its lives, and what."""

    def __init__(self) -> None:
        self._letters: queue.SimpleQueue[Letter] = queue.SimpleQueue()
        self._size = 0  # about; a wrong one does no harm

    def put(self, letter: Letter) -> None:
        """Put something in; from the thread of the loop."""
        self._letters.put(letter)
        self._size += len(letter[2]) if isinstance(letter[2], bytes) else 0

    def take(self, seconds: float) -> Letter | None:
        """Take what has come first, or comes within so many seconds."""
        try:
            letter = self._letters.get(timeout=seconds) if seconds else self._letters.get_nowait()
        except queue.Empty:
            return None
        self._size -= len(letter[2]) if isinstance(letter[2], bytes) else 0
        return letter

    async def wait_for_room(self, seconds: float) -> None:
        """Wait while there is too much in it, but at most so long."""
        deadline = time.monotonic() + seconds
        while self._size > MOST_UNREAD and time.monotonic() < deadline:
            await asyncio.sleep(_ROOM_SECONDS)


class Slot:
    """Finds a place for an agent, talks with it, and finds another when that is lost.

    Parameters
    ----------
    begin : Begin
        What agents are told first.
    engine : Engine
    loop : asyncio.AbstractEventLoop
        What `serve` runs in; everything else is called from another thread.
    said : Mailbox
        Takes what comes.
    replaced : mapping
        Further messages that every agent needs.

    Attributes
    ----------
    sent : dict
        Tasks that were sent and are not over, by number.
    provided : set of str
        Folders that the agent has been sent.
    is_ready : bool
        Whether the worker waits for tasks.
    ready_life : int
        Of the agent that has last said so.
    is_placed : bool
        Whether there has ever been an agent.
    """

    def __init__(
        self,
        begin: Begin,
        engine: Engine,
        loop: asyncio.AbstractEventLoop,
        said: Mailbox,
        replaced: Mapping[int, bytes],
    ) -> None:
        self.sent: dict[int, Task] = {}
        self.provided: set[str] = set()
        self.is_ready = False
        self.ready_life = _ALWAYS
        self._begin = begin
        self._engine = engine
        self._loop = loop
        self._said = said
        self._replaced = replaced
        self._to_tell: deque[tuple[int, bytes]] = deque()
        self._news = asyncio.Event()
        self._placed: Placed | None = None
        self.is_placed = False
        self._job: asyncio.Task[None] | None = None
        self._is_leaving = False

    def tell(self, message: bytes, also_unready: bool = False) -> None:
        """Tell the agent that has been ready something, or whichever there is or will be."""
        self._to_tell.append((_ALWAYS if also_unready else self.ready_life, message))
        with contextlib.suppress(RuntimeError):  # the loop has been closed
            self._loop.call_soon_threadsafe(self._news.set)

    async def leave(self) -> None:
        """End the agent, and look for no other."""
        self._is_leaving = True
        if self._job is not None and self._placed is not None:
            await self._placed.discard()  # `hear` is told that it is over
            await asyncio.wait([self._job], timeout=_LEAVE_SECONDS)
        if self._job is not None:
            self._job.cancel()
            await asyncio.gather(self._job, return_exceptions=True)

    async def serve(self) -> None:
        """Have one agent after another until that is to end, or makes no sense."""
        self._job = asyncio.current_task()
        worker, failed, most = self._begin.worker, 0, _FAILED_PLACES
        try:
            for life in count(1):
                try:
                    await self._live(life)
                except LostError as error:
                    if self._is_leaving:
                        return
                    task = None if error.in_order else AT_FIRST
                    self._said.put((worker, life, Died(worker, str(error), task)))
                    failed, most = 0, _FAILED_AGAIN
                except _NoPlaceError as error:
                    failed += 1
                    if failed >= most:
                        raise UnfitError(f"worker {worker} found no place {failed} times: {error}") from error
                await asyncio.sleep(RETRY_SECONDS)
        except UnfitError as error:
            self._said.put((worker, _ALWAYS, StudyError(str(error))))
        except Exception as error:  # whatever it was, the study has to hear of it
            reason = StudyError(f"worker {worker} cannot be looked after: {type(error).__name__}: {error}")
            reason.__cause__ = error
            self._said.put((worker, _ALWAYS, reason))

    async def _live(self, life: int) -> None:
        """Talk with an agent until it is lost."""
        try:
            self._placed = placed = await self._engine.place(self._begin.worker)
        except LostError as error:
            raise _NoPlaceError(str(error)) from error
        jobs: list[asyncio.Task[None]] = []
        try:
            objection = placed.hello.objection()
            if objection is not None:
                raise UnfitError(objection)
            self.is_placed = True
            where = f"worker {self._begin.worker} is on {placed.hello.host}"
            self._said.put((self._begin.worker, life, Remark(where)))
            jobs = [asyncio.create_task(job) for job in (self._talk(placed, life), self._hear(placed, life))]
            done, _ = await asyncio.wait(jobs, return_when=asyncio.FIRST_EXCEPTION)
            for job in done:
                job.result()
        finally:
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)
            self._placed = None
            if not self._is_leaving:
                await placed.discard()

    async def _talk(self, placed: Placed, life: int) -> None:
        """Tell an agent what it needs to begin, then what there is to be told."""
        messages = [pickle.dumps(self._begin, protocol=5), *self._replaced.values()]
        n_told = 0
        while True:
            for pieces in _bundles(messages):
                await self._insist(partial(placed.tell, n_told, pieces))
                n_told += len(pieces)
            await self._news.wait()
            self._news.clear()
            messages = []
            while self._to_tell:
                meant, message = self._to_tell.popleft()
                if meant in (_ALWAYS, life):
                    messages.append(message)

    async def _hear(self, placed: Placed, life: int) -> None:
        """Pass on what an agent says."""
        position, joiner, lease = 0, Joiner(), self._begin.lease
        seconds = min(HEAR_SECONDS, lease / 4)
        while True:
            answer = await self._insist(partial(placed.hear, position, seconds), lease + MARGIN_SECONDS)
            if answer is None:
                raise LostError("its agent has ended: the cluster wanted that, or it had heard nothing")
            for piece in answer:
                message = joiner.join(piece)
                if message is not None:
                    self._said.put((self._begin.worker, life, message))
            position += len(answer)
            await self._said.wait_for_room(seconds)

    async def _insist(self, call: Callable[[], Coroutine[Any, Any, T]], patience: float | None = None) -> T:
        """Make a call until it is answered; for so many seconds, or as long as other calls are."""
        deadline = None if patience is None else time.monotonic() + patience
        while True:
            left = self._begin.lease if deadline is None else deadline - time.monotonic()
            try:
                return await asyncio.wait_for(call(), max(left, RETRY_SECONDS))
            except (LostError, UnfitError):
                raise
            except Exception as error:  # of the engine, or of the network
                if deadline is not None and time.monotonic() >= deadline - RETRY_SECONDS:
                    why = f"{type(error).__name__}: {error}".rstrip(": ")
                    raise LostError(f"it has not answered for {patience:g} seconds ({why})") from error
            await asyncio.sleep(RETRY_SECONDS)


def _bundles(messages: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Walk the pieces of messages, as many at once as make a call."""
    bundle: list[bytes] = []
    size = 0
    for piece in (piece for message in messages for piece in cut(message)):
        if bundle and size + len(piece) > PIECE:
            yield bundle
            bundle, size = [], 0
        bundle.append(piece)
        size += len(piece)
    if bundle:
        yield bundle


class _NoPlaceError(Exception):
    """An agent could not be started."""
