"""A run that another process may be at: to watch it, to wait for it, to end it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

from research.beginnings import start_of
from research.errors import StudyError, StudyNotFoundError
from research.monitoring.log import LOG
from research.monitoring.monitor import Monitor
from research.storage.base import BROKEN, Store
from research.storage.lock import Holder
from research.storage.places import Place

LAST_SECONDS = 5.0  # that workers have to notice that their driver is gone


def wait_for(place: Place, timeout: float | None) -> bool:
    """Wait until no process runs a study; return whether that came about in time."""
    deadline = None if timeout is None else time.monotonic() + timeout
    while place.is_held():
        if deadline is not None and time.monotonic() >= deadline:
            return False
        time.sleep(place.look_seconds)
    return True


def terminate(place: Place, grace: float) -> bool:
    """End the processes that run a study, and no others; see `Research.terminate`."""
    if not place.is_held():
        return False
    holders = place.drivers()
    if not holders:
        raise StudyError(f"the study in {str(place)!r} does not say which process runs it")
    for holder in holders:
        if holder.host != Holder.this().host:
            raise StudyError(f"the study in {str(place)!r} is run by {holder}: end it there")
        if holder.pid == os.getpid():
            raise StudyError("this very process runs the study: Ctrl-C ends it")
    with contextlib.ExitStack() as stack:
        sends = [stack.enter_context(_signals_to(holder)) for holder in holders]
        for send in sends:
            send(signal.SIGTERM)
        if not wait_for(place, grace):
            for send in sends:
                send(signal.SIGKILL)
    if not wait_for(place, LAST_SECONDS):
        raise StudyError(
            f"{holders[0]}, which ran the study in {str(place)!r}, was ended, but something that it started "
            "lives on and holds the folder"
        )
    return True


@contextlib.contextmanager
def _signals_to(holder: Holder) -> Iterator[Callable[[int], None]]:
    """Give a function that sends signals to a process, or to nobody if it has ended.

    Between the look at a process and the signal another may have got its pid; a descriptor of the process
    keeps to it. https://man7.org/linux/man-pages/man2/pidfd_open.2.html
    """
    descriptor = None
    with contextlib.suppress(OSError, AttributeError):  # it has ended, or the system has no such call
        descriptor = os.pidfd_open(holder.pid)

    def send(number: int) -> None:
        if start_of(holder.pid) != holder.start:
            return
        with contextlib.suppress(ProcessLookupError):
            if descriptor is None:
                os.kill(holder.pid, number)
            else:
                signal.pidfd_send_signal(descriptor, number)

    try:
        yield send
    finally:
        if descriptor is not None:
            os.close(descriptor)


class Detached:
    """What a study says of a run of it that another process may be at."""

    _memory: Store | None
    _place: Place | None  # where it was run
    _child: int | None = None  # the process that runs it, if that is a child of this one
    _monitor: Monitor
    _is_watched: bool = False  # another process runs it, or did
    _is_here: bool = False  # this process is at it
    _is_terminated: bool = False

    @property
    def monitor(self) -> Monitor:
        """Counts of experiments by status, and exceptions of units; of a study that runs, as of now."""
        if self._is_watched and self._place is not None:
            is_over = self.is_finished  # asked first: nothing changes after it
            with contextlib.suppress(StudyNotFoundError):  # it has been removed
                self._monitor = Monitor.of_rows(list(self._place.store().read().experiments))
            self._is_watched = not is_over
        return self._monitor

    @property
    def is_finished(self) -> bool:
        """Whether the study has been run, and no process is at it any more.

        How it ended is in `monitor.counts`: where its process was killed, not all experiments have ended.
        """
        if self._is_here:
            return False
        if self._place is None:
            return self._memory is not None
        if self._place.is_held():
            return False
        self._reap()
        return True

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end of a study that another process runs.

        Parameters
        ----------
        timeout : float, optional
            Seconds. Default: for ever.

        Returns
        -------
        bool
            Whether it has ended.

        Raises
        ------
        StudyError
            If the study has not been run, was broken off by an error, or its process was killed.

        Examples
        --------
        >>> from tempfile import TemporaryDirectory
        >>> from research import EC, Domain, Research
        >>> with TemporaryDirectory() as parent:
        ...     study = Research(f'{parent}/squares', Domain(a=[1, 2, 3]))
        ...     study = study.add_callable('f', lambda a: a**2, a=EC('a'), save_to='b').run(detach=True)
        ...     study.wait(), study.is_finished, study.results.df['b'].tolist()
        (True, True, [1, 4, 9])
        """
        deadline = None if timeout is None else time.monotonic() + _checked(timeout, "timeout")
        self._refuse_if_not_run()
        while not self.is_finished:
            if deadline is not None and time.monotonic() >= deadline:
                return False
            time.sleep(self._place.look_seconds if self._place is not None else 0)
        if self._place is not None and not self._is_terminated:
            _raise_if_broken(self._place)
        return True

    def terminate(self, grace: float = 10) -> bool:
        """End a study that another process of this machine runs, and none but its processes.

        Its process gets SIGTERM: it ends its workers, and writes what they have said. Experiments that were
        running count as stopped. Works on a study that was detached here, and on one that was loaded.

        Parameters
        ----------
        grace : float, default 10
            Seconds that it has for that, before SIGKILL.

        Returns
        -------
        bool
            False if it had ended already.

        Raises
        ------
        StudyError
            If the study has not been run, or runs on another machine or in this very process.
        """
        self._refuse_if_not_run()
        if self._place is None or not terminate(self._place, _checked(grace, "grace")):
            if self._is_here:
                raise StudyError("this very process runs the study: Ctrl-C ends it")
            return False
        self._is_terminated = True
        self._reap()
        return True

    def _refuse_if_not_run(self) -> None:
        if self._place is None and self._memory is None:
            raise StudyError("the study has not been run")

    def _reap(self) -> None:
        """Wait for the last breath of the child that ran the study."""
        if self._child is not None:
            with contextlib.suppress(ChildProcessError):  # somebody else was faster
                os.waitpid(self._child, 0)
            self._child = None


def _checked(seconds: Any, name: str) -> float:
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not seconds >= 0:
        raise ValueError(f"`{name}` must be a number of seconds, not negative, got {seconds!r}")
    return float(seconds)


def _raise_if_broken(place: Place) -> None:
    """Say what went wrong in a run that has ended."""
    study = place.store().study()
    log = place.folder / LOG
    if study.outcome == BROKEN:
        raise StudyError(f"the study was broken off, see {log}: {study.error}")
    if study.outcome is None:
        raise StudyError(f"the process that ran the study was killed, see {log}")
