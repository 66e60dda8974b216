"""Who runs a study, and by which script: kept for every run."""

from __future__ import annotations

import contextlib
import getpass
import os
import shlex
import stat
import sys
import time
from pathlib import Path
from typing import Any

from research.monitoring.environment import git_commit
from research.storage.base import Begun
from research.version import __version__

LONGEST_COMMAND = 2**15  # characters
LONGEST_SCRIPT = 2**20


def this_run(note: Any = None) -> Begun:
    """Return what is known of the run that this process begins.

    Nothing of it is needed: what cannot be found out is None.

    Parameters
    ----------
    note : str, optional

    Raises
    ------
    TypeError
        If the note is no text.
    """
    if not isinstance(note, str | None):
        raise TypeError(f"`note` must be a str or None, got {type(note).__name__} {note!r}")
    script = _script()
    directory = _directory()
    where = directory if script is None else str(script.parent)
    return Begun(
        time.time(),
        _user(),
        os.uname().nodename,
        directory,
        _command(),
        None if where is None else git_commit(where),
        None if script is None else str(script),
        None if script is None else _text(script),
        note,
        __version__,
    )


def _script() -> Path | None:
    """Return the file that this process runs; None if it is interactive, a notebook, or `-c`."""
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    if not isinstance(file, str) or file.startswith("<"):  # as stdin is called
        return None
    with contextlib.suppress(OSError, ValueError):
        return Path(file).absolute()
    return None


def _text(script: Path) -> str | None:
    with contextlib.suppress(OSError, ValueError):
        if stat.S_ISREG(script.stat().st_mode):  # (another is read once, as that of a shell's `<(…)`)
            with script.open("rb") as file:
                data = file.read(4 * LONGEST_SCRIPT)
            return _cut(data.decode("utf-8", "backslashreplace"), LONGEST_SCRIPT)
    return None


def _command() -> str | None:
    words = [word for word in getattr(sys, "orig_argv", ()) if isinstance(word, str)]
    return _cut(shlex.join(words), LONGEST_COMMAND) if words else None


def _user() -> str | None:
    try:
        return getpass.getuser()
    except Exception:  # (which it is depends on the version) the system has no name for it
        return str(os.getuid())


def _directory() -> str | None:
    with contextlib.suppress(OSError):  # it has been removed
        return str(Path.cwd())
    return None


def _cut(text: str, most: int) -> str:
    """Leave out the middle of a text that is too long to be kept."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]} … {len(text) - 2 * half} characters … {text[-half:]}"
