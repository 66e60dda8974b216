"""Who runs a study, and by which script: kept for every run."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from pathlib import Path
from typing import Any

from research.monitoring.environment import git_commit
from research.monitoring.process import command_line, cut, directory, script_path, user_name
from research.storage.base import Begun
from research.version import __version__

LONGEST_SCRIPT = 2**20  # characters


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
    script = script_path()
    here = directory()
    where = here if script is None else str(script.parent)
    return Begun(
        time.time(),
        user_name(),
        os.uname().nodename,
        here,
        command_line(),
        None if where is None else git_commit(where),
        None if script is None else str(script),
        None if script is None else _text(script),
        note,
        __version__,
    )


def _text(script: Path) -> str | None:
    with contextlib.suppress(OSError, ValueError):
        if stat.S_ISREG(script.stat().st_mode):  # (another is read once, as that of a shell's `<(…)`)
            with script.open("rb") as file:
                data = file.read(4 * LONGEST_SCRIPT)
            return cut(data.decode("utf-8", "backslashreplace"), LONGEST_SCRIPT)
    return None
