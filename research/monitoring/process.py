"""What a process knows of itself: whose it is, where it is, how it was started; needs no library."""

from __future__ import annotations

import contextlib
import getpass
import os
import shlex
import sys
from pathlib import Path

LONGEST_COMMAND = 2**15  # characters


def script_path() -> Path | None:
    """Return the file that this process runs; None if it is interactive, a notebook, or `-c`."""
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    if not isinstance(file, str) or file.startswith("<"):  # as stdin is called
        return None
    with contextlib.suppress(OSError, ValueError):
        return Path(file).absolute()
    return None


def command_line() -> str | None:
    """Return the line by which this process was started."""
    words = [word for word in getattr(sys, "orig_argv", ()) if isinstance(word, str)]
    return cut(shlex.join(words), LONGEST_COMMAND) if words else None


def user_name() -> str | None:
    """Return who runs this process."""
    try:
        return getpass.getuser()
    except Exception:  # (which it is depends on the version) the system has no name for it
        return str(os.getuid())


def directory() -> str | None:
    """Return where this process is."""
    with contextlib.suppress(OSError):  # it has been removed
        return str(Path.cwd())
    return None


def cut(text: str, most: int) -> str:
    """Leave out the middle of a text that is too long to be kept."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]} … {len(text) - 2 * half} characters … {text[-half:]}"
