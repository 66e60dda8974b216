"""A program that runs in a process of its own, until it ends or is ended with all that it has started.

It stays in the process group of the worker, so that whatever ends a worker ends its program as well: nothing
here has to live on for that.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from research.errors import ProgramError

if TYPE_CHECKING:
    import psutil

GRACE_SECONDS = 5.0  # between SIGTERM and SIGKILL
LOOK_SECONDS = 0.25  # between two looks at what is reported
_LAST_SECONDS = 1.0  # in which what was just killed lets go of its output
_END = 2000  # characters of the end of an output that are shown
_PART = 2**16  # bytes
MOST_KEPT = 2**22  # bytes of an output whose end alone is wanted


class Ended(NamedTuple):
    """A program that has ended."""

    code: int
    stdout: bytes
    stderr: bytes
    seconds: float
    is_late: bool  # it was ended, as its time was over
    end: str  # of what it has printed


def run_program(
    words: Sequence[str],
    environment: Mapping[str, str],
    mark: str,
    folder: str | None = None,
    timeout: float | None = None,
    look: Callable[[], object] = lambda: None,
    keep_all: bool = False,
) -> Ended:
    """Run a program to its end; what it prints is printed here, as it comes.

    Parameters
    ----------
    words : sequence of str
    environment : mapping of str to str
        All of its variables.
    mark : str
        A variable in it whose value no other program has: those that it starts are known by it.
    folder : str, optional
        Where it runs.
    timeout : float, optional
        Seconds. Then it is asked to end, by SIGTERM, and is killed 5 seconds later.
    look : callable, optional
        Called a few times in a second, and at the end; the program is ended if it returns True.
    keep_all : bool, default False
        Keep all that it prints, not the end alone.

    Raises
    ------
    ProgramError
        If there is no such program, or it cannot be started.
    """
    try:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=environment,
        )
    except (OSError, ValueError) as error:
        raise ProgramError(_why_not_started(words, folder, error)) from None
    with _Running(process, f"{mark}={environment[mark]}", timeout, look, keep_all) as running:
        return running.wait()


def _why_not_started(words: Sequence[str], folder: str | None, error: Exception) -> str:
    text = f"{words[0]!r} cannot be started: {error}"
    if folder is not None and not Path(folder).is_dir():
        return f"{text}; there is no folder {folder!r} to run it in"
    if isinstance(error, FileNotFoundError):
        return f"{text}; it is no program of $PATH, nor a file where it was looked for, {str(Path.cwd())!r}"
    return text


class _Running:
    """A program while it runs."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        mark: str,
        timeout: float | None,
        look: Callable[[], object],
        keep_all: bool,
    ) -> None:
        self._process = process
        self._mark = mark
        self._look = look
        self._keep_all = keep_all
        self._begun = time.monotonic()
        self._deadline = None if timeout is None else self._begun + timeout
        self._kept = {"stdout": bytearray(), "stderr": bytearray()}
        self._end = bytearray()  # of both, as they came
        self._printers = {name: _Printer(name) for name in self._kept}
        self._selector = selectors.DefaultSelector()
        for name in self._kept:
            pipe = getattr(process, name)
            os.set_blocking(pipe.fileno(), False)
            self._selector.register(pipe, selectors.EVENT_READ, name)
        self._ending: int | None = None
        with contextlib.suppress(OSError, AttributeError):  # the system has no such call
            self._ending = os.pidfd_open(process.pid)
            self._selector.register(self._ending, selectors.EVENT_READ, None)

    def __enter__(self) -> _Running:
        return self

    def __exit__(self, *error: object) -> None:
        try:
            if self._process.returncode is None:
                self._end_it()
        finally:
            self._selector.close()
            if self._ending is not None:
                os.close(self._ending)
            for pipe in (self._process.stdout, self._process.stderr):
                if pipe is not None:
                    pipe.close()
            for printer in self._printers.values():
                printer.close()

    def wait(self) -> Ended:
        """Wait for its end, or for that of its time."""
        is_late = False
        while self._process.poll() is None:
            if self._deadline is not None and time.monotonic() >= self._deadline:
                is_late = True
                self._end_it()
                break
            self._take(LOOK_SECONDS)
            if self._look():
                self._end_it()
        seconds = time.monotonic() - self._begun
        while self._take(0):
            pass
        if self._is_held:  # by something that it has started and left behind
            self._end_it()
        self._look()
        stdout, stderr = (bytes(part) for part in self._kept.values())
        end = self._end.decode(errors="backslashreplace").strip()[-_END:]
        return Ended(self._process.returncode, stdout, stderr, seconds, is_late, end)

    @property
    def _is_held(self) -> bool:
        """Whether there is somebody who may yet print."""
        return any(key.data is not None for key in self._selector.get_map().values())

    def _take(self, seconds: float) -> bool:
        """Take what was printed, or wait for some; return whether there was any."""
        if self._deadline is not None and seconds:
            seconds = min(seconds, max(0.0, self._deadline - time.monotonic()))
        if self._ending is None:
            seconds = min(seconds, 0.02)  # nobody says when it ends
        has_come = False
        for key, _ in self._selector.select(seconds):
            if key.data is not None:
                has_come |= self._take_from(key.fileobj, key.data)  # type: ignore[arg-type]
        return has_come

    def _take_from(self, pipe: IO[bytes], name: str) -> bool:
        try:
            data = os.read(pipe.fileno(), _PART)
        except BlockingIOError:
            return False
        if not data:
            self._selector.unregister(pipe)
            return False
        kept = self._kept[name]
        kept += data
        if not self._keep_all and len(kept) > 2 * MOST_KEPT:
            del kept[:-MOST_KEPT]
        self._end = (self._end + data)[-4 * _END :]
        self._printers[name].print(data)
        return True

    def _end_it(self) -> None:
        """End the program, and all that it has started: in order if it can, but soon."""
        try:
            self._deadline = None
            self._signal(signal.SIGTERM)
            self._drain(GRACE_SECONDS)
        finally:
            until = time.monotonic() + GRACE_SECONDS  # the kernel may be at something for it
            while self._signal(signal.SIGKILL) and time.monotonic() < until:
                self._drain(0.01)  # (what they start meanwhile has the mark as well)
            self._process.wait()
            self._drain(_LAST_SECONDS)

    def _drain(self, seconds: float) -> None:
        """Take what is printed until nobody prints any more, for some seconds at most."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and (self._process.poll() is None or self._is_held):
            self._take(min(left, LOOK_SECONDS))
            if self._process.returncode is not None:
                time.sleep(0.001)  # (its end can be read again and again)

    def _signal(self, number: int) -> bool:
        """Send a signal to the program and to what it has started; return whether there was anybody."""
        import psutil

        is_over = self._process.poll() is not None  # and its number may be another's by now
        family = find_family(None if is_over else self._process.pid, self._mark)
        for process in family:
            with contextlib.suppress(psutil.Error):
                process.send_signal(number)
        return bool(family)


def find_family(pid: int | None, mark: str) -> list[psutil.Process]:
    """Return processes that are alive: one of our children, those that it has started, and who has its mark.

    Parameters
    ----------
    pid : int or None
    mark : str
        A variable and its value, `NAME=value`, in their environment.
    """
    import psutil

    name, _, value = mark.partition("=")
    found: dict[int, psutil.Process] = {}
    with contextlib.suppress(psutil.Error):
        process = None if pid is None else psutil.Process(pid)
        for item in [] if process is None else [process, *process.children(recursive=True)]:
            found[item.pid] = item
    found |= {process.pid: process for process in _marked(name, lambda given: given == value)}
    return [process for process in found.values() if _is_alive(process)]


def end_programs(name: str, beginning: str) -> None:
    """Kill programs that have outlived those who ran them, as they have left their process group.

    Parameters
    ----------
    name, beginning : str
        A variable, and how its value begins in their environment.
    """
    import psutil

    until = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < until:
        left = [item for item in _marked(name, lambda given: given.startswith(beginning)) if _is_alive(item)]
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        if not left:
            return
        time.sleep(0.01)


def _marked(name: str, is_theirs: Callable[[str], bool]) -> Iterator[psutil.Process]:
    """Walk processes, but for this one, that have a variable in their environment."""
    import psutil

    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and is_theirs(process.environ().get(name, "")):
                yield process


def _is_alive(process: psutil.Process) -> bool:
    import psutil

    with contextlib.suppress(psutil.Error):
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    return False


class _Printer:
    """Prints here what a program prints, in the thread that asks for it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")

    def print(self, data: bytes, is_last: bool = False) -> None:
        """Print some bytes."""
        stream: Any = getattr(sys, self._name)
        with contextlib.suppress(OSError, ValueError, AttributeError):  # closed: its results are kept yet
            buffer = getattr(stream, "buffer", None)
            if buffer is None:  # a notebook's takes text
                stream.write(self._decoder.decode(data, is_last))
            else:
                stream.flush()
                buffer.write(data)
                buffer.flush()

    def close(self) -> None:
        """Print what was left of a character."""
        if self._decoder.getstate()[0]:
            self.print(b"", is_last=True)


def describe_code(code: int) -> str:
    """Say in words how a program ended."""
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return f"signal {-code} ({signal.Signals(-code).name})"
    return f"signal {-code}"
