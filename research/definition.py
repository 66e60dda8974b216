"""The definition of a study on disk, beside its results: what it takes to run it again."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from research.errors import StudyExistsError, StudyNotFoundError
from research.storage.files import whole_file

FILE = "research.dill"
DATABASE = "research.db"
LARGEST = 64 * 2**20  # bytes; data that a study holds by accident should not be copied with it


class _TooLarge(Exception):
    """The definition holds more data than is worth copying."""


class _Limited:
    """A file that refuses to grow beyond `LARGEST`."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._size = 0

    def write(self, data: bytes) -> int:
        self._size += len(data)
        if self._size > LARGEST:
            raise _TooLarge(f"it holds more than {LARGEST // 2**20} MiB of data")
        return int(self._file.write(data))


def save_definition(folder: Path, definition: dict[str, Any]) -> str | None:
    """Write what `load_definition` reads.

    Returns
    -------
    str or None
        Why it could not be written: the study's results are complete without it.
    """
    import dill

    try:
        with whole_file(folder / FILE) as file:
            dill.dump(definition, _Limited(file), protocol=5, recurse=True)
    except OSError:
        raise
    except Exception as error:  # pickling runs code of users
        return f"{type(error).__name__}: {error}"
    return None


def load_definition(folder: Path) -> dict[str, Any] | None:
    """Read a study's definition, which runs code of whoever wrote it; None if there is none.

    Raises
    ------
    StudyNotFoundError
        If the folder holds no study.
    """
    if not (folder / DATABASE).is_file():
        raise StudyNotFoundError(f"there is no study in {str(folder)!r}: it has no {DATABASE}")
    if not (folder / FILE).is_file():
        return None
    import dill

    with (folder / FILE).open("rb") as file:
        definition: dict[str, Any] = dill.load(file)
    return definition


def make_folder(name: str) -> Path:
    """Make the folder of a new study.

    Raises
    ------
    StudyExistsError
        If there is something in the way.
    """
    folder = Path(name)
    if (folder / DATABASE).exists():
        raise StudyExistsError(
            f"there is a study in {str(folder)!r} already: give another `name`, "
            f"or remove it with Research.remove({name!r})"
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StudyExistsError(f"{str(folder)!r} exists and is no study: give another `name`")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def remove_folder(name: str, ask: bool, force: bool) -> bool:
    """Remove a study; see `Research.remove`."""
    folder = Path(name)
    if not folder.exists():
        raise StudyNotFoundError(f"there is no folder {str(folder)!r}")
    if not force and not (folder / DATABASE).is_file():
        raise ValueError(f"{str(folder)!r} is no study: it has no {DATABASE}; nothing was removed")
    if ask:
        answer = input(f"Remove {folder.absolute()} with everything in it? [y/N] ")
        if answer.strip().lower() not in ("y", "yes"):
            return False
    shutil.rmtree(folder)
    return True
