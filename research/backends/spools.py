"""Files through which what workers print comes to the driver, even if they die.

A worker's stdout and stderr are two files without a name, to which everything is appended, by whichever
process or library. The worker looks from time to time how far they have grown, and sends what has come.
What it has not sent when it dies, the driver reads from the same files. Whose that was is in a third file,
the ledger, which says:

- at which task the worker is, and of which experiments;
- whose turn it is, and how long the two files were when it began;
- what was printed in earlier turns of this task and has not been sent: parts of the files, or, where Python's
  prints of several threads are told apart, the bytes themselves.

Most tasks print nothing, and leave the ledger as it is. Where it speaks of an earlier task, it says no more
than where the words of that ended: all that comes after belongs to the task that the worker is at, and the
driver knows which that is, and of which experiments.
"""

from __future__ import annotations

import fcntl
import os
import struct
import tempfile
from collections.abc import Iterator, Sequence
from os import SEEK_END, lseek
from struct import Struct
from typing import NamedTuple

from research.backends.native import punch
from research.errors import StudyError
from research.events import STDERR, STDOUT, Event, Printed, Revoked, Task, TaskDone

CHUNK = 2**20  # bytes in one event
BOTH = (STDOUT, STDERR)
_TASK = Struct("<qII")  # number, how many experiments, length of their ids
_TURN = Struct("<qq")  # lengths of both files; flags of experiments follow
_PART = Struct("<Bqq")  # stream, start, end; flags follow
_IN_LEDGER = 2  # added to the stream of a part whose bytes follow, from 0 to their number


class Part(NamedTuple):
    """Something that was printed."""

    owners: tuple[str, ...]
    stream: int
    start: int  # in the file of the stream
    end: int
    data: bytes | None = None  # what is in no such file


class Spool(NamedTuple):
    """The files of one worker; a stream that is not captured has none."""

    streams: tuple[int | None, int | None]  # descriptors
    ledger: int | None  # None where no worker can die without its driver

    @property
    def descriptors(self) -> tuple[int, ...]:
        """All that another process has to inherit."""
        return tuple(number for number in (*self.streams, self.ledger) if number is not None)

    def sizes(self) -> list[int]:
        """Return how much has been printed so far."""
        out, err = self.streams
        return [
            0 if out is None else lseek(out, 0, SEEK_END),
            0 if err is None else lseek(err, 0, SEEK_END),
        ]

    def read(self, worker: int, part: Part) -> Iterator[Printed]:
        """Walk a part as events of a bearable size."""
        owners, stream, start, end, data = part
        if data is not None:
            yield Printed(worker, owners, stream, data, None)
            return
        descriptor = self.streams[stream]
        while descriptor is not None and start < end:
            data = os.pread(descriptor, min(CHUNK, end - start), start)
            if not data:  # somebody has cut the file
                return
            start += len(data)
            yield Printed(worker, owners, stream, data, start)

    def forget(self, start: Sequence[int], end: Sequence[int]) -> None:
        """Give back room that holds what has been sent; cutting the files might lose what is just written."""
        for descriptor, first, last in zip(self.streams, start, end, strict=True):
            if descriptor is not None and last > first:
                punch(descriptor, first, last)


def head_of(number: int, ids: Sequence[str]) -> bytes:
    """Return what a ledger begins with."""
    text = "\n".join(ids).encode(errors="surrogatepass")
    return _TASK.pack(number, len(ids), len(text)) + text


def opening_of(number: int, ids: Sequence[str], sizes: Sequence[int]) -> tuple[bytes, int]:
    """Return what a ledger says when a task begins, in which it is everybody's turn, and where that is."""
    head = head_of(number, ids)
    return head + _TURN.pack(*sizes) + b"\1" * len(ids), len(head)


def turn_of(sizes: Sequence[int], ids: Sequence[str], owners: Sequence[str]) -> bytes:
    """Return what a ledger says of the present turn; it is as long for any owners."""
    return _TURN.pack(*sizes) + _flags(ids, owners)


def entry_of(part: Part, ids: Sequence[str]) -> bytes:
    """Return what a ledger says of something printed in an earlier turn."""
    flags = _flags(ids, part.owners)
    if part.data is None:
        return _PART.pack(part.stream, part.start, part.end) + flags
    return _PART.pack(part.stream + _IN_LEDGER, 0, len(part.data)) + flags + part.data


def _flags(ids: Sequence[str], owners: Sequence[str]) -> bytes:
    return bytes([id_ in owners for id_ in ids])


class Ledger(NamedTuple):
    """What a ledger says."""

    task: int
    owners: tuple[str, ...]  # whose turn it is
    starts: tuple[int, int]  # of the turn in the files
    parts: tuple[Part, ...]

    @classmethod
    def parse(cls, data: bytes) -> Ledger | None:
        """Read a ledger, as far as its writer came; None if that was not far enough."""
        try:
            number, n_ids, length = _TASK.unpack_from(data)
            place = _TASK.size + length
            ids = data[_TASK.size : place].decode("utf-8", "surrogatepass").split("\n")
            starts = _TURN.unpack_from(data, place)
            place += _TURN.size
            owners = _chosen(ids, data[place : place + n_ids])
        except (struct.error, UnicodeDecodeError):
            return None
        return cls(number, owners, starts, tuple(_entries(data, place + n_ids, ids)))


