"""Folders of experiments on their way between machines, part by part."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePath, PurePosixPath
from typing import BinaryIO, NamedTuple

from research.whole import temporary_name

PART = 1 << 22  # bytes of a file that travel at once


class FilePart(NamedTuple):
    """Some bytes of a file; of a folder there is nothing to say but that it is there."""

    folder: str  # the name of the experiment's
    path: str  # in it, with slashes; a folder's ends with one
    mode: int
    offset: int
    data: bytes
    is_last: bool
    is_link: bool = False  # to what the data names


class Folders:
    """The folders of experiments, where they are sent from.

    Parameters
    ----------
    root : Path
        Where they are.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._sent: dict[str, tuple[int, int]] = {}  # paths, and what the files were like

    def names(self, id_: str) -> list[str]:
        """Return the names of an experiment's folders, of which there is one or none."""
        try:
            found = os.listdir(self._root)  # noqa: PTH208  (names are all it needs)
        except OSError:
            return []
        return [name for name in found if name == id_ or name.endswith(f"_{id_}")]

    def size(self, name: str) -> int:
        """Return how many bytes the files of a folder hold."""
        return sum(found.st_size for _, found in self._walk(name) if stat.S_ISREG(found.st_mode))

    def parts(self, name: str) -> Iterator[FilePart]:
        """Walk what has not been sent yet, or has changed since."""
        for path, found in self._walk(name):
            shown, mode = path.relative_to(self._root / name).as_posix(), stat.S_IMODE(found.st_mode)
            state = found.st_size, found.st_mtime_ns
            if self._sent.get(str(path)) == state:
                continue
            self._sent[str(path)] = state
            if stat.S_ISDIR(found.st_mode):
                yield FilePart(name, "" if path == self._root / name else f"{shown}/", mode, 0, b"", True)
            elif stat.S_ISLNK(found.st_mode):
                yield FilePart(name, shown, mode, 0, os.fsencode(path.readlink()), True, is_link=True)
            elif stat.S_ISREG(found.st_mode):
                yield from _read(path, FilePart(name, shown, mode, 0, b"", False))

    def forget(self, name: str) -> None:
        """Remove a folder."""
        import shutil

        shutil.rmtree(self._root / name, ignore_errors=True)
        prefix = f"{self._root / name}{os.sep}"
        self._sent = {path: state for path, state in self._sent.items() if not f"{path}/".startswith(prefix)}

    def _walk(self, name: str) -> Iterator[tuple[Path, os.stat_result]]:
        """Walk a folder, itself first; links out of it are what they lead to, unless that is a folder."""
        top = self._root / name
        for folder, folders, files in os.walk(top):
            for path in (Path(folder), *(Path(folder) / file for file in sorted([*folders, *files]))):
                try:
                    is_link = path.is_symlink()
                    stays = is_link and leads_inside(path.relative_to(top), os.fspath(path.readlink()))
                    found = path.lstat() if stays else path.stat()
                    if path == Path(folder) or stays or not stat.S_ISDIR(found.st_mode):
                        yield path, found
                except OSError:  # a link to nowhere, or removed meanwhile
                    continue


def leads_inside(path: PurePath, target: str) -> bool:
    """Return whether a link at a path stays in the folder that the path begins in.

    Examples
    --------
    >>> leads_inside(PurePath('deep/latest'), '../model'), leads_inside(PurePath('latest'), '../model')
    (True, False)
    """
    found = os.path.normpath(os.path.join(path.parent, target))  # noqa: PTH118  (paths keep '..')
    return not os.path.isabs(target) and found != ".." and not found.startswith("../")  # noqa: PTH117


def _read(path: Path, part: FilePart) -> Iterator[FilePart]:
    with path.open("rb") as file:
        data = file.read(PART)
        while True:
            offset, after = file.tell() - len(data), file.read(PART)
            yield part._replace(offset=offset, data=data, is_last=not after)
            if not after:
                return
            data = after


class Receiver:
    """Puts files where they belong; each is there whole, or not at all.

    Parameters
    ----------
    root : Path
        Where the folders of experiments are to be.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._open: dict[Path, tuple[BinaryIO, Path]] = {}

    def take(self, part: FilePart) -> None:
        """Write a part; those of a file come in order.

        Raises
        ------
        OSError
            If it cannot be written.
        ValueError
            If its path leads elsewhere.
        """
        path = self._root / _checked(part.folder) / _checked(part.path)
        if not part.path or part.path.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
            return
        if part.is_link:
            self._link(path, part)
            return
        if part.offset == 0:
            self._drop(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = temporary_name(path)
            self._open[path] = temporary.open("wb"), temporary
        file, temporary = self._open[path]
        file.write(part.data)
        if part.is_last:
            del self._open[path]
            file.close()
            temporary.chmod(part.mode | stat.S_IRUSR | stat.S_IWUSR)
            temporary.replace(path)

    @staticmethod
    def _link(path: Path, part: FilePart) -> None:
        target = os.fsdecode(part.data)
        if not leads_inside(PurePosixPath(part.path), target):
            raise ValueError(
                f"a worker has sent a link to {target!r}, which is not in its experiment's folder"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = temporary_name(path)
        temporary.symlink_to(target)
        temporary.replace(path)

    def close(self) -> None:
        """Remove what has not come to its end."""
        for path in list(self._open):
            self._drop(path)

    def _drop(self, path: Path) -> None:
        file, temporary = self._open.pop(path, (None, None))
        if file is not None and temporary is not None:
            file.close()
            temporary.unlink(missing_ok=True)


def _checked(path: str) -> str:
    """Return a path that leads nowhere but below where it begins."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or "\0" in path:
        raise ValueError(f"a worker has sent a file for {path!r}, which is not in its experiment's folder")
    return path
