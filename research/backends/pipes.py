"""What both kinds of workers say things through."""

from __future__ import annotations

import os
import select
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from struct import Struct

from research.backends.guarding import ROBBED, Files
from research.backends.packing import pack_events
from research.backends.streams import flush_streams
from research.events import Event

FLUSH_SECONDS = 0.25  # between two times that a worker sends what there is
_PART = 1 << 18  # bytes that are read at once
_SHORT, _LONG = Struct("!i"), Struct("!Q")
_IS_LONG = -1


class Outlet:
    """Sends events to the other end of a pipe; from any thread.

    Parameters
    ----------
    connection : Connection
    also : sequence of int, default ()
        More descriptors without which this process is of no use.
    """

    def __init__(self, connection: Connection, also: Sequence[int] = ()) -> None:
        self._lock = threading.Lock()
        self._also = also
        self.replace(connection)

    def replace(self, connection: Connection) -> None:
        """Say things elsewhere, in a process that was forked to do so."""
        self.connection = connection
        self._pipe, self._files = Files([connection.fileno()]), Files([connection.fileno(), *self._also])

    def check(self, only_pipe: bool = False) -> None:
        """End this process if a unit has closed what it needs, before it takes what is there now for that."""
        if not (self._pipe if only_pipe else self._files).are_here:
            flush_streams()
            os._exit(ROBBED)

    def __call__(self, events: Sequence[Event]) -> None:
        self.send(pack_events(events))

    def send(self, message: bytes) -> None:
        """Send what is pickled already."""
        with self._lock:
            self.check()
            self.connection.send_bytes(message)


class Channel:
    """An end of a pipe that never waits, for a process that has several to look after.

    At the other end is a `multiprocessing.connection.Connection`: a message is its length, then its bytes.

    Parameters
    ----------
    descriptor : int
        Of a socket.
    """

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._received = bytearray()
        self._unsent: deque[memoryview] = deque()
        self.is_open = True  # as far as is known: the other end has not been closed

    @property
    def descriptor(self) -> int:
        """The number of the file."""
        return self._descriptor

    @property
    def n_unsent(self) -> int:
        """How many bytes wait for the other end to read."""
        return sum(map(len, self._unsent))

    def read(self) -> bool:
        """Take some of what has come; return whether there was anything."""
        try:
            part = os.read(self._descriptor, _PART)
        except BlockingIOError:
            return False
        except OSError:
            part = b""
        if not part:
            self.is_open = False
        self._received += part
        return bool(part)

    def messages(self) -> Iterator[bytes]:
        """Return the messages that have come whole, each once."""
        while (bounds := self._bounds()) is not None:
            begin, end = bounds
            if len(self._received) < end:
                return
            message = bytes(memoryview(self._received)[begin:end])
            del self._received[:end]
            yield message

    def _bounds(self) -> tuple[int, int] | None:
        """Return where the first message begins and ends, None if that has not come yet."""
        if len(self._received) < _SHORT.size:
            return None
        begin, (length,) = _SHORT.size, _SHORT.unpack_from(self._received)
        if length == _IS_LONG:
            if len(self._received) < begin + _LONG.size:
                return None
            (length,) = _LONG.unpack_from(self._received, begin)
            begin += _LONG.size
        return begin, begin + length

    def send(self, message: bytes) -> None:
        """Send a message, as far as the other end reads; `write` sends the rest."""
        length = len(message)
        is_long = length > 0x7FFFFFFF
        head = _SHORT.pack(_IS_LONG) + _LONG.pack(length) if is_long else _SHORT.pack(length)
        self._unsent.extend(memoryview(part) for part in (head, message) if part)
        self.write()

    def write(self) -> None:
        """Send as much as the other end takes now."""
        try:
            while self._unsent:
                part = self._unsent[0]
                sent = os.write(self._descriptor, part)
                if sent < len(part):
                    self._unsent[0] = part[sent:]
                else:
                    self._unsent.popleft()
        except BlockingIOError:
            return
        except OSError:
            self.is_open = False
            self._unsent.clear()

    def drain(self) -> None:
        """Wait until all has been sent; what comes meanwhile is not heard."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN | select.POLLOUT)
        while self._unsent:
            poll.poll()
            if self.read():  # who is at the other end may be sending, and would read only after that
                self._received.clear()
            self.write()

    def close(self) -> None:
        """Close this end."""
        os.close(self._descriptor)
