"""A study that a process of its own runs: how that begins."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import stat
import sys
import warnings
from collections.abc import Container
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NoReturn

from research.backends.streams import flush_streams
from research.conducting import Plan, conduct
from research.errors import StudyError
from research.monitoring.monitor import Monitor
from research.storage.base import Store
from research.storage.taking import Taken
from research.termination import Interrupts

_BEGUN = b"begun"


def detach(plan: Plan, new: Taken) -> int:
    """Let a process of its own run a study, and return when it has begun.

    It is a fork, so that nothing of the study need be pickled, and configs are what they would be here.

    Parameters
    ----------
    plan : Plan
    new : Taken
        Belongs to the other process afterwards.

    Returns
    -------
    int
        The process, a child of this one.

    Raises
    ------
    Exception
        Whatever kept the study from beginning.
    """
    reader, writer = Pipe(duplex=False)
    flush_streams()
    with warnings.catch_warnings():
        # the child runs nothing but the study
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        reader.close()
        _run(plan, new, writer)
    writer.close()
    with reader:
        try:
            said = reader.recv_bytes()
        except EOFError:
            said = b""
    if said != _BEGUN:
        os.waitpid(pid, 0)
        raise _problem(said)
    new.hand_over()
    return pid


def _problem(said: bytes) -> BaseException:
    """Return what kept a study from beginning."""
    if not said:
        return StudyError("the process that was to run the study ended before it had begun")
    error = pickle.loads(said)
    return error if isinstance(error, BaseException) else StudyError(str(error))


def _run(plan: Plan, new: Taken, writer: Connection) -> NoReturn:
    """Be the process that runs a study."""
    code = 1
    begun = False

    def tell(store: Store) -> None:
        nonlocal begun
        begun = True
        writer.send_bytes(_BEGUN)
        writer.close()

    try:
        _leave_the_terminal(new.sockets)
        with new, Interrupts() as interrupts:
            new.take_over()
            conduct(plan, new, Monitor(), tell, interrupts)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException as error:
        if not begun:
            writer.send_bytes(_pickled(error))
    finally:
        os._exit(code)


def _leave_the_terminal(kept: Container[int]) -> None:
    """Be a process that no terminal ends, and that says nothing there; some sockets are its own."""
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2, *(number for number in _sockets() if number not in kept)):
        os.dup2(nothing, descriptor)
    # a notebook has ways to the screen of its own
    sys.stdout = sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115  (as long as the process)


def _sockets() -> list[int]:
    """Return descriptors of sockets: while one is here, its server cannot begin anew at the same address.

    They are to be replaced, not closed: objects that know them by their numbers may be collected yet.
    """
    found = []
    for path in Path("/dev/fd").iterdir():
        with contextlib.suppress(OSError):  # that of the folder itself is gone
            if stat.S_ISSOCK(os.fstat(int(path.name)).st_mode):
                found.append(int(path.name))
    return found


def _pickled(error: BaseException) -> bytes:
    try:
        data = pickle.dumps(error)
        pickle.loads(data)
    except Exception:  # exceptions of users may refuse in any way
        return pickle.dumps(f"{type(error).__name__}: {error}")
    return data