def _entries(data: bytes, place: int, ids: Sequence[str]) -> Iterator[Part]:
    while len(data) >= place + _PART.size + len(ids):
        kind, start, end = _PART.unpack_from(data, place)
        place += _PART.size + len(ids)
        owners = _chosen(ids, data[place - len(ids) : place])
        if kind < _IN_LEDGER:
            yield Part(owners, kind, start, end)
        else:
            yield Part(owners, kind - _IN_LEDGER, 0, 0, data[place : place + end])
            place += end


def _chosen(ids: Sequence[str], flags: bytes) -> tuple[str, ...]:
    return tuple(id_ for id_, flag in zip(ids, flags, strict=False) if flag)


class Spools:
    """The files of all workers, made by the driver before there are any; see `research.backends.board`.

    Parameters
    ----------
    n_workers : int
    captures : tuple of bool
        Whether stdout and stderr are captured.

    Raises
    ------
    StudyError
        If the files cannot be made.
    """

    def __init__(self, n_workers: int, captures: tuple[bool, bool]) -> None:
        self._spools: list[Spool] = []
        self._seen = [[0, 0] for _ in range(n_workers)]
        self._tasks: list[dict[int, Task]] = [{} for _ in range(n_workers)]  # that each was sent
        try:
            for _ in range(n_workers):
                out, err = (unnamed_file(os.O_APPEND) if wanted else None for wanted in captures)
                self._spools.append(Spool((out, err), unnamed_file()))
        except OSError as error:
            self.close()
            raise StudyError(
                f"there can be no files for what {n_workers} workers print ({error}): run with fewer, or "
                "with redirect_stdout=0 and redirect_stderr=0"
            ) from error

    def of(self, worker: int) -> Spool:
        """Return the files of a worker."""
        return self._spools[worker]

    def expect(self, worker: int, tasks: Sequence[Task]) -> None:
        """Take note of what a worker is sent to do."""
        self._tasks[worker].update({task.number: task for task in tasks})

    def note(self, worker: int, events: Sequence[Event]) -> None:
        """Take note of how much a worker has sent."""
        tasks = self._tasks[worker]
        for event in events:  # (there may be millions)
            if isinstance(event, TaskDone):
                tasks.pop(event.number, None)
            elif isinstance(event, Printed) and event.end is not None:
                self._seen[worker][event.stream] = event.end
            elif isinstance(event, Revoked):
                for task in event.tasks:
                    tasks.pop(task.number, None)

    def rest(self, worker: int, task: int | None) -> list[Printed]:
        """Return, once, what a worker that is dead printed and did not send.

        Parameters
        ----------
        worker : int
        task : int or None
            What it was at. What it printed in earlier ones belongs to nobody: they will be run again.
        """
        spool, seen = self._spools[worker], self._seen[worker]
        sizes = spool.sizes()
        tasks, self._tasks[worker] = self._tasks[worker], {}
        ledger = Ledger.parse(_whole(spool.ledger))
        if ledger is not None and ledger.task != task and task in tasks:  # it had printed nothing, so far
            ledger = Ledger(task, tuple([member.id for member in tasks[task].members]), ledger.starts, ())
        if ledger is None or ledger.task != task:
            ledger = Ledger(-1, (), (sizes[0], sizes[1]), ())
        parts = [part for stream in BOTH for part in _unseen(ledger, stream, seen[stream], sizes[stream])]
        events = [event for part in parts for event in spool.read(worker, part)]
        spool.forget(seen, sizes)
        self._seen[worker] = sizes
        return events

    def close(self) -> None:
        """Let go of the files, which are gone when the last process does."""
        for spool in self._spools:
            for descriptor in spool.descriptors:
                os.close(descriptor)
        self._spools.clear()


def _unseen(ledger: Ledger, stream: int, seen: int, size: int) -> Iterator[Part]:
    """Walk what is in one stream beyond what has been seen, with its owners."""
    for part in ledger.parts:
        if part.stream != stream:
            continue
        if part.data is not None:
            yield part
        elif part.end > seen:
            yield Part((), stream, seen, part.start)  # (nothing, where it begins at once)
            yield part._replace(start=max(seen, part.start))
            seen = part.end
    yield Part((), stream, seen, ledger.starts[stream])
    yield Part(ledger.owners, stream, max(seen, ledger.starts[stream]), size)


def _whole(descriptor: int | None) -> bytes:
    if descriptor is None:
        return b""
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0)


def unnamed_file(flags: int = 0) -> int:
    """Make a file that is gone with the processes that have it, and return its descriptor."""
    with tempfile.TemporaryFile() as file:
        descriptor = os.dup(file.fileno())
    if flags:
        fcntl.fcntl(descriptor, fcntl.F_SETFL, flags)
    return descriptor
