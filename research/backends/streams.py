"""stdout and stderr of a process, and files in their place."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from os import dup2
from typing import Any, NamedTuple, TextIO

from research.backends.native import flush_c
from research.storage.outputs import STREAMS

_SYS = vars(sys)
TEXT: dict[str, Any] = {"encoding": "utf-8", "errors": "backslashreplace"}  # what cannot be said is shown


class _Before(NamedTuple):
    """What was in the place of a stream."""

    descriptor: int | None  # a copy; None if it was closed
    current: Any  # sys.stdout
    original: Any  # sys.__stdout__


class Redirection:
    """Puts files in the place of stdout and stderr: of their descriptors, and of Python's objects.

    Parameters
    ----------
    targets : sequence of int or None
        Descriptors of the files for stdout and for stderr; None: that one stays as it is.
    make : callable, optional
        Makes Python's object, from the number of the stream.
    """

    def __init__(self, targets: Sequence[int | None], make: Callable[[int], TextIO] | None = None) -> None:
        self._targets = {stream: target for stream, target in enumerate(targets) if target is not None}
        self._make = make or line_by_line
        self._places = [(stream, target, STREAMS[stream]) for stream, target in self._targets.items()]
        self._texts: dict[int, TextIO] = {}
        self._before: dict[int, _Before] = {}

    def on(self) -> None:
        """Begin."""
        flush_streams()  # what was printed before goes where it would have gone
        for stream, target in self._targets.items():
            name = STREAMS[stream]
            number = stream + 1
            before = _Before(_copy(number), getattr(sys, name, None), getattr(sys, f"__{name}__", None))
            self._before[stream] = before
            os.dup2(target, number)
            if stream not in self._texts:
                self._texts[stream] = self._make(stream)
            self._place(stream, before.current)

    def off(self) -> None:
        """Put everything back as it was."""
        self.flush()
        for stream, before in list(self._before.items()):
            name, number = STREAMS[stream], stream + 1
            setattr(sys, name, before.current)
            setattr(sys, f"__{name}__", before.original)
            if before.descriptor is None:
                with contextlib.suppress(OSError):
                    os.close(number)
            else:
                os.dup2(before.descriptor, number)
                os.close(before.descriptor)
            del self._before[stream]
            _hand_over(self._texts.get(stream), before.current)

    @contextlib.contextmanager
    def suspended(self) -> Iterator[None]:
        """Have everything as it was for a moment."""
        is_on = bool(self._before)
        self.off()
        try:
            yield
        finally:
            if is_on:
                self.on()

    def mend(self) -> None:
        """Put the files in place again, should somebody have closed or replaced what was there."""
        for stream, target, name in self._places:
            dup2(target, stream + 1)  # it takes a third of the time of a look at what is there
            text = self._texts[stream]
            if _SYS.get(name) is not text or text.closed:
                if text.closed:
                    self._texts[stream] = self._make(stream)
                self._place(stream, text)

    def remake(self) -> None:
        """Make Python's objects anew."""
        for stream, text in list(self._texts.items()):
            text.flush()
            self._texts[stream] = self._make(stream)
            self._place(stream, text)

    def flush(self, is_at_end: bool = False) -> None:
        """Write out what is held back; at the end, also by what units have put in place of a stream."""
        for stream, text in self._texts.items():
            try:
                text.flush()
            except (OSError, ValueError):  # closed by a unit
                pass
            if is_at_end and _SYS.get(STREAMS[stream]) is not text:
                with contextlib.suppress(Exception):  # it may be anything
                    _SYS[STREAMS[stream]].flush()
        flush_c()

    def _place(self, stream: int, before: Any) -> None:
        text, name = self._texts[stream], STREAMS[stream]
        setattr(sys, name, text)
        setattr(sys, f"__{name}__", text)
        _hand_over(before, text)


class RoutedBuffer(io.BufferedIOBase):
    """The bytes below a text stream, given to a function.

    Parameters
    ----------
    number : int
        The descriptor that it says it has.
    take : callable
    """

    def __init__(self, number: int, take: Callable[[bytes], None]) -> None:
        self._number = number
        self._take = take

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._number

    def write(self, data: Any) -> int:
        if self.closed:
            raise ValueError("write to closed file")
        taken = bytes(data)
        self._take(taken)
        return len(taken)


def line_by_line(stream: int) -> TextIO:
    """Return Python's object of a stream, for whatever its descriptor stands for at any time."""
    text: TextIO = open(stream + 1, "w", buffering=1, closefd=False, **TEXT)  # noqa: SIM115  (it stays)
    return text


def write_all(descriptor: int, data: bytes) -> None:
    """Write bytes, however many."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def flush_streams() -> None:
    """Write out what is held back, before a process is copied or ends without ceremony."""
    for name in STREAMS:
        with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, or None, or deleted
            getattr(sys, name).flush()
    flush_c()


def _copy(descriptor: int) -> int | None:
    try:
        return os.dup(descriptor)
    except OSError:  # it is closed, as in a daemon
        return None


def _hand_over(before: Any, after: Any) -> None:
    """Let the handlers of `logging` that write to one stream write to another."""
    if before is None or after is None or before is after:
        return
    loggers = [logging.root, *logging.root.manager.loggerDict.values()]
    for handler in [item for logger in loggers for item in getattr(logger, "handlers", ())]:
        # (some look up sys.stderr each time, by a property)
        if isinstance(handler, logging.StreamHandler) and vars(handler).get("stream") is before:
            with contextlib.suppress(Exception):  # it flushes the old one first, which may be anything
                handler.setStream(after)
