"""Copies of a study's files, which anyone may have put there: links stay links, and nothing is written
through one.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Collection
from pathlib import Path

from research.whole import is_temporary


def copy_tree(source: Path, target: Path, left_out: Collection[str] = ()) -> None:
    """Copy what a folder holds into another, where what is there already stays.

    Files keep the time at which they were written. What is neither file, folder nor link is left out, and so
    is what is just being written, or goes away meanwhile.

    Parameters
    ----------
    source, target : Path
        Where there is nothing at `source`, nothing is done.
    left_out : collection of str
        Names of files at the top.
    """
    if source.is_symlink():
        copy_file(source, target)
        return
    if not source.is_dir() or not _make_folder(target):
        return
    try:
        entries = sorted(os.scandir(source), key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            copy_tree(Path(entry.path), target / entry.name)
        elif entry.name not in left_out and not is_temporary(entry.name):
            copy_file(Path(entry.path), target / entry.name)


def copy_file(source: Path, target: Path) -> None:
    """Copy a file, or a link as a link, unless its name is taken; where there is none, nothing is done."""
    if not os.path.lexists(source) or os.path.lexists(target):
        return
    with contextlib.suppress(FileNotFoundError):
        kind = source.lstat().st_mode
        if stat.S_ISLNK(kind):
            target.symlink_to(source.readlink())
        elif stat.S_ISREG(kind):
            shutil.copy2(source, target, follow_symlinks=False)


def _make_folder(path: Path) -> bool:
    """Make a folder; return whether there is one now, and no link."""
    if not path.is_symlink() and not path.exists():
        path.mkdir(parents=True)
    return path.is_dir() and not path.is_symlink()
