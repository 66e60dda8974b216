"""A study's folder: how it is made, whose it is while the study runs, and how it is removed."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from research.errors import StudyError, StudyExistsError, StudyNotFoundError, cannot_write
from research.storage.lock import FILE as LOCK_FILE
from research.storage.lock import Held, Lock, is_held, name_holder

DATABASE = "research.db"
LOG = "research.log"
EXPERIMENTS = "experiments"  # holds a folder for each experiment that asked for one
ENVIRONMENT = "env"  # holds what is known of the surroundings of a run, as text


def study_name(name: Any) -> str:
    """Return the name of a study, which is the path of its folder, as text.

    Raises
    ------
    TypeError, ValueError
        If it is none.
    """
    if isinstance(name, os.PathLike):
        name = os.fsdecode(name)
    if not isinstance(name, str):
        text = f"{type(name).__name__} {name!r}"
        raise TypeError(
            f"`name` must be a str or a path, the folder of the study, got {text}; what to run comes "
            "second: Research('name', domain), or by name: Research(domain=domain)"
        )
    if not name or "\0" in name:
        raise ValueError(f"`name` must be the path of a folder, got {name!r}")
    return name


class NewFolder(Held):
    """The folder of a new study, held by a lock as long as the study runs.

    Leaving the context lets go of the lock. Unless `keep` was called it also takes back all that has been
    made: a study that came to nothing leaves nothing behind.

    Parameters
    ----------
    name : str

    Raises
    ------
    StudyExistsError
        If there is something in the way.
    StudyError
        If the folder cannot be made.
    """

    def __init__(self, name: str) -> None:
        self.path = Path(name).absolute()  # units may change the directory
        _refuse_what_exists(name)
        parents = [self.path, *self.path.parents]
        self._made = [path for path in parents if not path.exists()]
        self._is_kept = False
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = Lock.take(self.path)
        except OSError as error:
            self._take_back()
            raise StudyError(
                f"{str(self.path)!r} cannot be made: {type(error).__name__}: {error}; give another `name`, "
                "make room there, or see who may write there"
            ) from error
        if lock is None or _holds_anything(self.path):
            if lock is not None:
                lock.release()
            raise StudyExistsError(f"a study has just been begun in {name!r}: give another `name`")
        self._lock = lock

    @classmethod
    def of_study(cls, name: str) -> NewFolder:
        """Take the folder of a study that is to be gone on with.

        Raises
        ------
        StudyNotFoundError
            If there is no study in it.
        StudyError
            If another process runs the study.
        """
        folder = cls.__new__(cls)
        folder.path = Path(name).absolute()
        if not (folder.path / DATABASE).is_file():
            raise StudyNotFoundError(f"there is no study in {name!r}: it has no {DATABASE}")
        try:
            lock = Lock.take(folder.path)
        except OSError as error:
            raise cannot_write(folder.path / LOCK_FILE, error) from error
        if lock is None:
            raise StudyError(f"the study in {name!r} is being run, by {name_holder(folder.path)}")
        folder._lock, folder._made, folder._is_kept = lock, [], True
        return folder

    def keep(self) -> None:
        """Let the folder stay: from here on there is a study in it."""
        self._is_kept = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_ours and not self._is_kept:
            self._take_back()
        super().__exit__(kind, error, trace)

    def _take_back(self) -> None:
        for path in list(self.path.iterdir()) if self.path.is_dir() else ():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # another study may have been put beside this one
            for path in self._made:
                path.rmdir()


def remove_folder(name: str, ask: bool, force: bool, end: Callable[[Path], object] | None = None) -> bool:
    """Remove a study; see `Research.remove`. One that runs is ended first, by `end`."""
    folder = Path(name)
    if not folder.exists():
        raise StudyNotFoundError(f"there is no folder {str(folder)!r}")
    if not force and not (folder / DATABASE).is_file():
        raise ValueError(f"{str(folder)!r} is no study: it has no {DATABASE}; nothing was removed")
    if not force and is_held(folder):
        raise StudyError(
            f"the study in {str(folder)!r} is running; nothing was removed: end it first, or say `force=True`"
        )
    if ask:
        answer = input(f"Remove {folder.absolute()} with everything in it? [y/N] ")
        if answer.strip().lower() not in ("y", "yes"):
            return False
    if end is not None and is_held(folder):
        end(folder)
    shutil.rmtree(folder)
    return True


def _refuse_what_exists(name: str) -> None:
    folder = Path(name)
    if is_held(folder):
        raise StudyExistsError(
            f"the study in {str(folder)!r} is being run, by {name_holder(folder)}: give another `name`"
        )
    if (folder / DATABASE).exists():
        raise StudyExistsError(
            f"there is a study in {str(folder)!r} already: give another `name`, "
            f"go on with it by `resume=True`, or remove it with Research.remove({name!r})"
        )
    if folder.exists() and (not folder.is_dir() or _holds_anything(folder)):
        raise StudyExistsError(f"{str(folder)!r} exists and is no study: give another `name`")


def _holds_anything(folder: Path) -> bool:
    """Whether there is anything but what is left of a study whose process was killed as it began."""
    names = {path.name for path in folder.iterdir()}
    return bool(names - {LOCK_FILE, LOG, ENVIRONMENT} if LOCK_FILE in names else names)
