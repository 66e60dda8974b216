"""Files of a study: nowhere but in its folder."""

from __future__ import annotations

import os
from pathlib import Path

from research.errors import DamagedStudyError

OBJECTS = "objects"  # holds large objects


def identity(file: Path | int) -> tuple[int, int] | None:
    """Return what tells a file from all others, by its name or descriptor; None if there is none."""
    try:
        status = os.stat(file)  # noqa: PTH116  (a path or a descriptor)
    except OSError:
        return None
    return status.st_ino, status.st_dev


def object_file(folder: Path, path: str) -> Path:
    """Return the file of a large object, whose path in the database anyone may have written.

    Raises
    ------
    DamagedStudyError
        If it is not where a study has its objects.
    """
    if (
        not isinstance(path, str)
        or path.split("/")[:-1] != [OBJECTS]
        or not is_file_name(path.split("/")[-1])
    ):
        raise DamagedStudyError(
            f"the study in {str(folder)!r} says that it keeps an object in {path!r}: objects are files in "
            f"'{OBJECTS}'; it was not read"
        )
    return inside(folder, folder / path)


def inside(folder: Path, path: Path) -> Path:
    """Return a path in a study's folder, if it does not lead out of it by a link.

    Raises
    ------
    DamagedStudyError
        If it does.
    """
    if not path.resolve().is_relative_to(folder.resolve()):
        raise DamagedStudyError(
            f"{str(path)!r} leads out of the study's folder, to {str(path.resolve())!r}: it was not read; "
            "put the file in the place of the link if it belongs to the study"
        )
    return path


def is_file_name(name: str) -> bool:
    """Whether a text can only name something in a folder, and nothing elsewhere."""
    return name not in ("", ".", "..") and "/" not in name and "\0" not in name
