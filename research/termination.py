"""Ctrl-C, SIGTERM and SIGHUP end a study in order; Ctrl-C again ends it at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType, TracebackType
from typing import Any, Self


class Terminated(KeyboardInterrupt):
    """A signal asked this process to end; units that catch exceptions let it pass, as they do Ctrl-C.

    Parameters
    ----------
    number : int, default SIGTERM
    """

    def __init__(self, number: int = signal.SIGTERM) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


class Interrupts:
    """What becomes of Ctrl-C, SIGTERM and SIGHUP (the terminal is gone), from entering this to leaving it.

    The first of them raises where the program is, or where it says next that this may be; so nothing is left
    half done. Then only Ctrl-C means anything, and raises wherever it comes.

    Only the main thread can have it so, and only for a signal that the program has no handler of its own for.
    Handlers are put back at the end.

    Raises
    ------
    SystemExit
        With the status 143 after SIGTERM, 129 after SIGHUP, in place of what it has raised, once all is in
        order.

    Examples
    --------
    >>> with Interrupts() as interrupts, interrupts.deferred():
    ...     for step in range(3):
    ...         interrupts.check()
    """

    def __init__(self) -> None:
        self._before: dict[int, Any] = {}
        self._is_deferring = False
        self._has_come = False
        self._pending: KeyboardInterrupt | None = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number, usual in (
                (signal.SIGINT, signal.default_int_handler),
                (signal.SIGTERM, signal.SIG_DFL),
                (signal.SIGHUP, signal.SIG_DFL),
            ):
                if signal.getsignal(number) is usual:
                    self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if isinstance(error, Terminated):
            raise SystemExit(128 + error.number) from None

    def _take(self, number: int, frame: FrameType | None) -> None:
        if number != signal.SIGINT:
            if self._has_come:
                return  # once is enough
            error: KeyboardInterrupt = Terminated(number)
        else:
            error = KeyboardInterrupt()
        is_first, self._has_come = not self._has_come, True
        if is_first and self._is_deferring:
            self._pending = error
        else:
            self._pending = None
            raise error

    def check(self) -> None:
        """Raise what has come and was deferred."""
        error, self._pending = self._pending, None
        if error is not None:
            raise error

    def deferred(self) -> AbstractContextManager[None]:
        """Return a context that is not interrupted at once; what has come raises at its end."""
        return self._set(True)

    def allowed(self) -> AbstractContextManager[None]:
        """Return a context that may be interrupted, inside of one that may not."""
        return self._set(False)

    @contextmanager
    def _set(self, is_deferring: bool) -> Iterator[None]:
        before, self._is_deferring = self._is_deferring, is_deferring
        try:
            if not is_deferring:
                self.check()
            yield
        finally:
            self._is_deferring = before
        if not before:
            self.check()
