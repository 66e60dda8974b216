"""What units print, by experiment: as a worker sees it."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from os import getpid
from threading import get_ident
from typing import IO, TextIO, cast

from research.backends.native import buffer_lines_of_c
from research.backends.spools import Part, Spool, entry_of, opening_of, turn_of
from research.backends.streams import TEXT, Redirection, RoutedBuffer, line_by_line, write_all
from research.events import Printed

_WORTH_A_HOLE = 2**20  # bytes that have been sent


class Capture:
    """Notes whose turn it is while a process prints into its spool, and says what has come.

    It costs an experiment that prints nothing a few system calls. What is printed while several branches run
    in threads is told apart where Python's own `sys.stdout` and `sys.stderr` are written to in the thread of
    a branch; the rest belongs to all of them.

    Parameters
    ----------
    worker : int
    spool : Spool
    """

    def __init__(self, worker: int, spool: Spool) -> None:
        self._worker = worker
        self._spool = spool
        self._redirection = Redirection(spool.streams, self._text)
        self._lock = threading.RLock()
        self._ids: tuple[str, ...] = ()  # of the task
        self._owners: tuple[str, ...] = ()  # whose turn it is
        self._starts = self._collected = self._told = spool.sizes()
        self._parts: list[Part] = []  # that have not been collected
        self._is_routed = False
        self._thread = 0  # in which the task runs
        self._process = 0
        self._branches: dict[int, tuple[str, ...]] = {}  # by threads: whose they are
        self._lines: dict[tuple[int, tuple[str, ...]], bytes] = {}  # that branches have begun, by stream
        self._number = -1  # of the task
        self._turn_at = self._entries_at = self._ledger_end = 0  # places in the ledger
        self._ledger_task: int | None = None  # that the ledger speaks of; None: nobody knows

    def start(self) -> None:
        """Capture from here on."""
        self._redirection.on()
        buffer_lines_of_c()

    def stop(self) -> None:
        """Let the process have its streams back."""
        self._redirection.off()

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Let the process have its streams back for a moment."""
        with self._redirection.suspended():
            yield

    def begin(self, number: int, ids: Sequence[str], in_threads: bool) -> None:
        """Take note that a task begins, in this thread; its branches may run in others."""
        if in_threads and not self._is_routed:
            self._is_routed = True
            self._redirection.remake()
        self._redirection.mend()
        with self._lock:
            self._look(self._spool.sizes())
            if self._branches:
                self._branches = {}
            self._thread = get_ident()
            self._ids = self._owners = tuple(ids)
            self._number = number
            self._begin_ledger()

    def turn(self, ids: tuple[str, ...]) -> None:
        """Take note of the experiments that what runs next, in this thread, is for."""
        thread = threading.get_ident()
        if thread != self._thread:
            self._branches[thread] = ids
            ids = self._ids  # as for what nobody can tell apart
            if self._owners is ids:
                return
        self._redirection.flush()
        with self._lock:
            self._look(self._spool.sizes())
            self._owners = ids
            self._note_turn()

    def cut(self) -> None:
        """Take note of all that has been printed, as an experiment is about to end."""
        self._redirection.flush(is_at_end=True)
        if len(self._ids) == 1 and not self._lines:
            return  # whoever collects what it says of its end looks first
        with self._lock:
            for (stream, owners), line in self._lines.items():
                self._add(Part(owners, stream, 0, len(line), line))
            self._lines.clear()
            self._look(self._spool.sizes())

    def end(self) -> list[Printed]:
        """Take note that the task is over; return what was printed. What comes now is nobody's."""
        with self._lock:
            self._look(self._spool.sizes())
            self._owners = ()
            return self._collect()

    def collect(self) -> list[Printed]:
        """Return what was printed since the last call; from any thread."""
        self._redirection.flush()
        with self._lock:
            self._look(self._spool.sizes())
            return self._collect()

    def told(self) -> None:
        """Take note that everything collected is with the driver."""
        with self._lock:
            if sum(self._collected) - sum(self._told) >= _WORTH_A_HOLE:
                self._spool.forget(self._told, self._collected)
                self._told = self._collected
            ledger = self._spool.ledger
            if ledger is not None and self._ledger_end > self._entries_at:
                self._ledger_end = self._entries_at
                os.ftruncate(ledger, self._ledger_end)
                for part in self._parts:
                    self._write_entry(part)

    def _collect(self) -> list[Printed]:
        self._collected = self._starts
        if not self._parts:  # nearly always
            return []
        parts, self._parts = self._parts, []
        return [event for part in parts for event in self._spool.read(self._worker, part)]

    def _look(self, sizes: list[int]) -> None:
        """See how far the files have grown: that is the work of those whose turn it was."""
        if sizes == self._starts:
            return
        for stream, (start, size) in enumerate(zip(self._starts, sizes, strict=True)):
            if size > start:
                self._add(Part(self._owners, stream, start, size))
        self._starts = sizes
        self._note_turn()

    def _add(self, part: Part) -> None:
        self._parts.append(part)
        if self._open_ledger():
            self._write_entry(part)

    def _write_entry(self, part: Part) -> None:
        entry = entry_of(part, self._ids)
        if self._put(entry, self._ledger_end):
            self._ledger_end += len(entry)

    def _begin_ledger(self) -> None:
        """Let the ledger speak of the task, unless what it says is enough; see `research.backends.spools`."""
        process = getpid()
        if self._process != process or self._ledger_task == self._number:  # or it says what was
            self._process, self._ledger_task = process, None
        if self._ledger_task is None:
            self._open_ledger()

    def _open_ledger(self) -> bool:
        """Let the ledger speak of the task, if it does not; return whether it does."""
        ledger, is_known = self._spool.ledger, self._ledger_task is not None
        if ledger is None or not self._ids:
            return False
        if self._ledger_task != self._number:
            text, self._turn_at = opening_of(self._number, self._ids, self._starts)
            if not is_known or self._ledger_end > len(text):
                os.ftruncate(ledger, 0)
            self._entries_at = self._ledger_end = len(text)
            self._keep(text, 0)
        return self._ledger_task is not None

    def _note_turn(self) -> None:
        """Keep in the ledger whose turn it is, and since when."""
        if self._open_ledger():
            self._keep(turn_of(self._starts, self._ids, self._owners), self._turn_at)

    def _keep(self, data: bytes, place: int) -> None:
        """Write what a ledger has to say; it says rather nothing than what was true of something else."""
        self._ledger_task = self._number
        if not self._put(data, place) and self._spool.ledger is not None:
            self._ledger_task = None
            os.ftruncate(self._spool.ledger, 0)

    def _put(self, data: bytes, place: int) -> bool:
        """Write to the ledger; return whether there was room: else it is not known whose last words are."""
        try:
            return self._spool.ledger is not None and os.pwrite(self._spool.ledger, data, place) == len(data)
        except OSError:
            return False

    def _text(self, stream: int) -> TextIO:
        """Make Python's object of a stream."""
        if not self._is_routed:
            return line_by_line(stream)
        buffer = RoutedBuffer(stream + 1, lambda data: self._route(stream, data))
        return io.TextIOWrapper(cast(IO[bytes], buffer), write_through=True, **TEXT)

    def _route(self, stream: int, data: bytes) -> None:
        """Take what was written in some thread: a branch's, line by line; else it goes its usual way."""
        owners = self._branches.get(threading.get_ident())
        if owners is None or os.getpid() != self._process:  # (a copy of this process knows no turns)
            write_all(stream + 1, data)
            return
        with self._lock:
            data = self._lines.pop((stream, owners), b"") + data
            place = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
            if place < len(data):
                self._lines[stream, owners] = data[place:]
            if place:
                self._add(Part(owners, stream, 0, place, data[:place]))
